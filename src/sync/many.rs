//! A turn that decides more writes than are kept in memory at a time. An import that touches everybody must not cost more
//! memory than a quiet day: opt-outs and what was let through are written as soon as there are many, and of the rest only
//! the fingerprints are kept until all of it is counted. What may pass then is decided once more, part by part.

use super::engine::{Engine, Interrupted};
use super::gather::CHUNK;
use super::pass::Turn;
use super::write::Write;
use crate::reconcile::{Asking, Candidate};
use crate::store::{StoreError, Transaction, marks};

/// Writes that are kept in memory, some 5 KB each: what one bulk job takes.
pub(super) const WRITES_KEPT: usize = super::bulk_write::JOB_ROWS;

/// Rows of one transaction where each row stands for itself: the store keeps what a transaction replaces until its end.
const PART: usize = 500;

/// A decided write of which the company's limits have a say.
#[derive(Debug)]
pub(super) struct Asked {
    candidate: Candidate,
    /// Of the due mark that it was decided by.
    generation: u64,
}

impl Turn {
    /// Adds what was decided. What was counted may pass as it was then; if it is another write now, it is asked about.
    pub(super) fn add(&mut self, mut write: Write) {
        if let Some(fingerprint) = self.counted.remove(&write.intent.prospect) {
            write.is_counted = write.candidate().fingerprint == fingerprint;
        }
        self.writes.push(write);
    }
}

impl Engine {
    /// Keeps no more than so many decided writes in memory, rather than [`WRITES_KEPT`], and looks at no more links at
    /// once: with few people, tests and simulations get to see what otherwise takes tens of thousands.
    pub fn keeping(mut self, writes: usize) -> Engine {
        self.writes_kept = writes;
        self
    }

    /// Links that are looked at together.
    pub(super) fn looked_at_once(&self) -> usize {
        CHUNK.min(self.writes_kept)
    }

    /// Makes room where a turn has decided many writes: those that wait for nobody are written.
    pub(super) async fn make_room(&self, turn: &mut Turn) -> Result<(), Interrupted> {
        self.leave_out_what_waits(turn).await?;
        let mut passing = Vec::new();
        for write in std::mem::take(&mut turn.writes) {
            let candidate = write.candidate();
            match candidate.may_pass() {
                true => passing.push(write),
                false => turn.asked.push(Asked { candidate, generation: write.work.due.generation }),
            }
        }
        turn.planned += passing.len();
        if !passing.is_empty() {
            turn.written += self.carry_out(passing).await?.0;
        }
        Ok(())
    }

    /// Holds all that was asked about in this turn against the company's limits, once everything due is decided. What
    /// waits is held back, the rest may pass, to be decided once more and written. Returns how many wait.
    pub(super) async fn ask(&self, turn: &mut Turn) -> Result<usize, StoreError> {
        let asked = std::mem::take(&mut turn.asked);
        let read = |reader: &crate::store::Reader<'_>| {
            Ok((reader.link_count()?, reader.meta(marks::FIRST_RUN_DONE)?.is_none()))
        };
        let (linked, first_run) = self.store.read(read).await?;
        let first_sights = asked.iter().filter(|asked| asked.candidate.is_first_sight).count();
        let waiting =
            Asking { records: asked.len(), first_sights }.waits(&self.mapping().limits, linked, first_run);
        let concerns = |Asked { candidate, .. }: &Asked| {
            waiting.as_ref().is_some_and(|why| why.concerns(candidate.is_first_sight))
        };
        let (waits, passes): (Vec<Asked>, Vec<Asked>) = asked.into_iter().partition(concerns);
        self.tell_waiting(waiting.as_ref()).await?;
        let (count, until) = (waits.len(), self.put_off_until());
        self.in_parts(waits, move |tx, Asked { candidate, generation }| {
            tx.hold_back(&candidate.prospect, *generation, until, candidate.fingerprint).map(drop)
        })
        .await?;
        let passes = passes.into_iter().map(|Asked { candidate, .. }| candidate);
        turn.counted.extend(passes.map(|candidate| (candidate.prospect, candidate.fingerprint)));
        Ok(count)
    }

    /// Does something with each of many rows, in transactions of a bounded size.
    pub(super) async fn in_parts<T: Send + 'static>(
        &self,
        rows: Vec<T>,
        each: impl Fn(&mut Transaction<'_>, &T) -> Result<(), StoreError> + Clone + Send + 'static,
    ) -> Result<(), StoreError> {
        for part in parts(rows) {
            let each = each.clone();
            self.store.write(move |tx| part.iter().try_for_each(|row| each(tx, row))).await?;
        }
        Ok(())
    }
}

/// Many rows, as many at a time as one transaction takes.
pub(super) fn parts<T>(rows: Vec<T>) -> impl Iterator<Item = Vec<T>> {
    let mut rows = rows.into_iter();
    std::iter::from_fn(move || {
        let part: Vec<T> = rows.by_ref().take(PART).collect();
        (!part.is_empty()).then_some(part)
    })
}
