//! Whether a side can be worked with just now. A system that fails is left alone for a while; everything that
//! concerns it stays due, and flows when it returns.

use crate::connector::{CallError, Retry, wait_after};
use crate::emit;
use crate::model::Side;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// The longest wait between two tries of a side that does not answer.
const WAIT_MAX: Duration = Duration::from_secs(300);

/// The first wait; it doubles up to [`WAIT_MAX`].
const WAIT_MIN: Duration = Duration::from_secs(1);

/// One side's health.
#[derive(Debug, Clone, Default)]
pub(crate) struct SideState {
    /// When it last answered well, by this daemon's clock.
    pub(crate) answered_at: Option<Timestamp>,
    /// The trouble it is in.
    pub(crate) trouble: Option<Trouble>,
    /// Writes that failed as a whole, one after the other.
    failed_writes: u32,
}

/// Why a side is left alone.
#[derive(Debug, Clone)]
pub(crate) struct Trouble {
    pub(crate) error: CallError,
    pub(crate) since: Timestamp,
    pub(crate) retry_at: Timestamp,
    tries: u32,
    /// Reads may go on well, and do not end it before its time.
    in_write: bool,
}

impl SideState {
    /// Whether calls may be made now.
    pub(crate) fn is_open(&self, now: Timestamp) -> bool {
        self.trouble.as_ref().is_none_or(|trouble| trouble.retry_at <= now)
    }

    /// The side answered.
    pub(crate) fn answered(&mut self, side: Side, now: Timestamp) {
        self.answered_at = Some(now);
        if self.trouble.as_ref().is_some_and(|trouble| trouble.in_write && trouble.retry_at > now) {
            return;
        }
        if let Some(trouble) = self.trouble.take() {
            emit!(
                SIDE_RESUMED,
                side = side.as_str(),
                duration_ms = now.duration_since(trouble.since).as_millis() as i64,
                "{side} works again after {} failed tries",
                trouble.tries
            );
        }
    }

    /// The side as a whole failed. Logged once for each kind of trouble, not at each try.
    pub(crate) fn failed(&mut self, error: CallError, now: Timestamp) {
        self.fail(error, now, false);
    }

    /// A write failed as a whole: it is tried ever more rarely, however well reads go in between.
    pub(crate) fn failed_to_write(&mut self, error: CallError, now: Timestamp) {
        self.failed_writes += 1;
        self.fail(error, now, true);
    }

    /// How many writes failed as a whole since one was taken.
    pub(crate) fn failed_writes(&self) -> u32 {
        self.failed_writes
    }

    /// A write was taken.
    pub(crate) fn wrote(&mut self) {
        self.failed_writes = 0;
    }

    fn fail(&mut self, error: CallError, now: Timestamp, in_write: bool) {
        let (tries, since, news) = match &self.trouble {
            Some(trouble) => (trouble.tries + 1, trouble.since, trouble.error.code != error.code),
            None => (1, now, true),
        };
        let tries = if in_write { tries.max(self.failed_writes) } else { tries };
        let wait = match error.retry {
            Retry::After(wait) => wait,
            // Nothing works until a person mends it: looking again now and then costs one call and needs no restart.
            Retry::Stop | Retry::SignIn => WAIT_MAX,
            // The connector keeps the quota's own schedule and refuses without a call until then.
            Retry::Quota => Duration::from_secs(15),
            _ => wait_after(tries, WAIT_MIN, WAIT_MAX),
        };
        let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::from_mins(5));
        if news {
            log_failure(&error, wait);
        }
        self.trouble = Some(Trouble {
            error,
            since,
            retry_at: now.saturating_add(wait).unwrap_or(now),
            tries,
            in_write,
        });
    }
}

fn log_failure(error: &CallError, wait: SignedDuration) {
    let (name, side, code) = (error.side, error.side.as_str(), error.code.as_str());
    let seconds = wait.as_secs();
    match error.retry {
        Retry::Quota if code == "kept-free" => {
            emit!(BUDGET_LOW, side, code, "{name} is asked less: {}", error.message)
        }
        Retry::Quota => {
            emit!(QUOTA_EXCEEDED, side, code, "{name} is left alone: {}; it resumes by itself", error.message)
        }
        Retry::Stop | Retry::SignIn => {
            emit!(
                SIDE_STOPPED,
                side,
                code,
                "{name} needs a person: {}; tried again every {seconds} s",
                error.message
            )
        }
        _ => emit!(
            CALL_FAILED,
            side,
            code,
            "{name} did not answer as it should: {}; again in {seconds} s",
            error.message
        ),
    }
}
