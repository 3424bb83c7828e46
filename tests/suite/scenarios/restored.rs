//! A store that was put back from an older copy, while both sides moved on: F30 of facts/reliability.md.

use super::world::{Person, World};
use lockstep::model::{HoldReason, Side};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A world with these people in agreement, and a copy of its store a day old.
async fn a_day_after_the_backup(people: usize) -> (World, Vec<Person>, Vec<u8>) {
    let world = World::example().await;
    let people = world.people(people, "Attempting to contact", "approaching").await;
    world.agree().await;
    let copy = world.backed_up();
    world.advance(DAY);
    (world, people, copy)
}

#[tokio::test]
async fn after_yesterdays_backup_who_agrees_goes_on_and_nobody_is_written_to() {
    let (world, people, copy) = a_day_after_the_backup(30).await;
    // A day's work, carried over: the copy knows nothing of it.
    for person in &people[..20] {
        world.user_sets_lead(person, "Status", "Nurture");
    }
    world.settle().await;
    world.approve_plan().await;
    world.settle().await;
    for person in &people[..20] {
        assert_eq!(world.person_status(person), "success");
    }
    let before = (world.org.writes(), world.product.writes());
    let world = world.put_back(&copy);
    world.settle().await;
    assert_eq!((world.org.writes(), world.product.writes()), before, "nothing is written");
    assert_eq!((world.held().await.len(), world.due().await), (0, 0));
    assert_eq!(world.store.read(|r| r.restored_count()).await.unwrap(), 0, "all are decided");
    // And from then on changes flow as ever.
    world.user_sets_person(&people[0], "not_interested");
    world.advance(Duration::from_secs(600));
    world.settle().await;
    assert_eq!(world.lead_status(&people[0]), "Not interested");
    world.is_quiet().await;
}

#[tokio::test]
async fn what_disagrees_after_a_backup_is_held_and_a_person_decides() {
    let (world, people, copy) = a_day_after_the_backup(2).await;
    let (jane, quiet) = (&people[0], &people[1]);
    // Success came over from Engage; then somebody in Salesforce set it to something else, and the store broke.
    world.user_sets_person(jane, "success");
    world.settle().await;
    world.advance(Duration::from_secs(600));
    world.user_sets_person(jane, "approaching");
    let before = (world.org.writes(), world.product.writes());
    let world = world.put_back(&copy);
    world.settle().await;
    assert_eq!((world.org.writes(), world.product.writes()), before);
    let held = world.held().await;
    assert_eq!(held.len(), 1, "{held:?}");
    assert_eq!((&held[0].prospect, &held[0].reason), (&jane.prospect, &HoldReason::Restored));
    world.resolve(jane, Side::Engage, "Ann Lee").await;
    world.settle().await;
    assert_eq!(world.lead_status(jane), "Attempting to contact");
    assert_eq!((world.held().await.len(), world.lead_status(quiet).as_str()), (0, "Attempting to contact"));
    world.is_quiet().await;
}

#[tokio::test]
async fn opt_outs_of_before_and_after_a_backup_are_carried_over_and_kept() {
    let (world, people, _) = a_day_after_the_backup(4).await;
    let (before, after, cleared) = (&people[0], &people[1], &people[2]);
    for person in [before, cleared] {
        world.unsubscribes(person);
    }
    world.settle().await;
    assert!(world.lead_is_opted_out(before));
    let copy = world.backed_up();
    world.advance(DAY);
    world.unsubscribes(after);
    let world = world.put_back(&copy);
    // Somebody took it back in Salesforce: the copy still knows that this person was seen opted out.
    world.user_clears_opt_out(cleared, "Nurture");
    world.settle().await;
    assert!(world.lead_is_opted_out(after), "one that the copy does not know is carried over at once");
    assert!(world.lead_is_opted_out(before));
    assert_eq!(world.person_status(cleared), "opted_out", "nobody is made mailable again");
    for person in [before, after, cleared] {
        assert!(world.link(person).await.unwrap().latch.is_some());
    }
    world.is_quiet().await;
}

#[tokio::test]
async fn people_who_were_linked_after_a_backup_are_found_again_and_not_made_twice() {
    let (world, people, copy) = a_day_after_the_backup(2).await;
    let late = world.person("Attempting to contact", "approaching").await;
    world.settle().await;
    assert!(world.link(&late).await.is_some());
    let counts = |world: &World| world.product.prospects().len();
    let before = (counts(&world), world.org.writes(), world.product.writes());
    let world = world.put_back(&copy);
    assert!(world.link(&late).await.is_none(), "half of the links may be lost with the store");
    world.settle().await;
    assert!(world.link(&late).await.is_some() && world.link(&people[0]).await.is_some());
    assert_eq!((counts(&world), world.org.writes(), world.product.writes()), before);
    world.is_quiet().await;
}
