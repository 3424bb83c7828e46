//! People for whom Engage names another record than the one they were.

use super::cleared;
use super::world::{Person, World};
use lockstep::model::{HoldReason, SalesforceId, Side};
use lockstep::sync::Cycle;
use serde_json::json;
use std::time::Duration;

/// Somebody who agrees, and a Lead that Engage may come to name for them.
async fn jane_and_a_lead_of_nobody() -> (World, Person, SalesforceId) {
    jane_and_a_lead_of_nobody_in(World::example().await).await
}

async fn jane_and_a_lead_of_nobody_in(world: World) -> (World, Person, SalesforceId) {
    let jane = world.person("Attempting to contact", "approaching").await;
    let lead = world.lead_without_prospect("Attempting to contact");
    world.agree().await;
    (world, jane, lead)
}

/// They are linked to this record, which does not say what the one before had said.
async fn somebody_is_asked(world: &World, jane: &Person, now: SalesforceId) {
    assert_eq!(world.linked_to(jane).await, Some(now));
    let held = world.held().await;
    let cleared = HoldReason::OptOutCleared { side: Side::Salesforce };
    assert!(held.iter().any(|held| held.reason == cleared), "it says nothing of the opt-out: {held:?}");
    world.is_quiet().await;
}

#[tokio::test]
async fn an_opt_out_that_a_merged_lead_said_last_is_not_lost_where_engage_has_followed_the_merge_itself() {
    let (world, jane, winner) = jane_and_a_lead_of_nobody().await;
    world.user_ticks_opt_out(&jane);
    world.org.merge(winner, jane.lead);
    world.product.link(&jane.prospect, Some(winner));
    world.cycle().await;
    somebody_is_asked(&world, &jane, winner).await;
}

#[tokio::test]
async fn an_opt_out_of_a_contact_is_heard_where_nobody_had_seen_that_the_lead_became_that_contact() {
    let (world, jane, other) = jane_and_a_lead_of_nobody().await;
    let contact = world.org.convert(jane.lead).unwrap();
    world.org.edit(contact, &[("HasOptedOutOfEmail", json!(true))]);
    world.product.link(&jane.prospect, Some(other));
    world.cycle().await;
    somebody_is_asked(&world, &jane, other).await;
}

#[tokio::test]
async fn an_answer_that_may_have_been_given_before_an_opt_out_was_said_is_asked_for_once_more() {
    let (world, jane, winner) = jane_and_a_lead_of_nobody().await;
    world.user_sets_lead(&jane, "Status", "Nurture");
    world.user_sets_person(&jane, "not_interested");
    world.cycle().await;
    assert_eq!(world.held().await.len(), 1, "both changed within the guard band");
    world.resolve(&jane, Side::Salesforce, "alice").await;
    world.user_ticks_opt_out(&jane);
    world.org.merge(winner, jane.lead);
    world.product.link(&jane.prospect, Some(winner));
    world.turns().await;
    assert_eq!(world.linked_to(&jane).await, Some(winner));
    let held = world.held().await;
    assert!(held.iter().any(|held| held.resolution.is_none()), "{held:?}");
    assert_eq!(world.person_status(&jane), "not_interested", "alice did not speak of the opt-out");
    world.is_quiet().await;
}

#[tokio::test]
async fn what_a_record_says_is_not_carried_over_to_somebody_for_whom_engage_names_another() {
    let (world, jane, other) = jane_and_a_lead_of_nobody().await;
    world.user_sets_lead(&jane, "Status", "Nurture");
    world.pause(true).await;
    world.cycle().await;
    world.pause(false).await;
    world.product.link(&jane.prospect, Some(other));
    world.engine.cycle(Cycle::DUE).await.unwrap();
    assert_eq!(world.person_status(&jane), "approaching");
    assert_eq!(world.linked_to(&jane).await, Some(other));
    world.is_quiet().await;
}

/// What became of somebody whom Engage named anew behind a write to Engage, and whether we learned of that write must not
/// make a difference. The journal tells of it either way, of the record that it was made for.
async fn named_anew_behind_a_write(
    world: World,
    status: &str,
    learned: bool,
) -> (String, String, Vec<HoldReason>) {
    let (world, jane, other) = jane_and_a_lead_of_nobody_in(world).await;
    world.advance(Duration::from_secs(600));
    world.user_sets_lead(&jane, "Status", status);
    world.advance(Duration::from_secs(2));
    if !learned {
        world.falls_silent_behind_the_next_write_to(Side::Engage);
    }
    world.cycle().await;
    assert_ne!(world.person_status(&jane), "approaching", "it did happen");
    world.product.link(&jane.prospect, Some(other));
    world.answers_again(Side::Engage);
    world.turns().await;
    assert_eq!(world.linked_to(&jane).await, Some(other));
    world.is_quiet().await;
    let journal = world.journal(&jane).await;
    let told = journal.iter().any(|entry| entry.what == "written" && entry.salesforce == Some(jane.lead));
    assert!(told, "learned: {learned}, {journal:?}");
    let held = world.held().await.into_iter().map(|held| held.reason).collect();
    (world.person_status(&jane), world.record_status(other), held)
}

#[tokio::test]
async fn an_opt_out_whose_write_had_no_answer_goes_along_to_the_record_that_engage_names_now() {
    for learned in [true, false] {
        for world in [World::example().await, cleared::world().await] {
            let (person, lead, held) = named_anew_behind_a_write(world, "Unsubscribed", learned).await;
            assert_eq!(person, "opted_out", "nobody has taken it back; learned: {learned}");
            assert_eq!(lead, "Unsubscribed", "learned: {learned}, held: {held:?}");
        }
    }
}

#[tokio::test]
async fn what_a_write_without_an_answer_agreed_on_is_nothing_that_the_record_engage_names_now_ever_held() {
    let learned = named_anew_behind_a_write(World::example().await, "Nurture", true).await;
    assert_eq!(learned, named_anew_behind_a_write(World::example().await, "Nurture", false).await);
}
