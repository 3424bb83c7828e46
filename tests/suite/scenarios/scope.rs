//! Records that leave the scope of the mapping, and come back into it.

use super::world::{Person, World};
use lockstep::model::Side;
use lockstep::sandbox::{Moment, When};
use serde_json::json;
use std::time::Duration;

/// Somebody who agreed, and whose Lead is in the company's scope.
async fn in_scope() -> (World, Person) {
    let example = include_str!("../../../mapping/example.toml");
    let scoped = example.replace("scope   = { IsConverted = false }", "scope = { LeadSource = \"Web\" }");
    let world = World::with_mapping(&scoped).await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.user_sets_lead(&jane, "LeadSource", "Web");
    world.agree().await;
    (world, jane)
}

/// ... and was put out of it.
async fn out_of_scope() -> (World, Person) {
    let (world, jane) = in_scope().await;
    world.user_sets_lead(&jane, "LeadSource", "Event");
    (world, jane)
}

#[tokio::test]
async fn a_record_type_that_is_out_of_scope_leaves_the_person_alone_and_comes_back_in() {
    let (world, jane) = out_of_scope().await;
    world.user_sets_lead(&jane, "Status", "Nurture");
    world.cycle().await;
    assert_eq!(world.person_status(&jane), "approaching");
    let journal = world.journal(&jane).await;
    assert!(journal.iter().any(|entry| entry.what == "left" && entry.reason.contains("scope")));
    world.is_quiet().await;
    world.user_sets_lead(&jane, "LeadSource", "Web");
    world.cycle().await;
    assert_eq!(world.person_status(&jane), "success", "it is looked at as it is now");
    world.is_quiet().await;
}

#[tokio::test]
async fn what_engage_said_while_a_record_was_out_of_scope_is_carried_over_once_it_is_back() {
    let (world, jane) = out_of_scope().await;
    world.cycle().await;
    world.unsubscribes(&jane);
    world.cycle().await;
    assert!(!world.lead_is_opted_out(&jane), "out of scope: left alone");
    world.advance(Duration::from_secs(1200));
    world.cycle().await;
    world.user_sets_lead(&jane, "LeadSource", "Web");
    world.cycle().await;
    assert!(world.lead_is_opted_out(&jane));
    world.is_quiet().await;
}

/// Just before the last look of a write, which was decided while it was in scope, the Lead is put out of it.
async fn leaves_meanwhile(world: &World, jane: &Person) {
    world.advance(Duration::from_secs(5));
    let (org, lead) = (world.org.clone(), jane.lead);
    let happens = move || org.edit(lead, &[("LeadSource", json!("Event"))]);
    world.org.faults().at(Moment::Before, When::next("POST", "/composite/sobjects/Lead"), happens);
    world.cycle().await;
}

#[tokio::test]
async fn a_lead_that_leaves_the_scope_behind_the_decision_is_left_alone_on_both_sides() {
    let (world, jane) = in_scope().await;
    world.user_sets_lead(&jane, "Status", "Nurture");
    leaves_meanwhile(&world, &jane).await;
    assert_eq!(world.person_status(&jane), "approaching");
    world.is_quiet().await;

    let (world, jane) = in_scope().await;
    world.user_sets_person(&jane, "success");
    leaves_meanwhile(&world, &jane).await;
    assert_eq!(world.lead_status(&jane), "Attempting to contact");
    world.is_quiet().await;
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_known_for_ours_though_the_lead_left_the_scope_behind_it() {
    let (world, jane) = in_scope().await;
    world.user_sets_lead(&jane, "Status", "Nurture");
    world.falls_silent_behind_the_next_write_to(Side::Engage);
    world.cycle().await;
    assert_eq!(world.person_status(&jane), "success", "it arrived, and nobody knows");
    world.answers_again(Side::Engage);
    world.user_sets_lead(&jane, "LeadSource", "Event");
    world.settle().await;
    let journal = world.journal(&jane).await;
    assert!(journal.iter().any(|entry| entry.reason.contains("the answer had been lost")), "{journal:?}");

    world.user_sets_lead(&jane, "Status", "Not interested");
    world.user_sets_lead(&jane, "LeadSource", "Web");
    world.settle().await;
    assert_eq!(world.person_status(&jane), "not_interested", "only the salesperson has changed anything");
    world.is_quiet().await;
}
