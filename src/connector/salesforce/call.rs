//! One call: budget, token, headers, answer, and the one repeat that an ended session is worth.

use super::budget::{Purpose, Refused, limit_info};
use super::{Salesforce, errors, lock};
use crate::connector::http::{self, Answer};
use crate::connector::{CallError, Effect, Retry};
use crate::model::Side;
use jiff::Timestamp;
use reqwest::{Method, header};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What the rows of bulk jobs are.
pub(super) const CSV: &str = "text/csv";

/// A call to make. Paths begin at the instance: `/services/data/...`.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) body: Option<Value>,
    /// Rows of a bulk job.
    pub(super) csv: Option<Vec<u8>>,
    pub(super) accept: &'static str,
    pub(super) unmodified_since: Option<String>,
    /// It makes a record: a POST like many a read, and a write like any PATCH.
    pub(super) creates: bool,
    pub(super) purpose: Purpose,
}

impl Call {
    pub(super) fn get(path: String, purpose: Purpose) -> Call {
        Call {
            method: Method::GET,
            path,
            query: Vec::new(),
            body: None,
            csv: None,
            accept: "application/json",
            unmodified_since: None,
            creates: false,
            purpose,
        }
    }

    pub(super) fn query(mut self, name: &'static str, value: String) -> Call {
        self.query.push((name, value));
        self
    }

    pub(super) fn body(mut self, method: Method, body: Value) -> Call {
        (self.method, self.body) = (method, Some(body));
        self
    }

    fn writes(&self) -> bool {
        self.creates || self.method == Method::PATCH
    }
}

impl Salesforce {
    /// `/services/data/v67.0` and what follows.
    pub(super) fn data(&self, rest: &str) -> String {
        format!("/services/data/v{}{rest}", self.0.config.api_version)
    }

    /// Makes a call and reads its JSON.
    pub(super) async fn json<T: DeserializeOwned>(&self, call: Call) -> Result<T, CallError> {
        let (writes, what) = (call.writes(), call.path.clone());
        let answer = self.call(call).await?;
        serde_json::from_slice(&answer.body).map_err(|error| {
            let message =
                format!("{what} answered something that cannot be read: {}", http::why_unreadable(&error));
            http::bad_answer(Side::Salesforce, Some(answer.status), message, writes)
        })
    }

    /// Makes a call. An ended session is signed in again once, and the call repeated once.
    pub(super) async fn call(&self, call: Call) -> Result<Answer, CallError> {
        let token = self.session(None).await?;
        match self.attempt(&call, &token).await {
            Err(error) if error.retry == Retry::SignIn => {
                let token = self.session(Some(&token)).await?;
                self.attempt(&call, &token).await
            }
            other => other,
        }
    }

    async fn attempt(&self, call: &Call, session: &super::auth::Token) -> Result<Answer, CallError> {
        // The list of versions is free (facts 2.1).
        if call.path != super::org::VERSIONS {
            lock(&self.0.budget).spend(call.purpose, self.now()).map_err(refused)?;
        }
        let no_path = || {
            let message = format!("{} is no path of the API", call.path);
            CallError { retry: Retry::Stop, ..http::bad_answer(Side::Salesforce, None, message, false) }
        };
        let url = session.instance.join(&call.path).map_err(|_| no_path())?;
        // Some paths came in answers: none of them may lead the token away, nor to another door of the same house.
        if url.origin() != session.instance.origin() || url.path() != call.path {
            return Err(no_path());
        }
        let mut request = self
            .0
            .http
            .request(call.method.clone(), url)
            .query(&call.query)
            .bearer_auth(session.secret())
            .header(header::ACCEPT, call.accept)
            .header("Sforce-Call-Options", format!("client={}", super::events::CLIENT));
        if call.writes() {
            // Without it a status write re-runs the lead assignment rules and may change the owner (facts 2.8).
            request = request.header("Sforce-Auto-Assign", "FALSE");
        }
        if let Some(date) = &call.unmodified_since {
            request = request.header(header::IF_UNMODIFIED_SINCE, date);
        }
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        if let Some(csv) = &call.csv {
            request = request.header(header::CONTENT_TYPE, CSV).body(csv.clone());
        }
        let bytes_max = if call.accept == CSV { http::PAGE_BYTES_MAX } else { http::ANSWER_BYTES_MAX };
        let sent = self.0.http.send_within(request, call.writes(), bytes_max);
        let host = session.instance.host_str().unwrap_or_default();
        let answer = http::traced(Side::Salesforce, host, call.purpose.as_str(), sent).await?;
        self.note(&answer);
        if answer.status.is_success() {
            lock(&self.0.budget).answered();
            return Ok(answer);
        }
        let error = errors::of_answer(answer.status.as_u16(), &answer.body, call.writes());
        match error.retry {
            Retry::Quota => lock(&self.0.budget).exceeded(self.now()),
            _ => lock(&self.0.budget).answered(),
        }
        Err(error)
    }

    /// The count of calls and the server's clock, from the headers of any answer.
    fn note(&self, answer: &Answer) {
        let text = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok());
        if let Some(told) = text("sforce-limit-info").and_then(limit_info) {
            lock(&self.0.budget).told(told);
        }
        let date = text("date").and_then(|date| httpdate::parse_http_date(date).ok());
        if let Some(date) = date.and_then(|date| Timestamp::try_from(date).ok()) {
            // Their whole second had begun when this was answered: unrounded, it is a lower bound.
            *lock(&self.0.skew) = Some(date.duration_since(self.now()));
            *lock(&self.0.told) = Some(date);
        }
    }
}

fn refused(refused: Refused) -> CallError {
    let (code, message) = match refused {
        Refused::Closed(until) => {
            ("quota-used-up", format!("the day's calls are used up; no call is made before {until}"))
        }
        Refused::KeptFree => ("kept-free", "the calls left today are kept for others".to_owned()),
    };
    CallError {
        side: Side::Salesforce,
        status: None,
        code: code.to_owned(),
        message,
        fields: Vec::new(),
        retry: Retry::Quota,
        effect: Effect::None,
    }
}
