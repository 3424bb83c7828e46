//! Field-level security: a field that cannot be seen is not empty, and nothing is done about its records until it can.

use super::world::World;
use lockstep::model::{SalesforceObject, Side};
use lockstep::sandbox::{Moment, When};
use lockstep::sync::Cycle;
use std::time::Duration;

/// Longer than the wait between two tries of a side that needs a person.
const TRIED_AGAIN: Duration = Duration::from_secs(301);

impl World {
    /// What keeps Salesforce from being worked with, as `lockstep status` shows it.
    fn trouble(&self) -> Option<String> {
        self.engine.health(Side::Salesforce).trouble.map(|error| format!("{}: {}", error.code, error.message))
    }

    fn hide(&self, object: &str, field: &str, hidden: bool) {
        self.org.withdraw_field(object, field, hidden);
    }
}

#[tokio::test]
async fn a_status_field_that_vanishes_is_named_and_stops_salesforce_until_it_is_back() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    let joe = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    world.user_sets_person(&jane, "success");
    world.user_sets_lead(&joe, "Status", "Nurture");
    world.hide("Lead", "Status", true);
    for _ in 0..3 {
        assert!(world.cycle().await.interrupted);
        let trouble = world.trouble().unwrap();
        assert!(trouble.starts_with("field-not-visible: Lead.Status is not visible"), "{trouble}");
        world.advance(TRIED_AGAIN);
    }
    assert_eq!((world.org.writes().1, world.product.writes_of(&joe.prospect)), (0, 0), "nothing is tried");
    assert_eq!(world.parked().await.len(), 0);

    world.hide("Lead", "Status", false);
    world.advance(TRIED_AGAIN);
    world.settle().await;
    assert_eq!(world.trouble(), None);
    assert_eq!(world.lead_status(&jane), "Nurture");
    assert_eq!(world.person_status(&joe), "success");
    world.is_quiet().await;
}

#[tokio::test]
async fn while_a_field_is_hidden_engage_is_still_listened_to_and_few_calls_are_made() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    world.hide("Lead", "Status", true);
    world.cycle().await;
    let calls = world.salesforce_calls();
    world.user_sets_person(&jane, "success");
    for _ in 0..10 {
        world.advance(Duration::from_secs(10));
        world.engine.cycle(Cycle::POLL).await.unwrap();
    }
    assert_eq!(world.salesforce_calls(), calls);
    assert_eq!(world.due().await, 1, "what Engage said is kept");
}

#[tokio::test]
async fn a_field_that_vanishes_between_the_look_and_the_write_parks_nobody() {
    let world = World::example().await;
    for count in [1, 3] {
        let people = world.people(count, "Attempting to contact", "approaching").await;
        world.settle().await;
        people.iter().for_each(|person| world.user_sets_person(person, "success"));
        world.advance(Duration::from_secs(60));
        let org = world.org.clone();
        world.org.faults().at(Moment::Before, When::next("PATCH", "/services/data"), move || {
            org.withdraw_field("Lead", "Status", true);
        });
        world.settle().await;
        assert!(world.trouble().unwrap().contains("Lead.Status is not visible"));
        assert_eq!(world.parked().await.len(), 0);

        world.hide("Lead", "Status", false);
        world.advance(TRIED_AGAIN);
        world.settle().await;
        assert!(people.iter().all(|person| world.lead_status(person) == "Nurture"));
        world.is_quiet().await;
    }
}

#[tokio::test]
async fn a_field_that_vanishes_between_the_poll_and_the_look_decides_nothing() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    world.user_sets_person(&jane, "success");
    let org = world.org.clone();
    world.org.faults().at(Moment::Before, When::next("POST", "/composite/sobjects/Lead"), move || {
        org.withdraw_field("Lead", "Status", true);
    });
    world.settle().await;
    assert!(world.trouble().unwrap().contains("Lead.Status is not visible"));
    assert_eq!(world.org.writes().1, 0);
    world.hide("Lead", "Status", false);
    world.advance(TRIED_AGAIN);
    world.settle().await;
    assert_eq!(world.lead_status(&jane), "Nurture");
}

#[tokio::test]
async fn an_opt_out_box_that_nobody_named_is_not_done_without_once_it_was_seen() {
    let mapping = include_str!("../../../mapping/example.toml");
    let mapping = mapping.lines().filter(|line| !line.starts_with("opt_out ")).collect::<Vec<_>>().join("\n");
    let world = World::with_mapping(&mapping).await;
    let jane = world.person("Nurture", "success").await;
    world.agree().await;
    world.hide("Lead", "HasOptedOutOfEmail", true);
    world.user_ticks_opt_out(&jane);
    world.settle().await;
    assert!(world.trouble().unwrap().contains("Lead.HasOptedOutOfEmail is not visible"));
    world.hide("Lead", "HasOptedOutOfEmail", false);
    world.advance(TRIED_AGAIN);
    world.settle().await;
    assert_eq!(world.person_status(&jane), "opted_out", "it was ticked all the time");
    world.is_quiet().await;
}

#[tokio::test]
async fn an_org_without_the_box_that_nobody_named_is_no_trouble() {
    let mapping = include_str!("../../../mapping/example.toml");
    let mapping = mapping.lines().filter(|line| !line.starts_with("opt_out ")).collect::<Vec<_>>().join("\n");
    let world = World::with_mapping(&mapping).await;
    for object in SalesforceObject::BOTH {
        world.hide(&object.to_string(), "HasOptedOutOfEmail", true);
    }
    let jane = world.person("Nurture", "success").await;
    world.agree().await;
    world.unsubscribes(&jane);
    world.cycle().await;
    assert_eq!((world.trouble(), world.lead_status(&jane).as_str()), (None, "Unsubscribed"));
}

#[tokio::test]
async fn a_field_that_may_be_read_and_not_written_parks_what_needs_it() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    world.org.protect_field("Lead", "Status");
    world.user_sets_person(&jane, "success");
    world.cycle().await;
    assert_eq!(world.parked().await[0].code, "INVALID_FIELD_FOR_INSERT_UPDATE");
    world.user_sets_lead(&jane, "Status", "Nurture");
    world.cycle().await;
    assert_eq!(world.parked().await.len(), 0, "the two agree by themselves");
    world.is_quiet().await;
}
