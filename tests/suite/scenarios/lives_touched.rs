//! Records that are touched: handed on, made another type, values renamed and retired under them, and people linked
//! twice.

use super::world::World;
use lockstep::store::marks;
use lockstep::sync::Cycle;
use std::time::Duration;

#[tokio::test]
async fn a_new_owner_or_record_type_is_nothing_to_sync() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    world.org.change_owner(jane.lead);
    world.org.change_record_type(jane.lead);
    let report = world.cycle().await;
    assert_eq!((report.decided, report.written), (0, 0));
    world.is_quiet().await;
}

#[tokio::test]
async fn an_owner_change_together_with_a_status_change_carries_the_status() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    world.user_sets_lead(&jane, "Status", "Nurture");
    world.org.change_owner(jane.lead);
    world.cycle().await;
    assert_eq!(world.person_status(&jane), "success");
    world.is_quiet().await;
}

#[tokio::test]
async fn a_storm_of_touched_rows_with_the_same_values_is_quiet() {
    let world = World::example().await;
    let people = world.people(300, "Attempting to contact", "approaching").await;
    world.agree().await;
    people.iter().for_each(|person| world.org.touch(person.lead));
    let report = world.cycle().await;
    assert_eq!((report.decided, report.planned), (0, 0));
    world.is_quiet().await;
}

#[tokio::test]
async fn a_renamed_value_is_unmapped_until_the_mapping_knows_it_and_is_never_guessed() {
    let world = World::example().await;
    let people = world.people(60, "Attempting to contact", "approaching").await;
    world.agree().await;
    world.org.rename_picklist_value("Lead", "Status", "Attempting to contact", "Trying to reach");
    let report = world.cycle().await;
    assert_eq!(report.planned, 0);
    let jane = &people[0];
    assert_eq!(world.person_status(jane), "approaching");
    assert_eq!(world.lead_status(jane), "Trying to reach");
    assert!(world.journal(jane).await.iter().any(|entry| entry.what == "skipped"));
    world.is_quiet().await;

    // Once the file knows the new name, the two agree; nobody has to be written to.
    let example = include_str!("../../../mapping/example.toml");
    let renamed = example.replace("\"Attempting to contact\"", "\"Trying to reach\"");
    let loaded =
        lockstep::mapping::parse("test.toml", &renamed).unwrap_or_else(|problems| panic!("{problems}"));
    world.engine.use_mapping(loaded.mapping);
    world.sweep().await;
    world.is_quiet().await;
    world.user_sets_person(jane, "success");
    world.cycle().await;
    assert_eq!(world.lead_status(jane), "Nurture");
    world.user_sets_person(jane, "approaching");
    world.cycle().await;
    assert_eq!(world.lead_status(jane), "Trying to reach");
    world.is_quiet().await;
}

/// Two rows that a second field tells apart, or the first of them by its status alone.
fn rated(is_rated: bool) -> String {
    let rows = match is_rated {
        false => r#"{ person = "Approaching", lead = "Attempting to contact" }"#.to_owned(),
        true => ["Approaching", "Success"]
            .iter()
            .zip(["Warm", "Hot"])
            .map(|(person, rating)| {
                let lead = format!(r#"{{ Status = "Attempting to contact", Rating = "{rating}" }}"#);
                format!(r#"{{ person = "{person}", lead = {lead} }},"#)
            })
            .collect(),
    };
    format!(
        "schema = 1\ncompany = \"example\"\nstatus = [{rows}]\n[salesforce.lead]\nstatus = \"Status\"\n[conflict]\nwinner = \"hold\"\n"
    )
}

#[tokio::test]
async fn the_next_change_of_a_field_that_is_read_for_the_first_time_is_carried_over() {
    let world = World::with_mapping(&rated(false)).await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.org.edit(jane.lead, &[("Rating", "Warm".into())]);
    world.agree().await;
    let loaded =
        lockstep::mapping::parse("test.toml", &rated(true)).unwrap_or_else(|problems| panic!("{problems}"));
    world.engine.use_mapping(loaded.mapping);
    world.engine.cycle(Cycle::DUE).await.unwrap();
    let swept_at = world.store.read(marks::swept_at).await.unwrap();
    assert_eq!(swept_at, Some(jiff::Timestamp::UNIX_EPOCH), "everything is compared next");
    world.sweep().await;
    world.is_quiet().await;
    world.org.edit(jane.lead, &[("Rating", "Hot".into())]);
    world.cycle().await;
    assert_eq!(world.person_status(&jane), "success");
    world.is_quiet().await;
}

#[tokio::test]
async fn a_change_of_engage_during_a_rename_is_carried_over_and_not_taken_for_older() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    world.advance(Duration::from_secs(600));
    world.user_sets_person(&jane, "success");
    world.org.rename_picklist_value("Lead", "Status", "Attempting to contact", "Trying to reach");
    world.cycle().await;
    assert_eq!(world.lead_status(&jane), "Nurture", "no save has made the Lead newer");
    world.is_quiet().await;
}

#[tokio::test]
async fn a_retired_value_of_a_restricted_field_is_parked_and_goes_on_once_it_is_back() {
    let world = World::example().await;
    let contact = world.contact("Attempting to contact");
    let jane = world.person_of(contact, "approaching");
    world.agree().await;
    world.org.retire_picklist_value("Contact", "Engagement_Status__c", "Nurture", true);
    world.user_sets_person(&jane, "success");
    world.settle().await;
    let parked = world.parked().await;
    assert_eq!((parked.len(), parked[0].code.as_str()), (1, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"));
    assert_eq!(world.record_status(contact), "Attempting to contact");
    world.is_quiet().await;

    world.org.retire_picklist_value("Contact", "Engagement_Status__c", "Nurture", false);
    world.sweep().await;
    world.settle().await;
    assert_eq!(world.record_status(contact), "Nurture");
    assert_eq!(world.parked().await.len(), 0);
    world.is_quiet().await;
}

#[tokio::test]
async fn a_retired_value_that_records_still_hold_is_read_as_before() {
    let world = World::example().await;
    let contact = world.contact("Attempting to contact");
    let jane = world.person_of(contact, "approaching");
    world.agree().await;
    world.org.retire_picklist_value("Contact", "Engagement_Status__c", "Attempting to contact", true);
    world.org.touch(contact);
    world.cycle().await;
    world.user_sets_person(&jane, "unresponsive");
    world.cycle().await;
    assert_eq!(world.parked().await.len(), 0, "the Contact holds what it should: nothing is written");
    world.is_quiet().await;
}

#[tokio::test]
async fn a_second_prospect_of_a_lead_holds_the_first_one_too() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    let twin = world.second_prospect_of(&jane, "approaching").await;
    world.cycle().await;
    assert_eq!(world.held_as_twins().await, 2);
    world.user_sets_lead(&jane, "Status", "Nurture");
    world.cycle().await;
    assert_eq!(world.person_status(&jane), "approaching", "nobody is guessed");

    // Engage says that the second one is somebody else: the first goes on by itself.
    let other = world.lead_without_prospect("Attempting to contact");
    world.product.link(&twin.prospect, Some(other));
    world.settle().await;
    assert_eq!(world.held().await.len(), 0);
    assert_eq!(world.person_status(&jane), "success", "what changed meanwhile is not lost");
    world.is_quiet().await;
}

#[tokio::test]
async fn a_prospect_that_engage_names_on_a_contact_after_its_lead_moves_there() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    let contact = world.contact("Attempting to contact");
    world.agree().await;
    world.product.link(&jane.prospect, Some(contact));
    world.cycle().await;
    assert_eq!(world.linked_to(&jane).await, Some(contact));
    world.user_sets_lead(&jane, "Status", "Nurture");
    world.cycle().await;
    assert_eq!(world.person_status(&jane), "approaching", "the Lead is nobody's now");
    world.user_sets_person(&jane, "success");
    world.cycle().await;
    assert_eq!(world.record_status(contact), "Nurture");
    world.is_quiet().await;
}
