//! The day's calls: a share is left to others, opt-outs go through all the same, and everything resumes alone.

use super::world::World;
use std::time::Duration;

#[tokio::test]
async fn of_what_is_kept_for_others_only_opt_outs_are_written_and_the_rest_resumes_alone() {
    let world = World::example().await;
    let people = world.people(4, "Attempting to contact", "approaching").await;
    world.agree().await;
    // 20% are kept free, and exactly they are left.
    world.org.set_daily_limit(10_000, 8_100);
    world.engine.cycle(lockstep::sync::Cycle::POLL).await.unwrap();
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
    restarted.engine.cycle(lockstep::sync::Cycle::POLL).await.unwrap();
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
    world.engine.cycle(lockstep::sync::Cycle::POLL).await.unwrap();
    world.user_sets_person(&jane, "approaching");
    world.cycle().await;
    assert_eq!(world.person_status(&jane), "opted_out");
}
