//! What is counted of a write, once its outcome is durable.

use super::write::{Ended, Write};
use crate::connector::{Effect, Retry};
use crate::event::TRACES;
use crate::metrics::{CHANGE_SECONDS, ERRORS, Metrics, WRITES};
use crate::model::{ChangeId, Side};
use jiff::Timestamp;
use std::time::Duration;

/// One row's outcome.
#[derive(Debug)]
pub(super) struct Counted {
    change: ChangeId,
    side: Side,
    outcome: &'static str,
    /// The class of the error that it ended with.
    class: Option<&'static str>,
    /// From the first sight of the change to now, of what was written.
    took: Option<Duration>,
}

impl Counted {
    pub(super) fn of(write: &Write, end: &Ended, now: Timestamp) -> Counted {
        let (outcome, class) = match end {
            Ended::Written { .. } => ("written", None),
            Ended::Stale(_) => ("stale", None),
            Ended::Later(_) | Ended::Waits(_) | Ended::Undone(Effect::None) => ("postponed", None),
            Ended::Undone(Effect::Unknown) => ("unknown", None),
            Ended::Failed(error) => {
                let outcome = match (error.retry, error.effect) {
                    (Retry::Park, _) => "parked",
                    (_, Effect::Unknown) => "unknown",
                    (Retry::ReRead | Retry::Relink, _) => "stale",
                    _ => "postponed",
                };
                (outcome, Some(error.retry.class()))
            }
        };
        let took = matches!(end, Ended::Written { .. }).then(|| now.duration_since(write.work.due.since));
        Counted {
            change: write.intent.change,
            side: write.step().side(),
            outcome,
            class,
            took: took.map(|took| Duration::try_from(took).unwrap_or_default()),
        }
    }

    /// Counts it, and is a span for whoever collects traces.
    pub(super) fn add_to(&self, metrics: &Metrics) {
        let (change, side, outcome) = (self.change, self.side.as_str(), self.outcome);
        tracing::trace_span!(target: TRACES, "row", %change, side, outcome).in_scope(|| ());
        metrics.add(&WRITES, &[self.side.as_str(), self.outcome], 1);
        if let Some(class) = self.class {
            metrics.add(&ERRORS, &[self.side.as_str(), class], 1);
        }
        if let Some(took) = self.took {
            metrics.observe(&CHANGE_SECONDS, took);
        }
    }
}
