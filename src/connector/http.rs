//! What both connectors need of HTTP: one client, limits, and answers read within them.

use super::error::{CallError, Effect, Retry};
use super::network::{Network, Wire};
use super::reach::PublicOnly;
use crate::event::TRACES;
use crate::model::Side;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use reqwest::{Method, RequestBuilder, StatusCode, header::HeaderMap, redirect};
use std::sync::OnceLock;
use std::time::Duration;
use tracing::Instrument;
use tracing::field::Empty;
use url::{Host, Url};

/// Answers larger than this are not read, however small they came over the wire: 2,000 rows of a query are about 1 MB, and
/// the description of an object with 800 fields about 3.
pub(crate) const ANSWER_BYTES_MAX: usize = 5 * 1000 * 1000;

/// The same for a page of a bulk job's rows, of which there are 20,000.
pub(crate) const PAGE_BYTES_MAX: usize = 16 * 1000 * 1000;

/// A call that has no answer by then has an unknown outcome. Salesforce itself ends calls after ten minutes; a
/// batch of 200 rows with slow automations has been seen to take one.
const CALL_WITHIN: Duration = Duration::from_secs(120);

/// The connection itself.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// The way to one system. Redirects are off: none of the two sends any to an API, and a token must not follow one.
pub(crate) struct Http {
    side: Side,
    client: reqwest::Client,
    network: Network,
}

/// Who says where calls go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Only the configuration: whoever wrote it may mean any machine.
    AsConfigured,
    /// Answers too: they may lead to public addresses only.
    PublicOnly,
}

impl Http {
    /// # Errors
    /// When TLS cannot be set up on this machine.
    pub(crate) fn new(side: Side, reach: Reach, network: Network) -> Result<Http, CallError> {
        // Setting up TLS takes longer than a whole simulated day, and nothing of it is used there.
        static UNUSED: OnceLock<reqwest::Client> = OnceLock::new();
        let client = match (&network.0, UNUSED.get()) {
            (Some(_), Some(client)) => client.clone(),
            (Some(_), None) => UNUSED.get_or_init(reqwest::Client::new).clone(),
            (None, _) => client(side, reach)?,
        };
        Ok(Http { side, client, network })
    }

    pub(crate) fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.client.request(method, url)
    }

    /// Sends, and reads the whole answer. `writes` says whether the call can change something: then a call whose answer
    /// did not come may have had its effect.
    pub(crate) async fn send(&self, request: RequestBuilder, writes: bool) -> Result<Answer, CallError> {
        self.send_within(request, writes, ANSWER_BYTES_MAX).await
    }

    /// The same, for an answer of another size.
    pub(crate) async fn send_within(
        &self,
        request: RequestBuilder,
        writes: bool,
        bytes_max: usize,
    ) -> Result<Answer, CallError> {
        match &self.network.0 {
            None => send(self.side, request, writes, bytes_max).await,
            Some(wire) => carry(self.side, wire.as_ref(), request, writes).await,
        }
    }
}

/// Makes a call under a span of its own, for whoever collects traces. A path or query may hold ids and values, so they
/// stay out of it.
pub(crate) async fn traced(
    side: Side,
    host: &str,
    purpose: &str,
    call: impl Future<Output = Result<Answer, CallError>>,
) -> Result<Answer, CallError> {
    let span = tracing::trace_span!(
        target: TRACES,
        "call",
        otel.kind = "client",
        side = side.as_str(),
        server.address = host,
        purpose,
        http.response.status_code = Empty,
        code = Empty
    );
    let answer = call.instrument(span.clone()).await;
    match &answer {
        Ok(answer) => span.record("http.response.status_code", answer.status.as_u16()),
        Err(error) => span.record("code", error.code.as_str()),
    };
    answer
}

fn client(side: Side, reach: Reach) -> Result<reqwest::Client, CallError> {
    let builder = match reach {
        Reach::AsConfigured => reqwest::Client::builder(),
        Reach::PublicOnly => reqwest::Client::builder().dns_resolver(PublicOnly::new()),
    };
    builder
        .user_agent(concat!("lockstep/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT_WITHIN)
        .timeout(CALL_WITHIN)
        .build()
        .map_err(|error| CallError {
            side,
            status: None,
            code: "no-client".to_owned(),
            message: format!("cannot set up HTTPS: {error}"),
            fields: Vec::new(),
            retry: Retry::Stop,
            effect: Effect::None,
        })
}

/// Whether a URL may be called: HTTPS, or plain HTTP on loopback (rulings.md 24).
pub(crate) fn may_call(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url))
}

/// Whether a URL leads to this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

async fn send(
    side: Side,
    request: RequestBuilder,
    writes: bool,
    bytes_max: usize,
) -> Result<Answer, CallError> {
    let response = request.send().await.map_err(|error| lost(side, &error, writes))?;
    let (status, headers) = (response.status(), response.headers().clone());
    let mut body = BytesMut::new();
    let mut stream = response.bytes_stream();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| lost(side, &error, writes))?;
        if body.len() + chunk.len() > bytes_max {
            let message = format!("the answer is larger than {} MB", bytes_max / 1_000_000);
            return Err(bad_answer(side, Some(status), message, writes));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, headers, body: body.freeze() })
}

async fn carry(
    side: Side,
    wire: &dyn Wire,
    request: RequestBuilder,
    writes: bool,
) -> Result<Answer, CallError> {
    let request = request.build().map_err(|error| lost(side, &error, writes))?;
    let mut carried = ::http::Request::builder().method(request.method()).uri(request.url().as_str());
    if let Some(headers) = carried.headers_mut() {
        headers.clone_from(request.headers());
    }
    let body = request.body().and_then(reqwest::Body::as_bytes).map(Bytes::copy_from_slice);
    let carried = carried.body(body.unwrap_or_default());
    let carried = carried.map_err(|error| bad_answer(side, None, error.to_string(), false))?;
    let answer = wire.carry(side, carried).await.map_err(|lost| not_reachable(side, lost.sent && writes))?;
    let (parts, body) = answer.into_parts();
    Ok(Answer { status: parts.status, headers: parts.headers, body })
}

fn not_reachable(side: Side, unknown: bool) -> CallError {
    CallError {
        side,
        status: None,
        code: "not-reachable".to_owned(),
        message: "no answer".to_owned(),
        fields: Vec::new(),
        retry: Retry::Soon,
        effect: if unknown { Effect::Unknown } else { Effect::None },
    }
}

/// An answer that is not what the API promises: truncated, or another program's page.
pub(crate) fn bad_answer(side: Side, status: Option<StatusCode>, message: String, writes: bool) -> CallError {
    CallError {
        side,
        status: status.map(|status| status.as_u16()),
        code: "bad-answer".to_owned(),
        message,
        fields: Vec::new(),
        retry: Retry::Soon,
        effect: if writes { Effect::Unknown } else { Effect::None },
    }
}

/// Why a JSON text cannot be read, without any of its values: it may hold a person's name.
pub(crate) fn why_unreadable(error: &serde_json::Error) -> String {
    let text = error.to_string();
    // Everything else that is wrong with the data, rather than with the JSON, quotes what was found there.
    if !error.is_data() || ["missing field", "duplicate field"].iter().any(|kind| text.starts_with(kind)) {
        return text;
    }
    format!("a value of another kind at line {} column {}", error.line(), error.column())
}

/// No answer. Only a connection that was never made is sure to have had no effect.
fn lost(side: Side, error: &reqwest::Error, writes: bool) -> CallError {
    let sent = !error.is_connect() && !error.is_builder();
    let code = if error.is_timeout() { "timed-out" } else { "not-reachable" };
    // The URL may carry ids, and the causes say more than the outer error does.
    let mut message = String::from("no answer");
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(error) = cause {
        message = format!("{message}: {error}");
        cause = error.source();
    }
    CallError {
        side,
        status: None,
        code: code.to_owned(),
        message,
        fields: Vec::new(),
        retry: Retry::Soon,
        effect: if writes && sent { Effect::Unknown } else { Effect::None },
    }
}
