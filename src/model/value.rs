//! Field values as Salesforce holds them.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// A Salesforce field's API name, spelled as the mapping spells it.
pub type FieldName = Arc<str>;

/// The values of several fields, in the order of their names, so that nothing depends on hashing.
pub type Fields = BTreeMap<FieldName, FieldValue>;

/// What a picklist or checkbox holds. Other field types are not mapped
/// (the vendor's own status mapping knows "boolean or picklist only").
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(untagged)]
pub enum FieldValue {
    /// No value: JSON `null`.
    Null,
    /// A checkbox.
    Bool(bool),
    /// A picklist entry's API value (never its label).
    Text(Arc<str>),
}

impl FieldValue {
    /// A picklist value.
    pub fn text(value: &str) -> FieldValue {
        FieldValue::Text(Arc::from(value))
    }

    /// The picklist value, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            FieldValue::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl fmt::Display for FieldValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FieldValue::Null => f.write_str("(empty)"),
            FieldValue::Bool(value) => write!(f, "{value}"),
            FieldValue::Text(text) => f.write_str(text),
        }
    }
}
