//! What everything in this room works with.

use super::side::SideState;
use super::spool::Spool;
use crate::config::{Bulk, Config, SalesforceChanges};
use crate::connector::engage::Engage;
use crate::connector::salesforce::{OrgInfo, Salesforce, Topic};
use crate::connector::{CallError, Network};
use crate::mapping::Mapping;
use crate::metrics::{self, Metrics};
use crate::model::{BySide, FieldName, SalesforceObject, Side};
use crate::store::{Store, StoreError, marks};
use arc_swap::{ArcSwap, ArcSwapOption};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// How often an org is asked what it shows: three calls.
const DESCRIBE_EVERY: SignedDuration = SignedDuration::from_hours(1);

/// Tells the time. Tests hand in their own.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Why the daemon could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store could not be opened, or belongs to somebody else.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A connector refused its settings.
    #[error(transparent)]
    Connector(#[from] CallError),
}

/// Why a step of the path ended early. Nothing is lost by it: what was due stays due.
#[derive(Debug, thiserror::Error)]
pub(super) enum Interrupted {
    /// The store failed. Fatal: without it nothing may be acknowledged.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A side as a whole failed; it is left alone for a while.
    #[error(transparent)]
    Call(#[from] CallError),
}

/// One tenant's daemon, without its loop and its ports.
pub struct Engine {
    /// As the company wrote it.
    written: ArcSwap<Mapping>,
    /// As it is used: without the default opt-out checkbox where the org has none.
    mapping: ArcSwap<Mapping>,
    /// When a changed file was found to have which mistakes, until one is in use that has none.
    rejected: Mutex<Option<(Timestamp, String)>>,
    pub(super) store: Store,
    pub(super) salesforce: Salesforce,
    pub(super) engage: Engage,
    pub(super) org: ArcSwapOption<OrgInfo>,
    pub(super) clock: Clock,
    pub(super) metrics: Arc<Metrics>,
    pub(super) webhook_secrets: Vec<secrecy::SecretString>,
    /// Deliveries that are durable: they say nothing new when they come again.
    pub(super) delivered: Mutex<super::replay::Delivered>,
    pub(super) sides: Mutex<BySide<SideState>>,
    /// Values that are refused so often that their rows are held: what the store says of them.
    pub(super) held_rows: Mutex<Vec<crate::store::RefusedValue>>,
    /// Rows that were in a call that failed as a whole.
    pub(super) suspects: Mutex<super::bisect::Suspects>,
    /// What is known of Salesforce records through events.
    pub(super) live: Arc<Mutex<super::live::Live>>,
    /// Something is due: do not wait for the next poll.
    pub(super) wake: Notify,
    poll_asked: AtomicBool,
    /// When Salesforce was last polled, to the end or not.
    pub(super) salesforce_polled: Mutex<Option<Timestamp>>,
    describe_asked: AtomicBool,
    calls_restored: AtomicBool,
    calls_kept: AtomicU64,
    /// When bulk jobs are made.
    pub(super) bulk: Bulk,
    /// What bulk jobs have read, until everybody has been looked at.
    pub(super) spool: Arc<Mutex<Option<Spool>>>,
    /// The objects whose jobs have come to their end, and when each was asked for.
    pub(super) spooled: Mutex<HashMap<SalesforceObject, Timestamp>>,
    pub(super) store_dir: PathBuf,
    /// Polls of Salesforce that have come to their end.
    pub(super) polls: watch::Sender<u64>,
    /// Decided writes that are kept in memory.
    pub(super) writes_kept: usize,
    /// For whoever watches at a terminal.
    pub(super) long_work: watch::Sender<Option<super::LongWork>>,
    stopping: AtomicBool,
    pub(super) sweep_every: Duration,
    pub(super) poll_every: BySide<Duration>,
    changes: Vec<SalesforceChanges>,
    channel: Option<String>,
}

impl Engine {
    /// Builds the connectors on an open store. Nothing is called yet.
    ///
    /// # Errors
    /// When a connector refuses its settings.
    pub fn new(config: &Config, mapping: Mapping, store: Store, clock: Clock) -> Result<Engine, StartError> {
        Engine::over(config, mapping, store, clock, Network::default())
    }

    /// The same, over a network of one's own.
    ///
    /// # Errors
    /// When a connector refuses its settings.
    pub fn over(
        config: &Config,
        mapping: Mapping,
        store: Store,
        clock: Clock,
        network: Network,
    ) -> Result<Engine, StartError> {
        let salesforce = Salesforce::over(&config.salesforce, clock.clone(), network.clone())?;
        let engage = Engage::over(&config.engage, clock.clone(), network)?;
        let mapping = Arc::new(mapping);
        Ok(Engine {
            written: ArcSwap::new(mapping.clone()),
            mapping: ArcSwap::new(mapping),
            rejected: Mutex::default(),
            store,
            salesforce,
            engage,
            org: ArcSwapOption::empty(),
            clock,
            metrics: Arc::default(),
            webhook_secrets: config.engage.webhook_secrets.clone(),
            delivered: Mutex::default(),
            sides: Mutex::default(),
            held_rows: Mutex::default(),
            suspects: Mutex::default(),
            live: Arc::default(),
            wake: Notify::new(),
            poll_asked: AtomicBool::new(false),
            salesforce_polled: Mutex::default(),
            describe_asked: AtomicBool::new(false),
            calls_restored: AtomicBool::new(false),
            calls_kept: AtomicU64::new(0),
            bulk: config.salesforce.bulk,
            spool: Arc::default(),
            spooled: Mutex::default(),
            store_dir: config.store.path.clone(),
            polls: watch::Sender::new(0),
            writes_kept: super::many::WRITES_KEPT,
            long_work: watch::Sender::new(None),
            changes: config.salesforce.changes.clone(),
            channel: config.salesforce.pubsub_channel.clone(),
            stopping: AtomicBool::new(false),
            sweep_every: config.sync.sweep_every,
            poll_every: BySide { salesforce: config.salesforce.poll_every, engage: config.engage.poll_every },
        })
    }

    /// The mapping in use.
    pub fn mapping(&self) -> Arc<Mapping> {
        self.mapping.load_full()
    }

    /// The mapping as the company wrote it.
    pub(super) fn as_written(&self) -> Arc<Mapping> {
        self.written.load_full()
    }

    /// Uses another mapping from the next plan on. What is quiet stays quiet: no link becomes due by it.
    pub fn use_mapping(&self, mapping: Mapping) {
        self.written.store(Arc::new(mapping));
        *lock(&self.rejected) = None;
        self.fit_mapping();
    }

    /// A changed mapping has mistakes: the one in use stays in use.
    pub(super) fn reject_mapping(&self, problems: String) {
        *lock(&self.rejected) = Some((self.now(), problems));
    }

    /// When a mapping was rejected, and for what, as long as none has been taken since.
    pub fn rejected_mapping(&self) -> Option<(Timestamp, String)> {
        lock(&self.rejected).clone()
    }

    /// What to listen to: nothing unless the configuration says so.
    pub fn topics(&self) -> Vec<Topic> {
        if !self.changes.contains(&SalesforceChanges::PubSub) {
            return Vec::new();
        }
        Topic::of(&self.objects(), self.channel.as_deref())
    }

    /// Whether outbound messages are expected.
    pub(super) fn takes_outbound_messages(&self) -> bool {
        self.changes.contains(&SalesforceChanges::OutboundMessages)
    }

    /// The objects that are in sync.
    fn objects(&self) -> Vec<SalesforceObject> {
        let written = self.written.load();
        SalesforceObject::BOTH.into_iter().filter(|object| written.object(*object).is_some()).collect()
    }

    /// Whether polls are only needed where events fail: they are listened to, and nobody asked for polls besides.
    pub(super) fn polls_can_rest(&self) -> bool {
        !self.changes.contains(&SalesforceChanges::Poll)
            && self.changes.contains(&SalesforceChanges::PubSub)
            && self.is_listening()
    }

    /// Whether the changes of all objects come by events now.
    pub(super) fn is_listening(&self) -> bool {
        let live = lock(&self.live);
        self.objects().into_iter().all(|object| live.is_open(object))
    }

    /// Has the org asked again what it shows, whenever that was last asked.
    pub(super) fn ask_for_describe(&self) {
        self.describe_asked.store(true, Ordering::Release);
    }

    /// Polls Salesforce as soon as may be: see [`asked_poll_in`](Self::asked_poll_in).
    pub(super) fn ask_for_poll(&self) {
        self.poll_asked.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    /// Whether somebody waits for a poll of Salesforce.
    pub fn wants_poll(&self) -> bool {
        self.poll_asked.load(Ordering::Acquire)
    }

    /// A poll begins: whoever asks from now on waits for the next one. Says whether anybody has waited for this one.
    pub(super) fn take_poll_asked(&self) -> bool {
        self.poll_asked.swap(false, Ordering::AcqRel)
    }

    /// The poll that was waited for did not come to its end: it is still waited for.
    pub(super) fn wait_for_poll_again(&self) {
        self.poll_asked.store(true, Ordering::Release);
    }

    /// Whether both systems have answered and the org is known.
    pub fn is_connected(&self) -> bool {
        self.org.load().is_some()
    }

    /// Begin nothing new: the process is about to end.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Asks Salesforce once what it is: version, fields, converted statuses, our own user. Nothing is decided about an org
    /// that does not show what the mapping names.
    pub(super) async fn connect(&self) -> Result<Arc<OrgInfo>, CallError> {
        self.restore_calls().await;
        if let Some(org) = self.org.load_full()
            && !self.is_old(&org)
            && !self.describe_asked.load(Ordering::Acquire)
        {
            return Ok(org);
        }
        let org = Arc::new(self.salesforce.connect(&self.objects()).await?);
        self.describe_asked.store(false, Ordering::Release);
        self.all_visible(&org).await?;
        self.org.store(Some(org.clone()));
        self.fit_mapping();
        Ok(org)
    }

    /// Whether the org is to be asked again what it shows: where events spare every read, nothing else would tell that a
    /// field was taken out of sight, and a checkbox that comes into sight is read by nobody.
    fn is_old(&self, org: &OrgInfo) -> bool {
        self.now().duration_since(org.described_at) >= DESCRIBE_EVERY && !self.salesforce.budget().is_short()
    }

    /// What an earlier process has used of the day's calls counts too. Once; what cannot be read is not counted.
    async fn restore_calls(&self) {
        if self.calls_restored.swap(true, Ordering::AcqRel) {
            return;
        }
        let kept = self.store.read(|reader| reader.meta(marks::SALESFORCE_CALLS)).await;
        if let Some(calls) = kept.ok().flatten().and_then(|text| serde_json::from_str(&text).ok()) {
            self.salesforce.restore_calls(calls);
        }
    }

    /// Keeps what was used of the day's calls, when that has changed.
    pub(super) async fn keep_calls(&self) -> Result<(), StoreError> {
        let calls = self.salesforce.calls_by_hour();
        let count: u64 = calls.values().flat_map(|hour| hour.values()).sum();
        if self.calls_kept.swap(count, Ordering::AcqRel) == count {
            return Ok(());
        }
        // A plain value can always be written.
        let text = serde_json::to_string(&calls).unwrap_or_default();
        self.store.write(move |tx| tx.set_meta(marks::SALESFORCE_CALLS, &text)).await
    }

    fn fit_mapping(&self) {
        let mut mapping = Mapping::clone(&self.written.load());
        if let Some(org) = &*self.org.load() {
            mapping.drop_missing_defaults(|object, field| org.has_field(object, field));
        }
        self.mapping.store(Arc::new(mapping));
    }

    pub(super) fn fields_read(&self, object: SalesforceObject) -> Vec<FieldName> {
        self.mapping.load().fields_read(object)
    }

    /// Whether calls may be made to `side` now.
    pub(super) fn is_open(&self, side: Side) -> bool {
        let now = self.now();
        lock(&self.sides).get(side).is_open(now)
    }

    pub(super) fn answered(&self, side: Side) {
        let now = self.now();
        lock(&self.sides).get_mut(side).answered(side, now);
    }

    /// Writing to a side failed as a whole. Reads may go on well, and do not end its wait.
    pub(super) fn failed_to_write(&self, error: CallError) {
        let now = self.now();
        lock(&self.sides).get_mut(error.side).failed_to_write(error, now);
    }

    /// Something was written to a side.
    pub(super) fn wrote(&self, side: Side) {
        lock(&self.sides).get_mut(side).wrote();
    }

    pub(super) fn failed(&self, error: CallError) {
        self.metrics.add(&metrics::ERRORS, &[error.side.as_str(), error.retry.class()], 1);
        let now = self.now();
        lock(&self.sides).get_mut(error.side).failed(error, now);
    }
}

/// A lock that a panicking thread left behind guards plain data, which is still whole.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
