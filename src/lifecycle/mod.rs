//! Revenue Engage's own rules, as data and pure functions. Used by the sandbox too.

mod stage;
mod status;

pub use stage::*;
pub use status::*;

/// The three groups that statuses stand in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StatusGroup {
    /// On the way; a company cannot add to it.
    General,
    /// Ended well.
    Success,
    /// Ended otherwise.
    Failed,
}
