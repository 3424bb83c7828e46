//! `only_if`: for which records a row holds.

use crate::model::{FieldName, FieldValue, Fields};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The conditions of one row; all of them must be met. Without any the row holds for every record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Condition {
    /// Each field must hold one of these values.
    pub fields: BTreeMap<FieldName, Vec<FieldValue>>,
    /// The person must be, or have been, in one of these sequences, by name. Empty for no such condition.
    pub sequences: Vec<Arc<str>>,
}

/// What conditions are judged by. A change of it alone moves nothing: it is no watched value.
#[derive(Debug, Clone, Copy, Default)]
pub struct Context<'a> {
    /// The fields that were read of the record.
    pub fields: Option<&'a Fields>,
    /// The names of the sequences the person is, or was, enrolled in.
    pub sequences: &'a [Arc<str>],
}

impl Condition {
    /// Whether the row holds for every record.
    pub fn is_always(&self) -> bool {
        self.fields.is_empty() && self.sequences.is_empty()
    }

    /// Whether the row holds for a record. A field that could not be read meets no condition.
    pub fn holds(&self, context: &Context<'_>) -> bool {
        let field = |(name, values): (&FieldName, &Vec<FieldValue>)| {
            context.fields.and_then(|fields| fields.get(name)).is_some_and(|value| values.contains(value))
        };
        self.fields.iter().all(field)
            && (self.sequences.is_empty()
                || self.sequences.iter().any(|name| context.sequences.contains(name)))
    }

    /// A record that meets both conditions, if there can be one.
    pub fn both(&self, other: &Condition) -> Option<(Fields, Vec<Arc<str>>)> {
        Condition::all([self, other])
    }

    /// A record that meets all of these conditions, if there can be one.
    pub fn all<const N: usize>(conditions: [&Condition; N]) -> Option<(Fields, Vec<Arc<str>>)> {
        let mut record = Fields::new();
        for (name, values) in conditions.iter().flat_map(|condition| &condition.fields) {
            let meets_all = |value: &&FieldValue| {
                conditions
                    .iter()
                    .all(|other| other.fields.get(name).is_none_or(|values| values.contains(value)))
            };
            record.insert(name.clone(), values.iter().find(meets_all)?.clone());
        }
        // One person may be in many sequences.
        let sequences = conditions.iter().filter_map(|condition| condition.sequences.first());
        Some((record, sequences.cloned().collect()))
    }
}

/// As it reads in a table: `LeadSource = Web or Event`.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let any = |values: Vec<String>| values.join(" or ");
        let mut parts: Vec<String> = self
            .fields
            .iter()
            .map(|(name, values)| {
                format!("{name} = {}", any(values.iter().map(ToString::to_string).collect()))
            })
            .collect();
        if !self.sequences.is_empty() {
            parts.push(format!("sequence {}", any(self.sequences.iter().map(ToString::to_string).collect())));
        }
        f.write_str(&parts.join(" and "))
    }
}
