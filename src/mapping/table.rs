//! A mapping that has been checked: what one company wants, ready to be asked.
//!
//! Past this point no string carries meaning and nothing can fail.

use super::carry::FieldMapping;
use super::condition::Condition;
use super::index::Index;
use super::relation::Groups;
use crate::model::{FieldName, Fields, PersonStatus, SalesforceObject, SequenceAction, Side};
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// One company's mapping.
#[derive(Debug, Clone, PartialEq)]
pub struct Mapping {
    /// `company`.
    pub company: Arc<str>,
    /// The file it was read from, as it is to be shown in rules (`mapping/example.toml`).
    pub file: Arc<str>,
    /// The rows, in the order of the file.
    pub rows: Vec<Row>,
    /// `[salesforce.lead]`; `None` when Leads are not in sync.
    pub lead: Option<ObjectMapping>,
    /// `[salesforce.contact]`; `None` when Contacts are not in sync.
    pub contact: Option<ObjectMapping>,
    /// `[conflict]`.
    pub conflict: ConflictPolicy,
    /// `[opt_out] cleared`.
    pub opt_out_cleared: OptOutCleared,
    /// `[new]`.
    pub new: NewPolicy,
    /// `[limits]`.
    pub limits: Limits,
    /// The statuses the company made itself, from `[[custom_status]]`.
    pub custom_statuses: Vec<CustomStatus>,
    /// `[[field]]`: further fields kept in step.
    pub fields: Vec<FieldMapping>,
    /// `[[automation]]`: what the company's own flows do.
    pub automations: Vec<Automation>,
    /// `[[test]]`: the company's own examples.
    pub examples: Vec<Example>,
    /// Which rows belong together, and which fields they watch. Filled in by [`Mapping::grouped`].
    pub(super) sorted: ByObject,
}

/// What follows from the rows, worked out once for each object.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct ByObject {
    /// Whether any row has a condition.
    pub(super) conditional: bool,
    /// The Opted out row.
    pub(super) opted_out: Option<usize>,
    pub(super) lead: Sorted,
    pub(super) contact: Sorted,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Sorted {
    /// Every two rows that are related.
    pub(super) pairs: Vec<(usize, usize)>,
    /// The groups while every row holds.
    pub(super) groups: Groups,
    pub(super) watched: BTreeSet<FieldName>,
    pub(super) index: Index,
}

/// How one Salesforce object takes part.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectMapping {
    /// The field that carries the status.
    pub status: FieldName,
    /// The checkbox kept in step with Opted out.
    pub opt_out: OptOutField,
    /// Only records with these values are in sync; empty for all.
    pub scope: Fields,
}

/// Which checkbox says "do not mail".
#[derive(Debug, Clone, PartialEq)]
pub enum OptOutField {
    /// `opt_out = "Name"`: the field must exist.
    Named(FieldName),
    /// Nothing was said: `HasOptedOutOfEmail`, where describe shows that the field exists.
    Default(FieldName),
    /// `opt_out = false`.
    Off,
}

impl OptOutField {
    /// The field's name, unless turned off.
    pub fn name(&self) -> Option<&FieldName> {
        match self {
            OptOutField::Named(name) | OptOutField::Default(name) => Some(name),
            OptOutField::Off => None,
        }
    }
}

/// One row of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The person status.
    pub person: PersonStatus,
    /// The sequence stage that leads to it, by key.
    pub stage: Option<Arc<str>>,
    /// What the status is on a Lead: all of these fields. `None` writes nothing there.
    pub lead: Option<Fields>,
    /// What the status is on a Contact.
    pub contact: Option<Fields>,
    /// Further values on a Lead that lead to this status (inbound only).
    pub also_from_lead: Vec<Fields>,
    /// Further values on a Contact that lead to this status (inbound only).
    pub also_from_contact: Vec<Fields>,
    /// In which directions the row acts.
    pub way: Way,
    /// What becomes of the sequences when Salesforce brings the person here.
    pub sequences: SequenceAction,
    /// `winner` of this row, where it differs from the company's.
    pub winner: Option<Winner>,
    /// `only_if`: for which records the row holds.
    pub only_if: Condition,
    /// The line of the file on which the row begins, from 1.
    pub line: u32,
    /// The bytes of the file in which the row stands.
    pub span: Range<usize>,
}

impl Row {
    /// What the status is on `object`.
    pub fn fields(&self, object: SalesforceObject) -> Option<&Fields> {
        match object {
            SalesforceObject::Lead => self.lead.as_ref(),
            SalesforceObject::Contact => self.contact.as_ref(),
        }
    }

    /// The further values on `object` that lead here.
    pub fn also_from(&self, object: SalesforceObject) -> &[Fields] {
        match object {
            SalesforceObject::Lead => &self.also_from_lead,
            SalesforceObject::Contact => &self.also_from_contact,
        }
    }
}

/// The directions in which a row acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Both (the default).
    Both,
    /// Engage's status is written to Salesforce; Salesforce's value does not lead back here.
    ToSalesforce,
    /// Salesforce's value leads here; the status is not written to Salesforce.
    ToEngage,
    /// The row only says that the two agree.
    None,
}

impl Way {
    /// Whether the row writes to Salesforce.
    pub fn to_salesforce(self) -> bool {
        matches!(self, Way::Both | Way::ToSalesforce)
    }

    /// Whether the row writes to Engage.
    pub fn to_engage(self) -> bool {
        matches!(self, Way::Both | Way::ToEngage)
    }
}

/// Who wins when both sides changed.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Winner {
    /// Salesforce's value.
    Salesforce,
    /// Engage's value.
    Engage,
    /// The value that was set later, where that is known beyond the guard band.
    Newest,
    /// Nobody: a person decides.
    Hold,
}

/// `[conflict]`.
#[derive(Debug, Clone, PartialEq)]
pub struct ConflictPolicy {
    /// Who wins. There is no default: the company decides.
    pub winner: Winner,
    /// How far apart two times of the two vendors' clocks must be to be compared (default 120 s).
    pub guard_band: Duration,
}

/// `[opt_out] cleared`: what follows when somebody takes an opt-out back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptOutCleared {
    /// A named person decides (the default).
    Hold,
    /// The clearing is carried over like any other change.
    Follow,
}

/// `[new]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewPolicy {
    /// A prospect that has no Lead or Contact yet.
    pub prospects: NewProspects,
    /// A Lead that has no prospect yet.
    pub leads: NewLeads,
    /// A linked pair that disagrees when first seen.
    pub disagree: Disagree,
}

/// `[new] prospects`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewProspects {
    /// Left alone.
    Ignore,
    /// Linked where the email is unique on both sides, else held (the default).
    LinkByEmail,
    /// Created as a Lead.
    Create,
}

/// `[new] leads`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewLeads {
    /// Left alone (the default).
    Ignore,
    /// Created as a prospect.
    Create,
}

/// `[new] disagree`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disagree {
    /// No write: only what changes from now on flows (the default).
    Adopt,
    /// Decided as if both sides had changed.
    Apply,
    /// A person decides.
    Hold,
}

/// `[limits]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Writes to one side of one link within an hour before it is parked as flapping (default 6).
    pub writes_per_record_per_hour: u32,
    /// The share of all links, 0 to 1, that one plan may change unasked (default 0.2).
    pub changed_share: f64,
    /// Plans of up to this many records are never asked about (default 50).
    pub changed_min: u32,
}

/// A status the company made itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomStatus {
    /// Its key.
    pub status: PersonStatus,
    /// Its label, as shown in Revenue Engage.
    pub label: Arc<str>,
    /// Its group: a company may add to Success and Failed, never to General.
    pub group: crate::lifecycle::StatusGroup,
}

/// A value of one side, as automations and examples name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SideValue {
    /// These fields of a Lead or Contact.
    Salesforce(SalesforceObject, Fields),
    /// This person status.
    Engage(PersonStatus),
}

/// `[[automation]]`: a flow of the company's own. When the one value is set, by whom ever, it sets the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Automation {
    /// `on`.
    pub on: SideValue,
    /// `then`.
    pub then: SideValue,
    /// The line of the file, from 1.
    pub line: u32,
    /// The bytes of the file in which it stands.
    pub span: Range<usize>,
}

/// `[[test]]`: what the company expects, in its own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// `name`.
    pub name: Arc<str>,
    /// The object it speaks of.
    pub object: SalesforceObject,
    /// `given`: what both sides held when they last agreed.
    pub given: Pair,
    /// `given.record`: other fields of the record, for `only_if`.
    pub record: Fields,
    /// `given.sequence`: the sequences the person is in.
    pub sequences: Vec<Arc<str>>,
    /// `when`: what somebody sets.
    pub when: Pair,
    /// `when.newer`: the side that was set later, when both were.
    pub newer: Option<Side>,
    /// `then`.
    pub then: Expected,
    /// The bytes of the file in which it stands.
    pub span: Range<usize>,
    /// The bytes of its `then`.
    pub then_span: Range<usize>,
    /// The line of the file, from 1.
    pub line: u32,
}

/// A value on each side, where one is named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pair {
    /// The fields of the Lead or Contact.
    pub salesforce: Option<Fields>,
    /// The person status.
    pub engage: Option<PersonStatus>,
}

/// What an example expects; what it does not name may be anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected {
    /// What both sides hold in the end.
    pub pair: Pair,
    /// What became of the sequences.
    pub sequences: Option<SequenceAction>,
    /// Whether a person has to decide.
    pub held: Option<bool>,
}
