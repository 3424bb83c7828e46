//! The catalogue of log events: each has a stable name, a level and one sentence. And the log itself.

mod lines;
mod text;
mod traces;

pub use lines::Lines;
pub use text::{escape, escape_json, is_unsafe, mask_emails};
pub(crate) use traces::LAST_BATCH_WITHIN;
pub use traces::{TRACES, Traces};

use crate::config::{LogConfig, LogFormat};
use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry};

/// One kind of log event.
#[derive(Debug, Clone, Copy)]
pub struct Event {
    /// `noun.verbed`.
    pub name: &'static str,
    /// How much it matters.
    pub level: tracing::Level,
    /// When this happens, in one sentence.
    pub what: &'static str,
    /// Its place in [`ALL`].
    place: usize,
}

impl Event {
    /// One more of them, whether a log shows it or not. [`emit!`](crate::emit) counts.
    pub fn count(&self) {
        if let Some(count) = EMITTED.get(self.place) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// How often each event was emitted since this process began, by its place in [`ALL`]. The log is the process's own, and
/// so are these.
static EMITTED: [AtomicU64; ALL.len()] = [const { AtomicU64::new(0) }; ALL.len()];

/// How often each event of the catalogue was emitted since this process began.
pub fn emitted() -> impl Iterator<Item = (&'static str, u64)> {
    ALL.iter().zip(&EMITTED).map(|(event, count)| (event.name, count.load(Ordering::Relaxed)))
}

/// Logs one event of the catalogue: `emit!(STATUS_WRITTEN, change = %id, "the person is now Success")`.
///
/// Fields keep their names everywhere: `change`, `record`, `prospect`, `side`, `from`, `to`, `rule`, `reason`,
/// `code`, `duration_ms`.
#[macro_export]
macro_rules! emit {
    ($event:ident, $($rest:tt)*) => {{
        $crate::event::$event.count();
        ::tracing::event!(
            target: "lockstep",
            $crate::event::$event.level,
            event = $crate::event::$event.name,
            $($rest)*
        )
    }};
}

/// The log could not be started.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// `[log] level` is no filter.
    #[error("[log] level is no filter: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// The process has a log already.
    #[error("the log is already started: {0}")]
    Started(#[from] tracing_subscriber::util::TryInitError),
}

/// Starts the log of this process: one line an event, on standard output. `aside` takes away whatever else is drawn on
/// the terminal while a line is printed. Spans go to `traces`, when there is somebody who collects them.
///
/// # Errors
/// The filter cannot be read, or the process has a log already.
pub fn init(
    config: &LogConfig,
    tenant: &str,
    aside: impl Fn(&mut dyn FnMut()) + Send + Sync + 'static,
    traces: Option<&Traces>,
) -> Result<(), LogError> {
    let sink = move |line: &str| {
        aside(&mut || {
            // Whoever read the log is gone: there is nobody to tell, and no reason to stop working.
            let _ = std::io::stdout().lock().write_all(line.as_bytes());
        });
    };
    let lines = layer(config, tenant, sink)?;
    Ok(Registry::default().with(lines).with(traces.map(Traces::layer)).try_init()?)
}

/// The log as a layer that hands its lines to `sink`, for tests and for whoever has a log of their own.
///
/// # Errors
/// The filter cannot be read.
pub fn layer<S: Fn(&str) + Send + Sync + 'static>(
    config: &LogConfig,
    tenant: &str,
    sink: S,
) -> Result<impl Layer<Registry>, LogError> {
    let filter = EnvFilter::builder().parse(&config.level)?;
    let color = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    let lines = Lines {
        tenant: tenant.to_owned(),
        pretty: config.format == LogFormat::Pretty,
        color,
        personal_data: config.personal_data,
        sink,
    };
    Ok(lines.with_filter(filter))
}

macro_rules! catalogue {
    ($($constant:ident = $level:ident $name:literal, $what:literal;)*) => {
        $(#[doc = $what] pub const $constant: Event =
            Event { name: $name, level: tracing::Level::$level, what: $what, place: Place::$constant as usize };)*

        #[allow(non_camel_case_types, clippy::upper_case_acronyms)] // the events' own names
        enum Place { $($constant),* }

        /// Every event there is, in the order of the catalogue.
        pub const ALL: &[Event] = &[$($constant),*];
    };
}

catalogue! {
    DAEMON_STARTED = INFO "daemon.started", "The daemon has opened its store and read its configuration.";
    DAEMON_STOPPED = INFO "daemon.stopped", "The daemon has ended well; what was in flight is finished or kept.";
    STORE_FAILED = ERROR "store.failed", "The store takes no more work (a full disk, a damaged file); nothing is acknowledged any more, and the daemon ends.";
    ADMIN_LISTENING = INFO "admin.listening", "The admin port is open; `address` says where.";
    WEBHOOKS_LISTENING = INFO "webhooks.listening", "The listener for webhooks alone is open; `address` says where.";
    STORE_REBUILT = ERROR "store.rebuilt", "The store was damaged and was put back from a checkpoint; everything linked is looked at again, and what disagrees is held.";
    STORE_FULL = ERROR "store.full", "The disk of the store is full; what was kept free for this is given up, once.";
    STORE_DAMAGED = ERROR "store.damaged", "Rows of the store are not what was written; the journal may have gaps.";
    CHECKPOINT_WRITTEN = DEBUG "checkpoint.written", "A copy of the store was written, from which it can be put back.";
    CHECKPOINT_FAILED = WARN "checkpoint.failed", "No copy of the store could be written; the older ones are kept, and it is tried again.";
    CHANGE_TAKEN_IN = DEBUG "change.taken_in", "A change was seen and is durably marked due.";
    STATUS_WRITTEN = INFO "status.written", "One side was written, and both baselines are recorded.";
    CONFLICT_HELD = WARN "conflict.held", "A person has to decide about this link; nothing is written until then.";
    CONFLICT_RESOLVED = INFO "conflict.resolved", "A link that was held is held no more.";
    VALUE_SKIPPED = WARN "value.skipped", "A value that no row mentions was seen; nothing is written.";
    RECORD_PARKED = WARN "record.parked", "A system refused a write for good; it is tried again only when something changes.";
    ROW_HELD = ERROR "row.held", "A value of the mapping is refused whoever is to have it: its row is held, and its records wait together.";
    ROW_RELEASED = INFO "row.released", "A value that was refused is taken again, or somebody asked: whoever waited for it is looked at.";
    WRITE_STALE = INFO "write.stale", "The record moved between reading and writing; nothing was overwritten, it is decided again.";
    WRITE_UNKNOWN = WARN "write.unknown", "A write got no answer; both sides are read before anything else.";
    LINK_MADE = DEBUG "link.made", "A prospect and a Salesforce record are now known to be one person.";
    PERSON_CREATED = INFO "person.created", "A person whom only one side knew was created on the other; the two are linked.";
    PERSON_NOT_CREATED = WARN "person.not_created", "A person whom only one side knows cannot be created on the other; tried again when they change.";
    LINK_MOVED = INFO "link.moved", "A converted or merged record's link now stands for another record.";
    LINK_DROPPED = INFO "link.dropped", "One side's record is gone; the link is dropped and the other side left alone.";
    OVERWRITE_DETECTED = ERROR "overwrite.detected", "An edit made just before our write was overwritten; a person should look.";
    CURSOR_ADVANCED = DEBUG "cursor.advanced", "Everything up to this point is durably marked due.";
    PASS_FINISHED = DEBUG "pass.finished", "All that was due has been looked at.";
    PLAN_WAITS = WARN "plan.waits", "The plan would change more than the company allows unasked; it waits for `lockstep plan --apply`.";
    WEBHOOK_ACCEPTED = DEBUG "webhook.accepted", "A webhook was verified and is durable.";
    WEBHOOK_REJECTED = WARN "webhook.rejected", "A webhook was refused.";
    STREAM_OPENED = INFO "stream.opened", "Changes of an object come by events now; `from` says which topic.";
    STREAM_BROKE = WARN "stream.broke", "The stream of events broke off; polls go on, and it resumes where it was left.";
    STREAM_STOPPED = ERROR "stream.stopped", "No events come until a person mends it; polls go on.";
    STREAM_LOST = WARN "stream.lost", "The place in the stream of events is not good any more; polls find what was missed.";
    EVENTS_INCOMPLETE = WARN "events.incomplete", "An event does not say what changed; a poll finds out.";
    CALL_FAILED = WARN "call.failed", "A system did not answer as it should; it is tried again.";
    SIDE_STOPPED = ERROR "side.stopped", "Nothing will work on this side until a person mends it.";
    SIDE_RESUMED = INFO "side.resumed", "A side that had stopped works again.";
    BUDGET_LOW = WARN "budget.low", "The calls left today are kept for others; polls are stretched, opt-outs go first.";
    QUOTA_EXCEEDED = WARN "quota.exceeded", "The system's quota is used up; its calls stop and resume alone.";
    MAPPING_LOADED = INFO "mapping.loaded", "A mapping file was checked and is in use.";
    MAPPING_REJECTED = ERROR "mapping.rejected", "The changed mapping file is wrong; the old one stays in use.";
    BACKFILL_STARTED = INFO "backfill.started", "An object is read whole by a bulk job, since that costs fewer calls.";
    BACKFILL_ADVANCED = INFO "backfill.advanced", "A page of a bulk job's rows is read and kept.";
    BACKFILL_GIVEN_UP = WARN "backfill.given_up", "A bulk job failed; the records are read by calls.";
    BULK_WRITE_STARTED = INFO "bulk_write.started", "A large approved plan is written by a bulk job.";
    BULK_WRITE_ENDED = INFO "bulk_write.ended", "A bulk job has ended, and how each of its rows did is recorded.";
    OPERATOR_ACTED = INFO "operator.acted", "Somebody had something done over the admin port; `by` is who, where that was said, and `action` what.";
    TRACES_LOST = WARN "traces.lost", "The collector of traces takes no spans; they are lost, and nothing else is. Said once until it takes some again.";
    TRACES_RESUMED = INFO "traces.resumed", "The collector of traces takes spans again.";
    SWEEP_STARTED = INFO "sweep.started", "The daily comparison of everything linked has begun.";
    LIBRARY_LOGGED = DEBUG "library.logged", "A line from a library.";
}
