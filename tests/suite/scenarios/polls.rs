//! A poll that does not come to its end in one go loses nothing.

use super::world::World;
use lockstep::config::SalesforceChanges;
use lockstep::connector::salesforce::Purpose;
use lockstep::sandbox::{Fault, When};
use lockstep::sync::Cycle;
use serde_json::json;
use std::time::Duration;

/// As the loop of the daemon turns while something comes in.
const TURN: Duration = Duration::from_millis(250);

/// More Leads than one page has.
const MANY: usize = 2_050;

const SALESFORCE: Cycle = Cycle { poll_salesforce: true, poll_engage: false, sweep: false };

#[tokio::test]
async fn what_is_committed_late_is_found_though_the_poll_was_interrupted_between_two_pages() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    let leads: Vec<_> = (0..MANY)
        .map(|n| {
            world.org.create_lead("Lea", "Lead", "Leadco", &format!("lea{n}@example.com"), "Cold").unwrap()
        })
        .collect();
    world.agree().await;
    world.advance(Duration::from_secs(3_600));
    world.engine.cycle(SALESFORCE).await.unwrap();
    world.advance(Duration::from_secs(60));
    // Her change is stamped before everybody's, and comes into sight after them.
    let mut late = world.org.begin();
    late.edit(jane.lead, &[("Status", json!("Nurture"))]);
    world.advance(Duration::from_secs(5));
    leads.iter().for_each(|lead| world.org.touch(*lead));
    let faults = world.org.faults().clone();
    let page = When::next("GET", "FROM+Lead");
    world.org.faults().at(lockstep::sandbox::Moment::After, page, move || {
        faults.add(When::next("GET", "FROM+Lead"), Fault::DropBefore);
    });
    assert!(world.engine.cycle(SALESFORCE).await.unwrap().interrupted, "behind the first page");
    late.commit();
    for _ in 0..3 {
        world.advance(Duration::from_secs(1_800));
        world.engine.cycle(SALESFORCE).await.unwrap();
    }
    assert_eq!(world.person_status(&jane), "success");
}

#[tokio::test]
async fn a_poll_that_was_asked_for_is_asked_for_until_it_has_come_to_its_end() {
    let world = World::example().await.keeping(1).await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    world.user_sets_lead(&jane, "Status", "Nurture");
    let _stream = world.open_stream().await.unwrap();
    assert!(world.engine.wants_poll(), "a stream that begins says nothing of what came before");
    world.product.faults().add(When::default(), Fault::DropBefore);
    assert!(world.engine.cycle(SALESFORCE).await.unwrap().interrupted);
    assert!(world.engine.wants_poll(), "Engage did not answer in the midst of it");
    world.advance(Duration::from_secs(60));
    world.engine.cycle(SALESFORCE).await.unwrap();
    assert!(!world.engine.wants_poll());
    assert_eq!(world.person_status(&jane), "success");
}

/// A world that takes outbound messages, and one about a Lead that does not exist.
async fn world_and_message() -> (World, String) {
    let mapping = format!("{}\n[new]\nleads = \"create\"\n", include_str!("../../../mapping/example.toml"));
    let world = World::configured(&mapping, |config| {
        config.salesforce.changes = vec![SalesforceChanges::OutboundMessages];
    })
    .await;
    world.org.send_outbound_messages("http://127.0.0.1:9", "Lead", &["Status"]);
    let jane = world.person("Attempting to contact", "approaching").await;
    let message = world.org.next_outbound_message().unwrap();
    let message = message.replace(jane.lead.as_str(), "00Q5f0000000zzz");
    world.agree().await;
    (world, message)
}

impl World {
    fn poll_calls(&self) -> u64 {
        self.engine.salesforce_budget().by_purpose.get(&Purpose::Poll).copied().unwrap_or(0)
    }

    /// A turn as the loop makes it, where Salesforce is polled only when somebody has asked for it.
    async fn turn_as_asked(&self) {
        let poll_salesforce = self.engine.asked_poll_in() == Some(Duration::ZERO);
        self.engine.cycle(Cycle { poll_salesforce, ..Cycle::DUE }).await.unwrap();
    }
}

#[tokio::test]
async fn a_flood_of_messages_about_leads_that_do_not_exist_costs_few_polls_and_the_last_one_has_its_own() {
    let (world, message) = world_and_message().await;
    let before = world.poll_calls();
    for _ in 0..240 {
        world.engine.take_in_outbound(message.as_bytes()).await.unwrap();
        world.turn_as_asked().await;
        world.advance(TURN);
    }
    let calls = world.poll_calls() - before;
    // Two calls a poll, twelve or thirteen polls, and what is asked for once in five minutes.
    assert!((20..=30).contains(&calls), "{calls} calls in a minute");
    while world.engine.wants_poll() {
        world.turn_as_asked().await;
        world.advance(TURN);
    }
    assert!((2..=4).contains(&(world.poll_calls() - before - calls)), "what was asked for still came");
}

#[tokio::test]
async fn a_poll_that_is_asked_for_after_some_quiet_comes_at_once() {
    let (world, message) = world_and_message().await;
    assert_eq!(world.engine.asked_poll_in(), None, "nobody has asked");
    world.engine.take_in_outbound(message.as_bytes()).await.unwrap();
    assert_eq!(world.engine.asked_poll_in(), Some(Duration::ZERO));
}

#[tokio::test]
async fn while_calls_are_short_a_poll_that_is_asked_for_waits_as_long_as_any_other() {
    let (world, message) = world_and_message().await;
    world.org.set_daily_limit(10_000, 8_500);
    world.engine.cycle(SALESFORCE).await.unwrap();
    let every = world.engine.salesforce_budget().short_poll_every();
    world.advance(Duration::from_secs(60));
    world.engine.take_in_outbound(message.as_bytes()).await.unwrap();
    let wait = world.engine.asked_poll_in().expect("somebody has asked");
    assert!(wait > every / 2 && wait < every, "{wait:?} of {every:?}");
    world.advance(wait);
    assert_eq!(world.engine.asked_poll_in(), Some(Duration::ZERO), "and then it comes");
}
