//! The declared window: between the last look and a Collections call nothing protects an edit, and what is lost there is told.

use super::world::{Person, World};
use lockstep::sandbox::{Fault, When};
use std::time::Duration;

/// What the journal says that our writes to somebody's record have overwritten.
async fn overwritten(world: &World, person: &Person) -> Vec<String> {
    let journal = world.journal(person).await;
    let reports = journal.into_iter().filter(|entry| entry.what == "overwrote");
    reports.filter_map(|entry| entry.overruled).collect()
}

/// Three people whose Leads will be written by one call, and the second of them will be edited just before it.
async fn edited_in_the_declared_window() -> (World, Vec<Person>) {
    let world = World::example().await;
    let people = world.people(3, "Attempting to contact", "approaching").await;
    world.agree().await;
    for person in &people {
        world.user_sets_person(person, "success");
    }
    world.org.edit_before_next_update(people[1].lead, "Status", "In progress".into());
    (world, people)
}

#[tokio::test]
async fn an_edit_inside_the_declared_window_is_detected_and_reported() {
    let (world, people) = edited_in_the_declared_window().await;
    world.cycle().await;
    assert_eq!(overwritten(&world, &people[1]).await, ["In progress"], "the lost value is kept");
    assert!(overwritten(&world, &people[0]).await.is_empty());
    world.is_quiet().await;
}

#[tokio::test]
async fn an_edit_that_was_overwritten_is_reported_even_after_a_restart() {
    let (world, people) = edited_in_the_declared_window().await;
    world.org.faults().break_on("GET", "LeadHistory");
    world.cycle().await;
    assert_eq!(world.lead_status(&people[1]), "Nurture", "it was written");
    assert!(world.org.faults().broken() > 0, "the daemon has asked what it overwrote, without an answer");
    world.org.faults().break_on_nothing();

    let world = world.restarted().await;
    world.advance(Duration::from_secs(600));
    world.cycle().await;
    assert_eq!(overwritten(&world, &people[1]).await, ["In progress"]);
    world.is_quiet().await;
}

#[tokio::test]
async fn a_call_that_was_meant_before_and_never_made_hides_no_edit_that_a_later_one_overwrites() {
    let world = World::example().await;
    let people = world.people(3, "Attempting to contact", "approaching").await;
    world.agree().await;
    people.iter().for_each(|person| world.unsubscribes(person));
    let always = When { times: u32::MAX, ..When::next("PATCH", "/composite/sobjects") };
    world.org.faults().add(always, Fault::DropBefore);
    world.org.faults().break_on("GET", "LeadHistory");
    world.cycle().await;
    world.org.faults().clear();
    world.org.faults().break_on_nothing();
    assert!(!world.lead_is_opted_out(&people[1]), "the call did not arrive");

    world.advance(Duration::from_secs(600));
    world.user_sets_lead(&people[1], "Status", "In progress");
    world.org.edit_before_next_update(people[1].lead, "Status", "Attempting to contact".into());
    world.cycle().await;
    assert!(world.lead_is_opted_out(&people[1]));
    assert_eq!(overwritten(&world, &people[1]).await, ["Attempting to contact"]);
    world.is_quiet().await;
}
