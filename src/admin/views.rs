//! What operations take and answer: the JSON of `/api/v1` and of `--json` (rulings.md 20).

use crate::model::{BySide, HoldReason, Link, Side};
use crate::store::{Due, Held, JournalEntry, Parked, RefusedValue, Resolution, Restored};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How things stand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// The company.
    pub tenant: String,
    /// The daemon's version.
    pub version: String,
    /// Whether a daemon runs; false when the store alone was asked.
    pub running: bool,
    /// Whether writing is stopped by `lockstep pause`.
    pub paused: bool,
    /// Whether everybody has been listed and looked at once.
    pub first_pass_done: bool,
    /// How many people are linked.
    pub links: u64,
    /// How many links have to be looked at.
    pub due: u64,
    /// How many links wait for a person's decision.
    pub held: u64,
    /// How many writes were refused for good.
    pub parked: u64,
    /// Rows of the mapping whose value a system refuses, and whose records wait together.
    #[serde(default)]
    pub held_rows: Vec<HeldRow>,
    /// The conflicts by kind; of more than 10,000 the first 10,000.
    #[serde(default)]
    pub held_by_kind: std::collections::BTreeMap<String, u64>,
    /// The refused writes by the side that refused; of more than 10,000 the first 10,000.
    #[serde(default)]
    pub parked_by_side: BySide<u64>,
    /// How long the longest ready link has been due, in milliseconds; none when nothing may be looked at now.
    #[serde(default)]
    pub oldest_due_ms: Option<u64>,
    /// How many entries the journal has.
    #[serde(default)]
    pub journal_entries: u64,
    /// What the store's files take, in bytes.
    #[serde(default)]
    pub store_bytes: u64,
    /// Why a plan waits for `lockstep plan --apply`, when one does.
    pub plan_waits: Option<String>,
    /// When and from what the store was last put back, if it ever was.
    #[serde(default)]
    pub restored: Option<Restored>,
    /// How many links that came back with it are not looked at, or not decided, yet.
    #[serde(default)]
    pub restored_links: u64,
    /// Each side.
    pub sides: BySide<SideStatus>,
}

/// How things stand on one side.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SideStatus {
    /// Whether calls go through.
    pub state: SideState,
    /// Why they do not.
    pub why: Option<String>,
    /// When the system last answered, by the daemon's clock.
    pub last_answer: Option<Timestamp>,
    /// Up to where its changes have been read, in the connector's own words.
    pub cursor: Option<String>,
    /// How far reading is behind, in milliseconds.
    pub lag_ms: Option<u64>,
    /// The calls left in the present period (a day, or a minute).
    pub calls_left: Option<u64>,
    /// The calls allowed in that period.
    pub calls_allowed: Option<u64>,
    /// What this daemon used of them in the last 24 hours, by purpose; Salesforce only.
    #[serde(default)]
    pub calls_by_purpose: std::collections::BTreeMap<String, u64>,
    /// The calls that are kept for others.
    #[serde(default)]
    pub calls_kept_free: Option<u64>,
    /// When calls that are not made now will be: the quota's own wait, or when our oldest calls leave the rolling day.
    #[serde(default)]
    pub calls_free_at: Option<Timestamp>,
    /// Whether changes come by a stream of events now.
    #[serde(default)]
    pub listening: bool,
}

/// A row of the mapping whose value a system refuses, whoever is to have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HeldRow {
    /// The value, and where it was to be written: `Lead.Status=Nurture`. What `parked retry` takes.
    pub id: String,
    /// The side that refuses.
    pub side: Side,
    /// The system's own code.
    pub code: String,
    /// The system's own text.
    pub message: String,
    /// The line of the mapping, as `file:line`.
    pub rule: Option<String>,
    /// How many records wait.
    pub waiting: u64,
    /// Since when.
    pub since: Timestamp,
}

/// Whether calls to a system go through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SideState {
    /// It has not been asked, or not by this process.
    #[default]
    Unknown,
    /// They do.
    Well,
    /// They fail, and are tried again.
    Failing,
    /// The quota is used up; they resume alone.
    QuotaExceeded,
    /// A person has to mend something.
    Stopped,
}

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

impl HeldRow {
    /// The row of a refused value, if it is held; who waits is still to be counted.
    pub(super) fn of(value: &RefusedValue) -> Option<HeldRow> {
        let since = value.held.filter(|_| !value.let_go)?;
        Some(HeldRow {
            id: value.id.clone(),
            side: value.side,
            code: value.code.clone(),
            message: value.message.clone(),
            rule: value.rule.as_ref().map(ToString::to_string),
            waiting: 0,
            since,
        })
    }
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

/// All that is known of one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Explanation {
    /// The prospect.
    pub prospect: String,
    /// The Lead or Contact.
    pub record: Option<String>,
    /// The link, with both baselines, while there is one.
    pub link: Option<Link>,
    /// Why it has to be looked at, when it has.
    pub due: Option<Due>,
    /// What a person has to decide.
    pub held: Option<Conflict>,
    /// What was refused.
    pub parked: Option<ParkedRecord>,
    /// Every change seen, decision taken and write made, oldest first.
    pub journal: Vec<JournalEntry>,
}

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

/// Which plan is let through.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplyPlan {
    /// The id that `lockstep plan` showed; whatever waits without one.
    #[serde(default)]
    pub id: Option<String>,
}

/// Records of a plan with the same fate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanGroup {
    /// What would happen: `write Nurture to salesforce`, `in sync`, `held: ...`.
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

/// Which changes are asked for: the newest first without `after`, the oldest first with it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct ChangesAsked {
    /// Only those with a smaller number.
    pub before: Option<u64>,
    /// Only those with a larger number.
    pub after: Option<u64>,
    /// How many at most; 100 without it, and never more than 500.
    pub limit: Option<usize>,
}

/// Entries of the journal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Changes {
    /// As they were asked for.
    pub changes: Vec<Change>,
    /// Whether there may be more behind the last of them.
    pub more: bool,
}

/// An entry of the journal with its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// Larger than those of all entries before it.
    pub number: u64,
    /// What happened.
    #[serde(flatten)]
    pub entry: JournalEntry,
}

/// The mapping in use, with live counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MappingView {
    /// Whose mapping it is.
    pub company: String,
    /// Its file.
    pub file: String,
    /// Its rows, in the order of the file.
    pub rows: Vec<MappingRow>,
    /// Linked people whose status no row mentions.
    pub people_elsewhere: u64,
    /// The newest entries of the journal that were counted, 10,000 at most.
    pub journal_entries: u64,
    /// When the oldest of them was made.
    pub since: Option<Timestamp>,
}

/// One row of the mapping.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MappingRow {
    /// Its line in the file, from 1.
    pub line: u32,
    /// The person status, by its label.
    pub person: String,
    /// The same by its key.
    pub status: String,
    /// The sequence stage that leads to it.
    pub stage: Option<String>,
    /// Linked people who had it when both sides last agreed.
    pub people: u64,
    /// What it is in Salesforce; empty where it is not carried.
    pub values: Vec<MappingValue>,
    /// Whether the row writes to Salesforce.
    pub to_salesforce: bool,
    /// Whether the row writes to Engage.
    pub to_engage: bool,
    /// What becomes of the sequences when Salesforce brings somebody here: `leave`, `pause`, `resume`, `finish`.
    pub sequences: String,
    /// The condition under which the row holds.
    pub only_if: Option<String>,
    /// Changes that this row carried to Salesforce, of the journal's entries that were counted.
    pub to_salesforce_count: u64,
    /// The same to Engage.
    pub to_engage_count: u64,
}

/// A Salesforce value of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MappingValue {
    /// `Lead`, `Contact` or both.
    pub objects: Vec<String>,
    /// The value, as it is shown.
    pub text: String,
    /// Whether it is what is written; else it only leads to the person status.
    pub is: bool,
}
