//! A record that always fails never delays the others, and is not tried for ever.

use crate::scenarios::trouble::pauses_at;
use crate::scenarios::world::{Person, World};
use lockstep::admin::{Operations, Which};
use lockstep::model::ProspectId;
use lockstep::sandbox::{Fault, When};
use lockstep::store::Due;
use lockstep::sync::Cycle;
use serde_json::json;
use std::time::Duration;

/// More than two batches of 200.
const PEOPLE: usize = 410;

fn mapping() -> String {
    format!("{}\n[limits]\nchanged_share = 1.0\n", include_str!("../../../mapping/example.toml"))
}

async fn agreeing(count: usize) -> (World, Vec<Person>) {
    let world = World::with_mapping(&mapping()).await;
    let people = world.people(count, "Attempting to contact", "approaching").await;
    world.agree().await;
    (world, people)
}

impl World {
    async fn due_mark(&self, prospect: &ProspectId) -> Option<Due> {
        let id = prospect.clone();
        self.store.read(move |reader| reader.due(&id)).await.unwrap()
    }

    fn with_status(&self, people: &[Person], status: &str) -> usize {
        people.iter().filter(|person| self.lead_status(person) == status).count()
    }
}

#[tokio::test]
async fn a_row_that_breaks_every_batch_it_is_in_keeps_nobody_else_from_being_written_in_salesforce() {
    let (world, people) = agreeing(PEOPLE).await;
    // The first in line, so that it stands before everybody.
    world.org.faults().break_on("PATCH", people[0].lead.as_str());
    people.iter().for_each(|person| world.user_sets_person(person, "success"));
    for _ in 0..3 {
        world.cycle().await;
        world.advance(Duration::from_secs(5));
    }
    assert_eq!(world.with_status(&people, "Nurture"), PEOPLE - 1);
    // One call to find that the batch fails, and one more; then eight halvings at most, and tries of the row alone.
    let broken = world.org.faults().broken();
    assert!(broken <= 14, "{broken} calls broke");
    assert!(people.iter().all(|person| world.salesforce_changes(person) <= 1), "written once");

    // From then on it fails alone, and a change of somebody else's is not kept waiting by it.
    world.user_sets_person(&people[1], "not_interested");
    world.advance(Duration::from_secs(3_600));
    world.cycle().await;
    assert_eq!(world.lead_status(&people[1]), "Not interested");

    world.org.faults().break_on_nothing();
    world.advance(Duration::from_secs(24 * 3600));
    world.sweep().await;
    world.settle().await;
    assert_eq!(world.lead_status(&people[0]), "Nurture", "it goes on once it can");
}

#[tokio::test]
async fn an_operator_who_pauses_among_the_halves_of_a_batch_has_the_rest_left_and_blamed_for_nothing() {
    let (world, people) = agreeing(100).await;
    people.iter().for_each(|person| world.user_sets_person(person, "success"));
    let body = r#"[{"errorCode":"JSON_PARSER_ERROR","message":"one row of it cannot be read"}]"#.to_owned();
    let (patch, refusal) =
        (When::next("PATCH", "/services/data"), Fault::Answer { status: 400, body, retry_after: None });
    // What is refused is not carried out: the next call that is carries the first half.
    pauses_at(world.store.clone(), world.org.faults(), patch.clone());
    world.org.faults().add(patch, refusal);
    world.cycle().await;
    assert_eq!(world.with_status(&people, "Nurture"), 50);
    assert_eq!(world.parked().await, []);

    world.pause(false).await;
    world.settle().await;
    assert_eq!(world.with_status(&people, "Nurture"), people.len());
}

#[tokio::test]
async fn a_row_that_breaks_every_batch_it_is_in_keeps_nobody_else_from_being_written_in_engage() {
    let (world, people) = agreeing(PEOPLE).await;
    world.product.faults().break_on("POST", &format!("\"{}\"", people[0].prospect));
    people.iter().for_each(|person| world.user_sets_lead(person, "Status", "Not interested"));
    for _ in 0..3 {
        world.cycle().await;
        world.advance(Duration::from_secs(5));
    }
    let written = people.iter().filter(|person| world.person_status(person) == "not_interested").count();
    assert_eq!(written, PEOPLE - 1);
    let broken = world.product.faults().broken();
    assert!(broken <= 14, "{broken} calls broke");
}

#[tokio::test]
async fn a_side_that_breaks_on_every_write_is_left_alone_and_blames_no_row() {
    let (world, people) = agreeing(30).await;
    world.org.faults().break_on("PATCH", "/services/data");
    people.iter().for_each(|person| world.user_sets_person(person, "success"));
    let mut turns = 0;
    let begun = world.clock.now();
    while world.clock.now().duration_since(begun).as_hours() < 4 {
        world.engine.cycle(if turns % 60 == 0 { Cycle::POLL } else { Cycle::DUE }).await.unwrap();
        world.advance(Duration::from_secs(1));
        turns += 1;
        if turns > 120 {
            world.advance(Duration::from_secs(59));
        }
    }
    let broken = world.org.faults().broken();
    println!("{broken} writes were tried in 4 hours");
    // Each three and a half to five minutes one call, and two times in eight a dozen.
    assert!(broken <= 4 * 18 * (6 + 2 * 12) / 8 + 60, "{broken}");
    assert_eq!(world.parked().await.len(), 0, "nobody is parked for the side's trouble");

    world.org.faults().break_on_nothing();
    world.advance(Duration::from_secs(300));
    world.cycle().await;
    assert_eq!(world.with_status(&people, "Nurture"), people.len());
    assert!(people.iter().all(|person| world.salesforce_changes(person) == 1));
}

#[tokio::test]
async fn a_lock_that_never_ends_is_tried_eight_times_within_a_day_and_parked_with_salesforces_words() {
    let (world, people) = agreeing(3).await;
    world.org.lock(people[0].lead, true);
    people.iter().for_each(|person| world.user_sets_person(person, "success"));
    world.cycle().await;
    assert_eq!(world.with_status(&people, "Nurture"), 2, "the others do not wait");
    let mut attempts = 0;
    for _ in 0..24 * 60 {
        world.advance(Duration::from_secs(60));
        world.engine.cycle(Cycle::DUE).await.unwrap();
        let due = world.due_mark(&people[0].prospect).await;
        attempts = attempts.max(due.map_or(0, |due| due.attempts));
    }
    assert_eq!(attempts, 7, "the eighth parks it");
    let parked = world.parked().await;
    assert_eq!((parked.len(), parked[0].code.as_str()), (1, "UNABLE_TO_LOCK_ROW"));
    assert!(!parked[0].message.is_empty());
    world.is_quiet().await;

    world.org.lock(people[0].lead, false);
    world.sweep().await;
    world.settle().await;
    assert_eq!((world.with_status(&people, "Nurture"), world.parked().await.len()), (3, 0));
}

#[tokio::test]
async fn a_write_that_is_refused_as_gone_while_the_record_is_shown_is_tried_ever_more_rarely_and_parked() {
    let (world, people) = agreeing(1).await;
    let body = r#"{"error":{"code":"not_found","message":"no such prospect","field":null}}"#.to_owned();
    let always = When { times: u32::MAX, ..When::next("POST", "/prospects/batch") };
    world.product.faults().add(always, Fault::Answer { status: 404, body, retry_after: None });
    world.user_sets_lead(&people[0], "Status", "Not interested");
    world.cycle().await;
    let calls = world.engage_calls();
    for _ in 0..24 * 60 {
        world.advance(Duration::from_secs(60));
        world.engine.cycle(Cycle::DUE).await.unwrap();
    }
    let asked = world.engage_calls() - calls;
    assert!(asked < 60, "{asked} calls for one record within a day");
    let parked = world.parked().await;
    assert_eq!((parked.len(), parked[0].code.as_str()), (1, "not_found"));

    world.product.faults().clear();
    world.sweep().await;
    world.settle().await;
    assert_eq!(world.person_status(&people[0]), "not_interested");
    assert!(world.parked().await.is_empty());
}

#[tokio::test]
async fn two_locks_that_never_end_are_parked_as_one_is_and_nobody_else_waits_for_them() {
    let (world, people) = agreeing(3).await;
    people[..2].iter().for_each(|person| world.org.lock(person.lead, true));
    people.iter().for_each(|person| world.user_sets_person(person, "success"));
    world.cycle().await;
    assert_eq!(world.with_status(&people, "Nurture"), 1, "the third does not wait");
    for minute in 0..24 * 60 {
        world.advance(Duration::from_secs(60));
        if minute % 120 == 30 {
            let (person, lead) = match world.lead_status(&people[2]).as_str() {
                "Nurture" => ("not_interested", "Not interested"),
                _ => ("success", "Nurture"),
            };
            world.user_sets_person(&people[2], person);
            world.cycle().await;
            assert_eq!(world.lead_status(&people[2]), lead, "minute {minute}");
        } else {
            world.engine.cycle(Cycle::DUE).await.unwrap();
        }
    }
    let parked = world.parked().await;
    assert_eq!(parked.len(), 2, "{parked:?}");
    assert!(parked.iter().all(|parked| parked.code == "UNABLE_TO_LOCK_ROW"), "{parked:?}");
    world.is_quiet().await;
}

#[tokio::test]
async fn an_operator_who_knows_that_a_lock_has_ended_has_it_tried_at_once() {
    let (world, people) = agreeing(2).await;
    world.org.lock(people[0].lead, true);
    world.unsubscribes(&people[0]);
    world.cycle().await;
    for _ in 0..3 * 60 {
        world.advance(Duration::from_secs(60));
        world.engine.cycle(Cycle::DUE).await.unwrap();
    }
    world.org.lock(people[0].lead, false);
    let tried = world.operations().retry(Which { id: None }).await.unwrap();
    assert_eq!(tried.records, 1);
    world.engine.cycle(Cycle::DUE).await.unwrap();
    assert!(world.lead_is_opted_out(&people[0]));
    world.is_quiet().await;
    assert_eq!(world.operations().retry(Which { id: None }).await.unwrap().records, 0);
}

#[tokio::test]
async fn an_opt_out_that_meets_a_lock_is_tried_again_each_quarter_of_an_hour() {
    let (world, people) = agreeing(2).await;
    world.org.lock(people[0].lead, true);
    world.unsubscribes(&people[0]);
    world.cycle().await;
    for _ in 0..12 * 60 {
        world.advance(Duration::from_secs(60));
        world.engine.cycle(Cycle::DUE).await.unwrap();
    }
    assert_eq!(world.parked().await.len(), 0);
    world.org.lock(people[0].lead, false);
    world.advance(Duration::from_secs(15 * 60));
    world.cycle().await;
    assert!(world.lead_is_opted_out(&people[0]));
}

#[tokio::test]
async fn an_answer_of_which_one_row_cannot_be_read_says_what_the_other_rows_say() {
    let (world, people) = agreeing(3).await;
    let rows: Vec<_> = people
        .iter()
        .enumerate()
        .map(|(number, person)| match number {
            1 => json!({"id": person.prospect, "ok": "maybe"}),
            _ => json!({"id": person.prospect, "ok": false,
                "error": {"code": "status_locked", "message": "locked", "field": "status"}}),
        })
        .collect();
    let body = json!({ "results": rows }).to_string();
    world
        .product
        .faults()
        .add(When::next("POST", "/batch"), Fault::Answer { status: 200, body, retry_after: None });
    people.iter().for_each(|person| world.user_sets_lead(person, "Status", "Not interested"));
    let polls = Cycle { poll_salesforce: true, poll_engage: false, sweep: false };
    world.engine.cycle(polls).await.unwrap();
    assert_eq!(world.parked().await.len(), 2, "two were refused");
    assert_eq!(world.due().await, 1, "and one is looked at again");
    world.advance(Duration::from_secs(5));
    world.cycle().await;
    assert_eq!(world.person_status(&people[1]), "not_interested");
}
