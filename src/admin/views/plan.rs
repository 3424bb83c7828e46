//! What a run would do now.

use crate::model::Side;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a run would do now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// How many of each kind, the largest first.
    pub groups: Vec<PlanGroup>,
    /// Each record that is not simply in step.
    pub records: Vec<PlannedRecord>,
    /// Why this plan would wait for `--apply`, when it would.
    pub waits: Option<String>,
    /// The calls to Salesforce that carrying it out takes.
    #[serde(default)]
    pub calls: u64,
    /// The calls to Salesforce that may be spent now, where that is known.
    #[serde(default)]
    pub calls_left: Option<u64>,
    /// The id of what would wait: the same as long as it is the same writes.
    #[serde(default)]
    pub id: Option<String>,
}

/// Records of a plan with the same fate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanGroup {
    /// What would happen: `write Nurture over Working in Salesforce`, `in sync`, `held: ...`.
    pub what: String,
    /// To how many.
    pub count: u64,
    /// The line of the mapping that decides, as `file:line`.
    #[serde(default)]
    pub rule: Option<String>,
    /// Some of them: the Lead's or Contact's id, else the prospect's.
    #[serde(default)]
    pub samples: Vec<String>,
}

/// One record of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedRecord {
    /// The prospect.
    pub prospect: String,
    /// The Lead or Contact.
    pub record: Option<String>,
    /// What would happen: `write`, `adopt`, `skip`, `hold`, `park`, `relink`, `unlink`, ...
    pub what: String,
    /// The side that would be written.
    pub side: Option<Side>,
    /// The value it holds.
    pub from: Option<String>,
    /// The value it would hold.
    pub to: Option<String>,
    /// The mapping line that decides, as `file:line`.
    pub rule: Option<String>,
    /// Why, for people.
    pub reason: String,
}
