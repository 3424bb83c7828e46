//! What can go wrong with a call, and what to do about it: one type for both systems.

use crate::model::Side;
use std::time::Duration;

/// A call, or one row of a batch, that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{side}: {code}: {message}")]
pub struct CallError {
    /// The system that was called.
    pub side: Side,
    /// The HTTP status, where an answer came.
    pub status: Option<u16>,
    /// The system's own code (`UNABLE_TO_LOCK_ROW`, `version_mismatch`), or one of ours in lower case with
    /// a hyphen (`timed-out`, `not-reachable`, `bad-answer`) where it said nothing.
    pub code: String,
    /// The system's own text, or ours. Never holds a secret.
    pub message: String,
    /// The fields it names.
    pub fields: Vec<String>,
    /// What to do.
    pub retry: Retry,
    /// Whether a write can have happened all the same.
    pub effect: Effect,
}

/// What to do about an error. Both connectors map every error they know to one of these, each in one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Again soon, backing off.
    Soon,
    /// Again after this long: the system said so.
    After(Duration),
    /// The quota is used up: stop this system's calls and resume alone.
    Quota,
    /// The session has ended: sign in again, once. The connector does that itself; seen outside it means that
    /// signing in did not help.
    SignIn,
    /// The record moved since it was read: read and decide again.
    ReRead,
    /// The record is converted, merged or deleted: find out what it became.
    Relink,
    /// Refused for good: park the record with the system's own words.
    Park,
    /// Nothing will work until a person mends it (credentials, permissions): stop everything on this side.
    Stop,
}

/// Whether a write can have happened although the call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It has not.
    None,
    /// It may have: read before anything else.
    Unknown,
}

impl Retry {
    /// Every class, as [`class`](Retry::class) names it.
    pub const CLASSES: [&str; 8] = ["soon", "after", "quota", "sign_in", "re_read", "relink", "park", "stop"];

    /// What class it is, for programs.
    pub fn class(self) -> &'static str {
        match self {
            Retry::Soon => "soon",
            Retry::After(_) => "after",
            Retry::Quota => "quota",
            Retry::SignIn => "sign_in",
            Retry::ReRead => "re_read",
            Retry::Relink => "relink",
            Retry::Park => "park",
            Retry::Stop => "stop",
        }
    }
}
