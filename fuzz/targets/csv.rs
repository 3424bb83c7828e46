//! The rows of bulk jobs: a page of a query, and how an update ended.

use super::wire;
use lockstep::connector::Retry;
use lockstep::model::FieldName;

/// Reads the bytes as either.
pub fn run(bytes: &[u8]) {
    let salesforce = wire::salesforce(wire::answer(bytes));
    let watched = [FieldName::from("Status"), FieldName::from("HasOptedOutOfEmail")];
    wire::run(async {
        if let Ok(page) = salesforce.bulk_page("7505f000000abcd", &watched, None).await {
            assert!(page.records.iter().all(|record| record.fields.len() == watched.len()));
            assert!(page.next.as_deref() != Some("null") && page.next.as_deref() != Some(""));
        }
        if let Ok(outcome) = salesforce.bulk_outcome("7505f000000abcd").await {
            // What was refused row by row is not a session that has ended.
            assert!(outcome.len() <= bytes.len());
            let _ = outcome
                .values()
                .filter(|row| matches!(row, Err(error) if error.retry == Retry::Soon))
                .count();
        }
    });
}
