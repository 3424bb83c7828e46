//! What the Salesforce connector relies on.

mod silent;
mod world;

use super::{MINUTE, at, by_secret, held_by_all, salesforce_config, tells};
use lockstep::connector::salesforce::{Purpose, Salesforce};
use lockstep::connector::{Effect, Retry};
use lockstep::model::SalesforceObject::{self, Lead};
use lockstep::model::{FieldValue, SalesforceId, SalesforceRecord};
use lockstep::sandbox::Fault;
use lockstep::sandbox::salesforce::Org;
use serde_json::json;
use std::collections::HashMap;
use world::{MADE_AT, World, answers, nurture, write};

held_by_all!(
    signing_in_tells_the_org_its_fields_and_who_we_are,
    a_wrong_secret_stops_with_salesforces_own_word,
    a_version_that_is_not_served_stops_by_its_name,
    changes_are_paged_to_the_end_and_say_what_became_of_each_record,
    a_row_of_a_long_transaction_is_not_passed_by,
    a_read_tells_deleted_merged_and_missing_records_apart,
    each_row_of_many_has_its_own_answer,
    a_write_holds_only_if_nobody_was_faster,
    a_refused_write_carries_salesforces_own_words,
    an_ended_session_is_signed_in_again_once,
    a_session_that_signing_in_does_not_help_is_given_up,
    a_refusal_that_only_looks_like_an_ended_session_stops,
    a_used_up_quota_closes_the_door_until_the_wait_is_over,
    the_orgs_calls_are_counted_by_its_own_word,
    a_clock_of_ours_that_is_set_moves_no_time_that_the_server_has_told,
    another_programs_page_is_passing_trouble,
    a_write_without_an_answer_may_have_happened,
);

async fn signing_in_tells_the_org_its_fields_and_who_we_are(world: World) {
    let org = world.salesforce.connect(&SalesforceObject::BOTH).await.expect("an org");
    let status = org.field(Lead, "status").expect("a name in any case");
    assert_eq!(
        (status.kind.as_str(), status.updateable, status.restricted_picklist),
        ("picklist", true, false)
    );
    assert!(status.picklist_values.iter().any(|entry| entry.value == "Nurture" && entry.active));
    let own = org.field(SalesforceObject::Contact, "Engagement_Status__c").expect("the custom field");
    assert!(own.restricted_picklist);
    assert!(!org.has_field(Lead, "Engagement_Status__c"));
    let converted: Vec<&str> = org.converted_statuses.iter().map(|status| &**status).collect();
    assert_eq!(converted, ["Closed - Converted", "Qualified - Converted"]);
    let user = org.user.expect("a user");
    assert!(user.len() == 18 && user.starts_with("005"), "{user}");
}

async fn a_wrong_secret_stops_with_salesforces_own_word(world: World) {
    let config = salesforce_config(&world.base_url, by_secret("wrong"));
    let salesforce = Salesforce::new(&config, tells(&world.clock)).expect("a connector");
    let error = salesforce.connect(&[]).await.expect_err("a wrong secret");
    assert_eq!((error.code.as_str(), error.retry), ("invalid_client", Retry::Stop), "{error}");
    assert_eq!(error.message, "invalid client credentials");
}

async fn a_version_that_is_not_served_stops_by_its_name(world: World) {
    let mut config = salesforce_config(&world.base_url, by_secret("secret"));
    config.api_version = "99.0".to_owned();
    let salesforce = Salesforce::new(&config, tells(&world.clock)).expect("a connector");
    let error = salesforce.connect(&[]).await.expect_err("no such version");
    assert_eq!((error.code.as_str(), error.retry), ("no-such-version", Retry::Stop));
    assert!(error.message.contains("99.0"), "{error}");
}

async fn changes_are_paged_to_the_end_and_say_what_became_of_each_record(world: World) {
    world.in_the_sandbox(|org| org.set_page_rows(2));
    let leads = &world.leads;
    let (rows, _) = world.poll(None).await;
    let deleted = &rows[&leads.deleted];
    assert!(deleted.is_deleted && deleted.master_record.is_none());
    let converted = &rows[&leads.converted];
    assert!(converted.is_converted && !converted.is_deleted);
    assert_eq!(converted.converted_contact, Some(leads.contact));
    let loser = &rows[&leads.loser];
    assert!(loser.is_deleted);
    assert_eq!(loser.master_record, Some(leads.winner));
    let moved = &rows[&leads.moved];
    assert!(!moved.is_deleted && !moved.is_converted);
    assert_eq!(moved.field("Status"), &FieldValue::text("In progress"));
    assert_eq!(moved.field("HasOptedOutOfEmail"), &FieldValue::Bool(false));
    assert_eq!(moved.system_modstamp, at("2026-11-23T05:52:00Z"));
    assert!(moved.last_modified_by.as_ref().is_some_and(|user| user.starts_with("005")));
    if let Some(stubs) = &world.stubs {
        let next =
            stubs.journal().into_iter().find(|made| made.target.contains("/query/")).expect("a second page");
        assert_eq!((next.method.as_str(), next.stub.as_deref()), ("GET", Some("changes, second page")));
    }
}

async fn a_row_of_a_long_transaction_is_not_passed_by(world: World) {
    let late = world.leads.late;
    let (_, cursor) = world.poll(None).await;
    world.clock.advance(4 * MINUTE);
    let open = world.org.as_ref().map(|org| {
        let mut open = org.begin();
        open.edit(late, &[("Status", json!("Nurture"))]);
        open
    });
    world.clock.advance(11 * MINUTE);
    let (rows, cursor) = world.poll(Some(cursor)).await;
    assert!(rows.get(&late).is_none_or(|row| row.field("Status") != &FieldValue::text("Nurture")));
    // It commits ten minutes and more after its stamp.
    world.clock.advance(MINUTE);
    if let Some(open) = open {
        open.commit();
    }
    let (rows, _) = world.poll(Some(cursor)).await;
    let row = rows.get(&late).expect("latestDateCovered held the cursor back");
    assert_eq!(row.field("Status"), &FieldValue::text("Nurture"));
    assert_eq!(row.system_modstamp, at("2026-11-23T05:59:00Z"));
}

async fn a_read_tells_deleted_merged_and_missing_records_apart(world: World) {
    let leads = &world.leads;
    let asked = [leads.winner, leads.deleted, leads.loser, leads.nobody];
    let rows = world.read(&asked).await.expect("an answer");
    let found: HashMap<SalesforceId, &SalesforceRecord> = rows.iter().map(|row| (row.id, row)).collect();
    assert_eq!(found.len(), 3, "the missing one is absent");
    assert!(!found[&leads.winner].is_deleted);
    assert!(found[&leads.deleted].is_deleted && found[&leads.deleted].master_record.is_none());
    assert_eq!(found[&leads.loser].master_record, Some(leads.winner));
    assert_eq!(world.calls_for(Purpose::Read), 2, "one for all, one for those that were not there");
}

async fn each_row_of_many_has_its_own_answer(world: World) {
    let leads = &world.leads;
    world.in_the_sandbox(|org| {
        org.set_picklist("Lead", "Status", &["In progress", "Nurture"], true);
        org.set_assignment_rule(true);
    });
    let owner = world.org.as_ref().map(|org| org.get(leads.calm, "OwnerId"));
    let rows = [
        nurture(leads.calm),
        write(leads.winner, "Nurtured"),
        nurture(leads.locked),
        nurture(leads.converted),
        nurture(leads.deleted),
    ];
    let answers = world.salesforce.update_many(&rows, Purpose::Write).await;
    assert_eq!(answers[0], Ok(()));
    let refused: Vec<(&str, Retry, Effect)> = answers
        .iter()
        .filter_map(|answer| answer.as_ref().err())
        .map(|error| (error.code.as_str(), error.retry, error.effect))
        .collect();
    let wanted = [
        ("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", Retry::Park, Effect::None),
        ("UNABLE_TO_LOCK_ROW", Retry::Soon, Effect::None),
        ("CANNOT_UPDATE_CONVERTED_LEAD", Retry::Relink, Effect::None),
        ("ENTITY_IS_DELETED", Retry::Relink, Effect::None),
    ];
    assert_eq!(refused, wanted);
    let picklist = answers[1].as_ref().expect_err("refused");
    assert_eq!(picklist.message, "Status: bad value for restricted picklist field: Nurtured");
    assert_eq!(picklist.fields, ["Status"]);
    assert_eq!(world.calls_for(Purpose::Write), 1);
    // A stub answers no write without `Sforce-Auto-Assign: FALSE`; in the sandbox the rule would have moved the Lead.
    world.in_the_sandbox(|org| assert_eq!(Some(org.get(leads.calm, "OwnerId")), owner));
}

async fn a_write_holds_only_if_nobody_was_faster(world: World) {
    assert_eq!(world.set_one(world.leads.calm, Some(MADE_AT)).await, Ok(()));
    let error = world.set_one(world.leads.moved, Some(MADE_AT)).await.expect_err("somebody was faster");
    assert_eq!(
        (error.status, error.retry, error.effect),
        (Some(412), Retry::ReRead, Effect::None),
        "{error}"
    );
}

async fn a_refused_write_carries_salesforces_own_words(world: World) {
    let leads = &world.leads;
    world.in_the_sandbox(|org| {
        org.refuse("Lead", "Status", Some(json!("Nurture")), "Ask the account team first");
    });
    for (id, status, code, retry) in [
        (leads.deleted, 404, "ENTITY_IS_DELETED", Retry::Relink),
        (leads.nobody, 404, "NOT_FOUND", Retry::Relink),
        (leads.ruled, 400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", Retry::Park),
    ] {
        let error = world.set_one(id, None).await.expect_err(code);
        assert_eq!((error.status, error.code.as_str(), error.retry), (Some(status), code, retry), "{error}");
        if id == leads.ruled {
            assert_eq!(
                (error.message.as_str(), error.fields),
                ("Ask the account team first", vec!["Status".to_owned()])
            );
        }
    }
}

async fn an_ended_session_is_signed_in_again_once(world: World) {
    world.read(&[world.leads.calm]).await.expect("signed in");
    world.in_the_sandbox(Org::revoke_sessions);
    assert_eq!(world.set_one(world.leads.ended, None).await, Ok(()));
    assert_eq!(world.calls_for(Purpose::Write), 2, "refused once, repeated once");
}

async fn a_session_that_signing_in_does_not_help_is_given_up(world: World) {
    let ended = r#"[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]"#;
    world.fails("PATCH", world.leads.shut.as_str(), 9, answers(401, ended));
    let error = world.set_one(world.leads.shut, None).await.expect_err("no session");
    assert_eq!((error.code.as_str(), error.retry), ("INVALID_SESSION_ID", Retry::SignIn));
    assert_eq!(world.calls_for(Purpose::Write), 2, "not round for ever");
}

async fn a_refusal_that_only_looks_like_an_ended_session_stops(world: World) {
    let body = r#"[{"message":"This session is not valid for use with the REST API","errorCode":"INVALID_SESSION_ID"}]"#;
    world.fails("PATCH", world.leads.guard.as_str(), 9, answers(401, body));
    let error = world.set_one(world.leads.guard, None).await.expect_err("no session");
    assert_eq!(error.retry, Retry::Stop);
    assert_eq!(world.calls_for(Purpose::Write), 1);
}

async fn a_used_up_quota_closes_the_door_until_the_wait_is_over(world: World) {
    let quota = world.leads.quota;
    world.in_the_sandbox(|org| org.set_daily_limit(15_000, 15_000));
    let error = world.set_one(quota, None).await.expect_err("no calls left");
    assert_eq!((error.status, error.code.as_str()), (Some(403), "REQUEST_LIMIT_EXCEEDED"));
    assert_eq!((error.retry, error.effect), (Retry::Quota, Effect::None));
    let budget = world.salesforce.budget();
    assert_eq!(budget.spendable(), Some(0));
    assert_eq!(budget.closed_until, Some(world.clock.now() + MINUTE), "the first of quota_retry");

    let error = world.set_one(quota, None).await.expect_err("the door is closed");
    assert_eq!((error.status, error.retry), (None, Retry::Quota));
    assert_eq!(world.calls_for(Purpose::Write), 1, "no call was made");

    world.in_the_sandbox(|org| org.set_daily_limit(15_000, 17));
    world.clock.advance(MINUTE);
    assert_eq!(world.set_one(quota, None).await, Ok(()), "it opens alone");
    assert_eq!(world.salesforce.budget().closed_until, None);
}

async fn the_orgs_calls_are_counted_by_its_own_word(world: World) {
    world.read(&[world.leads.calm]).await.expect("an answer");
    let budget = world.salesforce.budget();
    assert_eq!((budget.used, budget.allowed), (Some(18), Some(15_000)));
    assert_eq!(budget.spendable(), Some(14_982));
}

async fn a_clock_of_ours_that_is_set_moves_no_time_that_the_server_has_told(world: World) {
    world.salesforce.connect(&[]).await.expect("an org");
    let (told, now) = (world.salesforce.server_told(), world.salesforce.server_now());
    world.clock.advance(4 * MINUTE);
    assert_eq!(world.salesforce.server_now(), now + 4 * MINUTE);
    assert_eq!(world.salesforce.server_told(), told);
}

async fn another_programs_page_is_passing_trouble(world: World) {
    let page = world.leads.page;
    world.fails("PATCH", page.as_str(), 1, answers(503, "<html>Service Unavailable</html>"));
    world.fails("POST", "/composite/sobjects/Lead", 1, answers(503, "<html>Service Unavailable</html>"));
    let error = world.set_one(page, None).await.expect_err("no Salesforce");
    assert_eq!((error.code.as_str(), error.retry, error.effect), ("http-503", Retry::Soon, Effect::Unknown));
    assert!(!error.message.contains('<'), "{error}");
    let error = world.read(&[page]).await.expect_err("no Salesforce");
    assert_eq!((error.code.as_str(), error.retry, error.effect), ("http-503", Retry::Soon, Effect::None));
}

async fn a_write_without_an_answer_may_have_happened(world: World) {
    let lost = world.leads.lost;
    world.fails("PATCH", lost.as_str(), 1, Fault::DropAfter);
    world.fails("POST", "/composite/sobjects/Lead", 1, Fault::DropBefore);
    let error = world.set_one(lost, None).await.expect_err("no answer");
    assert_eq!(
        (error.code.as_str(), error.retry, error.effect),
        ("not-reachable", Retry::Soon, Effect::Unknown)
    );
    let error = world.read(&[lost]).await.expect_err("no answer");
    assert_eq!((error.code.as_str(), error.effect), ("not-reachable", Effect::None));
    world.in_the_sandbox(|org| assert_eq!(org.writes_of(lost), 1, "it did happen"));
}
