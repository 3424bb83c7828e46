//! The specification document "Revenue Engage Prospect Statuses", sentence by sentence, in its own words.

use lockstep::lifecycle::*;
use lockstep::model::PersonStatus;
use lockstep::sandbox::Clock;
use lockstep::sandbox::engage::Product;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);

fn status(text: &str) -> &'static BuiltIn {
    let none: [(&str, &str); 0] = [];
    built_in_status(&find(text, none).unwrap_or_else(|| panic!("{text} is a status"))).unwrap()
}

fn product() -> (Product, Clock) {
    let clock = Clock::driven("2026-11-23T09:00:00Z".parse().unwrap());
    (Product::new(clock.clone()), clock)
}

#[test]
fn the_lifecycle_of_statuses_start_from_just_added_once_a_prospect_gets_imported() {
    let (product, _) = product();
    let person = product.create("a@example.com", "A", "B", "C", None);
    assert_eq!(product.status(&person), "just_added");
    assert_eq!(BUILT_IN[0].label, "Just added");
}

#[test]
fn just_added_has_been_added_to_people_page_but_is_not_involved_in_any_sequences_yet() {
    let just_added = status("Just added");
    assert!(just_added.automatic && !just_added.manual && just_added.group == StatusGroup::General);
}

#[test]
fn not_contacted_indicates_that_a_prospect_has_been_added_to_a_sequence_but_no_outreach_has_been_made_yet() {
    let (product, clock) = product();
    let sequence = product.add_sequence("Outreach", true, &[DAY]);
    let person = product.create("a@example.com", "A", "B", "C", None);
    product.enroll(&person, &sequence);
    assert_eq!(product.status(&person), "not_contacted");
    clock.advance(DAY);
    product.tick();
    assert_eq!(product.status(&person), "approaching", "prospect engagement is in progress");
}

#[test]
fn if_you_clear_update_person_status_on_sequence_stage_change_the_status_is_not_updated_automatically() {
    let (product, clock) = product();
    let nurturing = product.add_sequence("Secondary nurturing", false, &[DAY]);
    let person = product.create("a@example.com", "A", "B", "C", None);
    product.enroll(&person, &nurturing);
    clock.advance(DAY);
    product.tick();
    assert_eq!(product.enrollment_stages(&person), ["approaching"], "the sequence proceeds");
    assert_eq!(product.status(&person), "just_added", "the person status does not");
}

#[test]
fn success_is_assigned_manually_and_the_sequence_will_not_reach_out_to_this_prospect_anymore() {
    let success = status("Success");
    assert!(success.manual && !success.automatic && success.group == StatusGroup::Success);
    let (product, clock) = product();
    let sequence = product.add_sequence("Outreach", true, &[DAY]);
    let person = product.create("a@example.com", "A", "B", "C", None);
    product.enroll(&person, &sequence);
    product.finish(&person, "success").unwrap();
    clock.advance(DAY * 30);
    product.tick();
    assert_eq!(
        (product.status(&person).as_str(), product.enrollment_states(&person)),
        ("success", vec!["finished".to_owned()])
    );
}

#[test]
fn not_interested_is_assigned_manually_and_the_prospect_can_still_be_contacted_in_other_campaigns() {
    let not_interested = status("Not interested");
    assert!(
        not_interested.manual && !not_interested.automatic && not_interested.group == StatusGroup::Failed
    );
    let (product, clock) = product();
    let other = product.add_sequence("Another campaign", true, &[DAY]);
    let person = product.create("a@example.com", "A", "B", "C", None);
    product.finish(&person, "not_interested").unwrap();
    product.enroll(&person, &other);
    clock.advance(DAY);
    product.tick();
    assert_eq!(product.enrollment_stages(&person), ["approaching"]);
}

#[test]
fn opted_out_can_be_assigned_both_manually_or_automatically() {
    let opted_out = status("Opted Out");
    assert!(opted_out.manual && opted_out.automatic);
    let (product, _) = product();
    let (by_hand, by_link) =
        (product.create("a@x.com", "A", "B", "C", None), product.create("b@x.com", "B", "B", "C", None));
    product.finish(&by_hand, "opted_out").unwrap();
    product.unsubscribe(&by_link).unwrap();
    assert_eq!([product.status(&by_hand), product.status(&by_link)], ["opted_out", "opted_out"]);
}

#[test]
fn bounced_is_also_assigned_both_manually_or_automatically() {
    let bounced = status("Bounced");
    assert!(bounced.manual && bounced.automatic && bounced.protected);
}

#[test]
fn if_a_prospect_has_bounced_status_it_is_not_going_to_be_possible_to_opt_out_the_prospect_anywhere() {
    assert!(!api_may_set(&PersonStatus::new("bounced"), &PersonStatus::new("opted_out")));
    let (product, _) = product();
    let person = product.create("a@example.com", "A", "B", "C", None);
    product.bounce(&person).unwrap();
    assert!(product.finish(&person, "opted_out").is_err() && product.unsubscribe(&person).is_err());
    assert_eq!(product.status(&person), "bounced");
}

#[test]
fn unresponsive_is_automatically_assigned_if_there_has_been_no_response_for_1_week() {
    let (product, clock) = product();
    let sequence = product.add_sequence("Outreach", true, &[DAY]);
    let (silent, answering) =
        (product.create("a@x.com", "A", "B", "C", None), product.create("b@x.com", "B", "B", "C", None));
    for person in [&silent, &answering] {
        product.enroll(person, &sequence);
    }
    clock.advance(DAY);
    product.tick();
    product.reply(&answering);
    clock.advance(DAY * 7 - Duration::from_secs(1));
    product.tick();
    assert_eq!(product.status(&silent), "approaching", "a second short of a week");
    clock.advance(Duration::from_secs(1));
    product.tick();
    assert_eq!(product.status(&silent), "unresponsive");
    assert_eq!(product.status(&answering), "approaching", "who answered is not unresponsive");
}

#[test]
fn if_a_prospect_responds_some_time_later_the_status_can_be_updated_to_success_not_interested_or_opted_out() {
    for later in ["success", "not_interested", "opted_out"] {
        assert!(api_may_set(&PersonStatus::new("unresponsive"), &PersonStatus::new(later)));
        let (product, _) = product();
        let person = product.create("a@example.com", "A", "B", "C", None);
        product.set_status(&person, "unresponsive").unwrap();
        product.finish(&person, later).unwrap();
        assert_eq!(product.status(&person), later);
    }
}

#[test]
fn the_table_names_sequence_stage_and_person_status_in_its_own_words() {
    let table = [
        ("Not started", "Not contacted"),
        ("Started", "Just added"),
        ("Bounced", "Bounced"),
        ("Approaching", "In progress"),
        ("Opted out", "Unsubscribed"),
        ("Not interested", "Not interested"),
        ("Success", "Success"),
        ("Unresponsive", "Unresponsive"),
    ];
    for (stage, person) in table {
        let stage = find_stage(stage).unwrap();
        assert_eq!(status_of_stage(stage), Some(status(person).key));
    }
}

#[test]
fn the_later_edition_has_on_hold_and_stopped_and_a_company_may_add_its_own() {
    assert!(status("On hold").protected && status("Stopped").protected);
    assert_eq!(find("demo BOOKED", [("demo_booked", "Demo booked")]), Some(PersonStatus::new("demo_booked")));
    assert_eq!(find("Demo booked", []), None);
}
