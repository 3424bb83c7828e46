//! Answers that no contract has: words that nobody here knows are borne, and a listing that never ends is refused.

use super::{at, by_secret, engage_config, salesforce_config, tells};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use lockstep::connector::engage::Engage;
use lockstep::connector::salesforce::Salesforce;
use lockstep::connector::{CallError, Lost, Network, Wire};
use lockstep::model::SalesforceObject::Lead;
use lockstep::model::{EnrollmentState, FieldName, Side};
use lockstep::sandbox::Clock;
use serde_json::{Value, json};
use std::sync::Arc;

const NOW: &str = "2026-11-23T06:10:00Z";

/// More pages than any of these listings has.
const PAGES: usize = 5;

/// Answers every call in one way, once somebody has signed in.
struct Always {
    body: Bytes,
    locator: &'static str,
}

impl Wire for Always {
    fn carry(
        &self,
        _: Side,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'static, Result<http::Response<Bytes>, Lost>> {
        let body = match request.uri().path().ends_with("/token") {
            true => Bytes::from_static(br#"{"access_token":"t","token_type":"Bearer","id":"x/00D/005"}"#),
            false => self.body.clone(),
        };
        let response = http::Response::builder().header("sforce-locator", self.locator).body(body);
        Box::pin(async move { response.map_err(|_| Lost { sent: true }) })
    }
}

fn always(body: impl Into<Bytes>) -> Network {
    Network::simulated(Arc::new(Always { body: body.into(), locator: "MTAwMDA" }))
}

fn engage(body: Value) -> Engage {
    let clock = tells(&Clock::driven(at(NOW)));
    Engage::over(&engage_config("http://127.0.0.1:1", "s"), clock, always(body.to_string())).unwrap()
}

fn salesforce(body: impl Into<Bytes>) -> Salesforce {
    let clock = tells(&Clock::driven(at(NOW)));
    let config = salesforce_config("http://127.0.0.1:1", by_secret("s"));
    Salesforce::over(&config, clock, always(body)).unwrap()
}

fn does_not_move(error: &CallError) {
    assert_eq!(error.code, "bad-answer");
    assert!(error.message.contains("would never end"), "{error}");
}

fn unsubscribed() -> Value {
    json!({
        "id": "p_000001", "status": "opted_out", "status_changed_at": NOW,
        "status_changed_by": {"kind": "recipient", "id": "r_1"}, "version": 7, "updated_at": NOW,
    })
}

#[tokio::test]
async fn a_kind_of_actor_that_nobody_knows_hides_no_prospect_and_no_enrolment() {
    let page = engage(json!({"prospects": [unsubscribed()], "next": null})).changes(None).await.unwrap();
    let [jane] = page.prospects.as_slice() else { panic!("{page:?}") };
    assert_eq!((jane.status.key(), jane.status_changed_by), ("opted_out", None));
    let enrolment = json!({
        "id": "e_1", "prospect_id": "p_000001", "sequence_id": "s_1", "stage": "started", "state": "paused",
        "paused_by": {"kind": "recipient"},
    });
    let found = engage(json!({"enrollments": [enrolment]})).enrollments(std::slice::from_ref(&jane.id)).await;
    let found = found.unwrap();
    assert_eq!((found[0].state, &found[0].paused_by), (EnrollmentState::Paused, &None));
}

#[tokio::test]
async fn a_listing_of_prospects_that_names_the_same_place_again_is_refused() {
    let engage = engage(json!({"prospects": [unsubscribed()], "next": "here", "as_of": NOW}));
    let first = engage.changes(None).await.unwrap();
    does_not_move(&engage.changes(Some(&first.cursor)).await.unwrap_err());
    let first = engage.list(None).await.unwrap();
    does_not_move(&engage.list(Some(&first.cursor)).await.unwrap_err());
}

#[tokio::test]
async fn the_rows_of_a_job_that_name_the_same_place_again_are_refused() {
    let salesforce = salesforce("\"Id\"\n");
    let first = salesforce.bulk_page("7505f000000abcd", &[], None).await.unwrap();
    let place = first.next.expect("a second page");
    does_not_move(&salesforce.bulk_page("7505f000000abcd", &[], Some(&place)).await.unwrap_err());
}

#[tokio::test]
async fn changed_rows_that_are_always_the_same_full_page_are_refused() {
    let row = json!({
        "Id": "00Q5f000005bwLF", "IsDeleted": false, "Status": "Nurture",
        "LastModifiedDate": "2026-11-23T06:09:00.000+0000", "SystemModstamp": "2026-11-23T06:09:00.000+0000",
    });
    let rows = vec![row; 2_000];
    let body = json!({"done": true, "records": rows, "latestDateCovered": "2026-11-23T06:09:00.000+0000"});
    let salesforce = salesforce(body.to_string());
    let (watched, mut cursor) = ([FieldName::from("Status")], None::<String>);
    for _ in 0..PAGES {
        match salesforce.changes(Lead, cursor.as_deref(), &watched).await {
            Ok(page) => cursor = Some(page.cursor),
            Err(error) => return does_not_move(&error),
        }
    }
    panic!("{PAGES} times the same page");
}
