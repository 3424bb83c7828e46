//! Both sides changed: the company's `winner`, each of four; and the opt-out, which asks nobody.

use super::world::World;
use std::time::Duration;

fn mapping(winner: &str) -> String {
    include_str!("../../../mapping/example.toml")
        .replace("winner = \"newest\"", &format!("winner = \"{winner}\""))
}

async fn both_changed(winner: &str) -> (World, super::world::Person) {
    let world = World::with_mapping(&mapping(winner)).await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    world.user_sets_lead(&jane, "Status", "Nurture");
    world.advance(Duration::from_secs(600));
    world.user_sets_person(&jane, "not_interested");
    world.cycle().await;
    (world, jane)
}

#[tokio::test]
async fn winner_salesforce_overrules_engage_and_the_loser_stays_in_the_journal() {
    let (world, jane) = both_changed("salesforce").await;
    assert_eq!(world.person_status(&jane), "success");
    assert_eq!(world.lead_status(&jane), "Nurture");
    let journal = world.journal(&jane).await;
    let written = journal.iter().find(|entry| entry.what == "written").expect("the write is journalled");
    assert!(
        written.overruled.as_deref().is_some_and(|value| value.contains("not_interested")),
        "{written:?}"
    );
    world.is_quiet().await;
}

#[tokio::test]
async fn whoever_loses_to_a_value_that_no_row_mentions_stays_in_the_journal_too() {
    let world = World::with_mapping(&mapping("salesforce")).await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    world.user_sets_lead(&jane, "Status", "Of no row");
    world.user_sets_person(&jane, "not_interested");
    world.cycle().await;
    assert_eq!(world.lead_status(&jane), "Of no row");
    assert_eq!(world.person_status(&jane), "not_interested");
    let journal = world.journal(&jane).await;
    let skipped = journal.iter().find(|entry| entry.what == "skipped").expect("it is journalled");
    assert_eq!(skipped.overruled.as_deref(), Some("not_interested"));
    world.is_quiet().await;
}

#[tokio::test]
async fn winner_engage_overrules_salesforce() {
    let (world, jane) = both_changed("engage").await;
    assert_eq!(world.person_status(&jane), "not_interested");
    assert_eq!(world.lead_status(&jane), "Not interested");
    world.is_quiet().await;
}

#[tokio::test]
async fn winner_newest_takes_the_later_value_where_the_times_are_known_and_far_apart() {
    let (world, jane) = both_changed("newest").await;
    assert_eq!(world.person_status(&jane), "not_interested", "set ten minutes after the Lead's");
    assert_eq!(world.lead_status(&jane), "Not interested");
    world.is_quiet().await;
}

#[tokio::test]
async fn winner_newest_holds_what_lies_within_the_guard_band() {
    let world = World::with_mapping(&mapping("newest")).await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    world.user_sets_lead(&jane, "Status", "Nurture");
    world.advance(Duration::from_secs(30));
    world.user_sets_person(&jane, "not_interested");
    world.cycle().await;
    assert_eq!(world.lead_status(&jane), "Nurture");
    assert_eq!(world.person_status(&jane), "not_interested");
    assert_eq!(world.held().await.len(), 1);
}

#[tokio::test]
async fn winner_hold_writes_nothing_until_a_named_person_decides() {
    let (world, jane) = both_changed("hold").await;
    assert_eq!(world.lead_status(&jane), "Nurture");
    assert_eq!(world.person_status(&jane), "not_interested");
    let held = world.held().await;
    assert_eq!(held.len(), 1);

    world.resolve(&jane, crate::side("engage"), "ana").await;
    world.cycle().await;
    assert_eq!(world.lead_status(&jane), "Not interested");
    assert!(world.held().await.is_empty());
    assert!(world.journal(&jane).await.iter().any(|entry| entry.by.as_deref() == Some("ana")));
    world.is_quiet().await;
}

#[tokio::test]
async fn an_opt_out_on_either_side_wins_whatever_the_setting() {
    for winner in ["salesforce", "engage", "newest", "hold"] {
        let world = World::with_mapping(&mapping(winner)).await;
        let in_engage = world.person("Attempting to contact", "approaching").await;
        let by_box = world.person("Attempting to contact", "approaching").await;
        let by_status = world.person("Attempting to contact", "approaching").await;
        world.agree().await;
        world.unsubscribes(&in_engage);
        world.user_sets_lead(&in_engage, "Status", "Nurture");
        world.user_ticks_opt_out(&by_box);
        world.user_sets_person(&by_box, "success");
        world.user_sets_lead(&by_status, "Status", "Unsubscribed");
        world.user_sets_person(&by_status, "success");
        world.cycle().await;

        assert_eq!(world.lead_status(&in_engage), "Unsubscribed", "{winner}");
        assert!(world.lead_is_opted_out(&in_engage), "{winner}: the box is ticked too");
        assert_eq!(world.person_status(&in_engage), "opted_out", "{winner}");
        assert_eq!(world.person_status(&by_box), "opted_out", "{winner}");
        assert_eq!(world.person_status(&by_status), "opted_out", "{winner}");
        world.is_quiet().await;
    }
}

#[tokio::test]
async fn an_opt_out_that_somebody_takes_back_is_held_and_never_spread() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    world.unsubscribes(&jane);
    world.cycle().await;
    assert_eq!(world.lead_status(&jane), "Unsubscribed");

    world.user_clears_opt_out(&jane, "Attempting to contact");
    let report = world.cycle().await;
    assert_eq!(report.written, 0);
    assert_eq!(world.person_status(&jane), "opted_out");
    assert_eq!(world.held().await.len(), 1);

    world.resolve(&jane, crate::side("salesforce"), "ana").await;
    world.cycle().await;
    assert_eq!(world.person_status(&jane), "approaching", "a named operator said so");
    world.is_quiet().await;
}

#[tokio::test]
async fn who_unsubscribes_again_before_anybody_has_decided_about_the_clearing_is_opted_out() {
    let world = World::example().await;
    let jane = world.person("Unsubscribed", "opted_out").await;
    world.agree().await;
    world.user_clears_opt_out(&jane, "Attempting to contact");
    world.cycle().await;
    world.user_sets_person(&jane, "approaching");
    world.cycle().await;
    assert_eq!(world.held().await.len(), 1, "somebody is asked");

    world.advance(Duration::from_secs(3600));
    world.unsubscribes(&jane);
    world.cycle().await;
    assert_eq!(world.lead_status(&jane), "Unsubscribed", "nobody has taken this one back");
    assert!(world.lead_is_opted_out(&jane));
    assert!(world.held().await.is_empty());
    world.is_quiet().await;
}

#[tokio::test]
async fn a_named_person_decides_about_an_opt_out_of_somebody_whose_status_only_people_move() {
    for (take, out) in [("salesforce", true), ("engage", false)] {
        let world = World::example().await;
        let jane = world.person("Attempting to contact", "on_hold").await;
        world.agree().await;
        world.user_ticks_opt_out(&jane);
        world.cycle().await;
        assert_eq!(world.held().await.len(), 1);
        assert_eq!(world.person_status(&jane), "on_hold");

        world.resolve(&jane, crate::side(take), "Ann Lee").await;
        world.cycle().await;
        assert_eq!(world.person_status(&jane), if out { "opted_out" } else { "on_hold" });
        assert_eq!(world.lead_is_opted_out(&jane), out);
        assert!(world.held().await.is_empty(), "{take} was taken");
        world.is_quiet().await;
    }
}

#[tokio::test]
async fn somebody_first_seen_opted_out_is_never_left_mailable() {
    let world = World::example().await;
    let jane = world.person("Unsubscribed", "approaching").await;
    world.cycle().await;
    assert_eq!(world.person_status(&jane), "opted_out");
    world.is_quiet().await;
}

#[tokio::test]
async fn an_opt_out_of_a_bounced_person_waits_in_sight_and_is_carried_out_once_the_bounce_is_cleared() {
    let world = World::example().await;
    let jane = world.person("Junk lead", "bounced").await;
    world.agree().await;
    world.user_sets_lead(&jane, "Status", "Unsubscribed");
    world.cycle().await;
    assert_eq!(world.person_status(&jane), "bounced");
    assert_eq!(world.held().await.len(), 1, "visible, and not tried for ever");

    world.user_sets_person(&jane, "approaching");
    world.cycle().await;
    assert_eq!(world.person_status(&jane), "opted_out");
    assert!(world.held().await.is_empty());
    world.is_quiet().await;
}

#[tokio::test]
async fn a_write_of_ours_whose_answer_was_lost_is_nobody_elses_change() {
    let world = World::with_mapping(&mapping("engage")).await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    world.user_sets_lead(&jane, "Status", "Nurture");
    world.advance(Duration::from_secs(2));
    world.lose_the_answer_of_the_next_writes();
    world.cycle().await;
    assert_eq!(world.person_status(&jane), "success", "it did happen");
    world.user_sets_lead(&jane, "Status", "Not interested");
    for _ in 0..3 {
        world.advance(Duration::from_secs(60));
        world.cycle().await;
    }
    assert_eq!(world.lead_status(&jane), "Not interested", "the salesperson's work stands");
    assert_eq!(world.person_status(&jane), "not_interested");
    world.is_quiet().await;
}
