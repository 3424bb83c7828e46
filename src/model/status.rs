//! A person status by its key.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// A person status of Revenue Engage, named by its key (`success`, `not_interested`, or a company's own
/// `snake_case` key). Labels and aliases are read in `lifecycle`; past that, only keys travel.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct PersonStatus(Arc<str>);

impl PersonStatus {
    /// The status with this key. The key is not looked up: a status nobody mapped is a value like any other.
    pub fn new(key: &str) -> PersonStatus {
        PersonStatus(Arc::from(key))
    }

    /// The key, as the Engage API spells it.
    pub fn key(&self) -> &str {
        &self.0
    }

    /// Whether this is the status of somebody who must not be mailed.
    pub fn is_opted_out(&self) -> bool {
        &*self.0 == "opted_out"
    }
}

impl fmt::Display for PersonStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
