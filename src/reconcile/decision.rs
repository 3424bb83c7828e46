//! What can be decided about one linked person. Every odd case has a name.

use crate::model::{Baseline, BySide, Detail, DetailBase, HoldReason, SalesforceId, Side, Step};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What was decided about one link, and what becomes of its latch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What is to be done.
    pub decision: Decision,
    /// What becomes of the opt-out latch, recorded with whatever is done.
    pub latch: LatchChange,
    /// Further fields that agree, or are left as they are: their new bases, recorded with whatever is done.
    pub details: BTreeMap<Detail, DetailBase>,
    /// Behind a write of the status: further fields wait for their turn.
    pub more: bool,
}

impl Verdict {
    /// A decision about the status.
    pub fn new(decision: Decision, latch: LatchChange) -> Verdict {
        Verdict { decision, latch, details: BTreeMap::new(), more: false }
    }
}

/// What is to be done about one link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Neither side changed since the two last agreed. The most common answer.
    InSync,
    /// The two agree (again, or on first sight): the baseline moves, nothing is written.
    Adopt {
        /// What both sides hold now.
        baseline: Baseline,
        /// Why they count as agreeing.
        reason: AdoptReason,
    },
    /// One side holds a value that no row mentions: the baseline moves, nothing is written.
    Skip {
        /// What both sides hold now.
        baseline: Baseline,
        /// The side whose value is unmapped.
        side: Side,
        /// The value, as it is shown.
        value: String,
        /// The other side's value, where that had changed too and lost.
        overruled: Option<String>,
    },
    /// A person has to decide; the baseline stays.
    Hold(HoldReason),
    /// One side is to be written.
    Write(Step),
    /// The Lead was converted or merged: the link moves to another record, then is decided anew.
    Relink {
        /// The record the person is now.
        to: SalesforceId,
        /// What happened.
        reason: RelinkReason,
    },
    /// One side's record is gone: the link is dropped and nothing is changed on the other side.
    Unlink(UnlinkReason),
    /// A record could not be read, or is out of the company's scope: neither deleted nor changed.
    LeaveAlone(LeaveReason),
}

impl Decision {
    /// Every kind, as [`kind`](Decision::kind) names it.
    pub const KINDS: [&str; 8] =
        ["in_sync", "adopt", "skip", "hold", "write", "relink", "unlink", "leave_alone"];

    /// What kind it is, for programs.
    pub fn kind(&self) -> &'static str {
        match self {
            Decision::InSync => "in_sync",
            Decision::Adopt { .. } => "adopt",
            Decision::Skip { .. } => "skip",
            Decision::Hold(_) => "hold",
            Decision::Write(_) => "write",
            Decision::Relink { .. } => "relink",
            Decision::Unlink(_) => "unlink",
            Decision::LeaveAlone(_) => "leave_alone",
        }
    }
}

/// Why two sides count as agreeing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdoptReason {
    /// Both values are in one group of the mapping.
    Agree,
    /// Neither value is mapped.
    NeitherMapped,
    /// Both sides are opted out, in whatever way each says so.
    BothOptedOut,
    /// First sight, and `[new] disagree = "adopt"`.
    FirstSight,
}

/// What becomes of the latch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LatchChange {
    /// Nothing.
    Keep,
    /// It is set, or says otherwise from now on.
    Set {
        /// The sides seen opted out, in place of what was kept of that.
        seen: BySide<bool>,
        /// When Engage said so, to be kept once the other side says so too.
        in_engage: Option<Timestamp>,
    },
    /// It comes off, because a named operator or `cleared = "follow"` says so.
    Clear,
}

impl LatchChange {
    /// These sides say so; when is not known.
    pub fn seen(seen: BySide<bool>) -> LatchChange {
        LatchChange::Set { seen, in_engage: None }
    }
}

/// Why a link moves to another Salesforce record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RelinkReason {
    /// The Lead was converted; its Contact goes on.
    Converted,
    /// The record lost a merge; the winner goes on.
    Merged,
}

/// Why a link is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnlinkReason {
    /// Deleted in Salesforce.
    DeletedInSalesforce,
    /// Deleted in Engage.
    DeletedInEngage,
    /// Converted without a Contact, or into one while Contacts are not in sync.
    ConvertedOutOfSync,
}

/// Why nothing at all is done about a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaveReason {
    /// This side's record was not in the answer: deleted for good, or hidden from this user.
    Missing(Side),
    /// The record does not match the object's `scope`.
    OutOfScope,
    /// The object is not in sync in this mapping.
    ObjectNotInSync,
}
