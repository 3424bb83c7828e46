//! Signing in: JWT bearer, client credentials, refresh token. One at a time; the others wait for its token.

use super::{Salesforce, errors};
use crate::config::SalesforceFlow;
use crate::connector::http;
use crate::connector::oauth::{self, Grant};
use crate::connector::{CallError, Effect, Retry};
use crate::model::Side;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;
use url::Url;

/// How long a JWT may live: Salesforce's ceiling is three minutes by the strictest reading (facts 1.1).
const JWT_SECONDS: i64 = 170;

/// Hosts that a token may be sent to, besides the one it was asked from.
const SALESFORCE_HOSTS: [&str; 2] = [".my.salesforce.com", ".salesforce.com"];

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
        let (grant, secret) = match &config.flow {
            SalesforceFlow::ClientCredentials { client_secret } => {
                (Grant::ClientCredentials, Some(client_secret))
            }
            SalesforceFlow::RefreshToken { client_secret, refresh_token_file } => {
                (Grant::RefreshToken(read_token(refresh_token_file)?), client_secret.as_ref())
            }
            SalesforceFlow::Jwt { username, private_key } => {
                (Grant::JwtBearer(self.assertion(username, private_key)?), None)
            }
        };
        let endpoint = config
            .login_url
            .join("/services/oauth2/token")
            .map_err(|e| stop(format!("[salesforce] login_url: {e}")))?;
        let granted = oauth::token(
            &self.0.http,
            Side::Salesforce,
            &endpoint,
            &config.client_id,
            secret,
            grant,
            |status, body| errors::of_answer(status, body, false),
        )
        .await?;
        if let (SalesforceFlow::RefreshToken { refresh_token_file, .. }, Some(rotated)) =
            (&config.flow, &granted.refresh_token)
        {
            // The old one is dead already: this one must be on disk before anything else can go wrong.
            keep_token(refresh_token_file, rotated)?;
        }
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

/// The token goes only where Salesforce lives: an answer must not be able to send it elsewhere.
fn checked_instance(instance: &str, login: &Url) -> Result<Url, CallError> {
    let refuse = |why: &str| stop(format!("the token answer's instance_url {instance:?} {why}"));
    let url = Url::parse(instance).map_err(|_| refuse("is no URL"))?;
    if !http::may_call(&url) || !url.username().is_empty() || url.password().is_some() {
        return Err(refuse("is not https, or carries a user"));
    }
    let host = url.host_str().unwrap_or_default();
    let known = SALESFORCE_HOSTS.iter().any(|suffix| host.ends_with(suffix));
    let same = url.host_str() == login.host_str() || (http::is_loopback(&url) && http::is_loopback(login));
    if known || same { Ok(url) } else { Err(refuse("is no host of Salesforce")) }
}

fn read_token(file: &Path) -> Result<SecretString, CallError> {
    let text = std::fs::read_to_string(file)
        .map_err(|e| stop(format!("[salesforce] refresh_token_file {}: {e}", file.display())))?;
    Ok(SecretString::from(text.trim_end().to_owned()))
}

/// Replaces the file in one step, durably.
fn keep_token(file: &Path, token: &SecretString) -> Result<(), CallError> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let fresh = file.with_extension("new");
    let write = || -> std::io::Result<()> {
        let mut out =
            std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        out.write_all(token.expose_secret().as_bytes())?;
        out.sync_all()?;
        std::fs::rename(&fresh, file)?;
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::File::open(folder)?.sync_all()
    };
    write().map_err(|error| {
        stop(format!("[salesforce] refresh_token_file {} cannot be replaced: {error}", file.display()))
    })
}

/// Nothing works until a person mends it.
fn stop(message: String) -> CallError {
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
