//! How things stand, on one screen.

use crate::model::{BySide, Side};
use crate::store::{RefusedValue, Restored};
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
    /// The conflicts by kind.
    #[serde(default)]
    pub held_by_kind: std::collections::BTreeMap<String, u64>,
    /// The refused writes by the side that refused.
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
    /// A changed mapping file that is not in use, because it has mistakes; the one before it still is.
    #[serde(default)]
    pub mapping_rejected: Option<RejectedMapping>,
    /// When and from what the store was last put back, if it ever was.
    #[serde(default)]
    pub restored: Option<Restored>,
    /// How many links that came back with it are not looked at, or not decided, yet.
    #[serde(default)]
    pub restored_links: u64,
    /// Each side.
    pub sides: BySide<SideStatus>,
}

/// A mapping file that the daemon would not take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RejectedMapping {
    /// When it was read.
    pub at: Timestamp,
    /// Its mistakes, each with its line, as `lockstep check` tells them.
    pub problems: String,
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

impl HeldRow {
    /// The row of a refused value, if it is held; who waits is still to be counted.
    pub(in super::super) fn of(value: &RefusedValue) -> Option<HeldRow> {
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
