//! Outbound messages: hints that come at least once, in no order, and with the latest state only.

use super::world::World;
use lockstep::config::SalesforceChanges;
use lockstep::connector::salesforce::outbound::ACK;
use lockstep::sync::OutboundError;

async fn expecting() -> World {
    let world = World::configured(include_str!("../../../mapping/example.toml"), |config| {
        config.salesforce.changes = vec![SalesforceChanges::OutboundMessages];
    })
    .await;
    world.org.send_outbound_messages("http://127.0.0.1:9", "Lead", &["Status", "LastName"]);
    world
}

#[tokio::test]
async fn a_message_makes_its_record_due_and_what_changed_is_read() {
    let world = expecting().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    world.user_sets_lead(&jane, "Status", "Nurture");
    let message = world.org.next_outbound_message().unwrap();
    world.engine.take_in_outbound(message.as_bytes()).await.unwrap();
    world.turn().await;
    assert_eq!(world.person_status(&jane), "success");
    world.is_quiet().await;
}

#[tokio::test]
async fn old_and_repeated_messages_carry_nothing_over() {
    let world = expecting().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    world.user_sets_lead(&jane, "Status", "Nurture");
    let old = world.org.next_outbound_message().unwrap();
    world.user_sets_lead(&jane, "Status", "Not interested");
    let new = world.org.next_outbound_message().unwrap();
    for message in [&new, &old, &old, &new] {
        world.engine.take_in_outbound(message.as_bytes()).await.unwrap();
        world.turn().await;
    }
    assert_eq!(world.person_status(&jane), "not_interested");
    assert_eq!(world.product.writes(), 1);
    world.is_quiet().await;
}

#[tokio::test]
async fn our_own_writes_are_not_sent_back_and_would_do_no_harm() {
    let world = expecting().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    let before = world.org.outbound_waiting();
    world.user_sets_person(&jane, "success");
    world.cycle().await;
    assert_eq!((world.lead_status(&jane).as_str(), world.org.outbound_waiting()), ("Nurture", before));
    world.org.let_api_user_send(true);
    world.user_sets_person(&jane, "not_interested");
    world.cycle().await;
    let message = world.org.next_outbound_message().unwrap();
    world.engine.take_in_outbound(message.as_bytes()).await.unwrap();
    world.is_quiet().await;
}

#[tokio::test]
async fn a_message_of_another_organisation_or_before_signing_in_or_unasked_is_not_taken_in() {
    let world = expecting().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.user_sets_lead(&jane, "Status", "Nurture");
    let message = world.org.next_outbound_message().unwrap();
    let refused = world.engine.take_in_outbound(message.as_bytes()).await;
    assert!(matches!(refused, Err(OutboundError::NotSignedIn)), "the sender comes again");
    world.agree().await;
    world.org.set_outbound_mischief(lockstep::sandbox::salesforce::OutboundMischief::Foreign);
    let message = world.org.next_outbound_message().unwrap();
    let refused = world.engine.take_in_outbound(message.as_bytes()).await;
    assert!(matches!(refused, Err(OutboundError::OtherOrganisation)));
    let unasked = World::example().await;
    let refused = unasked.engine.take_in_outbound(message.as_bytes()).await;
    assert!(matches!(refused, Err(OutboundError::NotExpected)));
}

#[tokio::test]
async fn a_sender_that_gets_no_acknowledgement_sends_again_and_drops_after_a_day() {
    let world = expecting().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    world.user_sets_lead(&jane, "Status", "Nurture");
    let before = world.org.outbound_waiting();
    assert_eq!(world.org.deliver_outbound().await, 0, "nobody listens there");
    assert_eq!(world.org.outbound_waiting(), before);
    assert!(world.org.next_outbound_message().is_none(), "not at once");
    world.advance(std::time::Duration::from_secs(60));
    assert!(world.org.next_outbound_message().is_some());
    world.advance(std::time::Duration::from_secs(25 * 3600));
    world.org.deliver_outbound().await;
    assert_eq!(world.org.outbound_waiting(), 0);
    assert!(ACK.contains("<Ack>true</Ack>"));
}
