//! Two prospects whom one Lead stands for: nobody is guessed, and an opt-out of one is everybody's.

use super::world::World;
use std::time::Duration;

#[tokio::test]
async fn two_prospects_of_a_lead_who_unsubscribe_at_once_opt_it_out_and_neither_is_refused() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    let twin = world.second_prospect_of(&jane, "approaching").await;
    world.turns().await;
    world.unsubscribes(&jane);
    world.unsubscribes(&twin);
    world.turns().await;
    assert!(world.lead_is_opted_out(&jane));
    assert_eq!(world.lead_status(&jane), "Unsubscribed");
    for person in [&jane, &twin] {
        let journal = world.journal(person).await;
        let trouble = journal.iter().find(|entry| entry.what == "stale" || entry.what == "parked");
        assert!(trouble.is_none(), "the same record twice in one call: {trouble:?}");
    }
    world.is_quiet().await;
}

#[tokio::test]
async fn an_opt_out_is_not_taken_back_for_a_second_prospect_who_joins_its_lead_between_decision_and_write() {
    let world = super::cleared::world().await;
    let jane = world.person("Unsubscribed", "opted_out").await;
    let loser = world.lead_without_prospect("Attempting to contact");
    world.agree().await;
    world.org.merge(jane.lead, loser);
    world.turns().await;
    world.advance(Duration::from_secs(600));
    world.user_sets_person(&jane, "approaching");
    // Engage names the loser: that this is jane's Lead by now shows when it is looked at, behind her own decision.
    let twin = world.product.create("twin@example.com", "Jane", "Roe", "Acme", Some(loser));
    world.turns().await;
    assert_eq!(world.link_of(&twin).await.map(|link| link.salesforce), Some(jane.lead));
    assert_eq!(
        world.lead_status(&jane),
        "Unsubscribed",
        "nobody has taken back what the Lead says of the other one"
    );
    assert_eq!(world.product.status(&twin), "opted_out");
    assert_eq!(world.held_as_twins().await, 1, "jane: {:?}", world.held().await);
    world.is_quiet().await;
}
