//! People for whom Engage names another record than the one they were.

use super::world::{Person, World};
use lockstep::model::{HoldReason, SalesforceId, Side};
use lockstep::sync::Cycle;

/// Somebody who agrees, and a Lead that Engage may come to name for them.
async fn jane_and_a_lead_of_nobody() -> (World, Person, SalesforceId) {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    let lead = world.lead_without_prospect("Attempting to contact");
    world.agree().await;
    (world, jane, lead)
}

#[tokio::test]
async fn an_opt_out_that_a_merged_lead_said_last_is_not_lost_where_engage_has_followed_the_merge_itself() {
    let (world, jane, winner) = jane_and_a_lead_of_nobody().await;
    world.user_ticks_opt_out(&jane);
    world.org.merge(winner, jane.lead);
    world.product.link(&jane.prospect, Some(winner));
    world.cycle().await;
    assert_eq!(world.linked_to(&jane).await, Some(winner));
    let held = world.held().await;
    let cleared = HoldReason::OptOutCleared { side: Side::Salesforce };
    assert!(held.iter().any(|held| held.reason == cleared), "the winner says nothing of it: {held:?}");
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
