//! Ten thousand linked people, two thousand changed on each side at once: everything agrees afterwards, each record is
//! written once, and Salesforce is called hardly more often than can be.

use super::world::{Person, World};
use lockstep::sandbox::seed;
use lockstep::sync::Cycle;
use serde_json::json;
use std::time::Duration;

const PEOPLE: usize = 10_000;
const CHANGED_A_SIDE: usize = 2_000;

fn mapping() -> String {
    format!("{}\n[limits]\nchanged_share = 1.0\n", include_str!("../../../mapping/example.toml"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_people_of_whom_four_thousand_changed_agree_after_one_turn() {
    let world = World::with_mapping(&mapping()).await;
    let people: Vec<Person> = seed::linked(&world.org, &world.product, PEOPLE, 1)
        .into_iter()
        .map(|(lead, prospect)| Person { lead, prospect })
        .collect();
    let report = world.engine.cycle(Cycle::POLL).await.unwrap();
    assert_eq!((report.decided, report.planned), (PEOPLE, 0));
    world.advance(Duration::from_secs(3_600));
    // What changed since the first listing is behind the overlap now.
    world.engine.cycle(Cycle::POLL).await.unwrap();
    world.advance(Duration::from_secs(60));

    let mut changed_in_salesforce = 0;
    for person in &people[..CHANGED_A_SIDE] {
        let next = if world.lead_status(person) == "Nurture" { "Not interested" } else { "Nurture" };
        // A bounced person's status is protected: that conflict is for a person to decide.
        if world.person_status(person) != "bounced" {
            world.user_sets_lead(person, "Status", next);
            changed_in_salesforce += 1;
        }
    }
    for person in &people[CHANGED_A_SIDE..2 * CHANGED_A_SIDE] {
        let next = if world.person_status(person) == "success" { "not_interested" } else { "success" };
        world.user_sets_person(person, next);
    }
    world.advance(Duration::from_secs(60));
    let calls = world.org.calls().len();
    let report = world.engine.cycle(Cycle::POLL).await.unwrap();
    let calls = world.org.calls().len() - calls;

    assert_eq!(report.written, changed_in_salesforce + CHANGED_A_SIDE);
    for person in &people[..CHANGED_A_SIDE] {
        let expected = match world.lead_status(person).as_str() {
            "Nurture" => "success",
            "Not interested" => "not_interested",
            _ => "bounced",
        };
        assert_eq!(world.person_status(person), expected);
        assert!(world.engage_status_changes(person) <= 1);
        assert_eq!(world.salesforce_changes(person), 0, "no echo");
    }
    for person in &people[CHANGED_A_SIDE..2 * CHANGED_A_SIDE] {
        let expected = if world.person_status(person) == "success" { "Nurture" } else { "Not interested" };
        assert_eq!(world.org.get(person.lead, "Status"), json!(expected));
        assert_eq!(world.salesforce_changes(person), 1, "written once");
        assert_eq!(world.engage_status_changes(person), 0, "no echo");
    }
    // One page of changed Leads a 2,000 and one of Contacts, each with its covered date; the other side of what
    // changed in Engage read once; the source of what goes to Engage read once more before it is written; and for each
    // 200 Leads one look and one write; and one look at the field history for what those replaced.
    let batches = CHANGED_A_SIDE.div_ceil(200);
    let least = 2 + 2 + 1 + 1 + 2 * batches + 1;
    println!("{calls} Salesforce calls, {least} are the least possible");
    assert!(calls * 10 <= least * 11, "{calls} calls, {least} would do");

    world.advance(Duration::from_secs(60));
    let report = world.engine.cycle(Cycle::POLL).await.unwrap();
    assert_eq!(report.planned, 0, "a second pass plans nothing");
}
