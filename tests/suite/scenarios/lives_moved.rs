//! Records that go on as others: converted into somebody who is there already, merged, merged again.

use super::world::{Person, World};
use lockstep::model::{HoldReason, SalesforceId};
use serde_json::json;
use std::time::Duration;

const BOX: &str = "HasOptedOutOfEmail";

/// A company that leaves Contacts alone.
const LEADS_ONLY: &str = r#"
schema = 1
company = "leads only"
status = [
  { person = "Approaching", salesforce = "Attempting to contact" },
  { person = "Success", salesforce = "Nurture" },
]
[salesforce.lead]
status = "Status"
[conflict]
winner = "hold"
"#;

impl World {
    pub fn contact(&self, status: &str) -> SalesforceId {
        self.org.create_contact("Doe", "contact@example.com", status).unwrap()
    }

    /// A person whom Engage links to a Contact.
    pub fn person_of(&self, contact: SalesforceId, status: &str) -> Person {
        let prospect = self.product.create("contact@example.com", "Jane", "Doe", "Acme", Some(contact));
        self.product.set_status(&prospect, status).unwrap();
        Person { lead: contact, prospect }
    }

    pub async fn linked_to(&self, person: &Person) -> Option<SalesforceId> {
        self.link(person).await.map(|link| link.salesforce)
    }

    /// Who is held because somebody else is linked to the same record.
    pub async fn held_as_twins(&self) -> usize {
        let held = self.held().await;
        held.iter().filter(|held| matches!(held.reason, HoldReason::NotUnique { .. })).count()
    }

    pub fn is_out(&self, record: SalesforceId) -> bool {
        self.org.get(record, BOX) == json!(true)
    }
}

#[tokio::test]
async fn a_lead_converted_into_a_contact_that_is_there_goes_on_as_that_contact() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    let contact = world.contact("Nurture");
    world.agree().await;
    world.org.convert_to(jane.lead, contact);
    world.cycle().await;
    assert_eq!(world.linked_to(&jane).await, Some(contact));
    assert_eq!(world.person_status(&jane), "success", "what the Contact says is a change like any other");
    assert_eq!(world.org.writes_of(jane.lead), 0);
    world.is_quiet().await;
}

#[tokio::test]
async fn an_empty_status_of_a_new_contact_empties_nothing() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    let contact = world.org.convert(jane.lead).unwrap();
    world.cycle().await;
    assert_eq!(world.person_status(&jane), "approaching");
    assert!(world.journal(&jane).await.iter().any(|entry| entry.what == "skipped"), "unmapped, and named so");
    world.user_sets_person(&jane, "success");
    world.cycle().await;
    assert_eq!(world.record_status(contact), "Nurture");
    world.is_quiet().await;
}

#[tokio::test]
async fn a_lead_converted_into_somebody_elses_contact_holds_both_and_lets_go_once_one_is_gone() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    let contact = world.contact("Attempting to contact");
    let twin = world.person_of(contact, "approaching");
    world.agree().await;
    world.org.convert_to(jane.lead, contact);
    world.cycle().await;
    assert_eq!(world.linked_to(&jane).await, Some(contact));
    assert_eq!(world.held_as_twins().await, 2, "both stand in `lockstep conflicts`");
    world.user_sets_person(&jane, "success");
    world.cycle().await;
    assert_eq!(world.record_status(contact), "Attempting to contact", "nobody is guessed");

    world.delete_prospect(&jane);
    world.cycle().await;
    assert_eq!(world.held().await.len(), 0, "the other one is alone now, and nobody has to say so");
    world.user_sets_person(&twin, "not_interested");
    world.cycle().await;
    assert_eq!(world.record_status(contact), "Not interested");
    world.is_quiet().await;
}

#[tokio::test]
async fn a_lead_converted_into_the_contact_that_engage_names_already_stays_one_link() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    let contact = world.contact("Attempting to contact");
    world.agree().await;
    world.org.convert_to(jane.lead, contact);
    world.product.link(&jane.prospect, Some(contact));
    world.settle().await;
    assert_eq!(world.linked_to(&jane).await, Some(contact));
    assert_eq!(world.held().await.len(), 0);
    world.user_sets_person(&jane, "success");
    world.cycle().await;
    assert_eq!(world.record_status(contact), "Nurture");
    world.is_quiet().await;
}

#[tokio::test]
async fn a_converted_lead_is_let_go_where_contacts_are_not_in_sync_and_is_not_picked_up_at_each_poll() {
    let world = World::with_mapping(LEADS_ONLY).await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    world.convert(&jane);
    world.cycle().await;
    assert_eq!(world.linked_to(&jane).await, None);
    for status in ["success", "approaching"] {
        world.user_sets_person(&jane, status);
        world.cycle().await;
    }
    let unlinked = world.journal(&jane).await.into_iter().filter(|entry| entry.what == "unlinked").count();
    assert_eq!(unlinked, 1, "dropped once, and that is that");
    assert_eq!(world.org.writes_of(jane.lead), 0);
    world.is_quiet().await;
}

#[tokio::test]
async fn an_opt_out_of_a_leads_last_minute_is_told_before_the_lead_is_let_go() {
    for bounced in [false, true] {
        let world = World::with_mapping(LEADS_ONLY).await;
        let jane = world.person("Attempting to contact", "approaching").await;
        world.agree().await;
        if bounced {
            world.product.bounce(&jane.prospect).unwrap();
            world.cycle().await;
        }
        world.user_ticks_opt_out(&jane);
        world.convert(&jane);
        world.cycle().await;
        if bounced {
            assert_eq!(world.held().await.len(), 1, "Engage lets nobody opt out who has bounced");
            world.user_sets_person(&jane, "approaching");
        }
        world.settle().await;
        assert_eq!(world.person_status(&jane), "opted_out", "bounced: {bounced}");
        assert_eq!(world.linked_to(&jane).await, None);
        assert_eq!(world.org.writes_of(jane.lead), 0);
        world.is_quiet().await;
    }
}

#[tokio::test]
async fn a_chain_of_merges_leads_to_the_last_winner() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    let second = world.lead_without_prospect("Attempting to contact");
    let third = world.lead_without_prospect("Attempting to contact");
    world.agree().await;
    world.merge(second, &jane);
    world.org.merge(third, second);
    world.cycle().await;
    assert_eq!(world.linked_to(&jane).await, Some(third));
    world.is_quiet().await;

    world.org.delete(third);
    world.cycle().await;
    assert_eq!(world.linked_to(&jane).await, None, "the winner is gone, and the person with it");
    assert_eq!(world.person_status(&jane), "approaching");
    world.is_quiet().await;

    world.org.undelete(third);
    world.cycle().await;
    assert_eq!(world.linked_to(&jane).await, Some(third));
    world.is_quiet().await;
}

#[tokio::test]
async fn a_merge_of_two_linked_leads_holds_both_people() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    let john = world.person("Nurture", "success").await;
    world.agree().await;
    world.merge(john.lead, &jane);
    world.cycle().await;
    assert_eq!(world.linked_to(&jane).await, Some(john.lead));
    assert_eq!(world.held_as_twins().await, 2);
    assert_eq!(world.record_status(john.lead), "Nurture");
    world.is_quiet().await;
}

#[tokio::test]
async fn a_loser_taken_back_out_of_the_bin_is_nobodys_record() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    let winner = world.lead_without_prospect("Attempting to contact");
    world.agree().await;
    world.merge(winner, &jane);
    world.cycle().await;
    world.org.undelete(jane.lead);
    world.cycle().await;
    assert_eq!(world.linked_to(&jane).await, Some(winner), "the person stays with the winner");
    world.is_quiet().await;
}

#[tokio::test]
async fn an_opt_out_goes_along_when_a_record_goes_on_as_another() {
    for converted in [true, false] {
        let world = World::example().await;
        let jane = world.person("Attempting to contact", "approaching").await;
        world.agree().await;
        world.unsubscribes(&jane);
        world.cycle().await;
        assert!(world.lead_is_opted_out(&jane));
        let other = match converted {
            true => world.contact("Attempting to contact"),
            false => world.lead_without_prospect("Attempting to contact"),
        };
        match converted {
            true => world.org.convert_to(jane.lead, other),
            false => world.merge(other, &jane),
        }
        world.settle().await;
        assert_eq!(world.linked_to(&jane).await, Some(other));
        assert!(world.is_out(other), "converted: {converted}");
        assert_eq!(world.record_status(other), "Unsubscribed");
        assert_eq!(world.person_status(&jane), "opted_out");
        assert_eq!(world.held().await.len(), 0, "nobody has cleared anything");
        world.is_quiet().await;
    }
}

#[tokio::test]
async fn an_opt_out_of_a_records_last_minute_is_not_lost_with_it() {
    for converted in [true, false] {
        let world = World::example().await;
        let jane = world.person("Attempting to contact", "approaching").await;
        let other = match converted {
            true => world.contact("Attempting to contact"),
            false => world.lead_without_prospect("Attempting to contact"),
        };
        world.agree().await;
        world.user_ticks_opt_out(&jane);
        match converted {
            true => world.org.convert_to(jane.lead, other),
            false => world.merge(other, &jane),
        }
        world.settle().await;
        assert_eq!(world.person_status(&jane), "opted_out", "converted: {converted}");
        assert_eq!(world.linked_to(&jane).await, Some(other));
        assert!(world.is_out(other));
        assert_eq!(world.org.writes_of(jane.lead), 0);
        world.is_quiet().await;
    }
}

#[tokio::test]
async fn an_opt_out_that_engage_could_not_take_is_kept_over_a_merge() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    let winner = world.lead_without_prospect("Attempting to contact");
    world.agree().await;
    world.product.bounce(&jane.prospect).unwrap();
    world.user_ticks_opt_out(&jane);
    world.cycle().await;
    assert!(!world.held().await.is_empty(), "Engage does not let a bounced person be opted out");
    world.merge(winner, &jane);
    world.settle().await;
    assert!(!world.held().await.is_empty(), "still waiting, and still seen");
    world.user_sets_person(&jane, "approaching");
    world.settle().await;
    assert_eq!(world.person_status(&jane), "opted_out", "carried out once the bounce is cleared");
    assert!(world.is_out(winner));
    world.is_quiet().await;
}

#[tokio::test]
async fn a_contact_that_is_ticked_as_opted_out_once_it_was_taken_over_is_carried_over() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    let contact = world.org.convert(jane.lead).unwrap();
    world.org.edit(contact, &[("Engagement_Status__c", "Attempting to contact".into())]);
    world.cycle().await;
    assert_eq!(world.linked_to(&jane).await, Some(contact));
    world.org.edit(contact, &[(BOX, true.into())]);
    world.cycle().await;
    assert_eq!(world.person_status(&jane), "opted_out");
    world.is_quiet().await;
}

#[tokio::test]
async fn a_prospect_that_comes_to_name_the_lead_they_were_stays_with_what_that_became() {
    for is_merge in [false, true] {
        let world = World::example().await;
        let lead = world.lead_without_prospect("Attempting to contact");
        let prospect = world.product.create("john@example.com", "John", "Roe", "Acme", None);
        world.product.set_status(&prospect, "approaching").unwrap();
        let john = Person { lead, prospect };
        world.settle().await;
        assert_eq!(world.linked_to(&john).await, Some(lead), "by their email");
        world.product.link(&john.prospect, Some(lead));
        world.settle().await;
        // By then no poll lists the prospect again for that.
        world.advance(Duration::from_secs(1200));
        world.settle().await;
        let now = match is_merge {
            true => {
                let winner =
                    world.org.create_lead("Jon", "Roe", "Acme", "jon@example.com", "Attempting to contact");
                let winner = winner.unwrap();
                world.merge(winner, &john);
                winner
            }
            false => {
                let contact = world.org.convert(lead).unwrap();
                world.org.edit(contact, &[("Engagement_Status__c", "Attempting to contact".into())]);
                contact
            }
        };
        world.settle().await;
        assert_eq!(world.linked_to(&john).await, Some(now));
        world.user_sets_person(&john, "success");
        world.settle().await;
        assert_eq!(world.linked_to(&john).await, Some(now), "Engage only goes on naming the Lead");
        assert_eq!(world.record_status(now), "Nurture");
        world.is_quiet().await;
    }
}

#[tokio::test]
async fn an_opt_out_that_engage_could_not_take_is_kept_when_engage_names_another_record() {
    for follows in [false, true] {
        let cleared = if follows { "\n[opt_out]\ncleared = \"follow\"\n" } else { "" };
        let world =
            World::with_mapping(&format!("{}{cleared}", include_str!("../../../mapping/example.toml"))).await;
        let jane = world.person("Attempting to contact", "approaching").await;
        let other = world.lead_without_prospect("Attempting to contact");
        world.agree().await;
        world.product.bounce(&jane.prospect).unwrap();
        world.user_ticks_opt_out(&jane);
        world.cycle().await;
        world.product.link(&jane.prospect, Some(other));
        world.settle().await;
        world.user_sets_person(&jane, "approaching");
        world.settle().await;
        assert_eq!(world.linked_to(&jane).await, Some(other));
        assert_eq!(
            world.held().await.len(),
            1,
            "nobody has taken it back: a person is asked (follows: {follows})"
        );
    }
}
