//! Further fields, each with a three-way merge of its own.

use super::world::{Person, World};
use lockstep::model::Side;
use std::time::Duration;

const FIELDS: &str = r#"
[[field]]
lead      = "Title"
contact   = "Title"
engage    = "title"
transform = "trim"
blank     = "clear"

[[field]]
lead   = "FirstName"
contact = "FirstName"
engage = "first_name"
way    = "to-engage"

[[field]]
lead   = "Company"
engage = "company"
winner = "salesforce"
values = { "ACME" = "Acme Incorporated", "Initech" = "Initech Ltd" }
"#;

async fn world() -> World {
    World::with_mapping(&format!("{}\n{FIELDS}", include_str!("../../../mapping/example.toml"))).await
}

/// Why people are held.
async fn reasons(world: &World) -> Vec<String> {
    world.held().await.iter().map(|held| held.reason.to_string()).collect()
}

/// Both sides change the title: a person has to decide.
async fn title_is_contested(world: &World, jane: &Person) {
    world.user_sets_lead(jane, "Title", "Director");
    world.product.set_field(&jane.prospect, "title", "Manager");
    world.settle().await;
    assert_eq!(reasons(world).await, ["both sides changed title, and no winner is named for it"]);
}

#[tokio::test]
async fn a_title_is_carried_either_way_and_comes_to_rest() {
    let world = world().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.settle().await;
    world.user_sets_lead(&jane, "Title", "  Head of   Sales ");
    world.settle().await;
    assert_eq!(world.detail(&jane, "title"), "Head of Sales");
    world.product.set_field(&jane.prospect, "title", "VP Sales");
    world.settle().await;
    assert_eq!(world.lead_field(&jane, "Title"), "VP Sales");
    world.product.set_field(&jane.prospect, "title", "");
    world.settle().await;
    assert_eq!(world.lead_field(&jane, "Title"), "", "the mapping lets an emptied title empty the other");
    world.is_quiet().await;
}

#[tokio::test]
async fn a_one_way_field_follows_its_source_and_an_emptied_one_is_kept() {
    let world = world().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.settle().await;
    world.product.set_field(&jane.prospect, "first_name", "Janet");
    world.settle().await;
    assert_eq!(world.lead_field(&jane, "FirstName"), "Jane");
    world.user_sets_lead(&jane, "FirstName", "Joan");
    world.settle().await;
    assert_eq!(world.detail(&jane, "first_name"), "Joan");
    world.user_sets_lead(&jane, "FirstName", "");
    world.settle().await;
    assert_eq!(world.detail(&jane, "first_name"), "Joan", "blank = keep");
    world.is_quiet().await;
}

#[tokio::test]
async fn a_table_of_values_is_turned_round_and_what_it_does_not_have_stays() {
    let world = world().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.settle().await;
    world.product.set_field(&jane.prospect, "company", "Initech");
    world.settle().await;
    assert_eq!(world.lead_field(&jane, "Company"), "Initech Ltd");
    world.user_sets_lead(&jane, "Company", "Acme Incorporated");
    world.settle().await;
    assert_eq!(world.detail(&jane, "company"), "ACME");
    world.product.set_field(&jane.prospect, "company", "Nobody mapped this");
    world.settle().await;
    assert_eq!(world.lead_field(&jane, "Company"), "Acme Incorporated");
    world.is_quiet().await;
}

#[tokio::test]
async fn when_both_change_the_winner_s_field_wins_and_without_one_a_person_decides() {
    let world = world().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.settle().await;
    world.user_sets_lead(&jane, "Company", "Initech Ltd");
    world.product.set_field(&jane.prospect, "company", "ACME");
    world.settle().await;
    assert_eq!(world.detail(&jane, "company"), "Initech");

    title_is_contested(&world, &jane).await;
    world.resolve(&jane, Side::Engage, "Ann").await;
    world.settle().await;
    assert_eq!(world.lead_field(&jane, "Title"), "Manager");
    assert!(world.held().await.is_empty());
    world.is_quiet().await;
}

#[tokio::test]
async fn a_status_and_a_title_that_change_together_both_arrive() {
    let world = world().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.settle().await;
    world.user_sets_lead(&jane, "Status", "Nurture");
    world.user_sets_lead(&jane, "Title", "Director");
    world.product.set_field(&jane.prospect, "company", "Initech");
    world.settle().await;
    assert_eq!(world.person_status(&jane), "success");
    assert_eq!(world.detail(&jane, "title"), "Director");
    assert_eq!(world.lead_field(&jane, "Company"), "Initech Ltd");
    world.is_quiet().await;
}

#[tokio::test]
async fn a_held_status_does_not_keep_a_title_from_arriving_and_stays_held() {
    let world = world().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.settle().await;
    world.user_sets_lead(&jane, "Status", "Nurture");
    world.product.set_status(&jane.prospect, "not_interested").unwrap();
    world.user_sets_lead(&jane, "Title", "Director");
    world.settle().await;
    assert_eq!(world.held().await.len(), 1, "both changed within the guard band");
    assert_eq!(world.detail(&jane, "title"), "Director");
    assert_eq!(world.person_status(&jane), "not_interested");
}

#[tokio::test]
async fn no_value_of_a_field_is_ever_stored() {
    let world = world().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.settle().await;
    world.user_sets_lead(&jane, "Title", "Zanzibarian Ambassador");
    world.settle().await;
    assert_eq!(world.detail(&jane, "title"), "Zanzibarian Ambassador");
    let stored = world.stored_bytes();
    let found = stored.windows(11).any(|bytes| bytes == b"Zanzibarian");
    assert!(!found, "personal data stands in the store");
}

#[tokio::test]
async fn no_value_of_a_field_is_stored_with_the_words_of_its_refusal() {
    let world = world().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.settle().await;
    world.product.set_field(&jane.prospect, "title", &"Zanzibarian Ambassador ".repeat(20));
    world.settle().await;
    let parked = world.parked().await;
    assert_eq!(parked.len(), 1);
    assert!(parked[0].message.contains("data value too large: …"), "{}", parked[0].message);
    let stored = world.stored_bytes();
    let found = stored.windows(11).any(|bytes| bytes == b"Zanzibarian");
    assert!(!found, "personal data stands in the store");
}

#[tokio::test]
async fn a_refused_title_is_parked_lets_the_status_pass_and_is_tried_again_when_it_changes() {
    let world = world().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.settle().await;
    world.org.refuse("Lead", "Title", Some("Wizard".into()), "no wizards here");
    world.product.set_field(&jane.prospect, "title", "Wizard");
    world.settle().await;
    assert_eq!(world.parked().await.len(), 1);
    world.user_sets_lead(&jane, "Status", "Nurture");
    world.settle().await;
    assert_eq!(world.person_status(&jane), "success", "the status does not wait for the title");
    let tried = world.salesforce_writes_tried();
    world.settle().await;
    assert_eq!(world.salesforce_writes_tried(), tried, "what was refused is not tried again unchanged");
    world.product.set_field(&jane.prospect, "title", "Engineer");
    world.settle().await;
    assert_eq!(world.lead_field(&jane, "Title"), "Engineer");
    assert!(world.parked().await.is_empty());
    world.is_quiet().await;
}

#[tokio::test]
async fn who_decides_about_a_title_decides_nothing_about_the_status() {
    let world = world().await;
    let jane = world.person("Not interested", "success").await;
    world.settle().await;
    title_is_contested(&world, &jane).await;
    world.resolve(&jane, Side::Salesforce, "Ann").await;
    world.settle().await;
    assert_eq!(world.detail(&jane, "title"), "Director");
    assert_eq!(world.person_status(&jane), "success", "adopted as it was");
    assert!(world.held().await.is_empty());
    world.is_quiet().await;
}

#[tokio::test]
async fn a_title_waits_for_no_sweep_behind_a_status_that_was_written_late() {
    let world = world().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.settle().await;
    world.user_sets_person(&jane, "success");
    world.product.set_field(&jane.prospect, "title", "VP Sales");
    world.no_write_arrives();
    world.cycle().await;
    world.advance(Duration::from_secs(1200));
    world.cycle().await;
    world.writes_arrive_again();
    world.advance(Duration::from_secs(1200));
    world.settle().await;
    assert_eq!(world.lead_status(&jane), "Nurture");
    assert_eq!(world.lead_field(&jane, "Title"), "VP Sales");
    world.is_quiet().await;
}

#[tokio::test]
async fn a_conflict_of_the_status_is_seen_beside_a_refused_title() {
    let world = world().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.settle().await;
    world.org.refuse("Lead", "Title", Some("Wizard".into()), "no wizards here");
    world.product.set_field(&jane.prospect, "title", "Wizard");
    world.settle().await;
    world.user_sets_lead(&jane, "Status", "Nurture");
    world.user_sets_person(&jane, "not_interested");
    world.settle().await;
    assert_eq!(world.parked().await.len(), 1, "the title");
    assert_eq!(world.held().await.len(), 1, "both changed within the guard band");
}

#[tokio::test]
async fn a_title_that_was_written_without_an_answer_is_not_taken_for_somebody_s_when_its_source_changes_again()
 {
    let world = world().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.user_sets_lead(&jane, "Title", "Engineer");
    world.product.set_field(&jane.prospect, "title", "Engineer");
    world.settle().await;
    world.user_sets_lead(&jane, "Title", "Director");
    world.falls_silent_behind_the_next_write_to(Side::Engage);
    world.cycle().await;
    assert_eq!(world.detail(&jane, "title"), "Director", "it arrived, and nobody knows");
    world.answers_again(Side::Engage);
    world.user_sets_lead(&jane, "Title", "Engineer");
    world.settle().await;
    assert_eq!(world.lead_field(&jane, "Title"), "Engineer");
    assert_eq!(world.detail(&jane, "title"), "Engineer");
    let journal = world.journal(&jane).await;
    assert!(journal.iter().any(|entry| entry.reason.contains("the answer had been lost")), "{journal:?}");
    world.is_quiet().await;
}

#[tokio::test]
async fn a_title_that_was_written_without_an_answer_is_nothing_that_another_record_had_agreed_on() {
    let world = world().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    let other = world.lead_without_prospect("Attempting to contact");
    world.org.edit(other, &[("Title", serde_json::json!("Engineer"))]);
    world.settle().await;
    world.user_sets_lead(&jane, "Title", "Director");
    world.falls_silent_behind_the_next_write_to(Side::Engage);
    world.cycle().await;
    assert_eq!(world.detail(&jane, "title"), "Director", "it arrived, and nobody knows");
    world.product.link(&jane.prospect, Some(other));
    world.answers_again(Side::Engage);
    world.settle().await;
    assert_eq!(world.linked_to(&jane).await, Some(other));
    assert_eq!(world.detail(&jane, "title"), "Director", "as they were met, so they stay");
    world.is_quiet().await;
}
