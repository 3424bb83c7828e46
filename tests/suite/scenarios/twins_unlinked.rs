//! Prospects without a record who share an email address: they are held, and it ends by itself.

use super::world::{Person, World};
use lockstep::model::{ProspectId, SalesforceId};
use std::time::Duration;

impl World {
    fn prospect(&self, email: &str) -> ProspectId {
        self.product.create(email, "Jane", "Doe", "Acme", None)
    }

    fn lead(&self, email: &str) -> SalesforceId {
        self.org.create_lead("Jane", "Doe", "Acme", email, "Nurture").unwrap()
    }

    pub(super) async fn linked_prospects(&self, lead: SalesforceId) -> Vec<ProspectId> {
        self.store.read(move |reader| reader.links_by_salesforce(&lead)).await.unwrap()
    }

    async fn held_prospects(&self) -> Vec<ProspectId> {
        self.held().await.into_iter().map(|held| held.prospect).collect()
    }

    async fn record_of(&self, prospect: &ProspectId) -> Option<SalesforceId> {
        self.link_of(prospect).await.map(|link| link.salesforce)
    }

    /// The journal says that the hold has ended.
    async fn ended(&self, prospect: &ProspectId) -> bool {
        let id = prospect.clone();
        let journal = self.store.read(move |reader| reader.journal_of(&id, 100)).await.unwrap();
        journal.iter().filter(|entry| entry.what == "resolved").count() == 1
    }

    /// Longer than polls look back, so that none sees again what was before.
    async fn much_later(&self) {
        self.advance(Duration::from_secs(3600));
        self.settle().await;
    }
}

/// Somebody held because two Leads have the address.
async fn jane_and_two_leads() -> (World, ProspectId, [SalesforceId; 2]) {
    let world = World::example().await;
    let leads = ["jane@example.com", "Jane@Example.com"].map(|email| world.lead(email));
    let jane = world.prospect("jane@example.com");
    world.settle().await;
    assert_eq!(world.held_prospects().await, std::slice::from_ref(&jane));
    world.much_later().await;
    (world, jane, leads)
}

#[tokio::test]
async fn who_is_held_for_two_leads_is_linked_at_once_when_one_of_them_is_deleted() {
    let (world, jane, [a, b]) = jane_and_two_leads().await;
    world.org.delete(b);
    world.settle().await;
    assert_eq!(world.record_of(&jane).await, Some(a));
    assert_eq!(world.held_prospects().await, []);
    assert!(world.ended(&jane).await);
    world.is_quiet().await;
}

#[tokio::test]
async fn who_is_held_for_two_leads_is_linked_with_the_daily_comparison_when_one_of_them_was_corrected() {
    let (world, jane, [a, b]) = jane_and_two_leads().await;
    world.org.edit(b, &[("Email", "other@example.com".into())]);
    world.turns().await;
    assert_eq!(world.held_prospects().await, std::slice::from_ref(&jane), "a Lead's address is not watched");
    world.nobody_is_searched_for().await;
    world.sweep().await;
    world.settle().await;
    assert_eq!(world.record_of(&jane).await, Some(a));
    assert_eq!(world.held_prospects().await, []);
    assert!(world.ended(&jane).await);
}

#[tokio::test]
async fn a_hold_that_stays_costs_one_search_a_day_and_says_nothing_new() {
    let (world, jane, _) = jane_and_two_leads().await;
    for _ in 0..2 {
        let (calls, before) = (world.engage_calls(), world.held().await);
        world.sweep().await;
        world.cycle().await;
        assert_eq!(world.engage_calls() - calls, 3, "two polls, and one listing");
        assert_eq!(world.held().await, before);
        assert!(!world.ended(&jane).await);
        world.nobody_is_searched_for().await;
    }
}

#[tokio::test]
async fn a_comparison_searches_for_nobody_where_nobody_without_a_record_is_held() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    world.second_prospect_of(&jane, "approaching").await;
    world.settle().await;
    assert_eq!(world.held_as_twins().await, 2, "they have a record, and are looked at with it");
    world.much_later().await;
    world.sweep().await;
    world.nobody_is_searched_for().await;
}

#[tokio::test]
async fn whoever_is_held_and_deleted_in_engage_stands_among_the_conflicts_no_more() {
    let (world, jane, _) = jane_and_two_leads().await;
    world.product.delete(&jane);
    world.cycle().await;
    assert_eq!(world.held_prospects().await, []);
    assert!(world.ended(&jane).await);
    world.nobody_is_searched_for().await;
}

#[tokio::test]
async fn whoever_is_held_and_deleted_as_a_webhook_tells_stands_among_the_conflicts_no_more() {
    let (world, jane, [a, _]) = jane_and_two_leads().await;
    world.product.delete(&jane);
    world.webhook(&Person { lead: a, prospect: jane.clone() }).await.unwrap();
    assert_eq!(world.held_prospects().await, []);
    assert!(world.ended(&jane).await);
}

#[tokio::test]
async fn whoever_is_held_and_then_named_on_a_record_by_engage_is_held_no_more() {
    let (world, jane, _) = jane_and_two_leads().await;
    let other = world.lead_without_prospect("Nurture");
    world.product.link(&jane, Some(other));
    world.settle().await;
    assert_eq!(world.record_of(&jane).await, Some(other));
    assert_eq!(world.held_prospects().await, []);
    assert!(world.ended(&jane).await);
}

#[tokio::test]
async fn whoever_is_held_and_gets_another_address_is_held_no_more() {
    let (world, jane, _) = jane_and_two_leads().await;
    world.product.set_email(&jane, "jane.roe@example.com");
    world.settle().await;
    assert_eq!(world.held_prospects().await, []);
    assert!(world.ended(&jane).await);
}

#[tokio::test]
async fn of_two_who_share_an_address_one_goes_on_once_the_other_is_deleted() {
    let world = World::example().await;
    let lead = world.lead("jane@example.com");
    let twins = [0, 1].map(|_| world.prospect("jane@example.com"));
    world.settle().await;
    assert_eq!(world.held_prospects().await, twins);
    world.much_later().await;
    world.product.delete(&twins[0]);
    world.settle().await;
    assert_eq!(world.record_of(&twins[1]).await, Some(lead));
    assert_eq!(world.held_prospects().await, []);
    for twin in &twins {
        assert!(world.ended(twin).await, "{twin}");
    }
    world.much_later().await;
    world.nobody_is_searched_for().await;
}

#[tokio::test]
async fn who_is_held_beside_somebody_linked_goes_on_once_that_one_is_deleted() {
    let world = World::example().await;
    let linked = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    let email = world.product.field(&linked.prospect, "email");
    let jane = world.prospect(&email);
    world.settle().await;
    assert_eq!(world.held_prospects().await, std::slice::from_ref(&jane));
    world.much_later().await;
    world.product.delete(&linked.prospect);
    world.turns().await;
    assert_eq!(world.record_of(&jane).await, Some(linked.lead));
    assert_eq!(world.held_prospects().await, []);
    assert!(world.ended(&jane).await);
    world.is_quiet().await;
}

#[tokio::test]
async fn holds_end_with_the_daily_comparison_once_the_mapping_links_nobody_by_email() {
    let (world, jane, _) = jane_and_two_leads().await;
    let ignore =
        format!("{}\n[new]\nprospects = \"ignore\"\n", include_str!("../../../mapping/example.toml"));
    world.engine.use_mapping(lockstep::mapping::parse("test.toml", &ignore).unwrap().mapping);
    world.sweep().await;
    assert_eq!(world.held_prospects().await, []);
    assert!(world.ended(&jane).await);
}
