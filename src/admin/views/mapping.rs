//! The mapping in use, with live counts.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
