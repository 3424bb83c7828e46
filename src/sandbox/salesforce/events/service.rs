//! The Pub/Sub API: gRPC, with the credits, keepalives and errors of facts/salesforce-api.md 5.3 and 5.4.

use super::{Event, StreamFault};
use crate::eventbus::pub_sub_server::{PubSub, PubSubServer};
use crate::eventbus::{
    ConsumerEvent, FetchRequest, FetchResponse, ManagedFetchRequest, ManagedFetchResponse, ProducerEvent,
    PublishRequest, PublishResponse, ReplayPreset, SchemaInfo, SchemaRequest, TopicInfo, TopicRequest,
};
use crate::sandbox::salesforce::drive::Org;
use crate::sandbox::salesforce::ids;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Request, Response, Status, Streaming};

/// Outstanding credit of a stream; more is treated as this.
const CREDIT_MAX: usize = 100;

/// With credit and nothing to send, an empty answer comes within this time.
const KEEPALIVE_EVERY: Duration = Duration::from_secs(120);

/// Without credit, the stream is closed after this time.
const CREDIT_WITHIN: Duration = Duration::from_secs(60);

/// What every code begins with.
const PREFIX: &str = "sfdc.platform.eventbus.grpc.";

/// The service, beside whatever else the router serves.
pub(in crate::sandbox::salesforce) fn beside(router: axum::Router, org: Org) -> axum::Router {
    router.route_service("/eventbus.v1.PubSub/{*rpc}", PubSubServer::new(Face { org }))
}

struct Face {
    org: Org,
}

type Answers<T> = ReceiverStream<Result<T, Status>>;

#[tonic::async_trait]
impl PubSub for Face {
    type SubscribeStream = Answers<FetchResponse>;
    type PublishStreamStream = Answers<PublishResponse>;
    type ManagedSubscribeStream = Answers<ManagedFetchResponse>;

    async fn subscribe(
        &self,
        request: Request<Streaming<FetchRequest>>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        self.signed_in(request.metadata())?;
        self.may_be_silent("Subscribe").await;
        if let Some(StreamFault::Refuse { status, code }) = self.next_refusal() {
            return Err(refusal(Code::from_i32(status), &code, "refused on demand"));
        }
        let (send, receive) = mpsc::channel(4);
        let (news, kept_alive) = {
            let state = self.org.state();
            (state.bus.news.subscribe(), state.bus.keep_alives)
        };
        let org = self.org.clone();
        let mut subscriber = Subscriber { org, send, news, place: None, credit: 0, kept_alive };
        let mut asked = request.into_inner();
        tokio::spawn(async move {
            if let Err(status) = subscriber.run(&mut asked).await {
                // The client that is gone hears nothing any more.
                let _ = subscriber.send.send(Err(status)).await;
            }
        });
        Ok(Response::new(ReceiverStream::new(receive)))
    }

    async fn get_schema(&self, request: Request<SchemaRequest>) -> Result<Response<SchemaInfo>, Status> {
        self.signed_in(request.metadata())?;
        self.may_be_silent("GetSchema").await;
        let schema_id = request.into_inner().schema_id;
        let known = self.org.state().bus.schemas.get(&schema_id).cloned();
        let schema_json = known.ok_or_else(|| {
            refusal(Code::InvalidArgument, "schema.validation.failed", "the schema id is not known")
        })?;
        Ok(Response::new(SchemaInfo { schema_json, schema_id, rpc_id: rpc_id() }))
    }

    async fn get_topic(&self, request: Request<TopicRequest>) -> Result<Response<TopicInfo>, Status> {
        self.signed_in(request.metadata())?;
        self.may_be_silent("GetTopic").await;
        let topic_name = request.into_inner().topic_name;
        let mut state = self.org.state();
        let objects = state.kept.objects.clone();
        let carried = topic(&topic_name, state.bus.topic(&topic_name, &objects))?;
        let only = objects.iter().find(|object| carried.len() == 1 && carried.contains(&object.name));
        let schema_id = only.map_or_else(String::new, |object| state.bus.schema_of(object));
        Ok(Response::new(TopicInfo {
            topic_name,
            tenant_guid: "core/sandbox/lockstep".to_owned(),
            can_publish: false,
            can_subscribe: true,
            schema_id,
            rpc_id: rpc_id(),
        }))
    }

    async fn publish(&self, request: Request<PublishRequest>) -> Result<Response<PublishResponse>, Status> {
        self.signed_in(request.metadata())?;
        Err(cannot_publish())
    }

    async fn publish_stream(
        &self,
        request: Request<Streaming<PublishRequest>>,
    ) -> Result<Response<Self::PublishStreamStream>, Status> {
        self.signed_in(request.metadata())?;
        Err(cannot_publish())
    }

    async fn managed_subscribe(
        &self,
        request: Request<Streaming<ManagedFetchRequest>>,
    ) -> Result<Response<Self::ManagedSubscribeStream>, Status> {
        self.signed_in(request.metadata())?;
        // An org has a managed subscription only once somebody made one, by the Tooling API.
        let code = "managed.subscription.developer.name.not.found";
        Err(refusal(Code::NotFound, code, "there is no managed subscription of this name"))
    }
}

/// Only Salesforce itself publishes change events.
fn cannot_publish() -> Status {
    let code = "publish.topic.cannot.publish";
    refusal(Code::PermissionDenied, code, "change events cannot be published")
}

impl Face {
    fn signed_in(&self, metadata: &MetadataMap) -> Result<(), Status> {
        let text = |name: &str| metadata.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if text("accesstoken").is_empty() || text("instanceurl").is_empty() || text("tenantid").is_empty() {
            let code = "service.auth.headers.invalid";
            return Err(refusal(
                Code::Unauthenticated,
                code,
                "accesstoken, instanceurl and tenantid are expected",
            ));
        }
        let is_ours = ids::canonical(text("tenantid")).is_some_and(|id| id == ids::long(ids::ORG));
        if !is_ours || !self.org.state().sessions.contains(text("accesstoken")) {
            return Err(refusal(
                Code::Unauthenticated,
                "service.auth.error",
                "Authentication exception occurred",
            ));
        }
        Ok(())
    }

    /// Never returns where this call is to be without an answer.
    async fn may_be_silent(&self, rpc: &str) {
        let is_silent = {
            let faults = &mut self.org.state().bus.faults;
            let next = matches!(faults.front(), Some(StreamFault::Silent { rpc: named }) if named == rpc);
            next && faults.pop_front().is_some()
        };
        if is_silent {
            std::future::pending().await
        }
    }

    fn next_refusal(&self) -> Option<StreamFault> {
        let mut state = self.org.state();
        let faults = &mut state.bus.faults;
        matches!(faults.front(), Some(StreamFault::Refuse { .. })).then(|| faults.pop_front())?
    }
}

/// Where a subscription stands.
struct Place {
    topic: String,
    objects: BTreeSet<String>,
    /// Everything up to here was sent.
    replay: u64,
}

struct Subscriber {
    org: Org,
    send: mpsc::Sender<Result<FetchResponse, Status>>,
    news: watch::Receiver<u64>,
    place: Option<Place>,
    credit: usize,
    /// Up to which of the keep-alives asked for it has sent one.
    kept_alive: u64,
}

impl Subscriber {
    async fn run(&mut self, asked: &mut Streaming<FetchRequest>) -> Result<(), Status> {
        let mut quiet_since = Instant::now();
        loop {
            if self.send_what_there_is().await? {
                quiet_since = Instant::now();
            }
            let keep_alives = self.org.state().bus.keep_alives;
            if self.place.is_some() && std::mem::replace(&mut self.kept_alive, keep_alives) != keep_alives {
                self.keep_alive().await?;
            }
            let wait = if self.credit == 0 { CREDIT_WITHIN } else { KEEPALIVE_EVERY };
            tokio::select! {
                request = asked.message() => match request {
                    Ok(Some(request)) => {
                        self.take(request)?;
                        quiet_since = Instant::now();
                    }
                    // The client has said all it wants to say, or is gone.
                    Ok(None) | Err(_) => return Ok(()),
                },
                // The sender lives in the org's own state.
                _ = self.news.changed() => {}
                () = tokio::time::sleep_until(quiet_since + wait) => {
                    if self.credit == 0 {
                        return Err(refusal(Code::DeadlineExceeded, "subscription.fetch.timeout",
                            "no events were requested for too long"));
                    }
                    self.keep_alive().await?;
                    quiet_since = Instant::now();
                }
            }
        }
    }

    fn take(&mut self, request: FetchRequest) -> Result<(), Status> {
        let wrong = |code: &str, why: &str| Err(refusal(Code::InvalidArgument, code, why));
        let Ok(wanted) = usize::try_from(request.num_requested) else {
            return wrong("subscription.fetch.requested.events.invalid", "num_requested must be positive");
        };
        if wanted == 0 {
            return wrong("subscription.fetch.requested.events.invalid", "num_requested must be positive");
        }
        match &self.place {
            Some(place) if !request.topic_name.is_empty() && request.topic_name != place.topic => {
                return wrong("subscription.fetch.topic.mismatch", "a stream has one topic");
            }
            Some(_) => {}
            None => self.place = Some(self.begin(&request)?),
        }
        self.credit = (self.credit + wanted).min(CREDIT_MAX);
        Ok(())
    }

    fn begin(&self, request: &FetchRequest) -> Result<Place, Status> {
        let state = self.org.state();
        let objects = topic(&request.topic_name, state.bus.topic(&request.topic_name, &state.kept.objects))?;
        let replay = match request.replay_preset() {
            ReplayPreset::Latest => state.bus.tip(),
            ReplayPreset::Earliest => 0,
            ReplayPreset::Custom if request.replay_id.is_empty() => {
                let code = "subscription.fetch.replayid.validation.failed";
                return Err(refusal(Code::InvalidArgument, code, "CUSTOM needs a replay id"));
            }
            ReplayPreset::Custom => {
                let replay = <[u8; 8]>::try_from(request.replay_id.as_slice()).ok().map(u64::from_be_bytes);
                replay.filter(|replay| state.bus.is_good(*replay)).ok_or_else(|| {
                    let code = "subscription.fetch.replayid.corrupted";
                    refusal(Code::InvalidArgument, code, "the replay id is not valid, or too old")
                })?
            }
        };
        Ok(Place { topic: request.topic_name.clone(), objects, replay })
    }

    /// Sends events as far as credit and allocation reach. Says whether anything was sent.
    async fn send_what_there_is(&mut self) -> Result<bool, Status> {
        let mut sent = false;
        while self.credit > 0
            && let Some(place) = &mut self.place
        {
            let (events, tip, breaks) = {
                let now = self.org.now();
                let mut state = self.org.state();
                let bus = &mut state.bus;
                let waiting = bus.events.partition_point(|event| event.replay <= place.replay);
                let mut events: Vec<Event> = bus
                    .events
                    .range(waiting..)
                    .filter(|event| place.objects.contains(&event.object))
                    .take(self.credit)
                    .cloned()
                    .collect();
                let breaks = match bus.faults.front_mut() {
                    Some(StreamFault::BreakAfter { events: left }) => {
                        events.truncate(*left);
                        *left -= events.len();
                        *left == 0
                    }
                    _ => false,
                };
                if breaks {
                    bus.faults.pop_front();
                }
                let allowed = bus.deliver(events.len(), now);
                if allowed < events.len() && allowed == 0 {
                    let why = "You have exceeded the event delivery limit for your org.";
                    return Err(refusal(Code::ResourceExhausted, "subscription.limit.exceeded", why));
                }
                events.truncate(allowed);
                (events, bus.tip(), breaks)
            };
            if !events.is_empty() {
                sent = true;
                self.credit -= events.len();
                place.replay = events.last().map_or(place.replay, |event| event.replay);
                let latest = if breaks { place.replay } else { place.replay.max(tip.min(place.replay)) };
                answer(&self.send, events, latest, self.credit).await?;
            } else if !breaks {
                break;
            }
            if breaks {
                return Err(Status::unavailable("RST_STREAM closed stream"));
            }
        }
        Ok(sent)
    }

    /// Nothing to send: an empty answer says how far everything is read.
    async fn keep_alive(&mut self) -> Result<(), Status> {
        self.send_what_there_is().await?;
        let Some(place) = &mut self.place else { return Ok(()) };
        {
            let state = self.org.state();
            let unsent = state.bus.events.partition_point(|event| event.replay <= place.replay);
            if !state.bus.events.range(unsent..).any(|event| place.objects.contains(&event.object)) {
                place.replay = place.replay.max(state.bus.tip());
            }
        }
        answer(&self.send, Vec::new(), place.replay, self.credit).await
    }
}

async fn answer(
    send: &mpsc::Sender<Result<FetchResponse, Status>>,
    events: Vec<Event>,
    latest: u64,
    credit: usize,
) -> Result<(), Status> {
    let events = events.into_iter().map(|event| ConsumerEvent {
        event: Some(ProducerEvent {
            id: event.uuid,
            schema_id: event.schema,
            payload: event.payload.to_vec(),
            headers: Vec::new(),
        }),
        replay_id: event.replay.to_be_bytes().to_vec(),
    });
    let response = FetchResponse {
        events: events.collect(),
        latest_replay_id: latest.to_be_bytes().to_vec(),
        rpc_id: rpc_id(),
        pending_num_requested: i32::try_from(credit).unwrap_or(i32::MAX),
    };
    send.send(Ok(response)).await.map_err(|_| Status::cancelled("the client is gone"))
}

fn topic(name: &str, objects: Option<BTreeSet<String>>) -> Result<BTreeSet<String>, Status> {
    if name.is_empty() {
        return Err(refusal(Code::InvalidArgument, "topic.validation.empty", "a topic name is expected"));
    }
    objects.ok_or_else(|| {
        refusal(
            Code::NotFound,
            "topic.not.found",
            &format!("The topic {name} was not found, or is not selected for change data capture"),
        )
    })
}

/// A status with the trailer that clients branch on.
fn refusal(status: Code, code: &str, why: &str) -> Status {
    let mut metadata = MetadataMap::new();
    if let Ok(code) = MetadataValue::try_from(format!("{PREFIX}{code}")) {
        metadata.insert("error-code", code);
    }
    Status::with_metadata(status, format!("{why} rpcId: {}", rpc_id()), metadata)
}

fn rpc_id() -> String {
    uuid::Uuid::new_v4().to_string()
}
