//! Change events: what a transaction changed is published once it commits, kept for three days, and delivered to
//! whoever subscribes.

mod encode;
mod service;
mod shape;

pub(super) use service::beside;

use super::schema::Object;
use encode::Frame;
use serde_json::Value;
use shape::Shape;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use tokio::sync::watch;

/// How long events are kept: 72 hours (facts/salesforce-api.md 4.3).
const RETENTION_SECONDS: i64 = 72 * 60 * 60;

/// How long deliveries count against the allocation: a rolling day.
const ALLOCATION_SECONDS: i64 = 24 * 60 * 60;

/// Deliveries in 24 hours without the add-on, as an Enterprise org has them (facts 4.6).
const ALLOCATION: u64 = 25_000;

/// The replay id of the first event. Ids are not contiguous: other tenants' events lie between.
const FIRST_REPLAY: u64 = 4_000_000;

/// What happened to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Create,
    Update,
    Delete,
    Undelete,
    /// A change of this kind that could not be told.
    Gap(&'static str),
    Overflow,
}

impl Kind {
    fn symbol(self) -> &'static str {
        match self {
            Kind::Create => "CREATE",
            Kind::Update => "UPDATE",
            Kind::Delete => "DELETE",
            Kind::Undelete => "UNDELETE",
            Kind::Gap(symbol) => symbol,
            Kind::Overflow => "GAP_OVERFLOW",
        }
    }

    fn gap(self) -> Kind {
        Kind::Gap(match self {
            Kind::Create => "GAP_CREATE",
            Kind::Delete => "GAP_DELETE",
            Kind::Undelete => "GAP_UNDELETE",
            _ => "GAP_UPDATE",
        })
    }
}

/// What one transaction did to records of one object.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) object: String,
    pub(super) ids: Vec<String>,
    pub(super) kind: Kind,
    /// The new values, of a new record all that it has.
    pub(super) values: BTreeMap<String, Value>,
    pub(super) user: String,
    pub(super) origin: String,
}

/// What becomes of the next transaction's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Special {
    /// They say that something changed, and not what.
    Gap,
    /// There was too much of it: one event for each object, without ids.
    Overflow,
    /// They are never stored: nobody will ever hear of it.
    Lost,
    /// They are delivered twice.
    Twice,
}

/// An event as it is kept.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) replay: u64,
    pub(super) object: String,
    pub(super) uuid: String,
    pub(super) schema: String,
    pub(super) payload: bytes::Bytes,
    published: i64,
}

/// The event bus.
#[derive(Debug)]
pub(super) struct Bus {
    /// Objects that are selected for change data capture.
    pub(super) selected: BTreeSet<String>,
    /// Custom channels and what they carry.
    pub(super) channels: BTreeMap<String, BTreeSet<String>>,
    pub(super) events: VecDeque<Event>,
    pub(super) schemas: HashMap<String, String>,
    pub(super) specials: VecDeque<Special>,
    pub(super) faults: VecDeque<StreamFault>,
    /// Replay ids before this one are no good: they were made on another instance.
    pub(super) oldest_good: u64,
    pub(super) allocation: u64,
    delivered: Vec<(i64, u64)>,
    shapes: HashMap<String, (usize, Shape)>,
    next_replay: u64,
    /// The last event that is not kept any more.
    forgotten: u64,
    next_commit: i64,
    /// Tells subscribers that there is something new.
    pub(super) news: watch::Sender<u64>,
    /// How often every subscriber was asked for an empty answer.
    pub(super) keep_alives: u64,
}

/// What goes wrong with a subscription.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StreamFault {
    /// The next subscription is refused with this gRPC status and `error-code` trailer.
    Refuse {
        /// The gRPC status code's number.
        status: i32,
        /// The trailer.
        code: String,
    },
    /// The connection breaks after so many further events, as by `RST_STREAM`.
    BreakAfter {
        /// How many.
        events: usize,
    },
    /// The next such call is taken and never answered, while the connection stays.
    Silent {
        /// Its name in the service: `Subscribe`, `GetSchema`, `GetTopic`.
        rpc: String,
    },
}

impl Bus {
    pub(super) fn new() -> Bus {
        Bus {
            selected: BTreeSet::from(["Lead".to_owned(), "Contact".to_owned()]),
            channels: BTreeMap::new(),
            events: VecDeque::new(),
            schemas: HashMap::new(),
            specials: VecDeque::new(),
            faults: VecDeque::new(),
            oldest_good: FIRST_REPLAY,
            allocation: ALLOCATION,
            delivered: Vec::new(),
            shapes: HashMap::new(),
            next_replay: FIRST_REPLAY,
            forgotten: 0,
            next_commit: 1,
            news: watch::Sender::new(0),
            keep_alives: 0,
        }
    }

    /// Publishes what a transaction changed, and forgets what is too old.
    pub(super) fn publish(&mut self, changes: Vec<Change>, objects: &[Object], now: i64) {
        let transaction = uuid::Uuid::new_v4().to_string();
        let special = self.specials.pop_front();
        let mut changes = merged(changes);
        if special == Some(Special::Overflow) {
            changes.dedup_by(|a, b| a.object == b.object);
        }
        for (index, mut change) in changes.into_iter().enumerate() {
            if !self.selected.contains(&change.object) && !self.is_in_a_channel(&change.object) {
                continue;
            }
            match special {
                Some(Special::Gap) => {
                    (change.kind, change.origin) = (change.kind.gap(), String::new());
                }
                Some(Special::Overflow) => {
                    (change.kind, change.origin) = (Kind::Overflow, String::new());
                    change.ids = vec!["000000000000000AAA".to_owned()];
                }
                Some(Special::Lost) => continue,
                Some(Special::Twice) | None => {}
            }
            let sequence = i32::try_from(index + 1).unwrap_or(i32::MAX);
            self.append(&change, &transaction, sequence, objects, now);
            if special == Some(Special::Twice)
                && let Some(event) = self.events.back().cloned()
            {
                self.events.push_back(event);
            }
        }
        while self.events.front().is_some_and(|event| event.published <= now - RETENTION_SECONDS) {
            self.forgotten = self.events.pop_front().map_or(self.forgotten, |event| event.replay);
        }
        self.news.send_modify(|news| *news += 1);
    }

    fn append(&mut self, change: &Change, transaction: &str, sequence: i32, objects: &[Object], now: i64) {
        let Some(object) = objects.iter().find(|object| object.name == change.object) else { return };
        let commit_number = self.next_commit;
        self.next_commit += 1;
        // Other tenants share the bus.
        self.next_replay += 1 + self.next_replay % 3;
        let shape = self.shape(object);
        let frame = Frame { transaction, sequence, committed_millis: now * 1000, commit_number };
        let (payload, schema) = (encode::encode(shape, change, &frame), shape.id.clone());
        self.events.push_back(Event {
            replay: self.next_replay,
            object: change.object.clone(),
            uuid: uuid::Uuid::new_v4().to_string(),
            schema,
            payload: payload.into(),
            published: now,
        });
    }

    /// The shape of an object's events; made anew only when its fields have changed.
    fn shape(&mut self, object: &Object) -> &Shape {
        let fields = object.fields.len();
        if self.shapes.get(&object.name).is_none_or(|(known, _)| *known != fields) {
            let shape = Shape::of(object);
            self.schemas.insert(shape.id.clone(), shape.json.clone());
            self.shapes.insert(object.name.clone(), (fields, shape));
        }
        &self.shapes.entry(object.name.clone()).or_insert_with(|| (fields, Shape::of(object))).1
    }

    /// The id of the schema that an object's events have now.
    pub(super) fn schema_of(&mut self, object: &Object) -> String {
        self.shape(object).id.clone()
    }

    /// The objects of a topic; `None` for one that does not exist. Names are case-sensitive here.
    pub(super) fn topic(&self, topic: &str, objects: &[Object]) -> Option<BTreeSet<String>> {
        let name = topic.strip_prefix("/data/")?;
        if name == "ChangeEvents" {
            return Some(self.selected.clone());
        }
        if let Some(objects) = self.channels.get(name) {
            return Some(objects.clone());
        }
        let object = objects.iter().find(|object| format!("{}ChangeEvent", object.name) == name)?;
        self.selected.contains(&object.name).then(|| BTreeSet::from([object.name.clone()]))
    }

    fn is_in_a_channel(&self, object: &str) -> bool {
        self.channels.values().any(|objects| objects.contains(object))
    }

    /// Replay ids go on from further behind.
    pub(super) fn skip_replays(&mut self, count: u64) {
        self.next_replay += count;
    }

    /// One event for every record of an object: its ids are a wildcard.
    pub(super) fn publish_wildcard(&mut self, object: &str, objects: &[Object], now: i64) {
        let Some(prefix) =
            objects.iter().find(|known| known.name == object).map(|known| known.prefix.clone())
        else {
            return;
        };
        let change = Change {
            object: object.to_owned(),
            ids: vec![format!("{prefix}*")],
            kind: Kind::Gap("GAP_UPDATE"),
            values: BTreeMap::new(),
            user: String::new(),
            origin: String::new(),
        };
        self.append(&change, &uuid::Uuid::new_v4().to_string(), 1, objects, now);
        self.news.send_modify(|news| *news += 1);
    }

    /// The place behind everything there is.
    pub(super) fn tip(&self) -> u64 {
        self.next_replay
    }

    /// Whether a replay id can be resumed from: made here, and nothing behind it is forgotten.
    pub(super) fn is_good(&self, replay: u64) -> bool {
        (self.oldest_good.max(self.forgotten)..=self.next_replay).contains(&replay)
    }

    /// Deliveries of the last day, and how many there may be.
    pub(super) fn deliveries(&self, now: i64) -> (u64, u64) {
        let counted = self.delivered.iter().filter(|(at, _)| *at > now - ALLOCATION_SECONDS);
        (counted.map(|(_, count)| count).sum(), self.allocation)
    }

    /// Counts deliveries, and says how many of them may be made.
    pub(super) fn deliver(&mut self, wanted: usize, now: i64) -> usize {
        self.delivered.retain(|(at, _)| *at > now - ALLOCATION_SECONDS);
        let used: u64 = self.delivered.iter().map(|(_, count)| count).sum();
        let allowed = usize::try_from(self.allocation.saturating_sub(used)).unwrap_or(usize::MAX).min(wanted);
        if allowed > 0 {
            match self.delivered.last_mut() {
                Some((at, count)) if *at == now => *count += allowed as u64,
                _ => self.delivered.push((now, allowed as u64)),
            }
        }
        allowed
    }
}

/// One transaction's changes as events: several saves of one record are one event with its final values, and the same
/// change of several records is one event with several ids (facts 4.2, 4.3).
fn merged(changes: Vec<Change>) -> Vec<Change> {
    let mut events: Vec<Change> = Vec::new();
    for change in changes {
        let same = events.iter_mut().find(|event| event.ids == change.ids && event.object == change.object);
        match same {
            Some(event) if change.kind == Kind::Update => {
                event.values.extend(change.values);
                if event.origin.is_empty() {
                    event.origin = change.origin;
                }
            }
            _ => events.push(change),
        }
    }
    let mut told: Vec<Change> = Vec::new();
    let mut place: HashMap<String, usize> = HashMap::new();
    for event in events {
        let mergeable = matches!(event.kind, Kind::Update | Kind::Delete);
        let key =
            format!("{}|{:?}|{:?}|{}|{}", event.object, event.kind, event.values, event.user, event.origin);
        match place.get(&key).copied().filter(|_| mergeable) {
            Some(index) => told[index].ids.extend(event.ids),
            None => {
                place.insert(key, told.len());
                told.push(event);
            }
        }
    }
    told
}
