//! Worlds that listen to events.

use super::world::World;
use lockstep::connector::salesforce::Topic;
use lockstep::model::SalesforceObject;
use lockstep::sync::{Cycle, ListenError, Listening, PassReport};
use std::time::Duration;

/// What a world listens to, instead of polling Salesforce.
#[derive(Default)]
pub struct Ears(tokio::sync::Mutex<Vec<(Topic, Option<Listening>)>>);

impl Ears {
    /// Hears what there is to be heard. Says what has to be polled then.
    pub async fn hear(&self, world: &World) -> Cycle {
        let mut ears = self.0.lock().await;
        if ears.is_empty() {
            return Cycle::POLL;
        }
        for (topic, listening) in ears.iter_mut().filter(|(_, listening)| listening.is_none()) {
            *listening = world.engine.listen(topic).await.ok();
        }
        // An empty answer says that this was all.
        world.org.keep_streams_alive();
        for (_, listening) in ears.iter_mut() {
            while let Some(open) = listening {
                match open.next().await {
                    Ok(0) => break,
                    Ok(_) => {}
                    Err(_) => *listening = None,
                }
            }
        }
        let poll_salesforce = world.engine.wants_poll();
        Cycle { poll_salesforce, ..Cycle::POLL }
    }
}

impl World {
    /// From now on the changes of Leads and Contacts come by events, and Salesforce is polled only where they ask for it.
    pub async fn listens_instead_of_polling(&self) {
        let of = |object: SalesforceObject| Topic {
            name: format!("/data/{object}ChangeEvent"),
            objects: vec![object],
        };
        *self.ears.0.lock().await = SalesforceObject::BOTH.map(|object| (of(object), None)).into();
    }

    /// Opens the stream of Lead changes. What was opened counts from two seconds later on.
    pub async fn listen(&self) -> Listening {
        self.listen_to("/data/LeadChangeEvent", &[SalesforceObject::Lead]).await
    }

    /// Opens the stream of Lead changes, without waiting for its first word.
    pub async fn open_stream(&self) -> Result<Listening, ListenError> {
        let topic = Topic { name: "/data/LeadChangeEvent".to_owned(), objects: vec![SalesforceObject::Lead] };
        self.engine.listen(&topic).await
    }

    /// Opens the stream of Lead changes where it was left.
    pub async fn listen_on(&self) -> Listening {
        self.try_listen().await.unwrap()
    }

    pub async fn try_listen(&self) -> Result<Listening, ListenError> {
        let topic = Topic { name: "/data/LeadChangeEvent".to_owned(), objects: vec![SalesforceObject::Lead] };
        let mut listening = self.engine.listen(&topic).await?;
        // What is wrong with a place is told by the stream's first word.
        self.org.keep_streams_alive();
        listening.next().await?;
        Ok(listening)
    }

    pub async fn listen_to(&self, topic: &str, objects: &[SalesforceObject]) -> Listening {
        let topic = Topic { name: topic.to_owned(), objects: objects.to_vec() };
        let mut listening = self.engine.listen(&topic).await.unwrap();
        // Its first word says that it is open: what happens from here on comes by it.
        self.org.keep_streams_alive();
        listening.next().await.unwrap();
        self.advance(Duration::from_secs(60));
        listening
    }

    /// One turn by what events said, with the calls that it made to Salesforce.
    pub async fn turn(&self) -> (PassReport, Vec<String>) {
        let before = self.org.calls().len();
        let report = self.engine.cycle(Cycle::DUE).await.unwrap();
        (report, self.org.calls().split_off(before))
    }

    pub async fn cycle_without_polls(&self) -> PassReport {
        self.advance(Duration::from_secs(2));
        self.engine.cycle(Cycle::DUE).await.unwrap()
    }
}
