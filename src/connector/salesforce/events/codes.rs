//! Every error of the Pub/Sub API, and what to do about it. One table.

use crate::connector::{CallError, Effect, Retry};
use crate::model::Side;
use std::time::Duration;
use tonic::{Code, Status};

/// What every `error-code` trailer begins with.
const PREFIX: &str = "sfdc.platform.eventbus.grpc.";

/// The replay id is no good any more: it is too old, or the org has moved.
const REPLAY_LOST: &str = "subscription.fetch.replayid.corrupted";

/// How long the stream stays closed once the day's deliveries are used up: the window moves on all day.
const DELIVERIES_USED_UP: Duration = Duration::from_secs(3600);

/// How long to wait where the service asks for less.
const SLOW_DOWN: Duration = Duration::from_secs(60);

/// Codes, and what to do about them (facts/salesforce-api.md 5.4).
const TABLE: &[(&str, Retry)] = &[
    ("service.unavailable", Retry::Soon),
    ("service.auth.error", Retry::SignIn),
    ("service.auth.headers.invalid", Retry::Stop),
    ("service.auth.refresh.invalid", Retry::SignIn),
    ("service.protection.triggered", Retry::After(SLOW_DOWN)),
    ("service.protection.stream.limit.triggered", Retry::After(SLOW_DOWN)),
    ("service.tenant.license", Retry::Stop),
    ("concurrent.client.limit.exceeded", Retry::After(SLOW_DOWN)),
    ("topic.not.found", Retry::Stop),
    ("topic.validation.empty", Retry::Stop),
    ("topic.meta.permission", Retry::Stop),
    ("topic.api.unavailable", Retry::Soon),
    ("schema.api.unavailable", Retry::Soon),
    ("schema.meta.permission", Retry::Stop),
    ("schema.validation.failed", Retry::Stop),
    ("subscription.topic.cannot.subscribe", Retry::Stop),
    ("subscription.internal.error", Retry::Soon),
    (REPLAY_LOST, Retry::ReRead),
    // Ours to avoid: a new stream begins without what was wrong with the old one.
    ("subscription.fetch.replayid.validation.failed", Retry::ReRead),
    ("subscription.fetch.requested.events.invalid", Retry::Soon),
    ("subscription.fetch.overflow", Retry::Soon),
    ("subscription.fetch.topic.mismatch", Retry::Soon),
    ("subscription.fetch.request.invalid", Retry::Soon),
    ("subscription.fetch.replay.repeated", Retry::Soon),
    ("subscription.fetch.timeout", Retry::Soon),
    ("subscription.limit.exceeded", Retry::After(DELIVERIES_USED_UP)),
];

/// What a refused call or a broken stream means. [`Retry::ReRead`] says that the replay id is lost: what was missed has
/// to be found by REST.
pub(super) fn of_status(status: &Status) -> CallError {
    let trailer = status.metadata().get("error-code").and_then(|code| code.to_str().ok());
    let code = trailer.map(|code| code.strip_prefix(PREFIX).unwrap_or(code).to_owned());
    let known = code.as_deref().and_then(|code| TABLE.iter().find(|(known, _)| *known == code));
    let retry = known.map_or_else(|| of_code(status.code()), |(_, retry)| *retry);
    error(code.unwrap_or_else(|| name(status.code()).to_owned()), status.message().to_owned(), retry)
}

/// A stream that ended without a word of the service.
pub(super) fn broken(code: &str, message: impl Into<String>) -> CallError {
    error(code.to_owned(), message.into(), Retry::Soon)
}

/// Something only a person can mend.
pub(super) fn stopped(message: impl Into<String>) -> CallError {
    error("cannot-subscribe".to_owned(), message.into(), Retry::Stop)
}

fn error(code: String, message: String, retry: Retry) -> CallError {
    CallError {
        side: Side::Salesforce,
        status: None,
        code,
        message,
        fields: Vec::new(),
        retry,
        effect: Effect::None,
    }
}

/// What a gRPC status means where no code is known.
fn of_code(code: Code) -> Retry {
    match code {
        Code::Unauthenticated => Retry::SignIn,
        Code::PermissionDenied | Code::NotFound | Code::Unimplemented => Retry::Stop,
        Code::ResourceExhausted => Retry::After(SLOW_DOWN),
        _ => Retry::Soon,
    }
}

fn name(code: Code) -> &'static str {
    match code {
        Code::Unavailable => "unavailable",
        Code::Unauthenticated => "unauthenticated",
        Code::PermissionDenied => "permission-denied",
        Code::NotFound => "not-found",
        Code::InvalidArgument => "invalid-argument",
        Code::ResourceExhausted => "resource-exhausted",
        Code::DeadlineExceeded => "deadline-exceeded",
        Code::Cancelled => "cancelled",
        _ => "stream-failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic::metadata::MetadataMap;

    fn refused(status: Code, code: &'static str) -> CallError {
        let mut metadata = MetadataMap::new();
        metadata.insert("error-code", code.parse().unwrap());
        of_status(&Status::with_metadata(status, "why", metadata))
    }

    #[test]
    fn the_trailer_decides_and_not_the_status() {
        let lost = refused(
            Code::InvalidArgument,
            "sfdc.platform.eventbus.grpc.subscription.fetch.replayid.corrupted",
        );
        assert_eq!((lost.retry, lost.code.as_str()), (Retry::ReRead, REPLAY_LOST));
        let denied = refused(Code::Unavailable, "sfdc.platform.eventbus.grpc.topic.meta.permission");
        assert_eq!(denied.retry, Retry::Stop);
    }

    #[test]
    fn without_a_known_trailer_the_status_decides() {
        assert_eq!(of_status(&Status::unavailable("RST_STREAM closed stream")).retry, Retry::Soon);
        assert_eq!(refused(Code::Unauthenticated, "sfdc.something.new").retry, Retry::SignIn);
    }
}
