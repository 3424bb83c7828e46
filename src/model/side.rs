//! Which of the two systems: a value, never part of a name.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One of the two systems that are kept in step.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Salesforce: a Lead or a Contact.
    Salesforce,
    /// Revenue Engage: a prospect.
    Engage,
}

impl Side {
    /// Both sides, in the order in which they are shown.
    pub const BOTH: [Side; 2] = [Side::Salesforce, Side::Engage];

    /// The other side.
    pub fn other(self) -> Side {
        match self {
            Side::Salesforce => Side::Engage,
            Side::Engage => Side::Salesforce,
        }
    }

    /// The word used in the fields of logs, in JSON, as a metric's label and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Side::Salesforce => "salesforce",
            Side::Engage => "engage",
        }
    }
}

/// The system's own name, for people.
impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Side::Salesforce => "Salesforce",
            Side::Engage => "Revenue Engage",
        })
    }
}

/// One `T` for each side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct BySide<T> {
    /// What belongs to Salesforce.
    pub salesforce: T,
    /// What belongs to Revenue Engage.
    pub engage: T,
}

impl<T> BySide<T> {
    /// What belongs to `side`.
    pub fn get(&self, side: Side) -> &T {
        match side {
            Side::Salesforce => &self.salesforce,
            Side::Engage => &self.engage,
        }
    }

    /// What belongs to `side`, to change it.
    pub fn get_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Salesforce => &mut self.salesforce,
            Side::Engage => &mut self.engage,
        }
    }
}

impl BySide<bool> {
    /// Yes on `side`, no on the other.
    pub fn only(side: Side) -> BySide<bool> {
        BySide { salesforce: side == Side::Salesforce, engage: side == Side::Engage }
    }
}
