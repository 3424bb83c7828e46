//! One call: pace, token, answer, and the one repeat that an ended session is worth.

use super::{Engage, errors};
use crate::connector::http::{self, Answer};
use crate::connector::oauth::{self, Grant};
use crate::connector::{CallError, Effect, Retry};
use crate::model::Side;
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// A token is renewed this long before it ends, so that no call is sent with one that ends on the way.
const RENEW_BEFORE: SignedDuration = SignedDuration::from_secs(60);

/// A wait for the next window that is borne inside a call; a longer one is told to the caller.
const WAIT_INSIDE: Duration = Duration::from_millis(1_500);

#[derive(Clone)]
pub(super) struct Token {
    secret: Arc<SecretString>,
    ends_at: Option<Timestamp>,
}

/// A call to make.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) operation: &'static str,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) body: Option<Value>,
}

impl Call {
    pub(super) fn get(operation: &'static str, path: &str) -> Call {
        Call { operation, method: Method::GET, path: path.to_owned(), query: Vec::new(), body: None }
    }

    pub(super) fn post(operation: &'static str, path: String, body: Value) -> Call {
        Call { operation, method: Method::POST, path, query: Vec::new(), body: Some(body) }
    }

    pub(super) fn query(mut self, name: &'static str, value: impl Into<String>) -> Call {
        self.query.push((name, value.into()));
        self
    }

    fn writes(&self) -> bool {
        self.method != Method::GET
    }
}

impl Engage {
    /// Makes a call and reads its JSON.
    pub(super) async fn json<T: DeserializeOwned>(&self, call: Call) -> Result<T, CallError> {
        let (writes, operation) = (call.writes(), call.operation);
        let answer = self.call(call).await?;
        serde_json::from_slice(&answer.body).map_err(|error| {
            let message = format!(
                "{operation} answered something that cannot be read: {}",
                http::why_unreadable(&error)
            );
            http::bad_answer(Side::Engage, Some(answer.status), message, writes)
        })
    }

    async fn call(&self, call: Call) -> Result<Answer, CallError> {
        let token = self.token(None).await?;
        match self.attempt(&call, &token).await {
            Err(error) if error.retry == Retry::SignIn => {
                let token = self.token(Some(&token)).await?;
                self.attempt(&call, &token).await
            }
            other => other,
        }
    }

    async fn attempt(&self, call: &Call, token: &Token) -> Result<Answer, CallError> {
        self.take_turn(call.operation).await?;
        let url = self.url(&call.path)?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let mut request = self
            .0
            .http
            .request(call.method.clone(), url)
            .query(&call.query)
            .bearer_auth(token.secret.expose_secret());
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        let sent = self.0.http.send(request, call.writes());
        let answer = http::traced(Side::Engage, &host, call.operation, sent).await?;
        self.pace().told(&answer.headers, self.now());
        if answer.status.is_success() {
            return Ok(answer);
        }
        let status = answer.status.as_u16();
        let mut error = errors::of_answer(status, &answer.body, call.writes());
        if status == 429 {
            error.retry = Retry::After(self.pace().limited(&answer.headers, self.now()));
        }
        Err(error)
    }

    /// Waits for the next window where that is near, else says how long it is.
    async fn take_turn(&self, operation: &'static str) -> Result<(), CallError> {
        let Err(wait) = self.pace().spend(operation, self.now()) else { return Ok(()) };
        if wait <= WAIT_INSIDE {
            tokio::time::sleep(wait).await;
            if self.pace().spend(operation, self.now()).is_ok() {
                return Ok(());
            }
        }
        Err(CallError {
            side: Side::Engage,
            status: None,
            code: "rate_limited".to_owned(),
            message: format!("the calls of this window are used up; more in {} s", wait.as_secs_f32().ceil()),
            fields: Vec::new(),
            retry: Retry::After(wait),
            effect: Effect::None,
        })
    }

    fn url(&self, path: &str) -> Result<url::Url, CallError> {
        let base = self.0.config.base_url.as_str().trim_end_matches('/');
        format!("{base}{path}").parse().map_err(|error| CallError {
            retry: Retry::Stop,
            ..http::bad_answer(Side::Engage, None, format!("[engage] base_url with {path}: {error}"), false)
        })
    }

    /// The present token; a new one when there is none, when it ends soon, or when it is still the `dead` one.
    async fn token(&self, dead: Option<&Token>) -> Result<Token, CallError> {
        let mut kept = self.0.token.lock().await;
        let now = self.now();
        let alive = |token: &&Token| {
            let same = dead.is_some_and(|dead| dead.secret.expose_secret() == token.secret.expose_secret());
            !same && token.ends_at.is_none_or(|end| end.duration_since(now) > RENEW_BEFORE)
        };
        if let Some(token) = kept.as_ref().filter(alive) {
            return Ok(token.clone());
        }
        let config = &self.0.config;
        let granted = oauth::token(
            &self.0.http,
            Side::Engage,
            &self.url("/oauth/token")?,
            &config.client_id,
            Some(&config.client_secret),
            Grant::ClientCredentials,
            |status, body| errors::of_answer(status, body, false),
        )
        .await?;
        let lives = granted.expires_in.and_then(|lives| SignedDuration::try_from(lives).ok());
        let token = Token {
            secret: Arc::new(granted.access_token),
            ends_at: lives.and_then(|lives| now.checked_add(lives).ok()),
        };
        *kept = Some(token.clone());
        Ok(token)
    }
}
