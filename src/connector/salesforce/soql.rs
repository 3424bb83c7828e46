//! Queries. Nothing from outside enters one but checked ids, field names that are names, times we format, and
//! literals we escape.

use crate::model::{FieldName, SalesforceId, SalesforceObject};
use jiff::Timestamp;

/// The columns of every read, besides the watched fields.
const OF_BOTH: [&str; 6] =
    ["Id", "IsDeleted", "MasterRecordId", "LastModifiedDate", "LastModifiedById", "SystemModstamp"];

/// What only a Lead has.
const OF_LEAD: [&str; 2] = ["IsConverted", "ConvertedContactId"];

/// All columns of a read, each once. A name that is none (it could only come from a mapping that was never checked
/// against the org) is left out rather than put into a query.
pub(super) fn columns(object: SalesforceObject, watched: &[FieldName]) -> Vec<String> {
    let own: &[&str] = match object {
        SalesforceObject::Lead => &OF_LEAD,
        SalesforceObject::Contact => &[],
    };
    let mut columns: Vec<String> = OF_BOTH.iter().chain(own).map(|name| (*name).to_owned()).collect();
    for name in watched.iter().filter(|name| is_name(name)) {
        if !columns.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            columns.push(name.to_string());
        }
    }
    columns
}

/// Whether a text is a field's API name.
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.len() <= 80
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A text literal.
pub(super) fn literal(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('\'');
    for c in text.chars() {
        match c {
            '\\' | '\'' => literal.extend(['\\', c]),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            c if c.is_control() => {}
            c => literal.push(c),
        }
    }
    literal.push('\'');
    literal
}

/// A time literal: unquoted, whole seconds, since nothing finer is kept.
pub(super) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `'00Q...','00Q...'`.
pub(super) fn ids(ids: &[SalesforceId]) -> String {
    ids.iter().map(|id| format!("'{id}'")).collect::<Vec<_>>().join(",")
}

/// What changed behind a place: rows of one second are told apart by their id.
pub(super) fn changed_behind(
    object: SalesforceObject,
    columns: &[String],
    at: Timestamp,
    after: Option<SalesforceId>,
    limit: usize,
) -> String {
    let (columns, at) = (columns.join(","), time(at));
    let behind = match after {
        Some(id) => format!("SystemModstamp > {at} OR (SystemModstamp = {at} AND Id > '{id}')"),
        None => format!("SystemModstamp >= {at}"),
    };
    format!("SELECT {columns} FROM {object} WHERE {behind} ORDER BY SystemModstamp, Id LIMIT {limit}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_column_is_asked_for_once_and_only_if_it_is_a_name() {
        let watched = ["Status", "isdeleted", "Rating", "Id FROM User --"].map(FieldName::from);
        let columns = columns(SalesforceObject::Contact, &watched);
        assert_eq!(columns[OF_BOTH.len()..], ["Status", "Rating"]);
    }

    proptest! {
        #[test]
        fn no_text_gets_out_of_its_literal(text in any::<String>()) {
            let literal = literal(&text);
            let inner = &literal[1..literal.len() - 1];
            let mut chars = inner.chars();
            while let Some(c) = chars.next() {
                prop_assert!(c != '\'');
                if c == '\\' {
                    prop_assert!(matches!(chars.next(), Some('\\' | '\'' | 'n' | 'r')));
                }
            }
        }
    }
}
