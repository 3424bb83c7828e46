//! A poll that does not come to its end in one go loses nothing.

use super::world::World;
use lockstep::sandbox::{Fault, When};
use lockstep::sync::Cycle;
use serde_json::json;
use std::time::Duration;

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
