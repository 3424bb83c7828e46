//! What may go wrong with a call or with the process, and how it looks on the wire.

use axum::body::Bytes;
use axum::http::{HeaderValue, Response};
use lockstep::model::Side;
use serde_json::Value;

/// What may go wrong with a call or with the process (the numbers are those of the test plan's list).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The request never arrives (F1).
    NotSent,
    /// Everything happens, and the answer never comes (F2).
    NoAnswer,
    /// 500 or 503 before anything happens (F3).
    ServerError,
    /// 502 or 504 after everything has happened (F2).
    ErrorAfter,
    /// 429 or the quota, with or without `Retry-After` (F3, F23).
    TooMany,
    /// The session has ended (F4).
    SignedOut,
    /// Another program's page with 200, or half an answer (F34).
    NoJson,
    /// The process is killed before a call takes effect (F27).
    KilledBefore,
    /// The process is killed after it (F27).
    KilledAfter,
    /// The process dies in a flush before anything is durable (F26, F27).
    DiesInFlush,
    /// ... and after everything is.
    DiesAfterFlush,
    /// The disk is full or refuses a flush, and the process lives on (F25).
    DiskRefuses,
    /// Somebody acts between the daemon's look and its write, or just behind a call (F8, F9).
    ActsMeanwhile,
    /// Somebody else holds a record's lock during a call (F7).
    Locked,
    /// An answer takes its time.
    Slow,
    /// The process stands still for ten minutes between two calls (F28).
    Stopped,
    /// Our own clock is set, forwards or backwards (F16).
    ClockSet,
    /// A precondition fails although nobody was faster (F8).
    Overtaken,
    /// The answer to a write of many rows tells of the first half alone (F6).
    HalfAnswer,
    /// The place of a listing's next page is known no more (F15).
    LocatorExpired,
    /// A page comes a second time (F15).
    PageRepeated,
    /// The way leads to another host: by a redirect, or by the address of the next page (F35).
    Elsewhere,
}

/// All of them.
pub const FAULTS: [Fault; 22] = [
    Fault::NotSent,
    Fault::NoAnswer,
    Fault::ServerError,
    Fault::ErrorAfter,
    Fault::TooMany,
    Fault::SignedOut,
    Fault::NoJson,
    Fault::KilledBefore,
    Fault::KilledAfter,
    Fault::DiesInFlush,
    Fault::DiesAfterFlush,
    Fault::DiskRefuses,
    Fault::ActsMeanwhile,
    Fault::Locked,
    Fault::Slow,
    Fault::Stopped,
    Fault::ClockSet,
    Fault::Overtaken,
    Fault::HalfAnswer,
    Fault::LocatorExpired,
    Fault::PageRepeated,
    Fault::Elsewhere,
];

fn answer(status: u16, body: &str) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::copy_from_slice(body.as_bytes()));
    *answer.status_mut() = status.try_into().expect("a status");
    answer.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    answer
}

/// A refusal as each system words it.
pub(super) fn refusal(side: Side, status: u16, code: &str) -> Response<Bytes> {
    match side {
        Side::Salesforce => {
            answer(status, &format!(r#"[{{"errorCode":"{code}","message":"as the simulation asked"}}]"#))
        }
        Side::Engage => {
            answer(status, &format!(r#"{{"error":{{"code":"{code}","message":"as the simulation asked"}}}}"#))
        }
    }
}

/// What a system says of a user or client that an admin has switched off (F5).
pub(super) fn switched_off(side: Side, signs_in: bool) -> Response<Bytes> {
    match (side, signs_in) {
        (Side::Salesforce, true) => {
            answer(400, r#"{"error":"inactive_user","error_description":"as the simulation asked"}"#)
        }
        (Side::Engage, true) => answer(401, r#"{"error":"invalid_client"}"#),
        (Side::Salesforce, false) => refusal(side, 401, "INVALID_SESSION_ID"),
        (Side::Engage, false) => refusal(side, 401, "unauthorized"),
    }
}

/// The same answer with the rows of its first half alone, where it has rows.
pub(super) fn half(carried: &Response<Bytes>) -> Option<Bytes> {
    let mut body: Value = serde_json::from_slice(carried.body()).ok()?;
    let rows = match &mut body {
        Value::Object(object) => object.get_mut("results")?.as_array_mut()?,
        other => other.as_array_mut()?,
    };
    if rows.len() < 2 {
        return None;
    }
    rows.truncate(rows.len() / 2);
    Some(Bytes::from(body.to_string()))
}

/// Where a page says that the next one is, and the same page leading to another host.
pub(super) fn led_elsewhere(carried: &Response<Bytes>) -> Option<(String, Bytes)> {
    let goes_on = carried.body().windows(16).any(|part| part == b"\"nextRecordsUrl\"");
    let mut body: Value = goes_on.then(|| serde_json::from_slice(carried.body()).ok())??;
    let next = body.get("nextRecordsUrl")?.as_str()?.to_owned();
    body["nextRecordsUrl"] = format!("https://elsewhere.example{next}").into();
    Some((next, Bytes::from(body.to_string())))
}

/// A redirect.
pub(super) fn redirect() -> Response<Bytes> {
    let mut answer = answer(302, "");
    let to = HeaderValue::from_static("https://elsewhere.example/");
    answer.headers_mut().insert("location", to);
    answer
}
