//! Which rows can have a say at all: so that a mapping of hundreds of rows is asked as quickly as one of eight.

use super::relation::patterns;
use super::table::Row;
use crate::model::{FieldName, FieldValue, Fields, PersonStatus, SalesforceObject};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The rows by what they speak of, for one object. Every list is in the order of the file.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Index {
    /// Rows with a pattern for this value of the status field.
    by_value: BTreeMap<FieldValue, Vec<usize>>,
    /// Rows with a pattern that does not name the status field.
    anywhere: Vec<usize>,
    by_person: BTreeMap<PersonStatus, Vec<usize>>,
}

impl Index {
    pub(super) fn of(rows: &[Row], object: SalesforceObject, status: &FieldName) -> Index {
        let mut index = Index::default();
        let add = |list: &mut Vec<usize>, row: usize| {
            if list.last() != Some(&row) {
                list.push(row);
            }
        };
        for (number, row) in rows.iter().enumerate() {
            for pattern in patterns(row, object) {
                match pattern.get(status) {
                    Some(value) => add(index.by_value.entry(value.clone()).or_default(), number),
                    None => add(&mut index.anywhere, number),
                }
            }
            add(index.by_person.entry(row.person.clone()).or_default(), number);
        }
        index
    }

    /// Rows that may speak of a record with these fields.
    pub(super) fn near(&self, fields: &Fields, status: &FieldName) -> Cow<'_, [usize]> {
        let by_value =
            fields.get(status).and_then(|value| self.by_value.get(value)).map_or(&[][..], Vec::as_slice);
        if self.anywhere.is_empty() {
            return Cow::Borrowed(by_value);
        }
        let mut both = [by_value, &self.anywhere].concat();
        both.sort_unstable();
        both.dedup();
        Cow::Owned(both)
    }

    /// The rows of a person status.
    pub(super) fn of_person(&self, status: &PersonStatus) -> &[usize] {
        self.by_person.get(status).map_or(&[], Vec::as_slice)
    }
}
