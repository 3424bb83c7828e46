//! The day's calls: a share is left to others, opt-outs go through all the same, and everything resumes alone.

use super::world::World;
use lockstep::sandbox::{Fault, When};
use lockstep::sync::Cycle;
use std::time::Duration;

impl World {
    /// From now on only what is kept for others is left of the day's calls, and that is known.
    async fn runs_short(&self) {
        self.org.set_daily_limit(10_000, 8_500);
        self.engine.cycle(Cycle::POLL).await.unwrap();
    }
}

#[tokio::test]
async fn of_what_is_kept_for_others_only_opt_outs_are_written_and_the_rest_resumes_alone() {
    let world = World::example().await;
    let people = world.people(4, "Attempting to contact", "approaching").await;
    world.agree().await;
    // 20% are kept free, and exactly they are left.
    world.org.set_daily_limit(10_000, 8_100);
    world.engine.cycle(Cycle::POLL).await.unwrap();
    world.user_sets_lead(&people[0], "Status", "Nurture");
    world.user_ticks_opt_out(&people[1]);
    world.unsubscribes(&people[2]);
    world.user_sets_person(&people[3], "not_interested");
    let report = world.cycle().await;
    assert!(!report.interrupted);
    assert_eq!(world.person_status(&people[1]), "opted_out");
    assert!(world.lead_is_opted_out(&people[2]));
    assert_eq!(world.person_status(&people[0]), "approaching", "this can wait");
    assert_eq!(world.lead_status(&people[3]), "Attempting to contact", "and this");
    let used = world.org.calls().len();
    for _ in 0..10 {
        world.cycle_without_polls().await;
    }
    assert_eq!(world.org.calls().len(), used, "what waits costs nothing meanwhile");
    world.org.set_daily_limit(10_000, 1_000);
    world.advance(Duration::from_secs(3600));
    world.settle().await;
    assert_eq!(world.person_status(&people[0]), "success");
    assert_eq!(world.lead_status(&people[3]), "Not interested");
    world.is_quiet().await;
}

#[tokio::test]
async fn what_was_used_of_the_day_is_told_by_purpose_and_outlives_the_process() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    world.user_sets_person(&jane, "success");
    world.cycle().await;
    let budget = world.engine.salesforce_budget();
    let ours: u64 = budget.by_purpose.values().sum();
    assert_eq!(ours, world.org.calls().len() as u64, "every call has its purpose");
    let restarted = world.restarted().await;
    restarted.engine.cycle(Cycle::POLL).await.unwrap();
    let again: u64 = restarted.engine.salesforce_budget().by_purpose.values().sum();
    assert_eq!(again, restarted.org.calls().len() as u64);
    assert!(again > ours);
}

#[tokio::test]
async fn an_opt_out_that_engage_was_not_told_yet_waits_for_no_quota() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    world.product.bounce(&jane.prospect).unwrap();
    world.user_ticks_opt_out(&jane);
    world.cycle().await;
    assert_eq!(world.held().await.len(), 1, "a bounced person cannot be opted out");
    world.advance(Duration::from_secs(1200));
    world.org.set_daily_limit(10_000, 8_100);
    world.engine.cycle(Cycle::POLL).await.unwrap();
    world.user_sets_person(&jane, "approaching");
    world.cycle().await;
    assert_eq!(world.person_status(&jane), "opted_out");
}

#[tokio::test]
async fn a_job_that_was_left_behind_when_calls_run_short_keeps_no_opt_out_waiting() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    world.runs_short().await;
    world.store.write(|tx| tx.set_cursor("salesforce.bulk.write", "7505f000000abcdAAA")).await.unwrap();
    world.unsubscribes(&jane);
    assert!(!world.cycle().await.interrupted);
    assert!(world.lead_is_opted_out(&jane));
}

#[tokio::test]
async fn somebody_who_has_to_be_searched_for_when_calls_run_short_keeps_no_opt_out_waiting() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    world.runs_short().await;
    let lead = world.org.create_lead("Nora", "New", "Newco", "new@example.com", "Nurture").unwrap();
    let nora = world.product.create("new@example.com", "Nora", "New", "Newco", None);
    world.unsubscribes(&jane);
    assert!(!world.engine.cycle(Cycle::POLL).await.unwrap().interrupted);
    world.cycle_without_polls().await;
    assert!(world.lead_is_opted_out(&jane));
    assert!(world.link_of(&nora).await.is_none(), "this can wait");
    world.org.set_daily_limit(10_000, 1_000);
    world.turns().await;
    assert_eq!(world.link_of(&nora).await.map(|link| link.salesforce), Some(lead));
}

#[tokio::test]
async fn an_own_write_that_only_the_history_can_tell_keeps_no_opt_out_waiting_when_calls_run_short() {
    let world = World::example().await;
    let (jane, joe) = (
        world.person("Attempting to contact", "approaching").await,
        world.person("Attempting to contact", "approaching").await,
    );
    world.agree().await;
    world.user_sets_person(&jane, "success");
    world.lose_the_answer_of_the_next_writes();
    world.engine.cycle(Cycle::POLL).await.unwrap();
    assert_eq!(world.lead_status(&jane), "Nurture", "it has arrived, and nobody was told");
    world.advance(Duration::from_secs(60));
    // Who touched the record last is somebody else now.
    world.user_sets_lead(&jane, "Company", "Acme, Inc.");
    world.org.set_daily_limit(10_000, 8_500);
    world.engine.cycle(Cycle { poll_salesforce: true, ..Cycle::DUE }).await.unwrap();
    world.advance(Duration::from_secs(60));
    world.unsubscribes(&joe);
    assert!(!world.cycle().await.interrupted);
    assert!(world.lead_is_opted_out(&joe));
    assert_eq!(world.salesforce_changes(&jane), 1, "and it is not made again");
}

#[tokio::test]
async fn what_was_overwritten_is_asked_for_once_calls_are_free_again_and_keeps_no_opt_out_waiting() {
    let world = World::example().await;
    let people = world.people(4, "Attempting to contact", "approaching").await;
    world.agree().await;
    people[..2].iter().for_each(|person| world.user_sets_person(person, "success"));
    world.org.faults().add(When::next("GET", "LeadHistory"), Fault::DropBefore);
    world.engine.cycle(Cycle::POLL).await.unwrap();
    world.advance(Duration::from_secs(60));
    world.runs_short().await;
    people[2..].iter().for_each(|person| world.unsubscribes(person));
    assert!(!world.cycle().await.interrupted);
    assert!(people[2..].iter().all(|person| world.lead_is_opted_out(person)));
    let gone_wrong = world.org.faults().gone_wrong();
    world.org.faults().add(When::next("GET", "LeadHistory"), Fault::Delay { millis: 0 });
    world.org.set_daily_limit(10_000, 1_000);
    world.turns().await;
    assert_eq!(world.org.faults().gone_wrong(), gone_wrong + 1, "it is asked for now");
}
