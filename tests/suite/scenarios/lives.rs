//! What a record can live through, and what a system can answer.

use super::world::World;
use std::time::Duration;

#[tokio::test]
async fn a_converted_lead_continues_as_its_contact() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    let contact = world.convert(&jane);
    world.cycle().await;
    assert_eq!(world.link(&jane).await.expect("still linked").salesforce, contact);

    world.user_sets_person(&jane, "success");
    world.cycle().await;
    assert_eq!(world.record_status(contact), "Nurture", "written to the Contact, by the Contact's table");
    world.is_quiet().await;
}

#[tokio::test]
async fn a_deleted_record_is_unlinked_and_changes_nothing_on_the_other_side() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    let joe = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    world.delete_lead(&jane);
    world.delete_prospect(&joe);
    let report = world.cycle().await;
    assert_eq!(report.written, 0);
    assert!(world.link(&jane).await.is_none());
    assert!(world.link(&joe).await.is_none());
    assert_eq!(world.person_status(&jane), "approaching");
    assert_eq!(world.lead_status(&joe), "Attempting to contact");
    world.is_quiet().await;
}

#[tokio::test]
async fn a_merged_record_follows_its_winner() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    let winner = world.lead_without_prospect("Attempting to contact");
    world.merge(winner, &jane);
    world.cycle().await;
    assert_eq!(world.link(&jane).await.expect("still linked").salesforce, winner);
    world.user_sets_person(&jane, "success");
    world.cycle().await;
    assert_eq!(world.record_status(winner), "Nurture");
}

#[tokio::test]
async fn a_restricted_value_is_parked_with_salesforces_own_words_and_tried_again_only_when_something_changes()
{
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    let other = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    world.restrict_status_to(&["Attempting to contact", "In progress", "Not interested"]);
    world.user_sets_person(&jane, "success");
    world.user_sets_person(&other, "success");
    world.cycle().await;
    let parked = world.parked().await;
    assert_eq!(parked.len(), 2);
    assert_eq!(parked[0].code, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST");
    assert!(
        parked[0].message.contains("bad value for restricted picklist field: Nurture"),
        "{}",
        parked[0].message
    );

    let before = world.salesforce_writes_tried();
    world.advance(Duration::from_secs(60));
    world.cycle().await;
    world.cycle().await;
    assert_eq!(world.salesforce_writes_tried(), before, "not in a loop");

    world.user_sets_person(&jane, "not_interested");
    world.cycle().await;
    assert_eq!(world.lead_status(&jane), "Not interested");
    assert_eq!(world.parked().await.len(), 1);
    world.is_quiet().await;
}

#[tokio::test]
async fn the_daily_limit_stops_salesforce_calls_and_they_resume_alone() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    world.salesforce_daily_limit_reached();
    world.user_sets_person(&jane, "success");
    world.cycle().await;
    assert_eq!(world.lead_status(&jane), "Attempting to contact");
    let calls = world.salesforce_calls();
    for _ in 0..5 {
        world.advance(Duration::from_secs(10));
        world.cycle().await;
    }
    assert_eq!(world.salesforce_calls(), calls, "no call while the quota is used up");

    world.salesforce_daily_limit_lifted();
    world.advance(Duration::from_secs(61 * 60));
    world.cycle().await;
    assert_eq!(world.lead_status(&jane), "Nurture");
    world.is_quiet().await;
}

#[tokio::test]
async fn a_429_is_honoured() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    world.user_sets_lead(&jane, "Status", "Nurture");
    world.engage_answers_429(Duration::from_secs(30));
    world.cycle().await;
    let calls = world.engage_calls();
    world.advance(Duration::from_secs(20));
    world.cycle().await;
    assert_eq!(world.engage_calls(), calls, "Retry-After has not passed");
    world.advance(Duration::from_secs(15));
    world.cycle().await;
    assert_eq!(world.person_status(&jane), "success");
    world.is_quiet().await;
}

#[tokio::test]
async fn an_answer_lost_after_the_write_does_no_harm() {
    let world = World::example().await;
    let to_engage = world.person("Attempting to contact", "approaching").await;
    let to_salesforce = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    world.user_sets_lead(&to_engage, "Status", "Nurture");
    world.user_sets_person(&to_salesforce, "not_interested");
    world.advance(Duration::from_secs(2));
    world.lose_the_answer_of_the_next_writes();
    world.cycle().await;
    assert_eq!(world.person_status(&to_engage), "success", "it did happen");
    assert_eq!(world.lead_status(&to_salesforce), "Not interested", "it did happen");

    for _ in 0..3 {
        world.advance(Duration::from_secs(60));
        world.cycle().await;
    }
    assert_eq!(world.engage_status_changes(&to_engage), 1, "written once");
    assert_eq!(world.salesforce_changes(&to_salesforce), 1, "written once");
    assert!(world.journal(&to_engage).await.iter().any(|entry| entry.what == "written"));
    world.is_quiet().await;
}

#[tokio::test]
async fn an_edit_between_reading_and_writing_is_not_overwritten() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    world.user_sets_lead(&jane, "Status", "Nurture");
    world.edit_just_before_the_next_engage_write(&jane, "opted_out");
    world.cycle().await;
    assert_eq!(world.person_status(&jane), "opted_out");
    assert!(world.lead_is_opted_out(&jane));
    world.is_quiet().await;
}

#[tokio::test]
async fn two_prospects_of_one_lead_are_held_and_do_not_play_ping_pong() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    let twin = world.second_prospect_of(&jane, "success").await;
    for _ in 0..3 {
        world.cycle().await;
    }
    assert_eq!(world.lead_status(&jane), "Attempting to contact");
    assert_eq!(world.person_status(&twin), "success");
    assert!(!world.held().await.is_empty());

    world.user_ticks_opt_out(&jane);
    world.cycle().await;
    assert_eq!(world.person_status(&jane), "opted_out", "an opt-out reaches everybody it may concern");
    assert_eq!(world.person_status(&twin), "opted_out");
}

#[tokio::test]
async fn a_plan_that_would_change_too_many_waits_and_opt_outs_do_not() {
    let world = World::example().await;
    let people = world.people(200, "Attempting to contact", "approaching").await;
    world.agree().await;
    for person in &people[..100] {
        world.user_sets_lead(person, "Status", "Nurture");
    }
    world.unsubscribes(&people[150]);
    let report = world.cycle().await;
    assert_eq!(report.waiting, 100);
    assert_eq!(world.person_status(&people[0]), "approaching");
    assert_eq!(world.lead_status(&people[150]), "Unsubscribed");

    world.approve_plan().await;
    let dry = world.engine.dry_run(&mut |_, _| {}).await.unwrap();
    assert_eq!(dry.plan.rows(), 100, "a dry run shows what was approved, and does not use the approval up");
    world.cycle().await;
    assert!(people[..100].iter().all(|person| world.person_status(person) == "success"));
    world.is_quiet().await;
}

#[tokio::test]
async fn what_was_let_through_is_exactly_what_is_done() {
    let world = World::example().await;
    let people = world.people(200, "Attempting to contact", "approaching").await;
    world.agree().await;
    for person in &people[..100] {
        world.user_sets_lead(person, "Status", "Nurture");
    }
    assert_eq!(world.cycle().await.waiting, 100);
    world.approve_plan().await;
    // After the operator looked, sixty of them are something else again.
    for person in &people[..60] {
        world.user_sets_lead(person, "Status", "Not interested");
    }
    let report = world.cycle().await;
    assert_eq!(report.waiting, 60, "what changed since is asked about again");
    assert!(people[..60].iter().all(|person| world.person_status(person) == "approaching"));
    assert!(people[60..100].iter().all(|person| world.person_status(person) == "success"));
}

#[tokio::test]
async fn the_first_run_asks_before_it_writes_to_pairs_that_disagree() {
    let example = include_str!("../../../mapping/example.toml");
    let mapping = format!("{}\n[new]\ndisagree = \"apply\"\n", example.replace("newest", "salesforce"));
    let world = World::with_mapping(&mapping).await;
    let people = world.people(3, "Nurture", "approaching").await;
    let report = world.cycle().await;
    assert_eq!((report.waiting, report.written), (3, 0), "three records are few, and still nobody was asked");
    assert_eq!(world.person_status(&people[0]), "approaching");
    world.approve_plan().await;
    world.cycle().await;
    world.is_quiet().await;
    let later = world.people(1, "Nurture", "approaching").await;
    let report = world.cycle().await;
    assert_eq!((report.waiting, report.planned), (0, 1), "the first run is over");
    drop(later);
}
