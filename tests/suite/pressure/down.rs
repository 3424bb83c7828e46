//! A system that is down for a day costs a bounded number of calls; the other one's changes are taken in meanwhile, and
//! everything flows when it returns, opt-outs first.

use crate::scenarios::world::{Person, World};
use lockstep::sandbox::{Fault, Faults, Moment, When};
use lockstep::sync::Cycle;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const PEOPLE: usize = 60;

/// The wait between two tries of a side that is down is five minutes, or less than a third less at random.
const PROBES_A_DAY: usize = 24 * 3600 / 210;

/// Before that come the short waits: 1, 2, 4 ... seconds.
const SHORT_WAITS: usize = 12;

async fn agreeing() -> (World, Vec<Person>) {
    let mapping =
        format!("{}\n[limits]\nchanged_share = 1.0\n", include_str!("../../../mapping/example.toml"));
    let world = World::with_mapping(&mapping).await;
    let people = world.people(PEOPLE, "Attempting to contact", "approaching").await;
    world.agree().await;
    (world, people)
}

fn down(faults: &Faults) {
    faults.add(When { times: u32::MAX, ..When::default() }, Fault::DropBefore);
}

impl World {
    /// Time passes, in the rhythm of the daemon's loop: a poll each minute, a look at what is due in between.
    async fn hours(&self, hours: u64) {
        for _ in 0..hours * 60 {
            self.engine.cycle(Cycle::POLL).await.unwrap();
            self.advance(Duration::from_secs(30));
            self.engine.cycle(Cycle::DUE).await.unwrap();
            self.advance(Duration::from_secs(30));
        }
    }
}

/// Notes whether something was so after the first write of a side.
fn at_first_write(
    faults: &Faults,
    call: When,
    is_so: impl Fn() -> bool + Send + 'static,
) -> (Arc<AtomicBool>, Arc<Mutex<usize>>) {
    let (was_so, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(0)));
    let (told, counted) = (was_so.clone(), seen.clone());
    faults.at(Moment::After, call, move || {
        told.store(is_so(), Ordering::SeqCst);
        *counted.lock().unwrap() += 1;
    });
    (was_so, seen)
}

#[tokio::test]
async fn salesforce_down_for_a_day_is_asked_each_five_minutes_and_gets_everything_when_it_returns() {
    let (world, people) = agreeing().await;
    down(world.org.faults());
    for (hour, some) in people.chunks(PEOPLE / 20).enumerate() {
        some.iter().for_each(|person| world.user_sets_person(person, "success"));
        if hour == 10 {
            world.unsubscribes(&people[0]);
        }
        world.hours(1).await;
        assert_eq!(world.due().await, ((hour + 1) * PEOPLE / 20) as u64, "Engage's changes are taken in");
    }
    world.hours(4).await;
    let calls = world.org.faults().gone_wrong();
    println!("Salesforce down for a day: {calls} calls");
    assert!(calls <= PROBES_A_DAY + SHORT_WAITS, "{calls} calls");
    assert!(calls >= 100, "it is asked all the same");

    world.org.faults().clear();
    let (org, lead) = (world.org.clone(), people[0].lead);
    let (first, seen) =
        at_first_write(world.org.faults(), When::next("PATCH", "/services/data"), move || {
            org.get(lead, "HasOptedOutOfEmail") == serde_json::json!(true)
        });
    let before = world.salesforce_calls();
    world.advance(Duration::from_secs(300));
    world.cycle().await;
    assert!(*seen.lock().unwrap() > 0 && first.load(Ordering::SeqCst), "the opt-out goes first");
    assert_eq!(world.due().await, 0);
    assert!(people[1..].iter().all(|person| world.lead_status(person) == "Nurture"));
    let calls = world.salesforce_calls() - before;
    println!("... and {calls} calls when it is back");
    assert!(calls <= 24, "no storm: {calls} calls");
    world.is_quiet().await;
}

#[tokio::test]
async fn engage_down_for_a_day_is_asked_each_five_minutes_and_gets_everything_when_it_returns() {
    let (world, people) = agreeing().await;
    down(world.product.faults());
    for (hour, some) in people.chunks(PEOPLE / 20).enumerate() {
        some.iter().for_each(|person| world.user_sets_lead(person, "Status", "Not interested"));
        if hour == 10 {
            world.user_ticks_opt_out(&people[0]);
        }
        world.hours(1).await;
        assert_eq!(world.due().await, ((hour + 1) * PEOPLE / 20) as u64, "Salesforce's changes are taken in");
    }
    world.hours(4).await;
    let calls = world.product.faults().gone_wrong();
    println!("Engage down for a day: {calls} calls");
    assert!(calls <= PROBES_A_DAY + SHORT_WAITS, "{calls} calls");

    world.product.faults().clear();
    let (product, prospect) = (world.product.clone(), people[0].prospect.clone());
    let (first, seen) = at_first_write(world.product.faults(), When::next("POST", "/batch"), move || {
        product.status(&prospect) == "opted_out"
    });
    world.advance(Duration::from_secs(300));
    world.cycle().await;
    assert!(*seen.lock().unwrap() > 0 && first.load(Ordering::SeqCst), "the opt-out goes first");
    assert_eq!(world.due().await, 0);
    assert!(people[1..].iter().all(|person| world.person_status(person) == "not_interested"));
    world.is_quiet().await;
}

#[tokio::test]
async fn both_down_for_a_day_converge_when_they_return() {
    let (world, people) = agreeing().await;
    down(world.org.faults());
    down(world.product.faults());
    let (a, b) = people.split_at(PEOPLE / 2);
    a.iter().for_each(|person| world.user_sets_lead(person, "Status", "Not interested"));
    b.iter().for_each(|person| world.user_sets_person(person, "success"));
    world.hours(24).await;
    let calls = [world.org.faults().gone_wrong(), world.product.faults().gone_wrong()];
    println!("both down for a day: {calls:?} calls");
    assert!(calls.iter().all(|calls| *calls <= PROBES_A_DAY + SHORT_WAITS), "{calls:?}");
    world.org.faults().clear();
    world.product.faults().clear();
    world.advance(Duration::from_secs(300));
    world.settle().await;
    assert!(a.iter().all(|person| world.person_status(person) == "not_interested"));
    assert!(b.iter().all(|person| world.lead_status(person) == "Nurture"));
    world.is_quiet().await;
}

#[tokio::test]
async fn a_quota_used_up_for_hours_costs_two_calls_an_hour_and_opt_outs_go_first_after_it() {
    let (world, people) = agreeing().await;
    world.salesforce_daily_limit_reached();
    people.iter().for_each(|person| world.user_sets_person(person, "success"));
    world.unsubscribes(&people[0]);
    let before = world.salesforce_calls();
    world.hours(8).await;
    let calls = world.salesforce_calls() - before;
    println!("quota used up for 8 hours: {calls} calls");
    assert!(calls <= 4 + 2 * 8 + 4, "{calls} calls");
    assert_eq!(world.due().await, PEOPLE as u64);

    world.salesforce_daily_limit_lifted();
    let (org, lead) = (world.org.clone(), people[0].lead);
    let (first, _) = at_first_write(world.org.faults(), When::next("PATCH", "/services/data"), move || {
        org.get(lead, "HasOptedOutOfEmail") == serde_json::json!(true)
    });
    world.hours(1).await;
    assert!(first.load(Ordering::SeqCst), "the opt-out goes first");
    assert_eq!(world.due().await, 0);
}

#[tokio::test]
async fn a_sign_in_that_is_refused_for_a_day_is_tried_each_five_minutes_and_goes_on_by_itself() {
    let (world, people) = agreeing().await;
    let refusal = |body: &str| Fault::Answer { status: 400, body: body.to_owned(), retry_after: None };
    let token = |path: &str| When { path: Some(path.to_owned()), times: u32::MAX, ..When::default() };
    let refused = refusal(r#"{"error":"invalid_client","error_description":"invalid client credentials"}"#);
    world.org.faults().add(token("/services/oauth2/token"), refused.clone());
    world.product.faults().add(token("/oauth/token"), refused);
    world.org.revoke_sessions();
    world.product.revoke_tokens();
    people.iter().for_each(|person| world.user_sets_person(person, "success"));
    let before = (world.salesforce_calls(), world.engage_calls());
    world.hours(24).await;
    let tries = [world.org.faults().gone_wrong(), world.product.faults().gone_wrong()];
    let calls = (world.salesforce_calls() - before.0, world.engage_calls() - before.1);
    println!("sign-in refused for a day: {tries:?} tries, {calls:?} calls besides");
    assert!(tries.iter().all(|tries| *tries <= PROBES_A_DAY + SHORT_WAITS), "{tries:?} tries");

    world.org.faults().clear();
    world.product.faults().clear();
    world.hours(1).await;
    assert!(people.iter().all(|person| world.lead_status(person) == "Nurture"));
    assert_eq!(world.due().await, 0);
}
