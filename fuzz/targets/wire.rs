//! A network on which every call is answered with the same bytes, once somebody has signed in.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use lockstep::config::{Bulk, EngageConfig, SalesforceConfig, SalesforceFlow};
use lockstep::connector::engage::Engage;
use lockstep::connector::salesforce::Salesforce;
use lockstep::connector::{Lost, Network, Wire};
use lockstep::model::Side;
use secrecy::SecretString;
use std::sync::Arc;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

/// When everything happens.
pub fn now() -> Timestamp {
    Timestamp::constant(1_795_414_200, 0)
}

/// What is answered.
#[derive(Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Bytes,
}

/// The first line is the status, then come headers, and behind an empty line the body. Without a status the whole is the
/// body of an answer that went well.
pub fn answer(bytes: &[u8]) -> Answer {
    let whole = || Answer { status: 200, headers: Vec::new(), body: Bytes::copy_from_slice(bytes) };
    let Some((head, body)) = split(bytes, b"\n\n") else { return whole() };
    let Some((first, headers)) = split(head, b"\n").or(Some((head, b""))) else { return whole() };
    let status = std::str::from_utf8(first).ok().and_then(|text| text.trim().parse().ok());
    let Some(status) = status.filter(|status| (100..=999).contains(status)) else { return whole() };
    let headers = headers.split(|byte| *byte == b'\n').filter_map(|line| {
        let (name, value) = split(line, b": ")?;
        Some((std::str::from_utf8(name).ok()?.to_owned(), value.to_vec()))
    });
    Answer { status, headers: headers.collect(), body: Bytes::copy_from_slice(body) }
}

/// What stands before and behind the first `mark`.
pub fn split<'b>(bytes: &'b [u8], mark: &[u8]) -> Option<(&'b [u8], &'b [u8])> {
    let at = bytes.windows(mark.len()).position(|window| window == mark)?;
    Some((&bytes[..at], &bytes[at + mark.len()..]))
}

struct Same(Answer);

impl Wire for Same {
    fn carry(
        &self,
        _: Side,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'static, Result<http::Response<Bytes>, Lost>> {
        let answer = match request.uri().path().ends_with("/token") {
            true => Answer {
                status: 200,
                headers: Vec::new(),
                body: Bytes::from_static(
                    br#"{"access_token":"t","token_type":"Bearer","expires_in":3600,"id":"https://x.example/id/00D5f000000SANDEA2/0055f000000APIUAA2"}"#,
                ),
            },
            false => self.0.clone(),
        };
        Box::pin(async move {
            let mut response = http::Response::builder().status(answer.status);
            for (name, value) in &answer.headers {
                let value = http::HeaderValue::from_bytes(value);
                if let (Ok(name), Ok(value)) = (http::HeaderName::try_from(name.as_str()), value) {
                    response = response.header(name, value);
                }
            }
            response.body(answer.body).map_err(|_| Lost { sent: true })
        })
    }
}

/// A connector to Salesforce over such a network.
pub fn salesforce(answer: Answer) -> Salesforce {
    let url: url::Url = "http://127.0.0.1:1".parse().expect("a URL");
    let config = SalesforceConfig {
        login_url: url.clone(),
        api_version: "67.0".to_owned(),
        flow: SalesforceFlow::ClientCredentials { client_secret: SecretString::from("s") },
        client_id: "lockstep".to_owned(),
        changes: Vec::new(),
        pubsub_endpoint: url,
        pubsub_channel: None,
        bulk: Bulk::Auto,
        poll_every: MINUTE,
        overlap: 10 * MINUTE,
        keep_free: 0.0,
        quota_retry: vec![MINUTE],
    };
    let network = Network::simulated(Arc::new(Same(answer)));
    Salesforce::over(&config, Arc::new(now), network).expect("nothing of TLS is set up")
}

/// A connector to Engage over such a network.
pub fn engage(answer: Answer) -> Engage {
    let config = EngageConfig {
        profile: "default".to_owned(),
        base_url: "http://127.0.0.1:1".parse().expect("a URL"),
        client_id: "lockstep".to_owned(),
        client_secret: SecretString::from("s"),
        webhook_secrets: Vec::new(),
        webhook: false,
        poll_every: MINUTE,
        overlap: 10 * MINUTE,
    };
    let network = Network::simulated(Arc::new(Same(answer)));
    Engage::over(&config, Arc::new(now), network).expect("the default profile")
}

/// Runs what waits for nothing but itself. The clock of the runtime stands still until nothing else is left to do.
pub fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(work)
}
