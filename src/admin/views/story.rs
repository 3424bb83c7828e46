//! What happened: to one person, and of late to anybody.

use super::waiting::{Conflict, ParkedRecord};
use crate::model::Link;
use crate::store::{Due, JournalEntry};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
