//! `[new]`: people whom only one side knows.

use super::trouble::pauses_at;
use super::world::World;
use lockstep::sandbox::{Fault, When};
use std::time::Duration;

async fn world(policy: &str) -> World {
    World::with_mapping(&format!("{}\n[new]\n{policy}\n", include_str!("../../../mapping/example.toml")))
        .await
}

#[tokio::test]
async fn a_prospect_nobody_in_salesforce_knows_becomes_a_lead_with_its_status() {
    let world = world("prospects = \"create\"").await;
    let new = world.product.create("new@example.com", "Nora", "New", "Newco", None);
    world.product.set_status(&new, "success").unwrap();
    world.settle().await;
    let lead = world.only_lead_with("new@example.com");
    assert_eq!(world.record_status(lead), "Nurture");
    assert_eq!(world.org.get(lead, "LastName"), "New");
    assert_eq!(world.org.get(lead, "Company"), "Newco");
    world.org.edit(lead, &[("Status", "Not interested".into())]);
    world.settle().await;
    assert_eq!(world.product.status(&new), "not_interested", "from now on they are one person");
    world.is_quiet().await;
}

#[tokio::test]
async fn a_lead_nobody_in_engage_knows_becomes_a_prospect_with_its_status() {
    let world = world("leads = \"create\"").await;
    let lead =
        world.org.create_lead("Nora", "New", "Newco", "new@example.com", "Attempting to contact").unwrap();
    world.settle().await;
    let new = world.only_prospect_with("new@example.com");
    assert_eq!(world.product.status(&new), "approaching");
    assert_eq!(world.product.field(&new, "company"), "Newco");
    world.product.set_status(&new, "success").unwrap();
    world.settle().await;
    assert_eq!(world.record_status(lead), "Nurture");
    world.is_quiet().await;
}

#[tokio::test]
async fn an_opted_out_newcomer_stays_opted_out() {
    let world = world("prospects = \"create\"\nleads = \"create\"").await;
    let new = world.product.create("out@example.com", "Otto", "Out", "Outco", None);
    world.product.set_status(&new, "opted_out").unwrap();
    let lead =
        world.org.create_lead("Ona", "Out", "Outco", "ona@example.com", "Attempting to contact").unwrap();
    world.org.edit(lead, &[("HasOptedOutOfEmail", true.into())]);
    world.settle().await;
    let made = world.only_lead_with("out@example.com");
    assert_eq!(world.org.get(made, "HasOptedOutOfEmail"), true);
    assert_eq!(world.record_status(made), "Unsubscribed");
    assert_eq!(world.product.status(&world.only_prospect_with("ona@example.com")), "opted_out");
}

#[tokio::test]
async fn who_is_on_both_sides_already_is_linked_and_not_made_again() {
    let world = world("prospects = \"create\"\nleads = \"create\"").await;
    let lead = world.org.create_lead("Jane", "Doe", "Acme", "Jane@Example.com", "Nurture").unwrap();
    let jane = world.product.create("jane@example.com", "Jane", "Doe", "Acme", None);
    world.settle().await;
    assert_eq!(world.only_lead_with("Jane@Example.com"), lead);
    assert_eq!(world.only_prospect_with("jane@example.com"), jane);
    world.org.edit(lead, &[("Status", "Not interested".into())]);
    world.settle().await;
    assert_eq!(world.product.status(&jane), "not_interested");
}

#[tokio::test]
async fn two_prospects_of_one_email_are_held_and_none_is_made() {
    let world = world("prospects = \"create\"").await;
    for _ in 0..2 {
        world.product.create("twin@example.com", "Tina", "Twin", "Twinco", None);
    }
    world.settle().await;
    assert!(world.leads_with("twin@example.com").is_empty());
    assert_eq!(world.held().await.len(), 2);
}

#[tokio::test]
async fn whose_answer_was_lost_is_found_again_and_never_doubled() {
    let world = world("prospects = \"create\"\nleads = \"create\"").await;
    let new = world.product.create("new@example.com", "Nora", "New", "Newco", None);
    world.org.create_lead("Lea", "Lead", "Leadco", "lea@example.com", "Nurture").unwrap();
    world.lose_the_answer_of_the_next_creations();
    world.cycle().await;
    let lea = world.only_prospect_with("lea@example.com");
    assert!(world.link_of(&lea).await.is_none(), "she was made, and nobody was told");
    for _ in 0..6 {
        world.cycle().await;
        world.advance(Duration::from_secs(61));
    }
    let lead = world.only_lead_with("new@example.com");
    assert_eq!(world.only_prospect_with("lea@example.com"), lea);
    assert_eq!(world.product.status(&lea), "success");
    assert!(world.link_of(&lea).await.is_some());
    world.product.set_status(&new, "success").unwrap();
    world.settle().await;
    assert_eq!(world.record_status(lead), "Nurture");
}

#[tokio::test]
async fn a_lead_that_is_still_being_made_when_its_answer_is_lost_is_not_made_once_more() {
    let gateway =
        Fault::Answer { status: 504, body: "<html>Gateway timeout</html>".to_owned(), retry_after: None };
    for fault in [Fault::DropAfter, gateway] {
        let world = world("prospects = \"create\"").await;
        let new = world.product.create("new@example.com", "Nora", "New", "Newco", None);
        world.org.faults().add(When::next("POST", "/v67.0/sobjects/Lead"), fault);
        world.cycle().await;
        let id = new.clone();
        let begun = world.store.read(move |reader| {
            let all = reader.newcomers()?.into_iter();
            Ok(all.filter(|newcomer| newcomer.id == id.as_str()).any(|newcomer| newcomer.begun.is_some()))
        });
        assert!(begun.await.unwrap(), "it may be there");
        // Whatever is searched for meanwhile does not see what is not committed.
        let nobody = r#"{"totalSize":0,"done":true,"records":[]}"#.to_owned();
        let nobody = Fault::Answer { status: 200, body: nobody, retry_after: None };
        world.org.faults().add(When { times: 9, ..When::next("GET", "Email+IN") }, nobody);
        for _ in 0..5 {
            world.advance(Duration::from_secs(10));
            world.cycle().await;
        }
        assert!(world.leads_with("new@example.com").len() <= 1, "nobody is made twice");
        world.org.faults().clear();
        for _ in 0..6 {
            world.cycle().await;
            world.advance(Duration::from_secs(61));
        }
        let lead = world.only_lead_with("new@example.com");
        assert_eq!(world.link_of(&new).await.map(|link| link.salesforce), Some(lead));
    }
}

#[tokio::test]
async fn a_lead_that_is_made_is_not_given_away_by_the_assignment_rule() {
    let world = world("prospects = \"create\"").await;
    world.org.set_assignment_rule(true);
    world.product.create("new@example.com", "Nora", "New", "Newco", None);
    world.settle().await;
    let lead = world.only_lead_with("new@example.com");
    let owned = world.org.create_lead("Own", "Ed", "Acme", "owned@example.com", "Nurture").unwrap();
    assert_eq!(world.org.get(lead, "OwnerId"), world.org.get(owned, "OwnerId"));
}

#[tokio::test]
async fn who_cannot_be_made_is_told_once_and_tried_again_when_they_change() {
    let world = world("prospects = \"create\"").await;
    let new = world.product.create("nameless@example.com", "", "", "Newco", None);
    world.settle().await;
    let calls = world.engage_calls();
    world.settle().await;
    assert_eq!(world.engage_calls() - calls, 4, "a refused newcomer is not searched for at every turn");
    assert!(world.leads_with("nameless@example.com").is_empty());
    world.product.set_field(&new, "last_name", "Named");
    world.settle().await;
    world.only_lead_with("nameless@example.com");
}

#[tokio::test]
async fn too_many_newcomers_wait_for_an_operator() {
    let world = world("leads = \"create\"").await;
    for number in 0..60 {
        let email = format!("new{number}@example.com");
        world.org.create_lead("Nora", "New", "Newco", &email, "Nurture").unwrap();
    }
    world.settle().await;
    assert!(world.product.prospects().is_empty(), "sixty at once are asked about first");
    let calls = world.salesforce_calls();
    world.cycle().await;
    assert!(world.salesforce_calls() - calls <= 4, "those who wait are not searched for at every turn");
    world.approve_newcomers().await;
    world.settle().await;
    assert_eq!(world.product.prospects().len(), 60);
    world.is_quiet().await;
}

#[tokio::test]
async fn with_ignore_nobody_is_linked_and_nobody_is_made() {
    let world = world("prospects = \"ignore\"").await;
    world.org.create_lead("Jane", "Doe", "Acme", "jane@example.com", "Nurture").unwrap();
    let jane = world.product.create("jane@example.com", "Jane", "Doe", "Acme", None);
    world.settle().await;
    assert_eq!(world.product.status(&jane), "just_added");
    assert_eq!(world.leads_with("jane@example.com").len(), 1);
}

#[tokio::test]
async fn while_writing_is_paused_nobody_is_made_and_nobody_is_forgotten() {
    let world = world("prospects = \"create\"").await;
    world.pause(true).await;
    world.product.create("new@example.com", "Nora", "New", "Newco", None);
    world.settle().await;
    assert!(world.leads_with("new@example.com").is_empty());
    world.pause(false).await;
    world.settle().await;
    world.only_lead_with("new@example.com");
}

#[tokio::test]
async fn an_operator_who_pauses_among_many_newcomers_has_only_the_one_under_way_made() {
    let world = world("prospects = \"create\"").await;
    for number in 0..5 {
        world.product.create(&format!("new{number}@example.com"), "Nora", "New", "Newco", None);
    }
    pauses_at(world.store.clone(), world.org.faults(), When::next("POST", "/sobjects/Lead"));
    world.cycle().await;
    assert_eq!(world.org.leads().len(), 1);
    world.pause(false).await;
    world.settle().await;
    for number in 0..5 {
        world.only_lead_with(&format!("new{number}@example.com"));
    }
}

#[tokio::test]
async fn a_search_that_failed_is_made_again() {
    let world = World::example().await;
    world.cycle().await;
    let lead = world.org.create_lead("Jane", "Doe", "Acme", "jane@example.com", "Nurture").unwrap();
    let jane = world.product.create("jane@example.com", "Jane", "Doe", "Acme", None);
    world.cycle_without_an_answer_about_namesakes().await;
    assert!(world.link_of(&jane).await.is_none());
    for _ in 0..4 {
        world.advance(Duration::from_secs(120));
        world.cycle().await;
    }
    assert_eq!(world.link_of(&jane).await.map(|link| link.salesforce), Some(lead));
}
