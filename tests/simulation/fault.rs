//! What may go wrong with a call or with the process, and how it looks on the wire.

use axum::body::Bytes;
use axum::http::{HeaderValue, Response};
use lockstep::model::Side;

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
}

/// All of them.
pub const FAULTS: [Fault; 17] = [
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
