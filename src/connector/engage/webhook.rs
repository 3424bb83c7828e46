//! Webhooks: whether a delivery is really Engage's, and what it says. Pure.

use super::wire::WireProspect;
use crate::connector::http::why_unreadable;
use crate::model::{Prospect, ProspectId};
use hmac::{Hmac, Mac};
use http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// The largest body that is looked at.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// How far a delivery's timestamp may be from our clock, either way: the window in which a replay would pass.
const REPLAY_WINDOW: SignedDuration = SignedDuration::from_mins(5);

/// A delivery that is Engage's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The event: the same over retries.
    pub event_id: String,
    /// Its kind: `prospect.updated`, ...
    pub kind: String,
    /// When it happened, by the Engage clock.
    pub occurred_at: Timestamp,
    /// Whom it concerns.
    pub prospect_id: ProspectId,
    /// The prospect as it was then. A hint: it may be late.
    pub prospect: Option<Prospect>,
}

/// Why a delivery is not taken, in the order in which it is looked at (rulings.md 6).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The body is over 1 MiB.
    #[error("the body is larger than 1 MiB")]
    TooLarge,
    /// There is no signature, or none that any active secret makes.
    #[error("the signature is missing or wrong")]
    BadSignature,
    /// The signature's time is more than five minutes off.
    #[error("the signature's time is more than 5 minutes off: late, replayed, or one of the clocks is wrong")]
    OutsideWindow,
    /// The body is no such event.
    #[error("the body is no event of the default profile: {0}")]
    BadBody(String),
}

impl Rejection {
    /// What the sender is answered.
    pub fn status(&self) -> StatusCode {
        match self {
            Rejection::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Rejection::BadSignature | Rejection::OutsideWindow => StatusCode::UNAUTHORIZED,
            Rejection::BadBody(_) => StatusCode::BAD_REQUEST,
        }
    }

    /// A stable name, for logs.
    pub fn code(&self) -> &'static str {
        match self {
            Rejection::TooLarge => "too-large",
            Rejection::BadSignature => "bad-signature",
            Rejection::OutsideWindow => "outside-window",
            Rejection::BadBody(_) => "bad-body",
        }
    }
}

#[derive(Deserialize)]
struct Event {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    occurred_at: Timestamp,
    prospect_id: ProspectId,
    #[serde(default)]
    prospect: Option<WireProspect>,
}

/// The kinds of event that there are.
const KINDS: [&str; 4] =
    ["prospect.created", "prospect.updated", "prospect.deleted", "enrollment.stage_changed"];

/// Verifies a delivery against every active secret, and reads it.
///
/// # Errors
/// [`Rejection`]: size first, then signature, then body.
pub fn verify(
    headers: &HeaderMap,
    body: &[u8],
    secrets: &[SecretString],
    now: Timestamp,
) -> Result<Delivery, Rejection> {
    if body.len() > BODY_BYTES_MAX {
        return Err(Rejection::TooLarge);
    }
    let at = signed_at(headers, body, secrets).ok_or(Rejection::BadSignature)?;
    let off = now.as_second().saturating_sub(at).unsigned_abs();
    if off > REPLAY_WINDOW.unsigned_abs().as_secs() {
        return Err(Rejection::OutsideWindow);
    }
    let event: Event =
        serde_json::from_slice(body).map_err(|error| Rejection::BadBody(why_unreadable(&error)))?;
    if !KINDS.contains(&event.kind.as_str()) {
        return Err(Rejection::BadBody("its type is unknown".to_owned()));
    }
    let prospect: Option<Prospect> = event.prospect.map(Prospect::from);
    if prospect.as_ref().is_some_and(|prospect| prospect.id != event.prospect_id) {
        return Err(Rejection::BadBody("prospect_id and prospect.id differ".to_owned()));
    }
    Ok(Delivery {
        event_id: event.id,
        kind: event.kind,
        occurred_at: event.occurred_at,
        prospect_id: event.prospect_id,
        prospect,
    })
}

/// The time of the signature, if it is one: `t=UNIX,v1=HEX[,v1=HEX...]` over `UNIX.` and the raw body. All secrets and
/// signatures are tried, so that the time taken says nothing.
fn signed_at(headers: &HeaderMap, body: &[u8], secrets: &[SecretString]) -> Option<i64> {
    let mut values = headers.get_all("x-engage-signature").iter();
    let header = values.next()?.to_str().ok()?;
    // Two headers: which one counts would be anybody's guess.
    if values.next().is_some() {
        return None;
    }
    let mut time = None;
    let mut signatures = Vec::new();
    for part in header.split(',') {
        match part.trim().split_once('=')? {
            ("t", text) if time.is_none() => time = Some(text),
            ("v1", text) => signatures.push(hex::decode(text).ok()?),
            // A later scheme may stand beside ours.
            (name, _) if name != "t" => {}
            _ => return None,
        }
    }
    let time = time?;
    let mut genuine = false;
    for secret in secrets {
        // HMAC takes keys of any length.
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).ok()?;
        mac.update(time.as_bytes());
        mac.update(b".");
        mac.update(body);
        let wanted = mac.finalize().into_bytes();
        for signature in &signatures {
            genuine |= bool::from(wanted.as_slice().ct_eq(signature));
        }
    }
    if genuine { time.parse().ok() } else { None }
}
