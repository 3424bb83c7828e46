//! Every error of the default profile, and what to do about it. One table.

use crate::connector::{CallError, Effect, Retry};
use crate::model::Side;
use serde::Deserialize;

/// Codes, and what to do about them (engage-api.md). An unknown code is told by the HTTP status.
const TABLE: &[(&str, Retry)] = &[
    // the prospect moved since it was read
    ("version_mismatch", Retry::ReRead),
    // it is gone: reading says what became of it
    ("not_found", Retry::Relink),
    // refused for this value or this person
    ("status_locked", Retry::Park),
    ("unknown_status", Retry::Park),
    ("invalid_request", Retry::Park),
    // the session
    ("unauthorized", Retry::SignIn),
    // a person has to mend something first
    ("forbidden", Retry::Stop),
    ("invalid_client", Retry::Stop),
    ("invalid_grant", Retry::Stop),
    ("unsupported_grant_type", Retry::Stop),
    // passing trouble; the wait of a 429 is told by its header
    ("rate_limited", Retry::Soon),
    ("unavailable", Retry::Soon),
];

/// The inner object: `{"code","message","field"}`. A batch's row has it alone (rulings.md 1).
#[derive(Debug, Default, Deserialize)]
pub(super) struct WireError {
    #[serde(default)]
    pub(super) code: String,
    #[serde(default)]
    pub(super) message: String,
    #[serde(default)]
    pub(super) field: Option<String>,
}

/// A whole answer: `{"error":{...}}`, or OAuth's `{"error":"invalid_client"}`.
#[derive(Debug, Deserialize)]
struct Body {
    error: Either,
    #[serde(default)]
    error_description: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Either {
    Ours(WireError),
    OAuth(String),
}

/// What a failed call says.
pub(super) fn of_answer(status: u16, body: &[u8], writes: bool) -> CallError {
    let wire = serde_json::from_slice::<Body>(body).ok().map(|body| match body.error {
        Either::Ours(error) => error,
        Either::OAuth(code) => {
            WireError { message: body.error_description.unwrap_or_else(|| code.clone()), code, field: None }
        }
    });
    match wire.filter(|error| !error.code.is_empty()) {
        Some(wire) => of_wire(wire, Some(status), writes),
        None => of_wire(
            WireError {
                code: format!("http-{status}"),
                message: format!("HTTP status {status} without an error that the API would write"),
                field: None,
            },
            Some(status),
            writes,
        ),
    }
}

/// What one error means, in a row of a batch or as the whole answer.
pub(super) fn of_wire(wire: WireError, status: Option<u16>, writes: bool) -> CallError {
    let known = TABLE.iter().find(|(code, _)| *code == wire.code).map(|(_, retry)| *retry);
    let retry = known.unwrap_or_else(|| status.map_or(Retry::Park, of_status));
    let unknown_effect = writes && status.is_some_and(|status| status >= 500);
    CallError {
        side: Side::Engage,
        status,
        code: wire.code,
        message: wire.message,
        fields: wire.field.into_iter().collect(),
        retry,
        effect: if unknown_effect { Effect::Unknown } else { Effect::None },
    }
}

fn of_status(status: u16) -> Retry {
    match status {
        // The way leads elsewhere: that is said of no row, and is followed nowhere.
        300..=399 => Retry::Stop,
        401 => Retry::SignIn,
        403 => Retry::Stop,
        404 => Retry::Relink,
        412 => Retry::ReRead,
        408 | 429 | 500..=599 => Retry::Soon,
        _ => Retry::Park,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_the_contract_has_its_class() {
        for (status, code, retry) in [
            (404, "not_found", Retry::Relink),
            (412, "version_mismatch", Retry::ReRead),
            (409, "status_locked", Retry::Park),
            (422, "unknown_status", Retry::Park),
            (400, "invalid_request", Retry::Park),
            (401, "unauthorized", Retry::SignIn),
            (403, "forbidden", Retry::Stop),
            (429, "rate_limited", Retry::Soon),
            (503, "unavailable", Retry::Soon),
        ] {
            let body = format!(r#"{{"error":{{"code":"{code}","message":"words","field":null}}}}"#);
            let error = of_answer(status, body.as_bytes(), false);
            assert_eq!((error.code.as_str(), error.retry, error.message.as_str()), (code, retry, "words"));
        }
    }

    #[test]
    fn another_programs_page_is_told_by_its_status_and_a_server_error_may_have_had_its_effect() {
        let error = of_answer(502, b"<html>Bad gateway</html>", true);
        assert_eq!(
            (error.retry, error.effect, error.code.as_str()),
            (Retry::Soon, Effect::Unknown, "http-502")
        );
        assert_eq!(of_answer(502, b"", false).effect, Effect::None);
        let error = of_answer(401, br#"{"error":"invalid_client"}"#, false);
        assert_eq!((error.retry, error.code.as_str()), (Retry::Stop, "invalid_client"));
    }

    #[test]
    fn a_redirect_is_trouble_of_the_way_and_parks_nobody() {
        let error = of_answer(302, b"", true);
        assert_eq!((error.retry, error.effect), (Retry::Stop, Effect::None));
    }
}
