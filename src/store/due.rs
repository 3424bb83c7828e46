//! Due marks: which links have to be looked at, and when.
//!
//! A due mark is a hint, so a damaged one is still a due mark: it is read as one of generation 0 of which
//! nothing else is known, and the link is looked at.

use super::key::{Key, Kind};
use super::table::Row;
use super::transaction::{Order, Reader, Transaction};
use super::{Due, Seen, Source, StoreError};
use crate::model::{ChangeId, ProspectId};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// How many observations a due mark keeps: enough to explain a burst, small enough to be rewritten often.
const SEEN_KEPT: usize = 8;

impl Row for Due {
    const KIND: Kind = Kind::Due;

    fn index(&self, prospect: &ProspectId) -> Option<Key> {
        let ready = self.not_before.map_or(self.since, |wait| wait.max(self.since));
        Some(Kind::DueByTime.key().time(ready).prospect(prospect))
    }
}

impl Reader<'_> {
    /// A prospect's due mark.
    pub fn due(&self, prospect: &ProspectId) -> Result<Option<Due>, StoreError> {
        match self.row(prospect) {
            Err(StoreError::Damaged { .. }) => Ok(Some(self.rebuilt_due(prospect)?)),
            known => known,
        }
    }

    /// What may be looked at by `now`, the longest ready first, at most `limit`.
    pub fn due_ready(&self, now: Timestamp, limit: usize) -> Result<Vec<Due>, StoreError> {
        self.due_ready_except(now, limit, &BTreeSet::new())
    }

    /// As [`due_ready`](Reader::due_ready), without the prospects that are being worked on already.
    pub fn due_ready_except(
        &self,
        now: Timestamp,
        limit: usize,
        busy: &BTreeSet<ProspectId>,
    ) -> Result<Vec<Due>, StoreError> {
        let times = Kind::DueByTime.key()..Kind::DueByTime.key().time(now).end();
        let mut ready = Vec::new();
        for entry in self.scan::<ProspectId>(times, Order::Ascending) {
            let (_, prospect) = entry?;
            if ready.len() == limit {
                break;
            }
            if busy.contains(&prospect) {
                continue;
            }
            // Keys are a microsecond fine; the row has the exact time.
            ready.extend(self.due(&prospect)?.filter(|due| due.not_before.is_none_or(|wait| wait <= now)));
        }
        Ok(ready)
    }

    /// When the next due mark may be looked at; `None` when nothing is due. May have passed already.
    pub fn next_due_at(&self) -> Result<Option<Timestamp>, StoreError> {
        let times = Kind::DueByTime.key()..Kind::DueByTime.key().end();
        match self.scan::<ProspectId>(times, Order::Ascending).next().transpose()? {
            Some((_, prospect)) => Ok(self
                .due(&prospect)?
                .map(|due| due.not_before.map_or(due.since, |wait| wait.max(due.since)))),
            None => Ok(None),
        }
    }

    /// How many links are due, waiting ones included.
    pub fn due_count(&self) -> Result<u64, StoreError> {
        self.count(Kind::Due)
    }

    /// What is left to say about a damaged due mark: when it became ready.
    fn rebuilt_due(&self, prospect: &ProspectId) -> Result<Due, StoreError> {
        let times = Kind::DueByTime.key()..Kind::DueByTime.key().end();
        let mut since = Timestamp::UNIX_EPOCH;
        for entry in self.scan::<ProspectId>(times, Order::Ascending) {
            let (key, whose) = entry?;
            if whose == *prospect {
                since = key.first_time().unwrap_or(since);
            }
        }
        Ok(Due {
            prospect: prospect.clone(),
            change: ChangeId(0),
            generation: 0,
            since,
            not_before: None,
            attempts: 0,
            seen: Vec::new(),
        })
    }
}

impl Transaction<'_> {
    /// Notes that something was seen of a prospect, which makes its link due.
    ///
    /// A link that is due already keeps its change id and gets a newer generation. If it was waiting to be tried
    /// again, news (or an operator) ends the wait; what a poll merely sees again does not.
    pub fn mark_due(&mut self, prospect: &ProspectId, seen: Seen) -> Result<Due, StoreError> {
        let old = self.due(prospect)?;
        let mut due = match &old {
            Some(due) => due.clone(),
            None => Due {
                prospect: prospect.clone(),
                change: ChangeId(0),
                generation: 0,
                since: seen.at,
                not_before: None,
                attempts: 0,
                seen: Vec::new(),
            },
        };
        if due.change == ChangeId(0) {
            due.change = self.next_change()?;
        }
        // From the same counter, so that a mark that was cleared and made anew never has an old generation.
        due.generation = self.next_number()?;
        let again = |kept: &Seen| (kept.side, &kept.value, &kept.by) == (seen.side, &seen.value, &seen.by);
        if seen.source == Source::Operator || !due.seen.iter().any(again) {
            due.not_before = None;
            due.attempts = 0;
        }
        if !due.seen.last().is_some_and(|last| again(last) && last.source == seen.source) {
            due.seen.push(seen);
            let excess = due.seen.len().saturating_sub(SEEN_KEPT);
            due.seen.drain(..excess);
        }
        self.replace_row(prospect, old.as_ref(), Some(&due))?;
        Ok(due)
    }

    /// Removes a due mark, if it still has this generation. `false`: something was seen meanwhile, and the link
    /// stays due (or it was not due).
    pub fn clear_due(&mut self, prospect: &ProspectId, generation: u64) -> Result<bool, StoreError> {
        let Some(due) = self.due(prospect)?.filter(|due| due.generation == generation) else {
            return Ok(false);
        };
        self.replace_row(prospect, Some(&due), None)?;
        Ok(true)
    }

    /// Removes a due mark whatever was seen: the link is gone.
    pub fn remove_due(&mut self, prospect: &ProspectId) -> Result<Option<Due>, StoreError> {
        let due = self.due(prospect)?;
        if due.is_some() {
            self.replace_row(prospect, due.as_ref(), None)?;
        }
        Ok(due)
    }

    /// Lets a due mark wait until `not_before`, if it still has this generation: what was seen meanwhile is not
    /// to wait. `attempts` are the tries that failed so far.
    pub fn postpone_due(
        &mut self,
        prospect: &ProspectId,
        generation: u64,
        not_before: Timestamp,
        attempts: u32,
    ) -> Result<bool, StoreError> {
        let Some(old) = self.due(prospect)?.filter(|due| due.generation == generation) else {
            return Ok(false);
        };
        let due = Due { not_before: Some(not_before), attempts, ..old.clone() };
        self.replace_row(prospect, Some(&old), Some(&due))?;
        Ok(true)
    }

    /// An id for a change that begins here.
    pub fn next_change(&mut self) -> Result<ChangeId, StoreError> {
        self.next_number().map(ChangeId)
    }
}
