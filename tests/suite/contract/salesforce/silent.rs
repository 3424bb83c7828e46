//! A Pub/Sub service that takes a call, keeps the connection, and never answers. While all sides only wait, the runtime's
//! time passes at once.

use super::world::World;
use lockstep::connector::salesforce::{Subscription, Topic};
use lockstep::connector::{CallError, Retry};
use lockstep::model::SalesforceObject::Lead;
use lockstep::sandbox::salesforce::StreamFault;
use serde_json::json;
use std::time::Duration;

/// Longer than any of these may be waited for.
const TOO_LONG: Duration = Duration::from_secs(600);

fn topic() -> Topic {
    Topic::of(&[Lead], None).remove(0)
}

impl World {
    /// Signed in, and without an answer to the next such call.
    async fn silent_at(rpc: &str) -> World {
        let world = World::of_sandbox().await;
        world.read(&[world.leads.calm]).await.expect("signed in");
        world.in_the_sandbox(|org| org.fault_stream(StreamFault::Silent { rpc: rpc.to_owned() }));
        world
    }

    async fn listen(&self) -> Subscription {
        self.salesforce.subscribe(&topic(), None).await.expect("a stream")
    }
}

/// How the call ends.
async fn end<T>(call: impl Future<Output = Result<T, CallError>>) -> CallError {
    tokio::time::pause();
    let ended = tokio::time::timeout(TOO_LONG, call).await.expect("it is given up");
    tokio::time::resume();
    let Err(error) = ended else { panic!("nobody answered") };
    assert_eq!(error.retry, Retry::Soon, "as when a stream is dead: {error}");
    error
}

#[tokio::test]
async fn a_subscription_that_is_never_answered_is_given_up() {
    let world = World::silent_at("Subscribe").await;
    end(world.salesforce.subscribe(&topic(), None)).await;
    world.listen().await;
}

#[tokio::test]
async fn a_topic_that_is_never_told_of_is_given_up() {
    let world = World::silent_at("GetTopic").await;
    end(world.salesforce.check_topic(&topic())).await;
    world.salesforce.check_topic(&topic()).await.expect("it is told of now");
}

#[tokio::test]
async fn a_stream_whose_schema_never_comes_has_ended() {
    let world = World::silent_at("GetSchema").await;
    let mut stream = world.listen().await;
    world.in_the_sandbox(|org| {
        org.keep_streams_alive();
    });
    let place = stream.next().await.expect("its first word").replay;
    world.in_the_sandbox(|org| org.edit(world.leads.calm, &[("Status", json!("Nurture"))]));
    end(stream.next()).await;
    let mut stream = world.salesforce.subscribe(&topic(), Some(&place)).await.expect("another stream");
    assert_eq!(stream.next().await.expect("the same event").events.len(), 1);
}
