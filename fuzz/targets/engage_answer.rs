//! Answers of Revenue Engage, in the place of each kind that is read.

use super::wire;
use lockstep::connector::CallError;
use lockstep::connector::engage::{EngageWrite, NewProspect};
use lockstep::model::{PersonStatus, ProspectId, SalesforceId};
use std::collections::BTreeMap;

fn said<T>(answer: Result<T, CallError>) {
    if let Err(error) = answer {
        let _ = format!("{error} {error:?}");
    }
}

/// Gives every call the same answer.
pub fn run(bytes: &[u8]) {
    let engage = wire::engage(wire::answer(bytes));
    let id: ProspectId = "p_000001".parse().expect("an id");
    let salesforce: SalesforceId = "00Q5f000005bwLF".parse().expect("an id");
    let status = Some(PersonStatus::new("success"));
    let row =
        EngageWrite { id: id.clone(), if_version: Some(1), status: status.clone(), details: BTreeMap::new() };
    wire::run(async {
        let page = engage.changes(None).await;
        if let Ok(page) = &page {
            said(engage.changes(Some(&page.cursor)).await);
        }
        said(page);
        said(engage.list(Some("not a cursor")).await);
        said(engage.read(std::slice::from_ref(&id)).await);
        let answers = engage.set_status_many(&[row.clone(), row]).await;
        assert_eq!(answers.len(), 2);
        said(engage.create(&NewProspect { details: Default::default(), status, salesforce }).await);
        said(engage.enrollments(std::slice::from_ref(&id)).await);
        said(engage.pause(&id, "why").await);
        said(engage.resume(&id, "why").await);
        said(engage.finish(&id, "why").await);
        said(engage.sequences().await);
        said(engage.statuses().await);
    });
    let _ = engage.calls();
}
