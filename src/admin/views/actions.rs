//! What acting on records takes, and how many it was.

use crate::model::Side;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An operator's answer to a conflict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resolve {
    /// A Salesforce id, a prospect id or the conflict's id.
    pub id: String,
    /// The side whose value is taken.
    pub take: Side,
    /// Who decided; goes into the journal.
    pub by: String,
}

/// One record, or all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// A Salesforce id or a prospect id; all without one.
    #[serde(default)]
    pub id: Option<String>,
}

/// Which plan is let through.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplyPlan {
    /// The id that `lockstep plan` showed; whatever waits without one.
    #[serde(default)]
    pub id: Option<String>,
}

/// What to compare again: `{"which":"all"}`, `{"which":{"since":T}}`, `{"which":{"ids":[...]}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resync {
    /// Which links.
    pub which: ResyncWhich,
}

/// Which links to compare again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResyncWhich {
    /// Every one.
    All,
    /// Those whose records changed since then.
    Since(Timestamp),
    /// Those of these Salesforce ids and prospect ids.
    Ids(Vec<String>),
}

/// How many records it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Count {
    /// How many.
    pub records: u64,
}
