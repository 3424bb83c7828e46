//! OAuth: tokens, identity, introspection, revocation.

use super::{Asked, consent, plain, soap};
use crate::sandbox::salesforce::app::App;
use crate::sandbox::salesforce::drive::Org;
use crate::sandbox::salesforce::ids;
use axum::body::Body;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};
use std::collections::HashMap;
use uuid::Uuid;

/// How far ahead a JWT may end, by the widest reading (facts/salesforce-api.md 1.1).
const JWT_SECONDS_MAX: i64 = 300;
/// How long a session is said to live on: the policy of a new org. Only `revoke_sessions` ends one here.
const SESSION_SECONDS: i64 = 2 * 60 * 60;

/// The answer, if the path is one of these.
pub(super) fn answer(org: &Org, asked: &Asked) -> Option<Response> {
    let lower: Vec<String> = asked.parts.iter().map(|part| part.to_ascii_lowercase()).collect();
    match lower.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["services", "oauth2", "token"] => Some(match token(org, asked, &asked.form()) {
            Ok(granted) => json_answer(StatusCode::OK, &granted),
            Err((error, description)) => json_answer(
                StatusCode::BAD_REQUEST,
                &json!({"error": error, "error_description": description}),
            ),
        }),
        ["services", "oauth2", "authorize"] => Some(consent::authorize(org, asked)),
        ["services", "oauth2", "introspect"] => Some(introspect(org, asked)),
        ["services", "soap", "u" | "c", version, ..] if asked.method == Method::POST => {
            Some(soap::login(org, asked, version))
        }
        ["services", "oauth2", "revoke"] => {
            let known = asked.form().get("token").is_some_and(|token| org.state().sessions.remove(token));
            Some(plain(if known { StatusCode::OK } else { StatusCode::BAD_REQUEST }))
        }
        ["services", "oauth2", "userinfo"] => Some(match is_signed_in(org, asked) {
            true => json_answer(
                StatusCode::OK,
                &json!({
                    "sub": identity(asked), "organization_id": ids::long(ids::ORG),
                    "user_id": ids::long(ids::API_USER), "preferred_username": soap::USERNAME,
                    "email": soap::USERNAME, "name": "Lockstep",
                }),
            ),
            false => plain(StatusCode::FORBIDDEN),
        }),
        ["id", _, _] => Some(match is_signed_in(org, asked) {
            true => json_answer(
                StatusCode::OK,
                &json!({
                    "id": identity(asked), "asserted_user": true,
                    "organization_id": ids::long(ids::ORG), "user_id": ids::long(ids::API_USER),
                    "username": soap::USERNAME, "email": soap::USERNAME, "display_name": "Lockstep",
                    "user_type": "STANDARD", "active": true, "is_app_installed": true,
                    "urls": urls(asked),
                }),
            ),
            false => plain(StatusCode::FORBIDDEN),
        }),
        _ => None,
    }
}

/// Whether a token is alive, told to an app that can prove who it is.
fn introspect(org: &Org, asked: &Asked) -> Response {
    let form = asked.form();
    let client = match app(org, asked, &form) {
        Ok((client, app)) if app.secret.is_none() || secret_fits(&app, asked, &form).is_ok() => client,
        _ => return json_answer(StatusCode::UNAUTHORIZED, &json!({"error": "invalid_client"})),
    };
    let token = form.get("token").map(String::as_str).unwrap_or_default();
    if !org.state().sessions.contains(token) {
        return json_answer(StatusCode::OK, &json!({"active": false}));
    }
    let now = org.now();
    json_answer(
        StatusCode::OK,
        &json!({
            "active": true, "scope": "api", "client_id": client, "username": soap::USERNAME,
            "sub": identity(asked), "token_type": "access_token", "exp": now + SESSION_SECONDS, "iat": now,
            "nbf": now,
        }),
    )
}

/// Where the user's identity is told.
pub(super) fn identity(asked: &Asked) -> String {
    format!("{}/id/{}/{}", base(asked), ids::long(ids::ORG), ids::long(ids::API_USER))
}

/// Where the APIs are, with `{version}` for clients to fill in.
fn urls(asked: &Asked) -> Value {
    let base = base(asked);
    let organisation = ids::long(ids::ORG);
    json!({
        "rest": format!("{base}/services/data/v{{version}}/"),
        "sobjects": format!("{base}/services/data/v{{version}}/sobjects/"),
        "query": format!("{base}/services/data/v{{version}}/query/"),
        "recent": format!("{base}/services/data/v{{version}}/recent/"),
        "search": format!("{base}/services/data/v{{version}}/search/"),
        "partner": format!("{base}/services/Soap/u/{{version}}/{organisation}"),
        "enterprise": format!("{base}/services/Soap/c/{{version}}/{organisation}"),
        "metadata": format!("{base}/services/Soap/m/{{version}}/{organisation}"),
        "profile": format!("{base}/{}", ids::long(ids::API_USER)),
        "custom_domain": base,
    })
}

/// Whether the request carries a living session.
pub(super) fn is_signed_in(org: &Org, asked: &Asked) -> bool {
    let token = asked.header("authorization").and_then(|value| value.split_once(' '));
    token.is_some_and(|(scheme, token)| {
        (scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("oauth"))
            && org.state().sessions.contains(token.trim())
    })
}

/// `error` and `error_description`.
pub(super) type Denied = (&'static str, &'static str);

fn token(org: &Org, asked: &Asked, form: &HashMap<String, String>) -> Result<Value, Denied> {
    let field = |name: &str| form.get(name).map(String::as_str);
    match field("grant_type") {
        Some("client_credentials") if is_shared_host(asked) => {
            Err(("invalid_grant", "request not supported on this domain"))
        }
        Some("client_credentials") => {
            let (_, app) = app(org, asked, form)?;
            secret_fits(&app, asked, form)?;
            Ok(grant(org, asked, None))
        }
        Some("refresh_token") => {
            let (client, app) = app(org, asked, form)?;
            if app.secret.is_some() {
                secret_fits(&app, asked, form)?;
            }
            let Some(used) = field("refresh_token").filter(|token| app.refresh_tokens.contains(*token))
            else {
                return Err(("invalid_grant", "expired access/refresh token"));
            };
            let rotated = org.state().rotate_refresh_token(&client, used);
            Ok(grant(org, asked, rotated))
        }
        Some("authorization_code") => consent::exchange(org, asked, form),
        Some("urn:ietf:params:oauth:grant-type:jwt-bearer") => {
            let assertion = field("assertion").ok_or(("invalid_grant", "invalid assertion"))?;
            jwt(org, asked, assertion)?;
            Ok(grant(org, asked, None))
        }
        Some(_) => Err(("unsupported_grant_type", "grant type not supported")),
        None => Err(("invalid_request", "missing required parameters: grant_type")),
    }
}

/// Begins a session.
pub(super) fn session(org: &Org) -> String {
    let token = format!("{}!{}", ids::ORG, Uuid::new_v4().simple());
    org.state().sessions.insert(token.clone());
    token
}

/// Whether the client came by a host that all orgs share, instead of the org's own (facts/salesforce-api.md 1.3).
fn is_shared_host(asked: &Asked) -> bool {
    let host = asked.header("host").unwrap_or_default();
    ["login.salesforce.com", "test.salesforce.com"].contains(&host.split(':').next().unwrap_or_default())
}

pub(super) fn grant(org: &Org, asked: &Asked, refresh_token: Option<String>) -> Value {
    let mut granted = json!({
        "access_token": session(org), "scope": "api", "instance_url": base(asked), "id": identity(asked),
        "token_type": "Bearer",
        "issued_at": (org.now() * 1000).to_string(), "signature": "c2lnbmF0dXJl",
    });
    if let Some(refresh_token) = refresh_token {
        granted["refresh_token"] = json!(refresh_token);
    }
    granted
}

/// The base URL by which the client came.
pub(super) fn base(asked: &Asked) -> String {
    let scheme = if asked.over_tls { "https" } else { "http" };
    format!("{scheme}://{}", asked.header("host").unwrap_or("127.0.0.1"))
}

pub(super) fn app(org: &Org, asked: &Asked, form: &HashMap<String, String>) -> Result<(String, App), Denied> {
    let client = form.get("client_id").cloned().or_else(|| basic(asked).map(|(client, _)| client));
    let client = client.ok_or(("invalid_client_id", "client identifier invalid"))?;
    let known = org.state().apps.get(&client).cloned();
    known.map(|app| (client, app)).ok_or(("invalid_client_id", "client identifier invalid"))
}

pub(super) fn secret_fits(app: &App, asked: &Asked, form: &HashMap<String, String>) -> Result<(), Denied> {
    let given = form.get("client_secret").cloned().or_else(|| basic(asked).map(|(_, secret)| secret));
    if app.secret.is_some() && app.secret == given {
        return Ok(());
    }
    Err(("invalid_client", "invalid client credentials"))
}

fn basic(asked: &Asked) -> Option<(String, String)> {
    let encoded = asked.header("authorization")?.strip_prefix("Basic ")?;
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (client, secret) = text.split_once(':')?;
    Some((client.to_owned(), secret.to_owned()))
}

/// Checks a JWT as far as there are keys to check it with.
fn jwt(org: &Org, asked: &Asked, assertion: &str) -> Result<(), Denied> {
    const INVALID: Denied = ("invalid_grant", "invalid assertion");
    let header = jsonwebtoken::decode_header(assertion).map_err(|_| INVALID)?;
    if header.alg != Algorithm::RS256 {
        return Err(INVALID);
    }
    let payload = assertion.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let claims: Value = payload.and_then(|bytes| serde_json::from_slice(&bytes).ok()).ok_or(INVALID)?;
    let client = claims["iss"].as_str().ok_or(INVALID)?;
    let app =
        org.state().apps.get(client).cloned().ok_or(("invalid_client_id", "client identifier invalid"))?;
    let ours =
        [base(asked), "https://login.salesforce.com".to_owned(), "https://test.salesforce.com".to_owned()];
    if !claims["aud"].as_str().is_some_and(|aud| ours.iter().any(|known| known == aud)) {
        return Err(("invalid_grant", "Audience validation failed"));
    }
    // Clients send a number or a numeric string.
    let exp = claims["exp"].as_i64().or_else(|| claims["exp"].as_str()?.parse().ok()).ok_or(INVALID)?;
    if exp <= org.now() || exp > org.now() + JWT_SECONDS_MAX {
        return Err(("invalid_grant", "expired authorization code"));
    }
    if app.username.is_some() && app.username.as_deref() != claims["sub"].as_str() {
        return Err(("invalid_grant", "user hasn't approved this consumer"));
    }
    let mut validation = Validation::new(Algorithm::RS256);
    (validation.validate_exp, validation.validate_aud) = (false, false);
    validation.required_spec_claims.clear();
    let genuine = app.public_keys.iter().any(|pem| {
        DecodingKey::from_rsa_pem(pem.as_bytes())
            .is_ok_and(|key| jsonwebtoken::decode::<Value>(assertion, &key, &validation).is_ok())
    });
    if genuine { Ok(()) } else { Err(INVALID) }
}

fn json_answer(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json;charset=UTF-8"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-store"));
    response
}
