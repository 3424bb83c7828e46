//! Asks a running daemon over its admin port.

use crate::admin::*;
use crate::model::Link;
use crate::store::Integrity;
use futures_util::{StreamExt, TryStreamExt};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;
use url::Url;

/// How long to wait for a daemon that should be there: it is on this machine, or near.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);
/// How long an answer may take. A plan over everything reads both systems first.
const ANSWER_WITHIN: Duration = Duration::from_secs(600);
/// How long a health check may take; Docker gives it half a minute.
const HEALTH_WITHIN: Duration = Duration::from_secs(5);

/// A daemon behind its admin port.
pub struct Remote {
    client: Client,
    base: Url,
    token: Option<SecretString>,
}

/// What a daemon says of its health.
pub struct Health {
    /// Whether it is alive and ready.
    pub ready: bool,
    /// Why it is not.
    pub why_not: String,
}

impl Remote {
    /// The daemon at this address.
    ///
    /// # Errors
    /// The HTTP client could not be made.
    pub fn new(base: Url, token: Option<SecretString>) -> anyhow::Result<Remote> {
        // No proxy and no redirects: the port is near, and the token is not for anybody else.
        let client = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .connect_timeout(CONNECT_WITHIN)
            .timeout(ANSWER_WITHIN);
        Ok(Remote { client: client.build()?, base, token })
    }

    /// Where the daemon is asked.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// Whether a daemon answers there at all.
    pub async fn answers(&self) -> bool {
        let answer = self.client.get(self.url("livez")).timeout(HEALTH_WITHIN).send().await;
        match answer {
            Ok(answer) => answer.json::<serde_json::Value>().await.is_ok_and(|body| body["alive"] == true),
            Err(_) => false,
        }
    }

    /// Whether the daemon is alive and ready.
    pub async fn health(&self) -> Health {
        match self.client.get(self.url("readyz")).timeout(HEALTH_WITHIN).send().await {
            Ok(answer) if answer.status().is_success() => Health { ready: true, why_not: String::new() },
            Ok(answer) => {
                let body: serde_json::Value = answer.json().await.unwrap_or_default();
                let reasons = body["why_not"].as_array().map(Vec::as_slice).unwrap_or_default();
                let shown = |reason: &serde_json::Value| {
                    format!("{}: {}", text(&reason["part"]), text(&reason["why"]))
                };
                let why_not = reasons.iter().map(shown).collect::<Vec<_>>().join("; ");
                Health { ready: false, why_not }
            }
            Err(error) => Health { ready: false, why_not: self.not_reached(&error).message },
        }
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}/{path}"));
        url
    }

    fn api(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, self.url(&format!("api/v1/{path}")));
        match &self.token {
            Some(token) => request.bearer_auth(token.expose_secret()),
            None => request,
        }
    }

    fn get<T: DeserializeOwned + Send + 'static>(&self, path: &'static str) -> Answer<'_, T> {
        Box::pin(self.send(self.api(Method::GET, path)))
    }

    fn post<T: DeserializeOwned + Send + 'static>(
        &self,
        path: &'static str,
        body: impl Serialize,
    ) -> Answer<'_, T> {
        Box::pin(self.send(self.api(Method::POST, path).json(&body)))
    }

    async fn send<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Refusal> {
        let answer = request.send().await.map_err(|error| self.not_reached(&error))?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(|error| self.not_reached(&error))?;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|why| {
                Refusal::failed(format!("{} answered what this version does not know: {why}", self.base))
            });
        }
        Err(self.refusal(status, &body))
    }

    fn refusal(&self, status: StatusCode, body: &[u8]) -> Refusal {
        match serde_json::from_slice::<RefusalBody>(body) {
            Ok(RefusalBody { error }) => Refusal::new(error.code, error.message),
            Err(_) => {
                Refusal::failed(format!("{} answered {status}: is this a Lockstep admin port?", self.base))
            }
        }
    }

    fn not_reached(&self, error: &reqwest::Error) -> Refusal {
        let why = if error.is_timeout() { "it did not answer in time" } else { "nothing answers there" };
        Refusal::unavailable(format!("cannot reach the daemon at {}: {why}", self.base))
    }
}

fn text(value: &serde_json::Value) -> &str {
    value.as_str().unwrap_or("?")
}

impl Operations for Remote {
    fn status(&self) -> Answer<'_, Status> {
        self.get("status")
    }
    fn explain(&self, id: String) -> Answer<'_, Vec<Explanation>> {
        Box::pin(self.send(self.api(Method::GET, "explain").query(&[("id", id)])))
    }
    fn conflicts(&self) -> Answer<'_, Vec<Conflict>> {
        self.get("conflicts")
    }
    fn resolve(&self, resolve: Resolve) -> Answer<'_, Vec<Conflict>> {
        self.post("conflicts/resolve", resolve)
    }
    fn parked(&self) -> Answer<'_, Vec<ParkedRecord>> {
        self.get("parked")
    }
    fn retry(&self, which: Which) -> Answer<'_, Count> {
        self.post("parked/retry", which)
    }
    fn drop_parked(&self, which: Which) -> Answer<'_, Count> {
        self.post("parked/drop", which)
    }
    fn pause(&self) -> Answer<'_, ()> {
        self.post("pause", ())
    }
    fn resume(&self) -> Answer<'_, ()> {
        self.post("resume", ())
    }
    fn resync(&self, resync: Resync) -> Answer<'_, Count> {
        self.post("resync", resync)
    }
    fn plan(&self) -> Answer<'_, Plan> {
        self.get("plan")
    }
    fn apply_plan(&self, apply: ApplyPlan) -> Answer<'_, Count> {
        self.post("plan/apply", apply)
    }
    fn links(&self, after: Option<String>) -> Answer<'_, Vec<Link>> {
        let after = after.map(|after| ("after", after));
        Box::pin(self.send(self.api(Method::GET, "links").query(after.as_slice())))
    }
    fn export(&self, journal: bool) -> Answer<'_, Copy> {
        Box::pin(async move {
            let request = self.api(Method::GET, "store/export").query(&[("journal", journal)]);
            let answer = request.send().await.map_err(|error| self.not_reached(&error))?;
            if answer.status().is_success() {
                return Ok(answer.bytes_stream().map_err(std::io::Error::other).boxed());
            }
            let status = answer.status();
            let body = answer.bytes().await.map_err(|error| self.not_reached(&error))?;
            Err(self.refusal(status, &body))
        })
    }
    fn verify(&self) -> Answer<'_, Integrity> {
        self.get("store/verify")
    }
}
