//! What was read of one person on one side.

use super::{Details, FieldValue, Fields, PersonStatus, ProspectId, SalesforceId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One Lead or Contact as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SalesforceRecord {
    /// Its id; tells the object too.
    pub id: SalesforceId,
    /// The watched fields that the record has, the opt-out checkbox among them.
    pub fields: Fields,
    /// `IsConverted`: a Lead that became a Contact. Always false for a Contact.
    pub is_converted: bool,
    /// `ConvertedContactId`, once converted.
    pub converted_contact: Option<SalesforceId>,
    /// `IsDeleted`: in the recycle bin, or the loser of a merge.
    pub is_deleted: bool,
    /// `MasterRecordId`: the winner, when this record lost a merge.
    pub master_record: Option<SalesforceId>,
    /// `Email`. Read only to link by email; never stored, never logged.
    pub email: Option<String>,
    /// `LastModifiedDate`, one second fine.
    pub last_modified: Timestamp,
    /// `LastModifiedById`, a User id.
    pub last_modified_by: Option<String>,
    /// `SystemModstamp`, one second fine, never before `last_modified`.
    pub system_modstamp: Timestamp,
    /// When the status was set, as nearly as it is known.
    pub status_set_at: SetAt,
}

impl SalesforceRecord {
    /// The value of a watched field; a field that was not read is empty.
    pub fn field(&self, name: &str) -> &FieldValue {
        self.fields.get(name).unwrap_or(&FieldValue::Null)
    }

    /// The record that whoever this one was is now: the winner of a merge, or the Contact of a converted Lead.
    pub fn went_on_as(&self) -> Option<SalesforceId> {
        self.master_record.or(self.converted_contact)
    }
}

/// When a value was set, by its own side's clock. The two vendors' clocks are not one clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SetAt {
    /// At this time: a commit time, a field-history row, `status_changed_at`.
    At(Timestamp),
    /// At this time or earlier: `LastModifiedDate`, which any other field may have moved.
    NotAfter(Timestamp),
    /// Nothing is known.
    Unknown,
}

/// Who did something in Revenue Engage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// A person, in the product.
    User,
    /// Revenue Engage itself: a stage change, an unsubscribe link, a bounce.
    System,
    /// A caller of the API.
    Api,
}

/// One prospect as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prospect {
    /// Its id.
    pub id: ProspectId,
    /// The person status.
    pub status: PersonStatus,
    /// When the status was set, by the Engage clock.
    pub status_changed_at: Timestamp,
    /// Who set the status, where it is told.
    pub status_changed_by: Option<ActorKind>,
    /// Grows by one at each change; what `if_version` expects.
    pub version: u64,
    /// The Lead or Contact that Engage itself holds this prospect to be.
    pub salesforce: Option<SalesforceId>,
    /// Read only to link by email; never stored, never logged.
    pub email: Option<String>,
    /// The further fields; never stored, never logged.
    pub details: Details,
    /// Deleted in Engage.
    pub deleted: bool,
    /// When anything about the prospect last changed, by the Engage clock.
    pub updated_at: Timestamp,
}

/// A prospect's place in one sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrollment {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub prospect: ProspectId,
    /// In which sequence.
    pub sequence: String,
    /// The sequence stage's key.
    pub stage: String,
    /// Whether it runs.
    pub state: EnrollmentState,
    /// Who paused it, and under which id, when it is paused.
    pub paused_by: Option<(ActorKind, Option<String>)>,
}

/// Whether an enrolment runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnrollmentState {
    /// Going through its steps.
    Active,
    /// On hold.
    Paused,
    /// Ended by a "Finish".
    Finished,
    /// Ended for good.
    Stopped,
}
