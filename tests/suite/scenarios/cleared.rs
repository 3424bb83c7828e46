//! Opt-outs that are taken back, and said anew, where the company lets that follow.

use super::world::{Person, World};
use lockstep::model::Side;
use std::time::Duration;

/// A company that lets a clearing follow.
pub(super) async fn world() -> World {
    let example = include_str!("../../../mapping/example.toml").replace("\"newest\"", "\"engage\"");
    World::with_mapping(&format!("{example}\n[opt_out]\ncleared = \"follow\"\n")).await
}

/// Opted out on both sides, in a company that lets a clearing follow.
async fn opted_out() -> (World, Person) {
    let world = world().await;
    let jane = world.person("Unsubscribed", "opted_out").await;
    world.agree().await;
    (world, jane)
}

/// Opted out on both sides and then cleared on one, about which Ann Lee has decided.
async fn decided(cleared: Side, take: Side) -> (World, Person) {
    let world = World::example().await;
    let jane = world.person("Unsubscribed", "opted_out").await;
    world.agree().await;
    match cleared {
        Side::Salesforce => world.user_clears_opt_out(&jane, "Attempting to contact"),
        Side::Engage => world.user_sets_person(&jane, "approaching"),
    }
    world.turns().await;
    assert_eq!(world.held().await.len(), 1);
    world.resolve(&jane, take, "Ann Lee").await;
    (world, jane)
}

/// Somebody lets her have mail again in Revenue Engage, and she takes none.
fn unsubscribes_again(world: &World, jane: &Person) {
    world.user_sets_person(jane, "approaching");
    world.advance(Duration::from_secs(2));
    world.product.unsubscribe(&jane.prospect).unwrap();
}

#[tokio::test]
async fn who_opts_out_again_stays_so_though_the_answer_to_the_clearing_was_lost() {
    let (world, jane) = opted_out().await;
    world.user_clears_opt_out(&jane, "Attempting to contact");
    world.advance(Duration::from_secs(2));
    world.lose_the_answer_of_the_next_writes();
    world.cycle().await;
    assert_eq!(world.person_status(&jane), "approaching", "it did happen");
    world.user_sets_lead(&jane, "Status", "Unsubscribed");
    world.turns().await;
    assert_eq!(world.lead_status(&jane), "Unsubscribed", "nobody has taken this one back");
    assert_eq!(world.person_status(&jane), "opted_out");
    world.is_quiet().await;
}

#[tokio::test]
async fn an_opt_out_goes_along_to_another_record_that_knows_nothing_of_it() {
    let (world, jane) = opted_out().await;
    let other = world.lead_without_prospect("Attempting to contact");
    world.product.link(&jane.prospect, Some(other));
    world.turns().await;
    assert_eq!(world.person_status(&jane), "opted_out", "nobody has taken it back");
    assert_eq!(world.record_status(other), "Unsubscribed");
    world.is_quiet().await;
}

#[tokio::test]
async fn who_unsubscribes_again_while_a_salesperson_clears_the_record_stays_opted_out() {
    let (world, jane) = opted_out().await;
    unsubscribes_again(&world, &jane);
    world.user_clears_opt_out(&jane, "Attempting to contact");
    world.turns().await;
    assert_eq!(
        world.person_status(&jane),
        "opted_out",
        "the clearing does not speak of the second unsubscribe"
    );
    assert_eq!(world.lead_status(&jane), "Unsubscribed");
    world.is_quiet().await;
}

#[tokio::test]
async fn a_salesperson_clears_what_was_unsubscribed_twice() {
    let (world, jane) = opted_out().await;
    unsubscribes_again(&world, &jane);
    world.turns().await;
    world.user_clears_opt_out(&jane, "Attempting to contact");
    world.turns().await;
    assert_eq!(world.person_status(&jane), "approaching");
    assert_eq!(world.lead_status(&jane), "Attempting to contact");
    world.is_quiet().await;
}

#[tokio::test]
async fn an_opt_out_that_we_brought_to_engage_is_nobodys_second_one() {
    for lost in [false, true] {
        let (world, jane) = opted_out().await;
        world.user_sets_person(&jane, "approaching");
        world.turns().await;
        world.user_sets_lead(&jane, "Status", "Unsubscribed");
        world.advance(Duration::from_secs(2));
        if lost {
            world.lose_the_answer_of_the_next_writes();
        }
        world.turns().await;
        assert_eq!(world.person_status(&jane), "opted_out", "lost: {lost}");
        world.user_clears_opt_out(&jane, "Attempting to contact");
        world.turns().await;
        assert_eq!(world.person_status(&jane), "approaching", "lost: {lost}");
        world.is_quiet().await;
    }
}

#[tokio::test]
async fn who_is_ticked_anew_behind_a_clearing_in_engage_is_a_persons_to_decide() {
    let (world, jane) = opted_out().await;
    world.user_sets_person(&jane, "approaching");
    world.advance(Duration::from_secs(2));
    world.user_clears_opt_out(&jane, "Attempting to contact");
    world.user_sets_lead(&jane, "Status", "Unsubscribed");
    world.turns().await;
    assert_eq!(world.lead_status(&jane), "Unsubscribed", "it may have been said anew");
    assert_eq!(world.held().await.len(), 1);
    world.is_quiet().await;
}

#[tokio::test]
async fn an_unsubscribe_behind_a_tick_that_was_taken_back_untold_is_carried_however_often_it_is_tried() {
    let world = world().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    world.user_sets_lead(&jane, "Status", "Unsubscribed");
    world.advance(Duration::from_secs(2));
    world.no_write_arrives();
    world.cycle().await;
    assert_eq!(world.person_status(&jane), "approaching", "Engage was not told");
    world.user_clears_opt_out(&jane, "Nurture");
    world.product.unsubscribe(&jane.prospect).unwrap();
    world.turns().await;
    world.writes_arrive_again();
    world.turns().await;
    assert_eq!(world.person_status(&jane), "opted_out", "the tick that was taken back is not hers");
    assert_eq!(world.lead_status(&jane), "Unsubscribed");
    world.is_quiet().await;
}

#[tokio::test]
async fn what_an_operator_decided_does_not_take_back_an_opt_out_that_came_later() {
    let (world, jane) = decided(Side::Engage, Side::Salesforce).await;
    world.user_clears_opt_out(&jane, "In progress");
    world.product.unsubscribe(&jane.prospect).unwrap();
    world.turns().await;
    assert_eq!(world.person_status(&jane), "opted_out", "Ann Lee decided before that");
    assert_eq!(world.lead_status(&jane), "Unsubscribed", "and the clearing does not speak of it");
    assert_eq!(world.held().await.len(), 0);
    world.user_clears_opt_out(&jane, "In progress");
    world.turns().await;
    assert_eq!(world.held().await.len(), 1, "she is asked again");
    world.resolve(&jane, Side::Salesforce, "Ann Lee").await;
    world.turns().await;
    assert_eq!(world.person_status(&jane), "just_added", "now she has seen it");
    world.is_quiet().await;
}

#[tokio::test]
async fn what_an_operator_decided_does_not_take_back_an_unsubscribe_that_was_taken_back_and_said_anew() {
    let (world, jane) = decided(Side::Salesforce, Side::Salesforce).await;
    world.advance(Duration::from_secs(2));
    unsubscribes_again(&world, &jane);
    world.turns().await;
    assert_eq!(world.person_status(&jane), "opted_out", "Ann Lee decided before that");
    assert_eq!(world.lead_status(&jane), "Unsubscribed", "nobody has taken this one back");
    world.is_quiet().await;
}

#[tokio::test]
async fn what_an_operator_decided_does_not_take_back_a_tick_that_was_taken_back_and_set_anew() {
    let (world, jane) = decided(Side::Engage, Side::Engage).await;
    world.advance(Duration::from_secs(2));
    world.user_clears_opt_out(&jane, "Attempting to contact");
    world.user_sets_lead(&jane, "Status", "Unsubscribed");
    world.turns().await;
    assert_eq!(world.lead_status(&jane), "Unsubscribed", "Ann Lee decided before that");
    assert_eq!(world.held().await.len(), 1, "she is asked again");
    world.resolve(&jane, Side::Engage, "Ann Lee").await;
    world.turns().await;
    assert_ne!(world.lead_status(&jane), "Unsubscribed", "now she has seen it");
    world.is_quiet().await;
}
