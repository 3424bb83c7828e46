//! Field-level security: a field that cannot be seen is not empty, and nothing is done about its records until it can.

use super::world::{Person, World};
use lockstep::model::{SalesforceObject, Side};
use lockstep::sandbox::{Fault, Moment, When};
use lockstep::store::marks;
use lockstep::sync::Cycle;
use std::time::Duration;

/// Longer than the wait between two tries of a side that needs a person.
const TRIED_AGAIN: Duration = Duration::from_secs(301);

/// The example, without a word of the opt-out checkbox: it is used where the org has it.
fn without_checkbox() -> String {
    let mapping = include_str!("../../../mapping/example.toml");
    mapping.lines().filter(|line| !line.starts_with("opt_out ")).collect::<Vec<_>>().join("\n")
}

impl World {
    /// What keeps Salesforce from being worked with, as `lockstep status` shows it.
    fn trouble(&self) -> Option<String> {
        self.engine.health(Side::Salesforce).trouble.map(|error| format!("{}: {}", error.code, error.message))
    }

    /// So many people whom somebody makes Success, which is still to be carried over.
    async fn successful(&self, count: usize) -> Vec<Person> {
        let people = self.people(count, "Attempting to contact", "approaching").await;
        self.settle().await;
        people.iter().for_each(|person| self.user_sets_person(person, "success"));
        self.advance(Duration::from_secs(60));
        people
    }

    /// By itself, at the next try.
    async fn goes_on_with(&self, people: &[Person]) {
        self.advance(TRIED_AGAIN);
        self.settle().await;
        assert!(people.iter().all(|person| self.lead_status(person) == "Nurture"));
        self.is_quiet().await;
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
async fn while_events_spare_every_read_a_checkbox_that_vanishes_is_missed_within_the_hour() {
    let world = World::example().await;
    world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    let _stream = world.listen_on().await;
    let calls = world.salesforce_calls();
    world.hide("Lead", "HasOptedOutOfEmail", true);
    world.advance(Duration::from_secs(1800));
    world.engine.cycle(Cycle::DUE).await.unwrap();
    assert_eq!((world.trouble(), world.salesforce_calls()), (None, calls));

    world.advance(Duration::from_secs(1801));
    world.engine.cycle(Cycle::DUE).await.unwrap();
    let trouble = world.trouble().unwrap();
    assert!(trouble.starts_with("field-not-visible: Lead.HasOptedOutOfEmail"), "{trouble}");
}

#[tokio::test]
async fn a_field_that_vanishes_between_the_look_and_the_write_parks_nobody() {
    let world = World::example().await;
    for count in [1, 3] {
        let people = world.successful(count).await;
        let org = world.org.clone();
        world.org.faults().at(Moment::Before, When::next("PATCH", "/services/data"), move || {
            org.withdraw_field("Lead", "Status", true);
        });
        world.settle().await;
        assert!(world.trouble().unwrap().contains("Lead.Status is not visible"));
        assert_eq!(world.parked().await.len(), 0);

        world.hide("Lead", "Status", false);
        world.goes_on_with(&people).await;
    }
}

#[tokio::test]
async fn a_field_that_vanished_parks_nobody_even_where_the_org_cannot_be_asked_why() {
    let world = World::example().await;
    for count in [1, 3] {
        let people = world.successful(count).await;
        let org = world.org.clone();
        world.org.faults().at(Moment::Before, When::next("PATCH", "/services/data"), move || {
            org.withdraw_field("Lead", "Status", true);
            let too_many = Fault::Answer { status: 429, body: String::new(), retry_after: Some(1) };
            org.faults().add(When::next("GET", "/describe"), too_many);
        });
        world.cycle().await;
        assert_eq!(world.parked().await.len(), 0);

        world.hide("Lead", "Status", false);
        world.goes_on_with(&people).await;
    }
}

#[tokio::test]
async fn a_field_that_is_back_by_the_time_the_org_is_asked_is_written_at_the_next_try() {
    let world = World::example().await;
    for count in [1, 3] {
        let people = world.successful(count).await;
        for (moment, hidden) in [(Moment::Before, true), (Moment::After, false)] {
            let org = world.org.clone();
            world.org.faults().at(moment, When::next("PATCH", "/services/data"), move || {
                org.withdraw_field("Lead", "Status", hidden);
            });
        }
        world.cycle().await;
        assert_eq!(world.parked().await.len(), 0);

        world.goes_on_with(&people).await;
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
    let world = World::with_mapping(&without_checkbox()).await;
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
    let world = World::with_mapping(&without_checkbox()).await;
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
async fn an_opt_out_checkbox_that_comes_into_sight_counts_within_the_hour() {
    let world = World::with_mapping(&without_checkbox()).await;
    world.hide("Lead", "HasOptedOutOfEmail", true);
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    world.hide("Lead", "HasOptedOutOfEmail", false);
    world.org.edit(jane.lead, &[("HasOptedOutOfEmail", serde_json::json!(true))]);
    world.cycle().await;
    assert_eq!(world.person_status(&jane), "approaching", "what is not known to be there is not read");
    world.advance(Duration::from_secs(3601));
    world.engine.cycle(Cycle::DUE).await.unwrap();
    let swept_at = world.store.read(marks::swept_at).await.unwrap();
    assert_eq!(swept_at, Some(jiff::Timestamp::UNIX_EPOCH), "everything is compared next");
    world.sweep().await;
    assert_eq!(world.person_status(&jane), "opted_out");
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
