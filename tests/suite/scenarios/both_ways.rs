//! The seed's own story, the way back, and the laws that keep both quiet.

use super::world::World;
use lockstep::sandbox::{Moment, When};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_lead_set_to_nurture_becomes_success_with_its_sequences_on_hold() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    let enrollment = world.enroll(&jane);
    world.agree().await;

    world.user_sets_lead(&jane, "Status", "Nurture");
    world.cycle().await;

    assert_eq!(world.person_status(&jane), "success");
    assert_eq!(world.enrollment_state(&enrollment), "paused");
    assert_eq!(world.lead_status(&jane), "Nurture");
    world.is_quiet().await;
}

#[tokio::test]
async fn a_status_set_in_engage_reaches_the_lead() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;

    world.user_sets_person(&jane, "not_interested");
    world.cycle().await;

    assert_eq!(world.lead_status(&jane), "Not interested");
    assert_eq!(world.person_status(&jane), "not_interested");
    world.is_quiet().await;
}

#[tokio::test]
async fn unresponsive_beside_attempting_to_contact_is_left_alone_from_both_directions() {
    let world = World::example().await;
    let from_engage = world.person("Attempting to contact", "approaching").await;
    let from_salesforce = world.person("In progress", "unresponsive").await;
    world.agree().await;

    world.user_sets_person(&from_engage, "unresponsive");
    world.user_sets_lead(&from_salesforce, "Status", "Attempting to contact");
    let report = world.cycle().await;

    assert_eq!(report.written, 0, "both pairs agree by the mapping");
    assert_eq!(world.person_status(&from_engage), "unresponsive");
    assert_eq!(world.lead_status(&from_engage), "Attempting to contact");
    assert_eq!(world.person_status(&from_salesforce), "unresponsive");
    assert_eq!(world.lead_status(&from_salesforce), "Attempting to contact");
    world.is_quiet().await;
}

#[tokio::test]
async fn a_value_that_no_row_mentions_is_skipped_and_not_guessed() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;

    world.user_sets_lead(&jane, "Status", "Waiting for budget");
    let report = world.cycle().await;

    assert_eq!(report.written, 0);
    assert_eq!(world.person_status(&jane), "approaching");
    assert!(world.journal(&jane).await.iter().any(|entry| entry.what == "skipped"));
    world.is_quiet().await;
}

#[tokio::test]
async fn only_pauses_of_our_own_are_resumed() {
    let world = World::with_mapping(
        r#"
schema = 1
company = "resumers"
status = [
  { person = "Approaching", salesforce = "Working", sequences = "resume" },
  { person = "Success", salesforce = "Nurture", sequences = "pause" },
]
[salesforce.lead]
status = "Status"
[conflict]
winner = "hold"
"#,
    )
    .await;
    let ours = world.person("Working", "approaching").await;
    let theirs = world.person("Working", "approaching").await;
    let (our_enrollment, their_enrollment) = (world.enroll(&ours), world.enroll(&theirs));
    world.agree().await;
    world.user_pauses(&their_enrollment);
    for person in [&ours, &theirs] {
        world.user_sets_lead(person, "Status", "Nurture");
    }
    world.cycle().await;
    for person in [&ours, &theirs] {
        world.user_sets_lead(person, "Status", "Working");
    }
    world.cycle().await;

    assert_eq!(world.enrollment_state(&our_enrollment), "active");
    assert_eq!(world.enrollment_state(&their_enrollment), "paused", "a person paused it for a reason");
}

#[tokio::test]
async fn a_webhook_marks_its_person_due_and_the_sender_is_answered_only_then() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    world.user_sets_person(&jane, "success");

    world.webhook(&jane).await.expect("a signed webhook of a known person is taken in");
    assert_eq!(world.due().await, 1);
    world.cycle_without_polls().await;

    assert_eq!(world.lead_status(&jane), "Nurture");
}

#[tokio::test]
async fn all_push_lost_the_poll_still_brings_every_change() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    world.user_sets_person(&jane, "success");
    world.cycle().await;
    assert_eq!(world.lead_status(&jane), "Nurture");
}

#[tokio::test]
async fn an_edit_behind_the_look_in_the_very_second_of_the_last_change_is_not_overwritten() {
    let world = World::with_mapping(
        &include_str!("../../../mapping/example.toml")
            .replace("winner = \"newest\"", "winner = \"salesforce\""),
    )
    .await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    world.org.touch(jane.lead);
    world.user_sets_person(&jane, "not_interested");
    let (org, clock, lead) = (world.org.clone(), world.clock.clone(), jane.lead);
    let edit = move || {
        org.edit(lead, &[("Status", json!("Nurture"))]);
        clock.advance(Duration::from_secs(1));
    };
    // The first look is for the decision, and the second one for the write.
    let (faults, second) = (world.org.faults().clone(), world.org.faults().clone());
    let look = || When::next("POST", "/composite/sobjects/Lead");
    world.org.faults().at(Moment::After, look(), move || {
        faults.at(Moment::Before, look(), move || second.at(Moment::After, look(), edit));
    });
    world.settle().await;
    assert_eq!((world.lead_status(&jane), world.person_status(&jane)), ("Nurture".into(), "success".into()));
}
