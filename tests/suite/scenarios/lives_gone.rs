//! Records that are gone, and some that come back.

use super::world::{Person, World};
use lockstep::store::JournalEntry;

fn count(journal: &[JournalEntry], what: &str) -> usize {
    journal.iter().filter(|entry| entry.what == what).count()
}

async fn unlinked_by_deletion(world: &World) -> Person {
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    world.delete_lead(&jane);
    world.cycle().await;
    assert!(world.link(&jane).await.is_none());
    jane
}

#[tokio::test]
async fn a_lead_taken_out_of_the_bin_is_linked_again_as_if_first_seen() {
    let world = World::example().await;
    let jane = unlinked_by_deletion(&world).await;
    world.org.undelete(jane.lead);
    world.cycle().await;
    assert_eq!(world.linked_to(&jane).await, Some(jane.lead));
    assert_eq!(count(&world.journal(&jane).await, "linked"), 1, "and the journal says why");
    world.user_sets_lead(&jane, "Status", "Nurture");
    world.cycle().await;
    assert_eq!(world.person_status(&jane), "success");
    world.is_quiet().await;
}

#[tokio::test]
async fn what_changed_while_a_lead_was_in_the_bin_is_left_as_it_is_and_an_opt_out_is_not() {
    let world = World::example().await;
    let jane = unlinked_by_deletion(&world).await;
    world.user_sets_person(&jane, "success");
    world.cycle().await;
    world.org.undelete(jane.lead);
    world.cycle().await;
    assert_eq!(world.lead_status(&jane), "Attempting to contact", "[new] disagree = \"adopt\"");
    world.is_quiet().await;

    world.delete_lead(&jane);
    world.cycle().await;
    world.unsubscribes(&jane);
    world.cycle().await;
    world.org.undelete(jane.lead);
    world.settle().await;
    assert!(world.lead_is_opted_out(&jane));
    world.is_quiet().await;
}

#[tokio::test]
async fn an_opt_out_seen_before_a_deletion_is_known_after_it() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    world.unsubscribes(&jane);
    world.cycle().await;
    world.delete_lead(&jane);
    world.cycle().await;
    world.user_sets_person(&jane, "approaching");
    world.org.undelete(jane.lead);
    world.settle().await;
    assert_eq!(world.person_status(&jane), "approaching", "no write of ours");
    assert!(world.lead_is_opted_out(&jane), "nor there");
    assert_eq!(world.held().await.len(), 1, "somebody took an opt-out back: a person decides");
    world.is_quiet().await;
}

#[tokio::test]
async fn a_lead_deleted_and_back_between_two_polls_was_never_away() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    world.delete_lead(&jane);
    world.org.undelete(jane.lead);
    let report = world.cycle().await;
    assert_eq!((report.written, count(&world.journal(&jane).await, "unlinked")), (0, 0));
    world.is_quiet().await;
}

#[tokio::test]
async fn a_prospect_that_goes_on_naming_a_deleted_lead_is_not_picked_up_at_each_poll() {
    let world = World::example().await;
    let jane = unlinked_by_deletion(&world).await;
    for status in ["success", "approaching", "success"] {
        world.user_sets_person(&jane, status);
        world.cycle().await;
    }
    let journal = world.journal(&jane).await;
    assert_eq!((count(&journal, "unlinked"), world.org.writes_of(jane.lead)), (1, 0));
    world.is_quiet().await;
}

#[tokio::test]
async fn nobody_is_made_anew_whose_record_was_deleted() {
    let mapping = format!(
        "{}\n[new]\nprospects = \"create\"\nleads = \"create\"\n",
        include_str!("../../../mapping/example.toml")
    );
    let world = World::with_mapping(&mapping).await;
    let jane = world.person("Attempting to contact", "approaching").await;
    let joe = world.person("Attempting to contact", "approaching").await;
    let (leads, prospects) = (2, 2);
    world.agree().await;
    world.delete_prospect(&jane);
    world.delete_lead(&joe);
    world.settle().await;
    world.user_sets_lead(&jane, "Status", "Nurture");
    world.user_sets_person(&joe, "success");
    world.product.link(&joe.prospect, None);
    world.settle().await;
    assert_eq!(world.org.leads().len(), leads - 1, "Joe's Lead stays deleted");
    assert_eq!(world.product.prospects().len(), prospects - 1, "Jane stays deleted");
    world.is_quiet().await;
}

#[tokio::test]
async fn a_record_that_no_call_finds_any_more_is_left_alone_and_said_to_be_missing() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    world.org.purge(jane.lead);
    world.user_sets_person(&jane, "success");
    world.cycle().await;
    assert_eq!(world.linked_to(&jane).await, Some(jane.lead), "missing is neither deleted nor changed");
    let left = |journal: &[JournalEntry]| {
        journal.iter().filter(|entry| entry.what == "left" && entry.reason.contains("Salesforce")).count()
    };
    assert_eq!(left(&world.journal(&jane).await), 1, "`lockstep explain` says so");
    world.sweep().await;
    assert_eq!(left(&world.journal(&jane).await), 1, "once");
    world.is_quiet().await;
}

#[tokio::test]
async fn a_lead_taken_out_of_the_bin_is_linked_again_by_its_event_alone() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    let mut listening = world.listen().await;
    world.delete_lead(&jane);
    listening.next().await.unwrap();
    world.turn().await;
    assert!(world.link(&jane).await.is_none());
    world.advance(std::time::Duration::from_secs(5));
    world.org.undelete(jane.lead);
    listening.next().await.unwrap();
    world.turn().await;
    assert_eq!(world.linked_to(&jane).await, Some(jane.lead));
}
