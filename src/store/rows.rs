//! What is remembered, row by row. Ids and statuses only: no name and no email is ever stored.

use crate::model::{
    Baseline, BySide, ChangeId, Detail, DetailBase, HoldReason, Latch, ProspectId, Rule, SalesforceId, Side,
    Step,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A link that has to be looked at, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Due {
    /// Whose link.
    pub prospect: ProspectId,
    /// The id that follows this change to its last write.
    pub change: ChangeId,
    /// Grows with every observation. A due mark is removed only by whoever saw its newest generation, so that
    /// a change that comes in meanwhile keeps the link due.
    pub generation: u64,
    /// When it first became due, by this daemon's clock.
    pub since: Timestamp,
    /// Not to be looked at before this time (a retry), by this daemon's clock.
    pub not_before: Option<Timestamp>,
    /// Tries that failed so far.
    pub attempts: u32,
    /// What was seen, oldest first; the store keeps the newest 8.
    pub seen: Vec<Seen>,
    /// The fingerprint of the decided write that waits for an operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<u64>,
    /// The fingerprint of the write that an operator let through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved: Option<u64>,
    /// When the newest event that set the Salesforce status was committed, by Salesforce's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_set: Option<Timestamp>,
    /// The refused value, by its id, that is to be taken before this link is looked at again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
}

/// One observation: a hint that something may have changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Seen {
    /// On which side.
    pub side: Option<Side>,
    /// How it was learnt.
    pub source: Source,
    /// When it was taken in, by this daemon's clock.
    pub at: Timestamp,
    /// The value seen, as it is shown to people; none where only the fact of a change is known.
    pub value: Option<String>,
    /// Who made the change, where the system tells: a Salesforce User id, `user`, `system`, `api`.
    pub by: Option<String>,
}

/// How a change was learnt.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The first listing of everybody.
    FirstPass,
    /// A poll.
    Poll,
    /// A webhook.
    Webhook,
    /// A change event of Salesforce.
    Event,
    /// An outbound message of Salesforce.
    OutboundMessage,
    /// The daily comparison of everything linked.
    Sweep,
    /// `lockstep resync`.
    Resync,
    /// `lockstep conflicts resolve`, `lockstep parked retry`.
    Operator,
    /// Lockstep itself: a retry, or a link that moved to another record.
    Lockstep,
}

impl Source {
    /// Every one.
    pub const ALL: [Source; 9] = [
        Source::FirstPass,
        Source::Poll,
        Source::Webhook,
        Source::Event,
        Source::OutboundMessage,
        Source::Sweep,
        Source::Resync,
        Source::Operator,
        Source::Lockstep,
    ];

    /// As it is stored and counted.
    pub fn as_str(self) -> &'static str {
        match self {
            Source::FirstPass => "first_pass",
            Source::Poll => "poll",
            Source::Webhook => "webhook",
            Source::Event => "event",
            Source::OutboundMessage => "outbound_message",
            Source::Sweep => "sweep",
            Source::Resync => "resync",
            Source::Operator => "operator",
            Source::Lockstep => "lockstep",
        }
    }
}

/// How often something was seen, by side (none: both) and source.
pub type SeenCounts = BTreeMap<(Option<Side>, Source), u64>;

/// A write that was decided, durable before it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// Whose link. A link has at most one intent.
    pub prospect: ProspectId,
    /// The record the link stood for when this was decided.
    pub salesforce: SalesforceId,
    /// The change it belongs to.
    pub change: ChangeId,
    /// What is to be written.
    pub step: Step,
    /// When it was decided, by this daemon's clock.
    pub at: Timestamp,
    /// When what is to be written over was last set, by its own side's clock: by that an old value that somebody set back
    /// is told from one that was never written over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub touched: Option<Timestamp>,
}

/// A link on which a person has to decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The conflict's id, stable as long as the conflict lasts.
    pub id: String,
    /// Whose link.
    pub prospect: ProspectId,
    /// The Lead or Contact.
    pub salesforce: Option<SalesforceId>,
    /// Why.
    pub reason: HoldReason,
    /// What Salesforce holds, as it is shown.
    pub salesforce_value: Option<String>,
    /// What Engage holds, as it is shown.
    pub engage_value: Option<String>,
    /// When each side was last touched by then, by its own clock: what was taken back and said anew looks the same.
    #[serde(default)]
    pub touched: BySide<Option<Timestamp>>,
    /// When it was first held, by this daemon's clock.
    pub since: Timestamp,
    /// What an operator decided, to be carried out when the link is next looked at.
    pub resolution: Option<Resolution>,
}

/// An operator's answer to a conflict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Resolution {
    /// The side whose value is taken.
    pub take: Side,
    /// Who decided; goes into the journal.
    pub by: String,
}

/// A write a system refused for good, kept with the system's own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// Whose link.
    pub prospect: ProspectId,
    /// The Lead or Contact.
    pub salesforce: SalesforceId,
    /// The side that refused, or that was written too often.
    pub side: Side,
    /// The system's own error code (`INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST`), or `FLAPPING`.
    pub code: String,
    /// The system's own text.
    pub message: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was first parked, by this daemon's clock.
    pub since: Timestamp,
    /// What both sides held when it was refused: it is tried again only when one of them differs, by command,
    /// or by the daily sweep.
    pub seen: Baseline,
    /// Of a refused write of further fields: what both sides held of them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<Detail, DetailBase>,
}

/// A value that a system refused, whoever was to have it. Once it was refused often enough, the mapping row that writes it
/// is held: its records wait together, instead of being refused one by one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedValue {
    /// Where it was to be written, and what: `Lead.Status=Nurture`, `engage.status=success`.
    pub id: String,
    /// The side that refuses.
    pub side: Side,
    /// The system's own error code.
    pub code: String,
    /// The system's own text, of the last refusal.
    pub message: String,
    /// The row of the mapping that writes it.
    pub rule: Option<Rule>,
    /// Whose writes were refused, each once; no more than it takes to hold the row.
    pub records: Vec<ProspectId>,
    /// When it was first refused, by this daemon's clock.
    pub since: Timestamp,
    /// Since when the row is held.
    pub held: Option<Timestamp>,
    /// The one record that tries whether the value is taken again.
    pub trial: Option<ProspectId>,
    /// When one last began to.
    pub tried: Option<Timestamp>,
    /// A mark of what the mapping said when this was last refused: once it says something else, the value is tried again.
    pub mapping: u64,
    /// Whether the org had it among its active values, where that is told: once it has it again, it is tried again.
    pub active: Option<bool>,
    /// It was taken, or somebody asked: whoever waits for it is let go.
    pub let_go: bool,
}

/// One entry of the journal: what was seen, which rule decided, what was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct JournalEntry {
    /// When, by this daemon's clock.
    pub at: Timestamp,
    /// The change it belongs to.
    pub change: Option<ChangeId>,
    /// Whose link.
    pub prospect: ProspectId,
    /// The Lead or Contact.
    pub salesforce: Option<SalesforceId>,
    /// What happened: `linked`, `adopted`, `skipped`, `held`, `written`, `parked`, `relinked`, `unlinked`,
    /// `resolved`, `stale`, `dropped`, `left`, `waits`, `row held`.
    pub what: String,
    /// What had been seen.
    pub seen: Vec<Seen>,
    /// The row that decided it.
    pub rule: Option<Rule>,
    /// Why, in words.
    pub reason: String,
    /// The side that was written.
    pub side: Option<Side>,
    /// The value before.
    pub from: Option<String>,
    /// The value after.
    pub to: Option<String>,
    /// The losing value, when both sides had changed.
    pub overruled: Option<String>,
    /// The operator, where one acted.
    pub by: Option<String>,
}

impl JournalEntry {
    /// An entry about a prospect, to be completed.
    pub fn about(prospect: ProspectId, what: &str, reason: impl Into<String>, at: Timestamp) -> JournalEntry {
        JournalEntry {
            at,
            change: None,
            prospect,
            salesforce: None,
            what: what.to_owned(),
            seen: Vec::new(),
            rule: None,
            reason: reason.into(),
            side: None,
            from: None,
            to: None,
            overruled: None,
            by: None,
        }
    }
}

/// Where reading has got to. The text is the connector's own; the store only keeps it.
pub type Cursors = BTreeMap<String, String>;

/// The enrolments of one prospect that this daemon paused: the only ones it may resume.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnPauses {
    /// Enrolment ids.
    pub enrollments: Vec<String>,
    /// The pause belongs to a step whose status write has not happened yet: when that step is dropped, the
    /// pause is taken back in the next one, unless the new decision wants it.
    pub pending: bool,
}

/// A link that was dropped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Former {
    /// Whose link it was.
    pub prospect: ProspectId,
    /// The Lead or Contact the person was last.
    pub salesforce: SalesforceId,
    /// The record that Engage named.
    pub named_by_engage: Option<SalesforceId>,
    /// The latch belongs to the person, and outlives the link.
    pub latch: Option<Latch>,
    /// Why it was dropped.
    pub why: Parting,
    /// When, by this daemon's clock.
    pub at: Timestamp,
}

/// Why a link was dropped: what has to happen before the two are one person again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Parting {
    /// The Salesforce record is gone: it has to come back.
    GoneInSalesforce,
    /// The prospect was deleted.
    GoneInEngage,
    /// The Lead became a Contact, and Contacts are not in sync: they have to be.
    ContactsNotInSync,
}

/// A person whom only one side knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Newcomer {
    /// The Lead's id, or the prospect's.
    pub id: String,
    /// The side that knows them.
    pub known_to: Side,
    /// When they were first seen, by this daemon's clock.
    pub since: Timestamp,
    /// When their record on the other side was asked for. Until it is known what became of that, nothing is asked again.
    pub begun: Option<Timestamp>,
    /// Why the other side refused, in its own words.
    pub refused: Option<String>,
    /// They wait for an operator: too many came at once.
    pub waiting: bool,
    /// An operator let them through.
    pub approved: bool,
    /// What they were when they were last looked at: the prospect's version, or the second of the Lead's stamp. Seen again
    /// as that, they are no news.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_as: Option<u64>,
}

impl Newcomer {
    /// Somebody just seen.
    pub fn of(id: &str, known_to: Side, since: Timestamp) -> Newcomer {
        Newcomer {
            id: id.to_owned(),
            known_to,
            since,
            begun: None,
            refused: None,
            waiting: false,
            approved: false,
            seen_as: None,
        }
    }
}
