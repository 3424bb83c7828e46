//! Change events: what they tell costs no call, what they do not tell is read, and whatever becomes of the stream, nothing
//! is missed.

use super::world::World;
use lockstep::sandbox::salesforce::Special;
use serde_json::json;

#[tokio::test]
async fn a_change_that_an_event_tells_is_carried_over_without_a_call_to_salesforce() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    let mut stream = world.listen().await;
    world.user_sets_lead(&jane, "Status", "Nurture");
    stream.next().await.unwrap();
    let (report, calls) = world.turn().await;
    assert_eq!((report.written, calls), (1, vec![]));
    assert_eq!(world.person_status(&jane), "success");
    let (report, calls) = world.turn().await;
    assert_eq!((report.planned, calls), (0, vec![]), "nothing is left to be looked at");
    world.is_quiet().await;
}

#[tokio::test]
async fn our_own_writes_come_back_as_events_and_need_no_further_call() {
    let world = World::example().await;
    let people = world.people(3, "Attempting to contact", "approaching").await;
    world.agree().await;
    let mut stream = world.listen().await;
    for person in &people {
        world.user_sets_person(person, "success");
    }
    world.cycle().await;
    assert_eq!(world.lead_status(&people[0]), "Nurture");
    // Three rows of one call, with one value: one event.
    stream.next().await.unwrap();
    let (report, calls) = world.turn().await;
    assert_eq!((report.decided, calls), (0, vec![]));
    world.is_quiet().await;
}

#[tokio::test]
async fn a_flow_that_alters_what_we_wrote_is_heard_although_the_origin_is_ours() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    let mut stream = world.listen().await;
    world.org.rewrite("Lead", "Status", json!("Nurture"), json!("Not interested"));
    world.user_sets_person(&jane, "success");
    world.cycle().await;
    stream.next().await.unwrap();
    world.org.rewrite_nothing();
    world.settle().await;
    assert_eq!(world.lead_status(&jane), "Not interested");
    assert_eq!(world.person_status(&jane), "not_interested");
    world.is_quiet().await;
}

#[tokio::test]
async fn a_change_of_a_field_nobody_watches_costs_nothing() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    let mut stream = world.listen().await;
    world.user_sets_lead(&jane, "Phone", "+1 555 0100");
    stream.next().await.unwrap();
    assert_eq!(world.due().await, 0);
}

#[tokio::test]
async fn the_second_of_two_changes_wins_though_each_has_its_event() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    let mut stream = world.listen().await;
    world.user_sets_lead(&jane, "Status", "Nurture");
    world.user_sets_lead(&jane, "Status", "Not interested");
    stream.next().await.unwrap();
    // Both may come together or one after the other.
    if world.turn().await.0.written == 1 && world.person_status(&jane) == "success" {
        stream.next().await.unwrap();
        world.turn().await;
    }
    assert_eq!(world.person_status(&jane), "not_interested");
    world.is_quiet().await;
}

#[tokio::test]
async fn an_old_event_that_comes_after_a_poll_is_a_hint_and_overwrites_nothing() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    let mut stream = world.listen().await;
    world.user_sets_lead(&jane, "Status", "Nurture");
    world.advance(std::time::Duration::from_secs(5));
    world.user_sets_lead(&jane, "Status", "Not interested");
    // The poll is faster than both events.
    world.cycle().await;
    assert_eq!(world.person_status(&jane), "not_interested");
    let writes = world.product.writes();
    stream.next().await.unwrap();
    world.turn().await;
    world.turn().await;
    assert_eq!(world.person_status(&jane), "not_interested");
    assert_eq!(world.product.writes(), writes, "what is over is not carried over");
    world.is_quiet().await;
}

#[tokio::test]
async fn a_gap_event_has_its_record_read() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    let mut stream = world.listen().await;
    world.org.next_events_are(Special::Gap);
    world.user_sets_lead(&jane, "Status", "Nurture");
    stream.next().await.unwrap();
    let (_, calls) = world.turn().await;
    assert!(calls.iter().all(|call| call.contains("/composite/sobjects/Lead")), "{calls:?}");
    assert_eq!(world.person_status(&jane), "success");
    world.is_quiet().await;
}

#[tokio::test]
async fn an_overflow_event_asks_for_a_poll_that_finds_everything() {
    let world = World::example().await;
    let people = world.people(3, "Attempting to contact", "approaching").await;
    world.agree().await;
    let mut stream = world.listen().await;
    world.org.next_events_are(Special::Overflow);
    world.user_sets_lead(&people[1], "Status", "Nurture");
    stream.next().await.unwrap();
    assert!(world.engine.wants_poll(), "nobody knows which record it was");
    world.cycle().await;
    assert_eq!(world.person_status(&people[1]), "success");
}

#[tokio::test]
async fn events_that_come_twice_do_no_harm() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    let mut stream = world.listen().await;
    world.org.next_events_are(Special::Twice);
    world.user_sets_lead(&jane, "Status", "Nurture");
    stream.next().await.unwrap();
    world.turn().await;
    world.settle().await;
    assert_eq!(world.product.writes(), 1);
    world.is_quiet().await;
}

#[tokio::test]
async fn an_event_that_was_never_stored_is_made_good_by_the_sweep() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    let _stream = world.listen().await;
    world.org.next_events_are(Special::Lost);
    world.user_sets_lead(&jane, "Status", "Nurture");
    world.turn().await;
    assert_eq!(world.person_status(&jane), "approaching");
    world.sweep().await;
    assert_eq!(world.person_status(&jane), "success");
}

#[tokio::test]
async fn a_stream_that_breaks_resumes_where_it_was_left() {
    let world = World::example().await;
    let people = world.people(2, "Attempting to contact", "approaching").await;
    world.agree().await;
    let mut stream = world.listen().await;
    world.user_sets_lead(&people[0], "Status", "Nurture");
    stream.next().await.unwrap();
    drop(stream);
    world.user_sets_lead(&people[1], "Status", "Not interested");
    let _stream = world.listen_on().await;
    world.turn().await;
    assert_eq!(world.person_status(&people[0]), "success");
    assert_eq!(world.person_status(&people[1]), "not_interested");
    world.is_quiet().await;
}

#[tokio::test]
async fn a_place_that_is_lost_is_forgotten_and_a_poll_finds_what_was_missed() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    drop(world.listen().await);
    world.user_sets_lead(&jane, "Status", "Nurture");
    world.org.move_instance();
    let refused = world.try_listen().await;
    assert!(refused.is_err_and(|error| error.to_string().contains("replayid.corrupted")));
    assert!(world.engine.wants_poll());
    world.cycle().await;
    assert_eq!(world.person_status(&jane), "success");
    assert!(world.try_listen().await.is_ok(), "from now on");
}

#[tokio::test]
async fn a_new_field_changes_the_schema_in_the_middle_of_a_stream() {
    use lockstep::sandbox::salesforce::FieldKind;
    let world = World::example().await;
    let people = world.people(2, "Attempting to contact", "approaching").await;
    world.agree().await;
    let mut stream = world.listen().await;
    world.user_sets_lead(&people[0], "Status", "Nurture");
    world.org.add_field("Lead", "Brand_New__c", FieldKind::Text);
    world.user_sets_lead(&people[1], "Status", "Not interested");
    while world.due().await < 2 {
        stream.next().await.unwrap();
    }
    let (_, calls) = world.turn().await;
    assert_eq!(calls, Vec::<String>::new());
    assert_eq!(world.person_status(&people[0]), "success");
    assert_eq!(world.person_status(&people[1]), "not_interested");
}

#[tokio::test]
async fn a_long_text_that_an_event_tells_as_a_difference_is_read() {
    const NOTES: &str = "\n[[field]]\nlead = \"Description\"\nengage = \"title\"\nway = \"to-engage\"\n";
    let world =
        World::with_mapping(&format!("{}{NOTES}", include_str!("../../../mapping/example.toml"))).await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.user_sets_lead(&jane, "Description", "short");
    world.agree().await;
    let mut stream = world.listen().await;
    let text = "long ".repeat(300).trim_end().to_owned();
    world.user_sets_lead(&jane, "Description", &text);
    stream.next().await.unwrap();
    let (_, calls) = world.turn().await;
    assert!(!calls.is_empty(), "the event does not hold the text");
    assert_eq!(world.detail(&jane, "title"), text);
    world.is_quiet().await;
}

#[tokio::test]
async fn an_opt_out_comes_through_by_an_event() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    let mut stream = world.listen().await;
    world.user_ticks_opt_out(&jane);
    stream.next().await.unwrap();
    world.turn().await;
    assert_eq!(world.person_status(&jane), "opted_out");
}

#[tokio::test]
async fn a_conversion_is_followed_and_its_contact_heard_by_a_custom_channel() {
    use lockstep::model::SalesforceObject::{Contact, Lead};
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    world.org.add_channel("Lockstep__chn", &["Lead", "Contact"]);
    let mut stream = world.listen_to("/data/Lockstep__chn", &[Lead, Contact]).await;
    let contact = world.convert(&jane);
    stream.next().await.unwrap();
    world.cycle_without_polls().await;
    world.cycle_without_polls().await;
    assert_eq!(world.link(&jane).await.unwrap().salesforce, contact);
    world.advance(std::time::Duration::from_secs(60));
    world.org.edit(contact, &[("Engagement_Status__c", json!("Nurture"))]);
    let before = world.due().await;
    while world.due().await == before {
        stream.next().await.unwrap();
    }
    world.turn().await;
    assert_eq!(world.person_status(&jane), "success");
    world.is_quiet().await;
}

#[tokio::test]
async fn a_deleted_lead_is_heard_and_its_link_dropped() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    let mut stream = world.listen().await;
    world.delete_lead(&jane);
    stream.next().await.unwrap();
    world.turn().await;
    assert!(world.link(&jane).await.is_none());
}

#[tokio::test]
async fn events_say_when_a_status_was_set_so_that_the_newest_wins_without_field_history() {
    let world = World::example().await;
    world.org.track("Lead", "Status", false);
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    let mut stream = world.listen().await;
    world.user_sets_person(&jane, "not_interested");
    world.advance(std::time::Duration::from_secs(600));
    world.user_sets_lead(&jane, "Status", "Nurture");
    stream.next().await.unwrap();
    world.turn().await;
    assert_eq!(world.person_status(&jane), "success");
    assert_eq!(world.held().await.len(), 0);
}

#[tokio::test]
async fn a_wildcard_event_has_everything_compared() {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    let mut stream = world.listen().await;
    world.org.next_events_are(Special::Lost);
    world.user_sets_lead(&jane, "Status", "Nurture");
    world.org.convert_field_lossily("Lead");
    stream.next().await.unwrap();
    let swept = world.store.read(lockstep::store::marks::swept_at).await.unwrap().unwrap();
    assert_eq!(swept, jiff::Timestamp::UNIX_EPOCH, "the sweep is due at once");
    world.sweep().await;
    assert_eq!(world.person_status(&jane), "success");
}

#[tokio::test]
async fn once_the_days_deliveries_are_used_up_the_stream_ends_by_name_and_polls_do_the_work() {
    use lockstep::connector::Retry;
    use lockstep::sync::ListenError;
    let world = World::example().await;
    let people = world.people(3, "Attempting to contact", "approaching").await;
    world.agree().await;
    let mut stream = world.listen().await;
    world.org.set_event_allocation(1);
    world.user_sets_lead(&people[0], "Status", "Nurture");
    world.user_sets_lead(&people[1], "Status", "Nurture");
    let error = loop {
        match stream.next().await {
            Ok(_) => {}
            Err(ListenError::Call(error)) => break error,
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(error.code, "subscription.limit.exceeded");
    assert!(matches!(error.retry, Retry::After(wait) if wait.as_secs() >= 600));
    world.cycle().await;
    assert_eq!(world.person_status(&people[0]), "success");
    assert_eq!(world.person_status(&people[1]), "success");
}

#[tokio::test]
async fn a_topic_that_is_not_selected_is_told_by_name() {
    let world = World::example().await;
    world.org.select_for_events("Lead", false);
    let refused = world.try_listen().await.err().expect("no such topic").to_string();
    assert!(refused.contains("topic.not.found") && refused.contains("/data/LeadChangeEvent"), "{refused}");
}
