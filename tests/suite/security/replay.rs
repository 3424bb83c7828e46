//! What a delivery is worth to somebody who has seen one and sends it again.

use crate::scenarios::world::{WEBHOOK_SECRET, World};
use http::HeaderMap;
use lockstep::sync::WebhookError;
use std::time::Duration;

/// A signed delivery about a person whom both sides know, and who has come to rest.
async fn delivery() -> (World, HeaderMap, Vec<u8>) {
    let world = World::example().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    world.is_quiet().await;
    let (headers, body) = world.product.signed_event(&jane.prospect, &[WEBHOOK_SECRET]);
    let headers =
        headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
    (world, headers, body.into_bytes())
}

/// Calls that read a person, on either side. Polls go on whatever is delivered, so they are left out.
fn reads(world: &World) -> usize {
    let person = |path: &&String| {
        !path.contains("updated_since") && !path.contains("queryAll") && !path.contains("/updated/")
    };
    let calls = [world.org.calls(), world.product.calls()].concat();
    calls.iter().filter(person).count()
}

#[tokio::test]
async fn one_signed_webhook_sent_ten_thousand_times_costs_at_most_one_look() {
    let (world, headers, body) = delivery().await;
    world.engine.take_in_webhook(&headers, &body).await.unwrap();
    assert_eq!(world.due().await, 1);
    world.engine.cycle(lockstep::sync::Cycle::DUE).await.unwrap();
    let once = reads(&world);
    for round in 0..10_000 {
        world.engine.take_in_webhook(&headers, &body).await.unwrap();
        // Whoever is patient waits until the last one was looked at.
        if round % 1_000 == 0 {
            assert_eq!(world.due().await, 0, "round {round}");
            world.engine.cycle(lockstep::sync::Cycle::DUE).await.unwrap();
        }
    }
    assert_eq!((world.due().await, reads(&world)), (0, once));
}

#[tokio::test]
async fn a_replay_after_its_five_minutes_is_refused_and_one_after_a_restart_costs_one_look() {
    let (world, headers, body) = delivery().await;
    world.engine.take_in_webhook(&headers, &body).await.unwrap();
    world.settle().await;
    let world = world.restarted().await;
    for _ in 0..100 {
        world.engine.take_in_webhook(&headers, &body).await.unwrap();
    }
    assert_eq!(world.due().await, 1);
    world.settle().await;
    assert_eq!((world.due().await, world.product.writes()), (0, 0));
    world.advance(Duration::from_secs(301));
    let late = world.engine.take_in_webhook(&headers, &body).await;
    assert!(matches!(late, Err(WebhookError::Rejected(_))), "{late:?}");
}

#[tokio::test]
async fn many_different_deliveries_about_one_person_are_one_look() {
    let (world, ..) = delivery().await;
    let jane = world.product.prospects()[0].clone();
    for _ in 0..200 {
        let (headers, body) = world.product.signed_event(&jane, &[WEBHOOK_SECRET]);
        let headers =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        world.engine.take_in_webhook(&headers, body.as_bytes()).await.unwrap();
    }
    assert_eq!(world.due().await, 1);
}

#[tokio::test]
async fn a_body_that_says_the_same_in_other_letters_is_not_what_was_signed() {
    let (world, headers, body) = delivery().await;
    let value: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let original = String::from_utf8(body.clone()).unwrap();
    for again in [
        serde_json::to_string(&value).unwrap(),
        serde_json::to_string_pretty(&value).unwrap(),
        format!("{original}\n"),
        format!("\u{feff}{original}"),
        original.replacen(':', ": ", 1),
    ] {
        if again == original {
            continue;
        }
        let refused = world.engine.take_in_webhook(&headers, again.as_bytes()).await;
        assert!(matches!(refused, Err(WebhookError::Rejected(_))), "{again}");
    }
    assert_eq!(world.due().await, 0);
    world.engine.take_in_webhook(&headers, &body).await.unwrap();
}
