//! One person in two systems, as small as can be: enough to ask for a decision, carry it out, and ask again.

use crate::mapping::{Context, Mapping, Relation};
use crate::model::{
    Baseline, BySide, Fields, Latch, Link, PersonStatus, Prospect, ProspectId, SalesforceId,
    SalesforceObject, SalesforceRecord, SetAt, Side, Target,
};
use crate::reconcile::{Decision, LatchChange, Situation, Verdict, decide_by};
use jiff::Timestamp;
use std::sync::Arc;

/// A mapping, asked about one kind of record.
#[derive(Debug, Clone)]
pub struct World<'m> {
    /// The mapping.
    pub mapping: &'m Mapping,
    /// The object that the person is.
    pub object: SalesforceObject,
    /// Fields that scope and conditions ask for.
    pub record: Fields,
    /// The sequences that the person is in.
    pub sequences: Vec<Arc<str>>,
    /// The side that was set later, when both were; nothing is known without one.
    pub newer: Option<Side>,
    ids: (ProspectId, SalesforceId),
}

/// What both sides hold, and what is remembered of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The watched fields of the Lead or Contact.
    pub salesforce: Fields,
    /// The person status.
    pub engage: PersonStatus,
    /// What both held when they last agreed.
    pub baseline: Option<Baseline>,
    /// Which sides were seen opted out.
    pub latch: Option<BySide<bool>>,
}

impl State {
    /// Both as they are, and agreed upon.
    pub fn quiet(salesforce: Fields, engage: PersonStatus) -> State {
        let baseline = Some(Baseline { salesforce: salesforce.clone(), engage: engage.clone() });
        State { salesforce, engage, baseline, latch: None }
    }
}

impl<'m> World<'m> {
    /// A record that is in scope and meets no condition.
    pub fn new(mapping: &'m Mapping, object: SalesforceObject) -> World<'m> {
        let record = mapping.object(object).map(|columns| columns.scope.clone()).unwrap_or_default();
        let salesforce = match object {
            SalesforceObject::Lead => "00Q000000000001",
            SalesforceObject::Contact => "003000000000001",
        };
        // Both are written as ids here, and an id that is one always reads.
        let ids = ("p_1".parse().expect("a prospect id"), salesforce.parse().expect("a Salesforce id"));
        World { mapping, object, record, sequences: Vec::new(), newer: None, ids }
    }

    /// The rows that hold for this kind of record.
    pub fn relation(&self) -> Relation<'m> {
        let context = Context { fields: Some(&self.record), sequences: &self.sequences };
        self.mapping.relation(self.object, &context)
    }

    /// What is decided of a person.
    pub fn decide(&self, state: &State) -> Verdict {
        self.decide_by(&self.relation(), state)
    }

    /// The same, by this world's own relation.
    pub(super) fn decide_by(&self, relation: &Relation<'_>, state: &State) -> Verdict {
        let mut fields = self.record.clone();
        fields.extend(state.salesforce.iter().map(|(name, value)| (name.clone(), value.clone())));
        let at =
            |side| if self.newer == Some(side) { Timestamp::UNIX_EPOCH + DAY } else { Timestamp::UNIX_EPOCH };
        let record = SalesforceRecord {
            id: self.ids.1,
            fields,
            is_converted: false,
            converted_contact: None,
            is_deleted: false,
            master_record: None,
            email: None,
            last_modified: Timestamp::UNIX_EPOCH,
            last_modified_by: None,
            system_modstamp: Timestamp::UNIX_EPOCH,
            status_set_at: if self.newer.is_some() {
                SetAt::At(at(Side::Salesforce))
            } else {
                SetAt::Unknown
            },
        };
        let prospect = Prospect {
            id: self.ids.0.clone(),
            status: state.engage.clone(),
            status_changed_at: at(Side::Engage),
            status_changed_by: None,
            version: 1,
            salesforce: None,
            email: None,
            details: Default::default(),
            deleted: false,
            updated_at: Timestamp::UNIX_EPOCH,
        };
        let link = Link {
            baseline: state.baseline.clone(),
            latch: state.latch.map(|seen| Latch { since: Timestamp::UNIX_EPOCH, seen, in_engage: None }),
            ..Link::new(self.ids.0.clone(), self.ids.1)
        };
        let situation = Situation {
            link: &link,
            salesforce: Some(&record),
            prospect: Some(&prospect),
            resolution: None,
            held: None,
            converted_statuses: &[],
            others: &[],
            sequences: &self.sequences,
            leave_details: false,
        };
        decide_by(self.mapping, Some(relation), &situation)
    }

    /// The person once a decision is carried out.
    pub fn after(&self, state: &State, verdict: &Verdict) -> State {
        let mut next = state.clone();
        match verdict.latch {
            LatchChange::Keep => {}
            LatchChange::Set { seen, .. } => next.latch = Some(seen),
            LatchChange::Clear => next.latch = None,
        }
        match &verdict.decision {
            Decision::Adopt { baseline, .. } | Decision::Skip { baseline, .. } => {
                next.baseline = Some(baseline.clone());
            }
            Decision::Write(step) => {
                match &step.target {
                    Target::Engage { status, .. } => next.engage = status.clone(),
                    Target::EngageDetails { .. } => {}
                    Target::Salesforce { fields } => {
                        next.salesforce
                            .extend(fields.iter().map(|(name, value)| (name.clone(), value.clone())));
                    }
                }
                next.baseline = Some(step.after());
            }
            _ => {}
        }
        next
    }
}

const DAY: jiff::SignedDuration = jiff::SignedDuration::from_hours(24 * 14);
