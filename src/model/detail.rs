//! Further fields of a person that a company keeps in step: `[[field]]`.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// A field of a prospect, besides the status.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Detail {
    /// `first_name`.
    FirstName,
    /// `last_name`.
    LastName,
    /// `company`.
    Company,
    /// `title`.
    Title,
    /// `email`: read, never written.
    Email,
}

impl Detail {
    /// All of them.
    pub const ALL: [Detail; 5] =
        [Detail::FirstName, Detail::LastName, Detail::Company, Detail::Title, Detail::Email];

    /// As the Engage API and the mapping spell it.
    pub fn key(self) -> &'static str {
        match self {
            Detail::FirstName => "first_name",
            Detail::LastName => "last_name",
            Detail::Company => "company",
            Detail::Title => "title",
            Detail::Email => "email",
        }
    }
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

/// A prospect's details; an empty one is absent.
pub type Details = BTreeMap<Detail, Arc<str>>;

/// What each side held of one detail when the two last agreed, as marks: personal data is never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DetailBase {
    /// The mark of Salesforce's value.
    pub salesforce: u64,
    /// The mark of Engage's value.
    pub engage: u64,
}

/// A number that stands for a value: the same for the same text, and no way back from it.
pub fn mark(value: &str) -> u64 {
    let digest = Sha256::digest(value.as_bytes());
    u64::from_be_bytes(std::array::from_fn(|index| digest[index]))
}
