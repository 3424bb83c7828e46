//! Writes that arrived without our learning of it, and people who set the old value back behind them: by its value alone
//! such a record cannot be told from one that was never written.

use super::world::{Person, World};
use lockstep::model::Side;
use std::time::Duration;

fn example(winner: &str) -> String {
    let example = include_str!("../../../mapping/example.toml");
    assert!(example.contains("winner = \"newest\""));
    example.replace("winner = \"newest\"", &format!("winner = \"{winner}\""))
}

/// What is one status on both sides: the Lead's value, and the person status.
type Status = (&'static str, &'static str);
const APPROACHING: Status = ("Attempting to contact", "approaching");
const SUCCESS: Status = ("Nurture", "success");
const NOT_INTERESTED: Status = ("Not interested", "not_interested");

/// Somebody sets it on this side.
fn sets(world: &World, person: &Person, side: Side, (value, status): Status) {
    match side {
        Side::Salesforce => world.user_sets_lead(person, "Status", value),
        Side::Engage => world.user_sets_person(person, status),
    }
}

fn says(world: &World, person: &Person, side: Side, (value, status): Status) -> bool {
    match side {
        Side::Salesforce => world.lead_status(person) == value,
        Side::Engage => world.person_status(person) == status,
    }
}

/// A person who was changed on one side, and whose other side Lockstep wrote without learning that it did. Then somebody
/// set that back.
async fn set_back_behind_our_write(world: &World, written: Side) -> Person {
    let person = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    world.advance(Duration::from_secs(600));
    sets(world, &person, written.other(), SUCCESS);
    world.advance(Duration::from_secs(2));
    world.falls_silent_behind_the_next_write_to(written);
    world.cycle().await;
    let both = (world.lead_status(&person), world.person_status(&person));
    assert_eq!(both, ("Nurture".to_owned(), "success".to_owned()), "it did happen");
    world.advance(Duration::from_secs(600));
    sets(world, &person, written, APPROACHING);
    world.answers_again(written);
    world.turns().await;
    person
}

#[tokio::test]
async fn what_was_set_back_behind_an_unrecorded_write_is_newer_than_that_write() {
    for written in Side::BOTH {
        let world = World::with_mapping(&example("newest")).await;
        let person = set_back_behind_our_write(&world, written).await;
        let both = (world.lead_status(&person), world.person_status(&person));
        let last_word = ("Attempting to contact".to_owned(), "approaching".to_owned());
        assert_eq!(both, last_word, "{written} was written: {:?}", world.journal(&person).await);
        world.is_quiet().await;
    }
}

#[tokio::test]
async fn where_people_decide_conflicts_they_decide_what_was_set_back_behind_an_unrecorded_write() {
    for written in Side::BOTH {
        let world = World::with_mapping(&example("hold")).await;
        let person = set_back_behind_our_write(&world, written).await;
        let stands = || says(&world, &person, written, APPROACHING);
        assert!(stands(), "{written}: {:?}", world.journal(&person).await);
        assert_eq!(world.held().await.len(), 1, "{written}: {:?}", world.journal(&person).await);
        world.advance(Duration::from_secs(24 * 3600));
        world.sweep().await;
        assert!(stands() && world.held().await.len() == 1, "it is not forgotten that both sides had moved");
        world.is_quiet().await;
    }
}

#[tokio::test]
async fn a_record_touched_elsewhere_after_a_write_that_never_arrived_is_written_all_the_same() {
    let world = World::with_mapping(&example("hold")).await;
    let to_engage = world.person("Attempting to contact", "approaching").await;
    let to_salesforce = world.people(2, "Attempting to contact", "approaching").await;
    world.agree().await;
    // The field history tells when a status was set, if it ever was.
    for status in ["Not interested", "Attempting to contact"] {
        world.advance(Duration::from_secs(60));
        world.user_sets_lead(&to_salesforce[0], "Status", status);
    }
    world.cycle().await;
    world.advance(Duration::from_secs(600));
    world.user_sets_lead(&to_engage, "Status", "Nurture");
    for person in &to_salesforce {
        world.user_sets_person(person, "not_interested");
    }
    world.advance(Duration::from_secs(2));
    world.no_write_arrives();
    world.cycle().await;
    world.writes_arrive_again();
    assert_eq!(world.person_status(&to_engage), "approaching", "it did not happen");
    for person in &to_salesforce {
        assert_eq!(world.lead_status(person), "Attempting to contact", "it did not happen");
    }
    world.advance(Duration::from_secs(60));
    for person in &to_salesforce {
        world.user_sets_lead(person, "Title", "Buyer");
    }
    world.product.set_field(&to_engage.prospect, "title", "Buyer");
    world.turns().await;
    assert_eq!(world.person_status(&to_engage), "success");
    for person in &to_salesforce {
        assert_eq!(world.lead_status(person), "Not interested", "{:?}", world.journal(person).await);
    }
    world.is_quiet().await;
}

#[tokio::test]
async fn a_value_set_back_by_way_of_another_one_is_not_taken_for_one_that_never_moved() {
    for written in Side::BOTH {
        let world = World::with_mapping(&example("hold")).await;
        let person = world.person("Attempting to contact", "approaching").await;
        world.agree().await;
        sets(&world, &person, written.other(), SUCCESS);
        world.advance(Duration::from_secs(2));
        world.falls_silent_behind_the_next_write_to(written);
        world.cycle().await;
        sets(&world, &person, written, NOT_INTERESTED);
        world.answers_again(written);
        world.advance(Duration::from_secs(60));
        world.cycle().await;
        assert_eq!(world.held().await.len(), 1, "{written}");
        sets(&world, &person, written, APPROACHING);
        world.turns().await;
        assert!(
            says(&world, &person, written, APPROACHING),
            "{written} was written over: {:?}",
            world.journal(&person).await
        );
        assert_eq!(world.held().await.len(), 1, "{written}: nobody knows which is the last word");
        world.is_quiet().await;
    }
}

#[tokio::test]
async fn somebody_who_sets_the_very_value_that_was_to_be_written_is_not_taken_for_us() {
    for written in Side::BOTH {
        let world = World::with_mapping(&example("hold")).await;
        let person = world.person("Attempting to contact", "approaching").await;
        world.agree().await;
        sets(&world, &person, written.other(), SUCCESS);
        world.advance(Duration::from_secs(2));
        world.no_write_arrives();
        world.cycle().await;
        sets(&world, &person, written.other(), NOT_INTERESTED);
        sets(&world, &person, written, SUCCESS);
        world.writes_arrive_again();
        world.turns().await;
        assert!(
            says(&world, &person, written, SUCCESS),
            "{written} was written over: {:?}",
            world.journal(&person).await
        );
        assert_eq!(world.held().await.len(), 1, "{written}: two people disagree");
        world.is_quiet().await;
    }
}

#[tokio::test]
async fn whoever_lost_twice_to_the_same_write_is_named_twice() {
    let world = World::with_mapping(&example("engage")).await;
    let person = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    world.user_sets_lead(&person, "Status", "Nurture");
    world.user_sets_person(&person, "not_interested");
    world.advance(Duration::from_secs(2));
    world.falls_silent_behind_the_next_write_to(Side::Salesforce);
    world.cycle().await;
    assert_eq!(world.lead_status(&person), "Not interested", "it did happen");
    world.user_sets_lead(&person, "Status", "Nurture");
    world.answers_again(Side::Salesforce);
    world.turns().await;
    assert_eq!(world.lead_status(&person), "Not interested", "the company's rule");
    let lost = world.journal(&person).await.iter().filter(|entry| entry.overruled.is_some()).count();
    assert_eq!(lost, 2, "{:?}", world.journal(&person).await);
    world.is_quiet().await;
}
