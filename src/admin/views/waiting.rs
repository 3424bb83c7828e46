//! What waits for a person: conflicts, and writes that were refused for good.

use super::status::HeldRow;
use crate::model::{HoldReason, Side};
use crate::store::{Held, Parked, Resolution};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A link on which a person has to decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Conflict {
    /// What `conflicts resolve` takes.
    pub id: String,
    /// The Lead or Contact.
    pub record: Option<String>,
    /// The prospect.
    pub prospect: String,
    /// Why, for people.
    pub reason: String,
    /// Why, for programs: `both_changed`, `opt_out_cleared`, ...
    pub kind: String,
    /// What Salesforce holds.
    pub salesforce: Option<String>,
    /// What Engage holds.
    pub engage: Option<String>,
    /// All ids concerned, when an email or a record is not unique.
    pub ids: Vec<String>,
    /// Since when.
    pub since: Timestamp,
    /// What was decided and is about to be carried out.
    pub resolution: Option<Resolution>,
}

impl From<&Held> for Conflict {
    fn from(held: &Held) -> Conflict {
        let ids = match &held.reason {
            HoldReason::NotUnique { ids } => ids.clone(),
            _ => vec![],
        };
        Conflict {
            id: held.id.clone(),
            record: held.salesforce.map(|id| id.to_string()),
            prospect: held.prospect.to_string(),
            reason: held.reason.to_string(),
            kind: held.reason.kind().to_owned(),
            salesforce: held.salesforce_value.clone(),
            engage: held.engage_value.clone(),
            ids,
            since: held.since,
            resolution: held.resolution.clone(),
        }
    }
}

/// A write that was refused for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ParkedRecord {
    /// What `parked retry` and `parked drop` take: the prospect's id.
    pub id: String,
    /// The Lead or Contact.
    pub record: String,
    /// The prospect.
    pub prospect: String,
    /// The side that refused.
    pub side: Side,
    /// Why, for people.
    pub reason: String,
    /// The system's own code.
    pub code: String,
    /// The system's own text.
    pub message: String,
    /// How often it was tried.
    pub attempts: u32,
    /// Since when.
    pub since: Timestamp,
    /// Of a held row, which stands for all its records: how many wait. `record` and `prospect` are empty then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<u64>,
}

impl From<HeldRow> for ParkedRecord {
    fn from(row: HeldRow) -> ParkedRecord {
        let rule = row.rule.map(|rule| format!(" of {rule}")).unwrap_or_default();
        ParkedRecord {
            reason: format!("{} refuses {}: the row{rule} is held", row.side, row.id),
            id: row.id,
            record: String::new(),
            prospect: String::new(),
            side: row.side,
            code: row.code,
            message: row.message,
            attempts: 0,
            since: row.since,
            waiting: Some(row.waiting),
        }
    }
}

impl From<&Parked> for ParkedRecord {
    fn from(parked: &Parked) -> ParkedRecord {
        let reason = match parked.code.as_str() {
            "FLAPPING" => format!("{} was written too often within an hour", parked.side),
            _ => format!("{} refused the write", parked.side),
        };
        ParkedRecord {
            id: parked.prospect.to_string(),
            record: parked.salesforce.to_string(),
            prospect: parked.prospect.to_string(),
            side: parked.side,
            reason,
            code: parked.code.clone(),
            message: parked.message.clone(),
            attempts: parked.attempts,
            since: parked.since,
            waiting: None,
        }
    }
}
