//! More writes than are kept in memory: what becomes of them is what becomes of a few.

use super::trouble::pauses_at;
use super::world::{Person, World};
use lockstep::sandbox::When;
use lockstep::store::marks;
use lockstep::sync::Cycle;
use std::sync::Arc;
use std::time::Duration;

/// Writes that are kept: one, some, and all of them.
const KEPT: [usize; 3] = [1, 7, 10_000];

async fn world(limits: &str, kept: usize) -> World {
    let mapping = format!("{}\n[limits]\n{limits}\n", include_str!("../../../mapping/example.toml"));
    World::with_mapping(&mapping).await.keeping(kept).await
}

impl World {
    /// The same, whose process keeps no more than so many decided writes in memory.
    pub async fn keeping(self, writes: usize) -> World {
        let mut world = self.restarted().await;
        let engine = Arc::into_inner(world.engine).unwrap();
        world.engine = Arc::new(engine.keeping(writes));
        world
    }

    /// So many people who agree, all of whose Leads are nurtured then.
    async fn all_nurtured(&self, count: usize) -> Vec<Person> {
        let people = self.people(count, "Attempting to contact", "approaching").await;
        self.agree().await;
        people.iter().for_each(|person| self.user_sets_lead(person, "Status", "Nurture"));
        people
    }

    async fn plan_waits(&self) -> Option<String> {
        self.store.read(|reader| reader.meta(marks::PLAN_WAITS)).await.unwrap()
    }

    fn each_was_written_once(&self, people: &[Person]) -> bool {
        people.iter().all(|person| {
            self.person_status(person) == "success" && self.product.writes_of(&person.prospect) == 1
        })
    }
}

#[tokio::test]
async fn a_change_of_everybody_waits_as_one_plan_and_is_written_once_it_is_let_through() {
    for kept in KEPT {
        let world = world("changed_min = 10", kept).await;
        let people = world.all_nurtured(30).await;
        let report = world.cycle().await;
        assert_eq!((report.written, report.waiting, world.product.writes()), (0, 30, 0), "{kept} kept");
        let why = world.plan_waits().await.unwrap();
        assert!(why.starts_with("30 of 30 linked records would change"), "{why}");

        world.approve_plan().await;
        world.settle().await;
        assert!(world.each_was_written_once(&people), "{kept} kept");
        assert_eq!(world.plan_waits().await, None);
        world.is_quiet().await;
    }
}

#[tokio::test]
async fn an_opt_out_among_a_change_of_everybody_goes_through_at_once() {
    for kept in KEPT {
        let world = world("changed_min = 10", kept).await;
        let people = world.all_nurtured(30).await;
        world.user_ticks_opt_out(&people[17]);
        world.cycle().await;
        assert_eq!(world.person_status(&people[17]), "opted_out", "{kept} kept");
        assert_eq!(world.product.writes(), 1);
        assert!(world.plan_waits().await.unwrap().starts_with("29 of 30"));
    }
}

#[tokio::test]
async fn what_the_limits_allow_is_written_in_one_turn() {
    for kept in KEPT {
        let world = world("changed_share = 1.0", kept).await;
        let people = world.all_nurtured(30).await;
        let report = world.cycle().await;
        assert_eq!((report.written, report.waiting), (30, 0), "{kept} kept");
        assert!(world.each_was_written_once(&people), "{kept} kept");
        world.is_quiet().await;
    }
}

#[tokio::test]
async fn more_than_one_look_can_carry_is_counted_whole_before_any_of_it_is_written() {
    let many = 2_100;
    for (share, written) in [("0.9", 0), ("1.0", many)] {
        let world = world(&format!("changed_share = {share}"), 1_000).await;
        let people = world.all_nurtured(many).await;
        world.cycle().await;
        assert_eq!(world.product.writes(), written as u64, "changed_share = {share}");
        match written {
            0 => assert!(world.plan_waits().await.unwrap().starts_with("2100 of 2100")),
            _ => assert!(world.each_was_written_once(&people)),
        }
    }
}

#[tokio::test]
async fn a_first_run_that_would_write_waits_whole() {
    let mapping =
        include_str!("../../../mapping/example.toml").to_owned() + "\n[new]\ndisagree = \"apply\"\n";
    let mapping = mapping.replace("winner = \"newest\"", "winner = \"engage\"");
    for kept in KEPT {
        let world = World::with_mapping(&mapping).await.keeping(kept).await;
        let people = world.people(30, "Nurture", "approaching").await;
        let report = world.engine.cycle(Cycle::POLL).await.unwrap();
        assert_eq!((report.written, report.waiting), (0, 30), "{kept} kept");
        assert!(world.plan_waits().await.unwrap().starts_with("this is the first run"));

        world.approve_plan().await;
        world.settle().await;
        assert!(people.iter().all(|person| world.lead_status(person) == "Attempting to contact"));
        world.is_quiet().await;
    }
}

#[tokio::test]
async fn somebody_who_changes_between_the_count_and_the_write_is_decided_anew() {
    let world = world("changed_share = 1.0", 2).await;
    let people = world.all_nurtured(6).await;
    let (org, jane) = (world.org.clone(), people[5].lead);
    let moment = lockstep::sandbox::When::next("POST", "/prospects/batch");
    world.product.faults().at(lockstep::sandbox::Moment::After, moment, move || {
        org.edit(jane, &[("Status", serde_json::json!("Not interested"))]);
    });
    world.cycle().await;
    world.advance(Duration::from_secs(60));
    world.settle().await;
    assert_eq!(world.person_status(&people[5]), "not_interested");
    assert!(world.each_was_written_once(&people[..5]));
    world.is_quiet().await;
}

#[tokio::test]
async fn while_it_is_paused_not_even_many_opt_outs_are_written() {
    let world = world("changed_min = 10", 1_000).await;
    let people = world.people(2_100, "Attempting to contact", "approaching").await;
    world.agree().await;
    people.iter().for_each(|person| world.user_ticks_opt_out(person));
    world.store.write(|tx| tx.set_meta(marks::PAUSED, "true")).await.unwrap();
    world.cycle().await;
    assert_eq!(world.product.writes(), 0);

    world.store.write(|tx| tx.remove_meta(marks::PAUSED).map(drop)).await.unwrap();
    world.settle().await;
    assert!(people.iter().all(|person| world.person_status(person) == "opted_out"));
}

#[tokio::test]
async fn an_operator_who_pauses_among_many_batches_has_only_those_under_way_finished() {
    let world = world("changed_share = 1.0", 10_000).await;
    let people = world.all_nurtured(1_000).await;
    pauses_at(world.store.clone(), world.product.faults(), When::next("POST", "/prospects/batch"));
    world.cycle().await;
    let written = world.product.writes();
    assert!((200..=400).contains(&written), "two batches at most are under way, and {written} were written");
    let unknown = world.store.read(|reader| reader.intent_count()).await.unwrap();
    assert_eq!(unknown, 0, "of what was not sent nobody has to ask what became of it");

    world.pause(false).await;
    world.settle().await;
    assert!(world.each_was_written_once(&people));
}

#[tokio::test]
async fn somebody_who_is_linked_to_another_record_behind_a_decision_is_decided_anew() {
    let world = World::example().await.keeping(2).await;
    let (jane, joe) = (
        world.person("Attempting to contact", "approaching").await,
        world.person("Attempting to contact", "approaching").await,
    );
    world.agree().await;
    world.unsubscribes(&jane);
    // Two changed Leads are as many as are looked at together, before Engage is listed; one of them says nothing that is
    // carried over, so that the other's write is kept.
    world.user_sets_lead(&jane, "Status", "In progress");
    world.user_sets_lead(&joe, "Status", "Cold");
    world.advance(Duration::from_secs(60));
    world.product.link(&jane.prospect, Some(joe.lead));
    world.cycle().await;
    world.settle().await;
    assert!(!world.lead_is_opted_out(&jane), "nobody is this Lead any more");
    assert_eq!(world.link(&jane).await.unwrap().salesforce, joe.lead);
    assert!(world.lead_is_opted_out(&joe), "an opt-out wins, though two are this Lead");
}

#[tokio::test]
async fn a_comparison_that_takes_more_calls_than_a_minute_has_goes_on_in_the_next_and_what_it_finds_is_written()
 {
    let world = world("changed_share = 1.0", 20).await;
    let people = world.people(300, "Attempting to contact", "approaching").await;
    world.agree().await;
    let mut in_order: Vec<&Person> = people.iter().collect();
    in_order.sort_by(|one, other| one.prospect.cmp(&other.prospect));
    let (early, late) = (in_order[5], in_order[290]);
    // No poll comes in this test: only the comparison can find them.
    world.user_sets_lead(early, "Status", "Nurture");
    world.user_sets_lead(late, "Status", "Nurture");
    world.product.set_calls_a_minute(6);
    world.advance(Duration::from_secs(60));
    let swept = || async { world.store.read(marks::swept_at).await.unwrap().is_some() };
    let mut turns = 0;
    while !swept().await && turns < 12 {
        world.engine.cycle(Cycle { sweep: true, ..Cycle::DUE }).await.unwrap();
        world.advance(Duration::from_secs(60));
        turns += 1;
        if turns == 2 {
            assert_eq!(
                world.person_status(early),
                "success",
                "what was found first does not wait for the end"
            );
        }
    }
    assert!((3..12).contains(&turns), "{turns} turns");
    world.engine.cycle(Cycle::DUE).await.unwrap();
    assert_eq!((world.person_status(late).as_str(), world.due().await), ("success", 0));
    assert_eq!(world.product.writes(), 2);
}

#[tokio::test]
async fn a_comparison_that_is_asked_for_while_another_is_under_way_begins_with_the_first_again() {
    let world = world("changed_share = 1.0", 20).await;
    let people = world.people(100, "Attempting to contact", "approaching").await;
    world.agree().await;
    let first = people.iter().min_by_key(|person| &person.prospect).unwrap();
    world.product.set_calls_a_minute(4);
    world.advance(Duration::from_secs(60));
    let sweep = Cycle { sweep: true, ..Cycle::DUE };
    assert!(world.engine.cycle(sweep).await.unwrap().interrupted);
    world.user_sets_lead(first, "Status", "Nurture");
    world.store.write(marks::ask_for_sweep).await.unwrap();
    world.product.set_calls_a_minute(1_000);
    world.advance(Duration::from_secs(60));
    world.engine.cycle(sweep).await.unwrap();
    assert_eq!(world.person_status(first), "success");
}
