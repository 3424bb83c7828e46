//! A value that a system refuses whoever is to have it: its mapping row is held once, and its records wait together.

use crate::scenarios::world::{Person, World};
use lockstep::admin::{Operations, Stored, Which};
use lockstep::sync::Cycle;
use std::time::Duration;

const PEOPLE: usize = 450;
const DAY: Duration = Duration::from_secs(24 * 3600);

fn mapping() -> String {
    format!("{}\n[limits]\nchanged_share = 1.0\n", include_str!("../../../mapping/example.toml"))
}

impl World {
    pub fn operations(&self) -> Stored {
        let clock = self.clock.clone();
        Stored::new(self.store.clone(), "test", move || clock.now())
    }

    /// Nurture is no value of Lead.Status any more, and the API refuses it.
    fn without_nurture(&self) {
        self.restrict_status_to(&["Working", "Attempting to contact", "Unsubscribed", "Not interested"]);
    }

    fn with_nurture(&self) {
        self.restrict_status_to(&[
            "Working",
            "Attempting to contact",
            "Unsubscribed",
            "Not interested",
            "Nurture",
        ]);
    }

    fn nurtured(&self, people: &[Person]) -> usize {
        people.iter().filter(|person| self.lead_status(person) == "Nurture").count()
    }

    /// How many entries of these people's journals say that this happened.
    async fn told(&self, people: &[Person], what: &str) -> usize {
        let mut told = 0;
        for person in people {
            told += self.journal(person).await.iter().filter(|entry| entry.what == what).count();
        }
        told
    }

    async fn waiting(&self) -> u64 {
        let status = self.operations().status().await.unwrap();
        status.held_rows.iter().map(|row| row.waiting).sum()
    }
}

async fn held() -> (World, Vec<Person>) {
    let world = World::with_mapping(&mapping()).await;
    let people = world.people(PEOPLE, "Attempting to contact", "approaching").await;
    world.agree().await;
    world.without_nurture();
    people.iter().for_each(|person| world.user_sets_person(person, "success"));
    world.settle().await;
    (world, people)
}

#[tokio::test]
async fn twenty_refusals_of_one_value_hold_its_row_once_and_the_others_wait_with_it() {
    let (world, people) = held().await;
    // Each of these entries is one line of the log.
    assert_eq!(world.told(&people, "row held").await, 1, "one event");
    assert_eq!(world.told(&people, "parked").await, 19, "and nobody is parked after it");
    assert_eq!(world.parked().await.len(), 19);
    assert_eq!(world.waiting().await, (PEOPLE - 19) as u64);

    let row = &world.operations().status().await.unwrap().held_rows[0];
    assert_eq!(
        (row.id.as_str(), row.code.as_str()),
        ("Lead.Status=Nurture", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST")
    );
    assert_eq!(row.rule.as_deref(), Some("test.toml:15"));
    let listed = world.operations().parked().await.unwrap();
    assert_eq!(listed.iter().filter(|one| one.waiting.is_some()).count(), 1, "one group");
    assert_eq!(listed.len(), 20);

    // Others go on: the row is held, and not the side, nor its people.
    world.user_sets_person(&people[PEOPLE - 1], "not_interested");
    world.advance(Duration::from_secs(60));
    world.cycle().await;
    assert_eq!(world.lead_status(&people[PEOPLE - 1]), "Not interested");
    let tried = world.salesforce_writes_tried();
    world.settle().await;
    assert_eq!(world.salesforce_writes_tried(), tried, "nothing more is tried");
}

#[tokio::test]
async fn a_held_row_survives_a_restart_and_lets_one_record_try_each_day() {
    let (world, people) = held().await;
    let world = world.restarted().await;
    world.settle().await;
    assert_eq!(world.waiting().await, (PEOPLE - 19) as u64);
    for _ in 0..2 {
        world.advance(DAY);
        let before = world.salesforce_writes_tried();
        world.sweep().await;
        world.settle().await;
        let tried = world.salesforce_writes_tried() - before;
        assert_eq!(tried, 1, "one of all who wait");
        assert_eq!(world.nurtured(&people), 0);
    }
    world.with_nurture();
    world.advance(DAY);
    world.sweep().await;
    world.settle().await;
    assert_eq!(world.nurtured(&people), PEOPLE, "the one that was let through lets all the others go");
    assert_eq!((world.waiting().await, world.due().await, world.parked().await.len()), (0, 0, 0));
    world.is_quiet().await;
}

#[tokio::test]
async fn a_held_row_is_tried_again_by_command_and_held_again_when_that_is_refused() {
    let (world, people) = held().await;
    let which = Which { id: Some("Lead.Status=Nurture".to_owned()) };
    let tried = world.operations().retry(which.clone()).await.unwrap();
    assert_eq!(tried.records, (PEOPLE - 19) as u64);
    world.settle().await;
    assert_eq!((world.nurtured(&people), world.waiting().await), (0, (PEOPLE - 19) as u64));
    world.org.set_picklist("Lead", "Status", &["Attempting to contact", "Nurture"], true);
    world.operations().retry(which).await.unwrap();
    world.settle().await;
    assert_eq!(world.nurtured(&people), PEOPLE);
}

#[tokio::test]
async fn a_held_row_goes_on_by_itself_once_the_org_has_the_value_again() {
    let (world, people) = held().await;
    world.with_nurture();
    // The org is asked each hour what it shows.
    world.advance(Duration::from_secs(3_700));
    world.settle().await;
    assert_eq!((world.nurtured(&people), world.waiting().await), (PEOPLE, 0));
}

#[tokio::test]
async fn a_held_row_goes_on_by_itself_once_the_mapping_writes_another_value() {
    let (world, people) = held().await;
    let text = mapping().replace("\"Nurture\"", "\"Working\"");
    let mapping =
        lockstep::mapping::parse("test.toml", &text).unwrap_or_else(|problems| panic!("{problems}"));
    world.engine.use_mapping(mapping.mapping);
    world.settle().await;
    assert_eq!(world.waiting().await, 0);
    assert_eq!(people.iter().filter(|person| world.lead_status(person) == "Working").count(), PEOPLE);
}

#[tokio::test]
async fn an_opt_out_whose_status_is_refused_ticks_the_box_all_the_same_and_says_what_is_missing() {
    let world = World::with_mapping(&mapping()).await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    world.restrict_status_to(&["Attempting to contact", "Nurture"]);
    world.unsubscribes(&jane);
    world.settle().await;
    assert!(world.lead_is_opted_out(&jane), "she is not mailed any more");
    assert_eq!(world.lead_status(&jane), "Attempting to contact");
    let parked = world.parked().await;
    assert_eq!((parked.len(), parked[0].code.as_str()), (1, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"));
    world.advance(DAY);
    world.sweep().await;
    world.is_quiet().await;
    assert_eq!(world.parked().await.len(), 1, "it does not vanish unseen");
}

#[tokio::test]
async fn opt_outs_are_carried_over_though_the_row_of_their_status_is_held() {
    let world = World::with_mapping(&mapping()).await;
    let people = world.people(60, "Attempting to contact", "approaching").await;
    world.agree().await;
    world.restrict_status_to(&["Attempting to contact", "Nurture"]);
    people.iter().for_each(|person| world.unsubscribes(person));
    world.settle().await;
    assert!(people.iter().all(|person| world.lead_is_opted_out(person)));
    let status = world.operations().status().await.unwrap();
    assert_eq!((status.held_rows.len(), status.held_rows[0].waiting), (1, 0), "held, and nobody waits");

    let late = world.person("Attempting to contact", "approaching").await;
    world.cycle().await;
    world.advance(Duration::from_secs(60));
    let refused = world.salesforce_writes_tried();
    world.unsubscribes(&late);
    world.settle().await;
    assert!(world.lead_is_opted_out(&late));
    assert_eq!(world.salesforce_writes_tried(), refused + 1, "nobody asks for what is refused anyway");
}

#[tokio::test]
async fn a_status_that_engage_does_not_know_holds_its_row_too() {
    let text = format!(
        "{}\n[[custom_status]]\nkey = \"warm\"\nlabel = \"Warm\"\ngroup = \"success\"\n",
        mapping().replace("status = [\n", "status = [\n  { person = \"Warm\", salesforce = \"Warm\" },\n")
    );
    let world = World::with_mapping(&text).await;
    let people = world.people(60, "Attempting to contact", "approaching").await;
    world.agree().await;
    people.iter().for_each(|person| world.user_sets_lead(person, "Status", "Warm"));
    world.settle().await;
    let status = world.operations().status().await.unwrap();
    assert_eq!(status.held_rows.len(), 1);
    assert_eq!((status.held_rows[0].id.as_str(), status.held_rows[0].waiting), ("engage.status=warm", 41));
    world.product.add_status("warm", "Warm", "success");
    world.advance(DAY);
    world.engine.cycle(Cycle { sweep: true, ..Cycle::POLL }).await.unwrap();
    world.settle().await;
    assert!(people.iter().all(|person| world.person_status(person) == "warm"));
}
