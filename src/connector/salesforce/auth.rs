//! Signing in: JWT bearer, client credentials, refresh token. One at a time; the others wait for its token.

use super::{Salesforce, errors};
use crate::config::SalesforceFlow;
use crate::connector::http;
use crate::connector::oauth::{self, Grant, Granted};
use crate::connector::{CallError, Effect, Retry};
use crate::model::Side;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use std::sync::Arc;
use url::Url;

/// How long a JWT may live: Salesforce's ceiling is three minutes by the strictest reading (facts 1.1).
const JWT_SECONDS: i64 = 170;

/// Where every organisation has a host of its own.
const MY_DOMAIN: &str = ".my.salesforce.com";

/// Hosts of all organisations together.
const LOGIN_HOSTS: [&str; 2] = ["login.salesforce.com", "test.salesforce.com"];

/// A signed-in session.
pub(super) type Session = Token;

/// A token and the instance it is good for.
#[derive(Clone)]
pub(super) struct Token {
    secret: Arc<SecretString>,
    pub(super) instance: Url,
    /// The identity URL, which names organisation and user.
    pub(super) identity: Option<String>,
}

impl Token {
    pub(super) fn secret(&self) -> &str {
        self.secret.expose_secret()
    }

    /// The organisation's id, of 18 characters: the last but one part of the identity URL.
    pub(super) fn organisation(&self) -> Option<&str> {
        self.identity.as_deref()?.rsplit('/').nth(1).filter(|id| id.starts_with("00D"))
    }
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: String,
    exp: i64,
}

impl Salesforce {
    /// The present session; a new one when there is none, or when it is still the `dead` one.
    pub(super) async fn session(&self, dead: Option<&Token>) -> Result<Token, CallError> {
        let mut session = self.0.session.lock().await;
        if let Some(token) = session.as_ref()
            && dead.is_none_or(|dead| dead.secret() != token.secret())
            && !crate::mutant::is("sign-in-each-time")
        {
            return Ok(token.clone());
        }
        *session = None;
        let token = self.sign_in().await?;
        *session = Some(token.clone());
        Ok(token)
    }

    async fn sign_in(&self) -> Result<Token, CallError> {
        let config = &self.0.config;
        let granted = match &config.flow {
            SalesforceFlow::ClientCredentials { client_secret } => {
                self.ask(Grant::ClientCredentials, Some(client_secret)).await?
            }
            SalesforceFlow::RefreshToken { client_secret, refresh_token_file } => {
                self.refresh(refresh_token_file, client_secret.as_ref()).await?
            }
            SalesforceFlow::Jwt { username, private_key } => {
                self.ask(Grant::JwtBearer(self.assertion(username, private_key)?), None).await?
            }
        };
        let instance = granted
            .extra
            .get("instance_url")
            .and_then(|url| url.as_str())
            .unwrap_or(config.login_url.as_str());
        Ok(Token {
            secret: Arc::new(granted.access_token),
            instance: checked_instance(instance, &config.login_url)?,
            identity: granted.extra.get("id").and_then(|id| id.as_str()).map(str::to_owned),
        })
    }

    /// Asks the token endpoint.
    pub(super) async fn ask(
        &self,
        grant: Grant,
        secret: Option<&SecretString>,
    ) -> Result<Granted, CallError> {
        let (http, client) = (&self.0.http, &self.0.config.client_id);
        let endpoint = self.oauth_endpoint("token")?;
        let classify = |status, body: &[u8]| errors::of_answer(status, body, false);
        oauth::token(http, Side::Salesforce, &endpoint, client, secret, grant, classify).await
    }

    /// `/services/oauth2/...` where people and programs sign in.
    pub(super) fn oauth_endpoint(&self, name: &str) -> Result<Url, CallError> {
        let joined = self.0.config.login_url.join(&format!("/services/oauth2/{name}"));
        joined.map_err(|error| stop(format!("[salesforce] login_url: {error}")))
    }

    fn assertion(&self, username: &str, key: &SecretString) -> Result<String, CallError> {
        let config = &self.0.config;
        let claims = Claims {
            iss: &config.client_id,
            sub: username,
            aud: config.login_url.origin().ascii_serialization(),
            exp: self.now().as_second() + JWT_SECONDS,
        };
        let key = EncodingKey::from_rsa_pem(key.expose_secret().as_bytes()).map_err(|_| {
            stop("[salesforce] private_key_file holds no RSA private key in PEM form".to_owned())
        })?;
        jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &key)
            .map_err(|error| stop(format!("[salesforce] private_key_file: cannot sign with it: {error}")))
    }
}

/// The token goes only where Salesforce lives, or where it was asked for: an answer must not be able to send it elsewhere.
fn checked_instance(instance: &str, login: &Url) -> Result<Url, CallError> {
    // Its beginning says enough, and it may be long.
    let shown: String = instance.chars().take(120).collect();
    let refuse = |why: &str| stop(format!("the token answer's instance_url {shown:?} {why}"));
    let url = Url::parse(instance).map_err(|_| refuse("is no URL"))?;
    if !http::may_call(&url) || !url.username().is_empty() || url.password().is_some() {
        return Err(refuse("is not https, or carries a user"));
    }
    // Nothing but a host belongs there; what looks like more may mean another host to another reader.
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(refuse("is more than a host"));
    }
    if url.origin() == login.origin() || (http::is_loopback(&url) && http::is_loopback(login)) {
        return Ok(url);
    }
    // Behind a name of its own the login host may have another port, and nobody else may.
    let host = url.host_str().unwrap_or_default();
    let is_known = host.ends_with(MY_DOMAIN) || LOGIN_HOSTS.contains(&host) || login.host_str() == Some(host);
    if url.scheme() == "https" && url.port().is_none() && url.domain().is_some() && is_known {
        return Ok(url);
    }
    Err(refuse("is no host of Salesforce at the port of HTTPS"))
}

/// Nothing works until a person mends it.
pub(super) fn stop(message: String) -> CallError {
    CallError {
        side: Side::Salesforce,
        status: None,
        code: "cannot-sign-in".to_owned(),
        message,
        fields: Vec::new(),
        retry: Retry::Stop,
        effect: Effect::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goes(instance: &str, login: &str) -> bool {
        checked_instance(instance, &login.parse().unwrap()).is_ok()
    }

    #[test]
    fn the_token_goes_to_salesforce_or_to_where_it_was_asked_for() {
        for (instance, login) in [
            ("https://acme.my.salesforce.com", "https://login.salesforce.com"),
            ("https://acme--uat.sandbox.my.salesforce.com/", "https://test.salesforce.com"),
            ("https://ACME.My.Salesforce.com:443", "https://acme.my.salesforce.com"),
            ("https://login.salesforce.com", "https://acme.my.salesforce.com"),
            ("https://acme.my.salesforce.mil", "https://acme.my.salesforce.mil"),
            ("https://gateway.acme.example:8443", "https://gateway.acme.example:8443"),
            ("http://127.0.0.1:8081", "http://127.0.0.1:8080"),
            ("http://localhost:1", "http://[::1]:2"),
        ] {
            assert!(goes(instance, login), "{instance} after {login}");
        }
    }

    #[test]
    fn the_token_goes_to_no_other_host_port_or_scheme() {
        for instance in [
            "",
            "acme.my.salesforce.com",
            "//acme.my.salesforce.com",
            "http://acme.my.salesforce.com",
            "ftp://acme.my.salesforce.com",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "https://acme.my.salesforce.com:8443",
            "https://acme.my.salesforce.com:22",
            "https://me@acme.my.salesforce.com",
            "https://me:hush@acme.my.salesforce.com",
            "https://acme.my.salesforce.com@evil.example",
            "https://acme.my.salesforce.com.evil.example",
            "https://acme.my.salesforce.com\\@evil.example",
            "https://acme.my.salesforce.com/services/data",
            "https://acme.my.salesforce.com?x",
            "https://acme.my.salesforce.com#x",
            "https://evil.example/acme.my.salesforce.com",
            "https://evil.example#.my.salesforce.com",
            "https://evil.example?.my.salesforce.com",
            "https://evilmy.salesforce.com",
            "https://my.salesforce.com",
            "https://.my.salesforce.com.",
            "https://acme.my.salesforce.com.",
            "https://acme.my.s\u{430}lesforce.com",
            "https://login.salesforce.com.evil.example",
            "https://evil.salesforce.com",
            "https://acme.my.salesforce.mil",
            "https://169.254.169.254",
            "https://169.254.169.254/.my.salesforce.com",
            "https://2852039166",
            "https://0xa9fea9fe",
            "https://0251.0376.0251.0376",
            "https://[::ffff:169.254.169.254]",
            "https://[fd00:ec2::254]",
            "https://127.0.0.1",
            "https://localhost",
            "http://127.0.0.1:8080",
            "http://localhost.evil.example",
            "http://[::1]:8080",
        ] {
            assert!(!goes(instance, "https://login.salesforce.com"), "{instance}");
        }
        let long = format!("https://{}", "x".repeat(100_000));
        let refused = checked_instance(&long, &"https://login.salesforce.com".parse().unwrap());
        assert!(refused.unwrap_err().message.len() < 300);
    }
}
