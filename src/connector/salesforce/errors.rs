//! Every error that Salesforce is known to answer, and what to do about it. One table.

use crate::connector::{CallError, Effect, Retry};
use crate::model::Side;
use serde::Deserialize;
use std::time::Duration;

/// Codes, and what to do about them (facts/salesforce-api.md 1.5, 1.6, 2.3, 2.10). Anything else is told by the HTTP
/// status, and parked where that says nothing: an error nobody knows must not be tried for ever.
const TABLE: &[(&str, Retry)] = &[
    // the session
    ("INVALID_SESSION_ID", Retry::SignIn),
    // the quota
    ("REQUEST_LIMIT_EXCEEDED", Retry::Quota),
    // passing trouble
    ("UNABLE_TO_LOCK_ROW", Retry::Soon),
    ("SERVER_UNAVAILABLE", Retry::Soon),
    ("QUERY_TIMEOUT", Retry::Soon),
    ("REQUEST_RUNNING_TOO_LONG", Retry::Soon),
    ("UNKNOWN_EXCEPTION", Retry::Soon),
    ("INVALID_QUERY_LOCATOR", Retry::Soon),
    ("EXCEEDED_ID_LIMIT", Retry::Soon),
    ("ALL_OR_NONE_OPERATION_ROLLED_BACK", Retry::Soon),
    ("PROCESSING_HALTED", Retry::Soon),
    ("INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE", Retry::After(Duration::from_secs(300))),
    ("ORG_IN_MAINTENANCE", Retry::After(Duration::from_secs(300))),
    ("API_CURRENTLY_DISABLED", Retry::After(Duration::from_secs(300))),
    ("ENTITY_IS_LOCKED", Retry::After(Duration::from_secs(900))),
    ("rate_limit_exceeded", Retry::After(Duration::from_secs(60))),
    // the record went on
    ("CANNOT_UPDATE_CONVERTED_LEAD", Retry::Relink),
    ("ENTITY_IS_DELETED", Retry::Relink),
    ("NOT_FOUND", Retry::Relink),
    ("ENTITY_FAILED_IFLASTMODIFIED_ON_UPDATE", Retry::ReRead),
    // refused for this value or this record
    ("FIELD_CUSTOM_VALIDATION_EXCEPTION", Retry::Park),
    ("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", Retry::Park),
    ("FIELD_INTEGRITY_EXCEPTION", Retry::Park),
    ("STRING_TOO_LONG", Retry::Park),
    ("REQUIRED_FIELD_MISSING", Retry::Park),
    ("INVALID_FIELD", Retry::Park),
    ("INVALID_TYPE_ON_FIELD_IN_RECORD", Retry::Park),
    ("JSON_PARSER_ERROR", Retry::Park),
    ("INVALID_FIELD_FOR_INSERT_UPDATE", Retry::Park),
    ("INSUFFICIENT_ACCESS_OR_READONLY", Retry::Park),
    ("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", Retry::Park),
    ("DUPLICATES_DETECTED", Retry::Park),
    ("DUPLICATE_VALUE", Retry::Park),
    ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", Retry::Park),
    ("CANNOT_EXECUTE_FLOW_TRIGGER", Retry::Park),
    ("MALFORMED_ID", Retry::Park),
    ("STORAGE_LIMIT_EXCEEDED", Retry::Park),
    // a person has to mend something first
    ("MALFORMED_QUERY", Retry::Stop),
    ("QUERY_TOO_COMPLICATED", Retry::Stop),
    ("INVALID_REPLICATION_DATE", Retry::Stop),
    ("API_DISABLED_FOR_ORG", Retry::Stop),
    ("UNSUPPORTED_API_VERSION", Retry::Stop),
    ("invalid_grant", Retry::Stop),
    ("invalid_client", Retry::Stop),
    ("invalid_client_id", Retry::Stop),
    ("unsupported_grant_type", Retry::Stop),
    ("invalid_request", Retry::Stop),
    ("redirect_uri_mismatch", Retry::Stop),
    ("inactive_user", Retry::Stop),
    ("inactive_org", Retry::Stop),
    ("invalid_app_access", Retry::Stop),
];

/// Two answers that look like an ended session and are not: signing in again would go round for ever (1.6).
const NOT_A_SESSION: [&str; 2] =
    ["This session is not valid for use with the REST API", "Connected app is not attached to Agent"];

/// One error, as REST rows (`errorCode`), Collections rows (`statusCode`) and OAuth (`error`) write it.
#[derive(Debug, Default, Deserialize)]
pub(super) struct WireError {
    #[serde(alias = "errorCode", alias = "statusCode", alias = "error", default)]
    pub(super) code: String,
    #[serde(alias = "error_description", default)]
    pub(super) message: String,
    #[serde(default)]
    pub(super) fields: Vec<String>,
}

/// What a failed call says. The body is an array of errors, one error, or another program's page.
pub(super) fn of_answer(status: u16, body: &[u8], writes: bool) -> CallError {
    let wire = serde_json::from_slice::<Vec<WireError>>(body)
        .ok()
        .and_then(|errors| errors.into_iter().next())
        .or_else(|| serde_json::from_slice::<WireError>(body).ok())
        .filter(|error| !error.code.is_empty());
    match wire {
        Some(wire) => of_wire(wire, Some(status), writes),
        None => CallError {
            side: Side::Salesforce,
            status: Some(status),
            code: format!("http-{status}"),
            message: format!("HTTP status {status} without an error that Salesforce would write"),
            fields: Vec::new(),
            retry: of_status(status),
            effect: effect(status, writes),
        },
    }
}

/// What one error means, in a row of a batch or as the whole answer.
pub(super) fn of_wire(wire: WireError, status: Option<u16>, writes: bool) -> CallError {
    let mut retry = TABLE
        .iter()
        .find(|(code, _)| *code == wire.code)
        .map_or_else(|| status.map_or(Retry::Park, of_status), |(_, retry)| *retry);
    if retry == Retry::SignIn && NOT_A_SESSION.iter().any(|text| wire.message.contains(text)) {
        retry = Retry::Stop;
    }
    // Too many long calls at a time is over in seconds; the day's limit is not.
    if retry == Retry::Quota && wire.message.contains("ConcurrentRequests") {
        retry = Retry::After(Duration::from_secs(10));
    }
    // Apex and Flow pass on what happened inside them.
    if matches!(wire.code.as_str(), "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY" | "CANNOT_EXECUTE_FLOW_TRIGGER")
        && wire.message.contains("UNABLE_TO_LOCK_ROW")
    {
        retry = Retry::Soon;
    }
    // 412 has no body that anybody has captured: the status alone says it.
    if status == Some(412) {
        retry = Retry::ReRead;
    }
    CallError {
        side: Side::Salesforce,
        status,
        code: wire.code,
        message: wire.message,
        fields: wire.fields,
        retry,
        effect: status.map_or(Effect::None, |status| effect(status, writes)),
    }
}

/// What an HTTP status means where no code is known.
fn of_status(status: u16) -> Retry {
    match status {
        // The way leads elsewhere: that is said of no row, and is followed nowhere.
        300..=399 => Retry::Stop,
        401 => Retry::SignIn,
        404 => Retry::Relink,
        412 => Retry::ReRead,
        408 | 420 | 429 | 500..=599 => Retry::Soon,
        410 => Retry::Stop,
        _ => Retry::Park,
    }
}

/// A server error may come after the work was done.
fn effect(status: u16, writes: bool) -> Effect {
    if writes && status >= 500 { Effect::Unknown } else { Effect::None }
}
