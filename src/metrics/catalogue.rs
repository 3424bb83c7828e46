//! The list of metrics.

use crate::connector::{Purpose, Retry};
use crate::event;
use crate::model::{HoldReason, Side};
use crate::reconcile::Decision;
use crate::store::Source;
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

/// One metric.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Metric {
    /// Its name, unit and `_total` included.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// What it says, in one sentence.
    pub help: &'static str,
    /// Its labels, in the order in which values are given.
    pub labels: &'static [Label],
}

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only grows, from 0 at the start of the process.
    Counter,
    /// How many took how long, in seconds.
    Histogram,
}

impl Kind {
    /// As Prometheus calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
            Kind::Histogram => "histogram",
        }
    }
}

/// One label of a metric.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Label {
    /// Its name.
    pub name: &'static str,
    /// Every value there is.
    #[serde(serialize_with = "listed")]
    #[schemars(with = "Vec<&str>")]
    pub values: fn() -> Vec<&'static str>,
}

fn listed<S: Serializer>(values: &fn() -> Vec<&'static str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(values())
}

impl Metric {
    /// Every combination of its label values.
    pub fn combinations(&self) -> Vec<Vec<&'static str>> {
        let mut all = vec![vec![]];
        for label in self.labels {
            let longer = |so_far: &Vec<&'static str>| {
                let so_far = so_far.clone();
                (label.values)().into_iter().map(move |value| [so_far.clone(), vec![value]].concat())
            };
            all = all.iter().flat_map(longer).collect();
        }
        all
    }
}

/// What has to do with no single side: a comparison, or an operator's word.
pub const BOTH_SIDES: &str = "both";

const SIDE: Label = Label { name: "side", values: || Side::BOTH.map(Side::as_str).to_vec() };
const SIDE_OR_BOTH: Label =
    Label { name: "side", values: || [&Side::BOTH.map(Side::as_str)[..], &[BOTH_SIDES]].concat() };
const SOURCE: Label = Label { name: "source", values: || Source::ALL.map(Source::as_str).to_vec() };
const HELD_KIND: Label = Label { name: "kind", values: || HoldReason::KINDS.to_vec() };
const DECISION: Label = Label { name: "kind", values: || Decision::KINDS.to_vec() };
const OUTCOME: Label =
    Label { name: "outcome", values: || vec!["written", "stale", "parked", "unknown", "postponed"] };
const CLASS: Label = Label { name: "class", values: || Retry::CLASSES.to_vec() };
const PURPOSE: Label = Label { name: "purpose", values: || Purpose::ALL.map(Purpose::as_str).to_vec() };
const DELIVERY: Label = Label { name: "outcome", values: || vec!["accepted", "rejected", "refused"] };
const EVENT: Label = Label { name: "event", values: || event::ALL.iter().map(|event| event.name).collect() };
const VERSION: Label = Label { name: "version", values: || vec![env!("CARGO_PKG_VERSION")] };

macro_rules! catalogue {
    ($($constant:ident = $kind:ident $name:literal [$($label:ident),*], $help:literal;)*) => {
        $(#[doc = $help] pub const $constant: Metric =
            Metric { name: $name, kind: Kind::$kind, help: $help, labels: &[$($label),*] };)*

        /// Every metric there is, in the order of the catalogue.
        pub const ALL: &[Metric] = &[$($constant),*];
    };
}

catalogue! {
    BUILD_INFO = Gauge "lockstep_build_info" [VERSION], "Always 1; the label says which version runs.";
    LINKS = Gauge "lockstep_links" [], "People who are linked.";
    DUE = Gauge "lockstep_due" [], "Links that have to be looked at.";
    QUEUE_OLDEST = Gauge "lockstep_queue_oldest_seconds" [],
        "How long the longest ready link has been due; 0 when nothing may be looked at now.";
    HELD = Gauge "lockstep_held" [HELD_KIND], "Links that wait for a person's decision, by the kind of conflict.";
    PARKED = Gauge "lockstep_parked" [SIDE], "Writes that a side refused for good.";
    HELD_ROWS = Gauge "lockstep_held_rows" [], "Rows of the mapping whose value a system refuses, and whose records wait together.";
    PAUSED = Gauge "lockstep_paused" [], "1 while writing is stopped by an operator.";
    PLAN_WAITING = Gauge "lockstep_plan_waiting" [], "1 while a plan waits for `lockstep plan --apply`.";
    SIDE_UP = Gauge "lockstep_side_up" [SIDE], "1 while calls to a side go through.";
    LAG = Gauge "lockstep_lag_seconds" [SIDE], "How long ago a side was last read well; left out before the first time.";
    LISTENING = Gauge "lockstep_listening" [], "1 while Salesforce's changes come by events.";
    CALLS_LEFT = Gauge "lockstep_calls_left" [SIDE],
        "Calls left in the present period: a rolling day for Salesforce, a minute for Revenue Engage.";
    CALLS_ALLOWED = Gauge "lockstep_calls_allowed" [SIDE], "Calls allowed in that period.";
    CALLS_KEPT_FREE = Gauge "lockstep_calls_kept_free" [SIDE], "Calls of that period that are left to others; only Salesforce has any.";
    STORE_BYTES = Gauge "lockstep_store_bytes" [], "What the store's files take on disk.";
    JOURNAL_ENTRIES = Gauge "lockstep_journal_entries" [], "Entries of the journal.";
    CHANGES = Counter "lockstep_changes_total" [SIDE_OR_BOTH, SOURCE],
        "Observations that made a link due, counted once they are durable.";
    DECISIONS = Counter "lockstep_decisions_total" [DECISION], "Links that were decided.";
    WRITES = Counter "lockstep_writes_total" [SIDE, OUTCOME],
        "Rows that were to be written: written, stale (it moved meanwhile), parked (refused for good), unknown (no answer; both sides are read before anything else), postponed (tried again later).";
    ERRORS = Counter "lockstep_errors_total" [SIDE, CLASS],
        "Calls and rows of calls that failed, by what is done about it.";
    CALLS = Counter "lockstep_calls_total" [SIDE, PURPOSE], "Calls to a side.";
    WEBHOOKS = Counter "lockstep_webhooks_total" [SIDE, DELIVERY],
        "Deliveries: accepted (durable), rejected (not ours, or not readable), refused (503, to be sent again).";
    EVENTS = Counter "lockstep_events_total" [EVENT],
        "Log events of the catalogue, whether the log's level shows them or not; library.logged only where it does.";
    CHANGE_SECONDS = Histogram "lockstep_change_seconds" [],
        "From the first sight of a change to the record of its write.";
}
