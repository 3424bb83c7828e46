//! Answers of Salesforce, in the place of each kind that is read.

use super::wire;
use lockstep::connector::CallError;
use lockstep::connector::salesforce::{BulkKind, Purpose, SalesforceWrite};
use lockstep::model::SalesforceObject::{Contact, Lead};
use lockstep::model::{FieldName, FieldValue, SalesforceId};

fn said<T>(answer: Result<T, CallError>) {
    if let Err(error) = answer {
        let _ = format!("{error} {error:?}");
    }
}

/// Gives every call the same answer.
pub fn run(bytes: &[u8]) {
    let salesforce = wire::salesforce(wire::answer(bytes));
    let id: SalesforceId = "00Q5f000005bwLF".parse().expect("an id");
    let watched = [FieldName::from("Status")];
    let row = SalesforceWrite { id, fields: [(watched[0].clone(), FieldValue::text("Working"))].into() };
    wire::run(async {
        said(salesforce.changes(Lead, None, &watched).await);
        let read = salesforce.read(Lead, &[id], &watched, Purpose::Read).await;
        assert!(read.iter().flatten().all(|record| record.fields.len() == 1));
        said(read);
        said(salesforce.find_by_email(Contact, &["jane@example.com".to_owned()]).await);
        said(salesforce.set_by("0055f000000PERSAA4", Lead, "Status", wire::now()).await);
        said(salesforce.status_set_at(Lead, &[id], "Status", Purpose::Read).await);
        said(salesforce.count(Lead).await);
        said(salesforce.bulk_state(BulkKind::Query, "7505f000000abcd").await);
        said(salesforce.start_bulk_update(Lead, std::slice::from_ref(&row)).await);
        said(salesforce.create(Lead, &row.fields).await);
        said(salesforce.update_one(&row, Some(wire::now()), Purpose::Write).await);
        let answers = salesforce.update_many(&[row.clone(), row], Purpose::Write).await;
        assert_eq!(answers.len(), 2);
        said(salesforce.connect(&[Lead, Contact]).await);
    });
    let _ = (salesforce.budget(), salesforce.calls_by_hour(), salesforce.server_now());
}
