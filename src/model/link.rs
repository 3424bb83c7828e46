//! That two records are one person, and what was last agreed about them.

use super::{Detail, DetailBase, Fields, PersonStatus, ProspectId, SalesforceId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// This prospect and this Lead or Contact are one person. Kept by both ids, never by email.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Link {
    /// The prospect: the link's own key, since it stays when the Salesforce record is converted or merged.
    pub prospect: ProspectId,
    /// The Lead or Contact the person is now.
    pub salesforce: SalesforceId,
    /// The record Engage itself named when the link was made. Engage keeps naming a Lead after its conversion,
    /// so only another answer than this one moves the link.
    #[serde(default)]
    pub named_by_engage: Option<SalesforceId>,
    /// The records that went on as this one: Engage may go on naming any of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub came_from: Vec<SalesforceId>,
    /// The records that they were until Engage named this one, as long as nobody has looked whether one had said "opted out".
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<SalesforceId>,
    /// It was out of the company's scope when it was last looked at: whatever has changed meanwhile was left alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub out_of_scope: bool,
    /// What each side held when the two last agreed; `None` until they were first looked at together.
    pub baseline: Option<Baseline>,
    /// This person was seen opted out. Taken off only as [`Latch`] says.
    pub latch: Option<Latch>,
    /// Both sides count as changed since then, whatever they hold: a write of ours, of which nothing is recorded, may lie
    /// between, and somebody has set the written side again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub both_moved: bool,
    /// What each side held of the further fields when they last agreed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<Detail, DetailBase>,
}

impl Link {
    /// Two who were never looked at together.
    pub fn new(prospect: ProspectId, salesforce: SalesforceId) -> Link {
        Link {
            prospect,
            salesforce,
            named_by_engage: None,
            came_from: Vec::new(),
            left: Vec::new(),
            out_of_scope: false,
            baseline: None,
            latch: None,
            both_moved: false,
            details: BTreeMap::new(),
        }
    }

    /// A record that they were has said "opted out", and nobody has heard it. Whom Engage was told of is opted out there
    /// already, or a person has decided.
    pub fn hear_opt_out(&mut self, now: Timestamp) {
        let nothing = Latch { since: now, seen: super::BySide::default(), in_engage: None };
        let latch = self.latch.get_or_insert(nothing);
        latch.seen.salesforce |= !latch.seen.engage;
    }

    /// From now on the two are compared with this.
    pub fn agree_on(&mut self, baseline: Baseline) {
        (self.baseline, self.both_moved, self.out_of_scope) = (Some(baseline), false, false);
    }
}

/// What each side held when the two last agreed. A side *changed* when it differs from its own half;
/// the halves are never compared with each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Baseline {
    /// The watched Salesforce fields.
    pub salesforce: Fields,
    /// The person status.
    pub engage: PersonStatus,
}

/// Set when either side was first seen opted out. Only a named operator, or the company's
/// `[opt_out] cleared = "follow"`, takes it off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Latch {
    /// When it was set, by this daemon's clock.
    pub since: Timestamp,
    /// Which sides have been seen opted out: where it is one, that opt-out still has to be carried to the other.
    pub seen: super::BySide<bool>,
    /// When Engage said so, by its clock (`status_changed_at`), as far as both sides were known to say it: one that is later
    /// was said anew. `None` where that was never read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_engage: Option<Timestamp>,
}

impl Latch {
    /// The same person's, for a record that was never seen opted out: that it says nothing of it takes nothing back. What
    /// Engage was not told yet stays what was seen, so that it is not lost with the record that said it.
    pub fn on_another_record(mut self) -> Latch {
        if self.seen.engage {
            self.seen.salesforce = false;
        }
        self
    }

    /// Whether an opt-out was seen in Salesforce, and Engage was not told yet.
    pub fn is_untold(&self) -> bool {
        self.seen.salesforce && !self.seen.engage
    }
}
