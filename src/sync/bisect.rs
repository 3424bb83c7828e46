//! A batch that fails as a whole may fail because of one of its rows. So that this one does not keep 199 others from being
//! written, the batch is halved until the row is alone.

use super::engine::{Engine, Interrupted, lock};
use super::write::{Ended, Write};
use crate::connector::{CallError, Retry};
use crate::kill_point;
use crate::model::{ProspectId, Side};
use std::collections::BTreeSet;

/// Writing calls that one batch may cost: enough to find three bad rows among 200.
const CALLS_MAX: usize = 40;

/// Failures before the first row is written, after which the system is at fault and no row: halving 200 rows comes to one
/// row after 8, and one more row that fails too is one too many.
const FAILURES_MAX: usize = 9;

/// A side that goes on failing is asked by one call; each so many times the batch is halved all the same.
const HALVED_EACH: u32 = 8;

/// Rows remembered that were in a failed call.
const SUSPECTS_MAX: usize = 20_000;

/// Rows that were in a call that failed as a whole: they are not put together with others again.
#[derive(Debug, Default)]
pub(super) struct Suspects(BTreeSet<ProspectId>);

impl Suspects {
    fn add<'a>(&mut self, writes: impl Iterator<Item = &'a Write>) {
        if self.0.len() > SUSPECTS_MAX {
            self.0.clear();
        }
        self.0.extend(writes.map(|write| write.intent.prospect.clone()));
    }

    fn holds(&self, write: &Write) -> bool {
        self.0.contains(&write.intent.prospect)
    }
}

/// Whether a failed call says something that may be one row's fault: it was answered, and not with "too busy" or "not you".
fn may_be_a_rows_fault(error: &CallError) -> bool {
    let answered = error.status.is_some_and(|status| !matches!(status, 401 | 403 | 429 | 503));
    answered && matches!(error.retry, Retry::Soon | Retry::Park)
}

/// The error of a call that failed as a whole, where it may be one row's fault: rows that were refused one by one have no
/// HTTP status of their own.
fn failed_as_one(ended: &[(Write, Ended)]) -> Option<CallError> {
    let error_of = |end: &(Write, Ended)| match &end.1 {
        Ended::Failed(error) => Some(error.clone()),
        _ => None,
    };
    let first = ended.first().and_then(error_of).filter(may_be_a_rows_fault)?;
    ended.iter().all(|end| error_of(end).as_ref() == Some(&first)).then_some(first)
}

impl Engine {
    /// Whether a row failed before, alone or with others.
    pub(super) fn is_suspect(&self, write: &Write) -> bool {
        write.work.due.attempts > 0 || lock(&self.suspects).holds(write)
    }

    /// These were written: they are above suspicion.
    pub(super) fn clear_suspicion(&self, ended: &[(Write, Ended)]) {
        let mut suspects = lock(&self.suspects);
        if suspects.0.is_empty() {
            return;
        }
        for (write, _) in ended.iter().filter(|(_, end)| matches!(end, Ended::Written { .. })) {
            suspects.0.remove(&write.intent.prospect);
        }
    }

    /// Records how a batch ended; a batch that failed because of one row is written without it.
    pub(super) async fn record_batch(
        &self,
        side: Side,
        mut ended: Vec<(Write, Ended)>,
        mut done: Vec<(Write, Ended)>,
        trouble: Option<CallError>,
    ) -> Result<usize, Interrupted> {
        if let Some(error) = failed_as_one(&done) {
            let known = done.iter().any(|(write, _)| self.is_suspect(write));
            let is_refusal = error.retry == Retry::Park;
            let failed = lock(&self.sides).get(side).failed_writes();
            if done.len() > 1 && (is_refusal || (known && failed % HALVED_EACH <= 1)) {
                let written = self.record(ended).await?;
                return Ok(written + self.halve(side, done, error).await?);
            }
            if done.len() == 1 && known {
                // It was alone, and failed before: others are not to wait for it.
                ended.append(&mut done);
                return self.record(ended).await;
            }
            lock(&self.suspects).add(done.iter().map(|(write, _)| write));
        }
        if trouble.is_some() {
            done.iter_mut().for_each(as_the_sides_fault);
        }
        ended.append(&mut done);
        let written = self.record(ended).await?;
        kill_point::here("write.recorded");
        trouble.map_or(Ok(written), |error| Err(error.into()))
    }

    /// Writes the halves of a failed batch, and of those that fail again the halves of these.
    async fn halve(
        &self,
        side: Side,
        failed: Vec<(Write, Ended)>,
        first: CallError,
    ) -> Result<usize, Interrupted> {
        // What is still to be tried, the next last; and rows that failed all by themselves.
        let (mut parts, mut alone) = (halves(failed), Vec::new());
        let (mut calls, mut failures, mut written) = (0, 0, 0);
        let mut trouble = None;
        while let Some(part) = parts.pop() {
            let at_an_end = calls >= CALLS_MAX || (written == 0 && failures >= FAILURES_MAX);
            if at_an_end || trouble.is_some() || self.is_stopping() {
                alone.extend(part.into_iter().map(|write| (write, Ended::Failed(first.clone()))));
                continue;
            }
            if self.is_paused().await? {
                // Which of them is to blame is not known; they stay due.
                alone.extend(part.into_iter().map(|write| (write, Ended::Undone(first.effect))));
                continue;
            }
            calls += 1;
            let (ended, done, whole) = self.write_part(side, part, None).await?;
            written += self.record(ended).await?;
            match failed_as_one(&done) {
                Some(_) if done.len() > 1 => {
                    failures += 1;
                    parts.append(&mut halves(done));
                }
                Some(_) => {
                    failures += 1;
                    alone.extend(done);
                }
                None => {
                    trouble = whole;
                    written += self.record(done).await?;
                }
            }
        }
        if written == 0 && trouble.is_none() && first.retry != Retry::Park {
            // Nothing at all is taken: it is not a row.
            trouble = Some(first);
        }
        if trouble.is_some() {
            alone.iter_mut().for_each(as_the_sides_fault);
        }
        written += self.record(alone).await?;
        trouble.map_or(Ok(written), |error| Err(error.into()))
    }
}

/// The row is not to blame: it stays due, and its tries are not counted.
fn as_the_sides_fault((_, end): &mut (Write, Ended)) {
    if let Ended::Failed(error) = end
        && matches!(error.retry, Retry::Soon | Retry::After(_))
    {
        *end = Ended::Undone(error.effect);
    }
}

/// The second half first, since the last one is taken first.
fn halves(failed: Vec<(Write, Ended)>) -> Vec<Vec<Write>> {
    let mut first: Vec<Write> = failed.into_iter().map(|(write, _)| write).collect();
    let second = first.split_off(first.len().div_ceil(2));
    vec![second, first]
}
