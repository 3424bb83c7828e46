//! Change events, by the Pub/Sub API: a stream that resumes where it was left.
//!
//! Reading order: here (subscribing and receiving), `decode` (what one event says), `schema` and `bitmap` (where fields
//! stand), `bounds` (what no schema may ask for), `codes` (what to do about errors).

mod bitmap;
mod bounds;
mod codes;
mod decode;
mod schema;

pub use decode::{ChangeEvent, What, Whom};

use super::{Salesforce, lock};
use crate::connector::{CallError, Retry};
use crate::eventbus::pub_sub_client::PubSubClient;
use crate::eventbus::{
    ConsumerEvent, FetchRequest, FetchResponse, ReplayPreset, SchemaRequest, TopicRequest,
};
use crate::model::SalesforceObject;
pub(super) use schema::EventSchema;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};
use tonic::{Request, Status, Streaming};

/// Events that may be on their way to us: more is not granted.
const CREDIT: i32 = 100;

/// More are asked for once no more than this are left, and before these are worked on.
const CREDIT_LOW: i32 = 50;

/// A stream without a word for this long is dead: the service speaks at least every 270 seconds.
const SILENT_MAX: Duration = Duration::from_secs(300);

/// A single question, of a schema or a topic: the service answers these at once. A subscription's answer may begin with
/// its first word, so that has [`SILENT_MAX`].
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// The connection itself.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// One answer may carry a hundred events of 1 MB.
const ANSWER_BYTES_MAX: usize = 128 * 1024 * 1024;

/// How we call ourselves in `Sforce-Call-Options`, and so how our own changes are known.
pub(super) const CLIENT: &str = "lockstep";

/// Where in the stream of an org's events something stands. Opaque.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayId(Vec<u8>);

impl ReplayId {
    /// As it is kept.
    pub fn to_text(&self) -> String {
        hex::encode(&self.0)
    }

    /// As it was kept; `None` for what is none.
    pub fn from_text(text: &str) -> Option<ReplayId> {
        hex::decode(text).ok().filter(|bytes| !bytes.is_empty()).map(ReplayId)
    }
}

/// What to subscribe to, and which objects it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// `/data/LeadChangeEvent`, or a custom channel.
    pub name: String,
    /// The objects whose changes it brings.
    pub objects: Vec<SalesforceObject>,
}

impl Topic {
    /// The topics that bring changes of these objects: a custom channel brings all, else there is one each.
    pub fn of(objects: &[SalesforceObject], channel: Option<&str>) -> Vec<Topic> {
        match channel {
            Some(name) => vec![Topic { name: name.to_owned(), objects: objects.to_vec() }],
            None => objects
                .iter()
                .map(|object| Topic { name: format!("/data/{object}ChangeEvent"), objects: vec![*object] })
                .collect(),
        }
    }
}

/// Events that came together.
#[derive(Debug)]
pub struct Batch {
    /// In the order in which they were committed.
    pub events: Vec<ChangeEvent>,
    /// Where to go on: kept in the same transaction as what these events make due.
    pub replay: ReplayId,
}

/// A subscription.
pub struct Subscription {
    salesforce: Salesforce,
    client: PubSubClient<Channel>,
    requests: mpsc::Sender<FetchRequest>,
    answers: Streaming<FetchResponse>,
    topic: Topic,
    token: super::auth::Token,
}

impl Salesforce {
    /// Subscribes behind `replay`; without one, to what comes from now on. When a session has ended it signs in again,
    /// once.
    ///
    /// # Errors
    /// [`Retry::ReRead`] when the replay id is not good any more: what was missed has to be found by REST.
    pub async fn subscribe(
        &self,
        topic: &Topic,
        replay: Option<&ReplayId>,
    ) -> Result<Subscription, CallError> {
        let token = self.session(None).await?;
        match self.try_subscribe(topic, replay, token.clone()).await {
            Err(error) if error.retry == Retry::SignIn => {
                let token = self.session(Some(&token)).await?;
                self.try_subscribe(topic, replay, token).await
            }
            other => other,
        }
    }

    /// Makes sure that a topic is there and may be subscribed to. Costs no API call.
    ///
    /// # Errors
    /// In the service's own words.
    pub async fn check_topic(&self, topic: &Topic) -> Result<(), CallError> {
        let token = self.session(None).await?;
        let mut client = PubSubClient::new(self.channel().await?);
        let request = with_token(Request::new(TopicRequest { topic_name: topic.name.clone() }), &token)?;
        let info = within(ANSWER_WITHIN, client.get_topic(request)).await?.into_inner();
        if info.can_subscribe {
            return Ok(());
        }
        Err(codes::stopped(format!("this user may not subscribe to {}", topic.name)))
    }

    async fn try_subscribe(
        &self,
        topic: &Topic,
        replay: Option<&ReplayId>,
        token: super::auth::Token,
    ) -> Result<Subscription, CallError> {
        let channel = self.channel().await?;
        let mut client = PubSubClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX);
        let (requests, outgoing) = mpsc::channel(4);
        let first = FetchRequest {
            topic_name: topic.name.clone(),
            replay_preset: match replay {
                Some(_) => ReplayPreset::Custom.into(),
                None => ReplayPreset::Latest.into(),
            },
            replay_id: replay.map(|replay| replay.0.clone()).unwrap_or_default(),
            num_requested: CREDIT,
            auth_refresh: String::new(),
        };
        // The channel has room for it.
        let _ = requests.send(first).await;
        let request = with_token(Request::new(ReceiverStream::new(outgoing)), &token)?;
        let answers = within(SILENT_MAX, client.subscribe(request)).await?;
        Ok(Subscription {
            salesforce: self.clone(),
            client,
            requests,
            answers: answers.into_inner(),
            topic: topic.clone(),
            token,
        })
    }

    async fn channel(&self) -> Result<Channel, CallError> {
        let url = &self.0.config.pubsub_endpoint;
        let wrong = |error: tonic::transport::Error| codes::stopped(format!("{url}: {error}"));
        let mut endpoint = Endpoint::from_shared(url.as_str().trim_end_matches('/').to_owned())
            .map_err(wrong)?
            .connect_timeout(CONNECT_WITHIN)
            .http2_keep_alive_interval(Duration::from_secs(30))
            .keep_alive_timeout(Duration::from_secs(20))
            .keep_alive_while_idle(true);
        if url.scheme() == "https" {
            endpoint = endpoint.tls_config(ClientTlsConfig::new().with_native_roots()).map_err(wrong)?;
        }
        endpoint.connect().await.map_err(|error| {
            let mut message = format!("{url}: {error}");
            let mut cause = std::error::Error::source(&error);
            while let Some(error) = cause {
                message = format!("{message}: {error}");
                cause = error.source();
            }
            codes::broken("not-reachable", message)
        })
    }
}

impl Subscription {
    /// The next events; none, with a newer place, when nothing has happened for a while.
    ///
    /// # Errors
    /// When the stream has ended. It is not good any more then.
    pub async fn next(&mut self) -> Result<Batch, CallError> {
        let Some(answer) = within(SILENT_MAX, self.answers.message()).await? else {
            return Err(codes::broken("closed", "the stream was closed"));
        };
        if answer.pending_num_requested <= CREDIT_LOW {
            let num_requested = CREDIT - answer.pending_num_requested.max(0);
            let more = FetchRequest {
                topic_name: self.topic.name.clone(),
                num_requested,
                ..FetchRequest::default()
            };
            // A stream that ends meanwhile says so at the next call. One that sends and does not listen has been asked for
            // enough already, and is not waited for.
            let _ = self.requests.try_send(more);
        }
        // With events, the place is that of the last one: what `latest` promises beyond it may still be on its way.
        let replay = answer.events.last().map_or(&answer.latest_replay_id, |last| &last.replay_id).clone();
        let mut events = Vec::with_capacity(answer.events.len());
        for event in answer.events {
            events.extend(self.read(event).await?);
        }
        Ok(Batch { events, replay: ReplayId(replay) })
    }

    async fn read(&mut self, event: ConsumerEvent) -> Result<Vec<ChangeEvent>, CallError> {
        let Some(event) = event.event else { return Ok(Vec::new()) };
        let decoded = match self.schema(&event.schema_id).await {
            Ok(schema) => decode::decode(&schema, &event.payload, CLIENT),
            // Without its schema an event cannot be read, but the same stream may give it in a moment.
            Err(error) if error.retry != Retry::Stop => return Err(error),
            Err(error) => Err(error.message),
        };
        Ok(match decoded {
            Ok(event) => event.into_iter().collect(),
            // Something happened that we cannot read. It is not passed over: a poll finds out what it was.
            Err(why) => {
                tracing::debug!(target: "lockstep::pubsub", "an event cannot be read: {why}");
                let now = self.salesforce.server_now();
                self.topic.objects.iter().map(|object| ChangeEvent::unreadable(*object, now)).collect()
            }
        })
    }

    /// The schema of an id; immutable, so each is asked for once.
    async fn schema(&mut self, id: &str) -> Result<Arc<EventSchema>, CallError> {
        if let Some(known) = lock(&self.salesforce.0.schemas).get(id) {
            return Ok(known.clone());
        }
        let request = with_token(Request::new(SchemaRequest { schema_id: id.to_owned() }), &self.token)?;
        let answer = within(ANSWER_WITHIN, self.client.get_schema(request)).await?;
        let schema = EventSchema::parse(&answer.into_inner().schema_json)
            .map_err(|why| codes::stopped(format!("event schema {id}: {why}")))?;
        let schema = Arc::new(schema);
        lock(&self.salesforce.0.schemas).insert(id.to_owned(), schema.clone());
        Ok(schema)
    }
}

/// What the service answers, unless it is silent for too long: a call that is taken and never answered would keep the
/// stream open, and polls at rest, with nothing heard.
async fn within<T>(limit: Duration, call: impl Future<Output = Result<T, Status>>) -> Result<T, CallError> {
    match tokio::time::timeout(limit, call).await {
        Ok(answer) => answer.map_err(|status| codes::of_status(&status)),
        Err(_) => {
            let message = format!("the service has been silent for {} seconds", limit.as_secs());
            Err(codes::broken("silent", message))
        }
    }
}

/// The three headers of every call. Marked as secret, so that no library prints them.
fn with_token<T>(mut request: Request<T>, token: &super::auth::Token) -> Result<Request<T>, CallError> {
    let organisation = token.organisation().ok_or_else(|| {
        codes::stopped("the token answer names no organisation, and the Pub/Sub API asks for it")
    })?;
    let instance = token.instance.as_str().trim_end_matches('/');
    for (name, text) in
        [("accesstoken", token.secret()), ("instanceurl", instance), ("tenantid", organisation)]
    {
        let mut value = MetadataValue::try_from(text)
            .map_err(|_| codes::stopped(format!("the token answer's {name} cannot stand in a header")))?;
        value.set_sensitive(name == "accesstoken");
        request.metadata_mut().insert(name, value);
    }
    Ok(request)
}
