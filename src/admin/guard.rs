//! Who may ask: the admin token, the Host header where only this machine listens, and no page of somebody else.

use super::operations::{Refusal, RefusalKind};
use axum::http::header::{AUTHORIZATION, HOST};
use axum::http::{HeaderMap, Method};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

/// The rules of one listener.
pub struct Guard {
    /// The token, when one is set.
    pub token: Option<SecretString>,
    /// Only this machine can reach the listener.
    pub loopback: bool,
}

/// What anybody may ask: health, and deliveries, which carry a signature of their own.
fn is_open(path: &str) -> bool {
    matches!(path, "/livez" | "/readyz") || path.starts_with("/webhooks/")
}

impl Guard {
    /// Whether this request may pass. Whatever path is not named as open is guarded, so that a new one cannot be
    /// forgotten.
    ///
    /// # Errors
    /// What to answer instead.
    pub fn check(&self, method: &Method, path: &str, headers: &HeaderMap) -> Result<(), Refusal> {
        if is_open(path) {
            return Ok(());
        }
        if self.loopback && !host_is_loopback(headers) {
            // A web page can make its own name point to this machine and have the browser ask us (DNS rebinding).
            return Err(Refusal::new(
                RefusalKind::Forbidden,
                "this port is for this machine: call it as 127.0.0.1, [::1] or localhost",
            ));
        }
        // Without a token a browser could not even show where to put one in; these files hold no data.
        if (method == Method::GET || method == Method::HEAD) && super::dashboard::is_file(path) {
            return Ok(());
        }
        if is_of_another_page(headers) {
            // A page cannot read what we answer it, but without a token it could have us work, as often as it likes.
            return Err(Refusal::new(
                RefusalKind::Forbidden,
                "a page of another site asks this: only the dashboard itself and programs may",
            ));
        }
        let is_change = !(method == Method::GET || method == Method::HEAD);
        match &self.token {
            Some(token) if bearer_matches(headers, token) => Ok(()),
            Some(_) => Err(Refusal::new(
                RefusalKind::Unauthorized,
                "the admin token is missing or wrong: send it as `Authorization: Bearer TOKEN`",
            )),
            None if is_change => Err(Refusal::new(
                RefusalKind::Forbidden,
                "changes need the admin token, and this daemon has none: set [admin] token_file and restart it",
            )),
            None => Ok(()),
        }
    }
}

/// Whether a browser says that a page which is not the dashboard had it ask. Another port of this machine is such a page
/// too. Programs say nothing, and what a person types is `none`.
fn is_of_another_page(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none")
}

/// Compared in constant time, so that a wrong token does not tell how much of it is right.
fn bearer_matches(headers: &HeaderMap, token: &SecretString) -> bool {
    let given = headers.get(AUTHORIZATION).map(|value| value.as_bytes()).unwrap_or_default();
    match given.split_at_checked(b"Bearer ".len()) {
        Some((scheme, given)) if scheme.eq_ignore_ascii_case(b"Bearer ") => {
            given.ct_eq(token.expose_secret().as_bytes()).into()
        }
        _ => false,
    }
}

fn host_is_loopback(headers: &HeaderMap) -> bool {
    let Some(Ok(host)) = headers.get(HOST).map(|host| host.to_str()) else {
        return false;
    };
    let Ok(authority) = host.parse::<axum::http::uri::Authority>() else {
        return false;
    };
    let name = authority.host().trim_matches(['[', ']']);
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn kind(
        guard: &Guard,
        method: Method,
        path: &str,
        pairs: &[(&'static str, &'static str)],
    ) -> Option<RefusalKind> {
        guard.check(&method, path, &headers(pairs)).err().map(|refusal| refusal.kind)
    }

    #[test]
    fn with_a_token_everything_but_health_and_webhooks_needs_it() {
        let guard = Guard { token: Some("right".into()), loopback: false };
        for path in ["/livez", "/readyz", "/webhooks/engage"] {
            assert_eq!(kind(&guard, Method::POST, path, &[]), None, "{path}");
        }
        let unauthorized = Some(RefusalKind::Unauthorized);
        for path in ["/dashboard/main.js", "/"] {
            assert_eq!(kind(&guard, Method::GET, path, &[]), None, "{path} holds no data");
            assert_eq!(kind(&guard, Method::POST, path, &[]), Some(RefusalKind::Unauthorized), "{path}");
        }
        for path in ["/dashboard/other.js", "/metrics", "/api/v1/status", "/livez/", "/livezz", "/nowhere"] {
            assert_eq!(kind(&guard, Method::GET, path, &[]), unauthorized, "{path}");
            assert_eq!(kind(&guard, Method::GET, path, &[("authorization", "Bearer right")]), None, "{path}");
        }
        for wrong in ["Bearer wrong", "Bearer righ", "Bearer rightt", "Basic right", "right", "Bearer ", ""] {
            let header = [("authorization", wrong)];
            assert_eq!(kind(&guard, Method::GET, "/api/v1/status", &header), unauthorized, "{wrong}");
        }
    }

    #[test]
    fn without_a_token_reading_is_free_and_changing_refused() {
        let guard = Guard { token: None, loopback: true };
        let host = [("host", "localhost:8080")];
        assert_eq!(kind(&guard, Method::GET, "/api/v1/status", &host), None);
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            assert_eq!(kind(&guard, method, "/api/v1/pause", &host), Some(RefusalKind::Forbidden));
        }
    }

    #[test]
    fn a_page_of_another_site_opens_the_dashboard_and_asks_for_nothing_else() {
        let refused = Some(RefusalKind::Forbidden);
        for token in [None, Some(SecretString::from("right"))] {
            let guard = Guard { token, loopback: true };
            let asks = |method: Method, path: &str, site: &'static str| {
                let headers = [
                    ("host", "127.0.0.1:8080"),
                    ("authorization", "Bearer right"),
                    ("sec-fetch-site", site),
                    ("sec-fetch-mode", "navigate"),
                ];
                kind(&guard, method, path, &headers)
            };
            for site in ["cross-site", "same-site", "something new"] {
                for path in ["/api/v1/plan", "/api/v1/store/export", "/metrics", "/nowhere"] {
                    assert_eq!(asks(Method::GET, path, site), refused, "{site} {path}");
                }
                assert_eq!(asks(Method::GET, "/", site), None, "a link to the dashboard");
                assert_eq!(asks(Method::GET, "/livez", site), None, "health is for everybody");
            }
            for site in ["same-origin", "none"] {
                for path in ["/", "/dashboard/main.js", "/api/v1/plan"] {
                    assert_eq!(asks(Method::GET, path, site), None, "{site} {path}");
                }
            }
        }
    }

    #[test]
    fn another_name_for_this_machine_is_refused_where_only_this_machine_listens() {
        let guard = Guard { token: None, loopback: true };
        for host in ["evil.example", "localhost.evil.example", "10.0.0.1:8080", ""] {
            for path in ["/api/v1/status", "/"] {
                let refused = kind(&guard, Method::GET, path, &[("host", host)]);
                assert_eq!(refused, Some(RefusalKind::Forbidden), "{host}{path}");
            }
        }
        assert_eq!(kind(&guard, Method::GET, "/api/v1/status", &[]), Some(RefusalKind::Forbidden));
        for host in ["127.0.0.1:1", "[::1]:8080", "LOCALHOST"] {
            assert_eq!(kind(&guard, Method::GET, "/api/v1/status", &[("host", host)]), None, "{host}");
        }
        let open = Guard { token: None, loopback: false };
        assert_eq!(kind(&open, Method::GET, "/api/v1/status", &[("host", "a.example")]), None);
    }
}
