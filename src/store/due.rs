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
use std::ops::Range;

/// How many observations a due mark keeps: enough to explain a burst, small enough to be rewritten often.
const SEEN_KEPT: usize = 8;

impl Row for Due {
    const KIND: Kind = Kind::Due;

    fn index(&self, prospect: &ProspectId) -> Option<Key> {
        Some(Kind::DueByTime.key().time(ready_at(self)).prospect(prospect))
    }
}

fn ready_at(due: &Due) -> Timestamp {
    due.not_before.map_or(due.since, |wait| wait.max(due.since))
}

/// A mark of which only the time is known.
fn bare_mark(prospect: &ProspectId, since: Timestamp) -> Due {
    Due {
        prospect: prospect.clone(),
        change: ChangeId(0),
        generation: 0,
        since,
        not_before: None,
        attempts: 0,
        seen: Vec::new(),
        waiting: None,
        approved: None,
        status_set: None,
        waits_for: None,
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
        let mut ready = Vec::new();
        for entry in self.due_times(Kind::DueByTime.key()..Kind::DueByTime.key().time(now).end()) {
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
        let earliest =
            self.due_times(Kind::DueByTime.key()..Kind::DueByTime.key().end()).next().transpose()?;
        match earliest {
            Some((_, prospect)) => Ok(self.due(&prospect)?.as_ref().map(ready_at)),
            None => Ok(None),
        }
    }

    /// The marks of writes that wait for an operator, paged as [`links_after`](Reader::links_after): those of the next
    /// `limit` marks that do, and the last mark that was looked at.
    pub fn waiting_after(
        &self,
        after: Option<&ProspectId>,
        limit: usize,
    ) -> Result<(Vec<Due>, Option<ProspectId>), StoreError> {
        let page: Vec<Due> = self.rows_after(after, limit)?;
        let last = page.last().map(|due| due.prospect.clone());
        Ok((page.into_iter().filter(|due| due.waiting.is_some()).collect(), last))
    }

    /// How many links are due, waiting ones included.
    pub fn due_count(&self) -> Result<u64, StoreError> {
        self.count(Kind::Due)
    }

    /// Who is ready when, told by the keys alone: a damaged entry counts.
    pub(super) fn due_times(
        &self,
        keys: Range<Key>,
    ) -> impl Iterator<Item = Result<(Timestamp, ProspectId), StoreError>> {
        self.keys(keys, Order::Ascending).filter_map(|key| key.map(|key| key.time_and_prospect()).transpose())
    }

    /// What is left to say about a damaged due mark: when it became ready.
    fn rebuilt_due(&self, prospect: &ProspectId) -> Result<Due, StoreError> {
        for entry in self.due_times(Kind::DueByTime.key()..Kind::DueByTime.key().end()) {
            let (since, whose) = entry?;
            if whose == *prospect {
                return Ok(bare_mark(prospect, since));
            }
        }
        Ok(bare_mark(prospect, Timestamp::UNIX_EPOCH))
    }
}

impl Transaction<'_> {
    /// Notes that something was seen of a prospect, which makes its link due.
    ///
    /// A link that is due already keeps its change id and gets a newer generation. If it was waiting to be tried
    /// again, news (or an operator) ends the wait; what a poll merely sees again does not.
    pub fn mark_due(&mut self, prospect: &ProspectId, seen: Seen) -> Result<Due, StoreError> {
        let (side, source) = (seen.side, seen.source);
        let old = self.due(prospect)?;
        let mut due = old.clone().unwrap_or_else(|| bare_mark(prospect, seen.at));
        // One that was rebuilt knows only when it was to be ready, which may be later.
        due.since = due.since.min(seen.at);
        if due.change == ChangeId(0) {
            due.change = self.next_change()?;
        }
        // From the same counter, so that a mark that was cleared and made anew never has an old generation.
        due.generation = self.next_number()?;
        let again = |kept: &Seen| (kept.side, &kept.value, &kept.by) == (seen.side, &seen.value, &seen.by);
        if seen.source == Source::Operator || !due.seen.iter().any(again) {
            due.not_before = None;
            due.attempts = 0;
            due.waits_for = None;
        }
        if !due.seen.last().is_some_and(|last| again(last) && last.source == seen.source) {
            due.seen.push(seen);
            let excess = due.seen.len().saturating_sub(SEEN_KEPT);
            due.seen.drain(..excess);
        }
        self.replace_row(prospect, old.as_ref(), Some(&due))?;
        self.note_seen(side, source);
        Ok(due)
    }

    /// Notes when Salesforce's status was set, as an event told it. Nothing is noted of a link that is not due.
    pub fn note_status_set(&mut self, prospect: &ProspectId, at: Timestamp) -> Result<(), StoreError> {
        let Some(old) = self.due(prospect)?.filter(|due| due.status_set < Some(at)) else { return Ok(()) };
        let due = Due { status_set: Some(at), ..old.clone() };
        self.replace_row(prospect, Some(&old), Some(&due))
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

    /// An id for a change that begins here.
    pub fn next_change(&mut self) -> Result<ChangeId, StoreError> {
        self.next_number().map(ChangeId)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    #[test]
    fn a_change_that_comes_in_meanwhile_keeps_the_link_due() {
        let store = TestStore::new();
        let first = mark(&store, 1, seen(Source::Webhook, 0, "approaching"));
        let second = mark(&store, 1, seen(Source::Webhook, 1, "success"));
        assert_eq!(first.change, second.change);
        assert!(!store.write(|t| t.clear_due(&prospect(1), first.generation)).unwrap());
        assert_eq!(ready(&store, 1), [prospect(1)]);
        assert!(store.write(|t| t.clear_due(&prospect(1), second.generation)).unwrap());
        assert_eq!(ready(&store, 1), []);
        assert_eq!((store.rows(Kind::Due), store.rows(Kind::DueByTime)), (0, 0));
        assert_eq!(store.reader().due_count().unwrap(), 0);
    }

    #[test]
    fn a_mark_made_anew_has_neither_the_generation_nor_the_change_of_the_old_one() {
        let store = TestStore::new();
        let old = mark(&store, 1, seen(Source::Poll, 0, "success"));
        store.write(|t| t.remove_due(&prospect(1))).unwrap();
        let new = mark(&store, 1, seen(Source::Poll, 1, "success"));
        assert!(new.change > old.change);
        assert!(!store.write(|t| t.clear_due(&prospect(1), old.generation)).unwrap());
    }

    #[test]
    fn what_was_seen_meanwhile_does_not_wait() {
        let store = TestStore::new();
        let due = mark(&store, 1, seen(Source::Poll, 0, "success"));
        mark(&store, 1, seen(Source::Webhook, 1, "opted_out"));
        assert!(!store.write(|t| t.postpone_due(&prospect(1), due.generation, at(60), 1)).unwrap());
        assert_eq!(ready(&store, 1), [prospect(1)]);
    }

    #[test]
    fn the_longest_ready_come_first_and_those_being_worked_on_are_left_out() {
        let store = TestStore::new();
        for (number, seconds) in [(1, 30), (2, 10), (3, 20), (4, 40)] {
            mark(&store, number, seen(Source::Poll, seconds, "success"));
        }
        assert_eq!(ready(&store, 30), [2, 3, 1].map(prospect));
        let busy = BTreeSet::from([prospect(2)]);
        let due = store.reader().due_ready_except(at(40), 2, &busy).unwrap();
        assert_eq!(due.into_iter().map(|due| due.prospect).collect::<Vec<_>>(), [3, 1].map(prospect));
    }

    #[test]
    fn the_newest_eight_observations_are_kept_and_repeats_count_once() {
        let store = TestStore::new();
        for second in 0..20 {
            mark(&store, 1, seen(Source::Poll, second, "again"));
        }
        for second in 20..27 {
            mark(&store, 1, seen(Source::Poll, second, &second.to_string()));
        }
        let kept = |store: &TestStore| -> Vec<_> {
            let due = store.reader().due(&prospect(1)).unwrap().unwrap();
            due.seen.into_iter().filter_map(|seen| seen.value).collect()
        };
        assert_eq!(kept(&store), ["again", "20", "21", "22", "23", "24", "25", "26"]);
        mark(&store, 1, seen(Source::Poll, 27, "27"));
        assert_eq!(kept(&store)[0], "20");
    }

    #[test]
    fn a_damaged_mark_is_still_a_mark() {
        let store = TestStore::new();
        let damage = || store.damage(&Kind::Due.key().prospect(&prospect(1)));
        mark(&store, 1, seen(Source::Poll, 5, "success"));
        damage();
        let [due] = &store.reader().due_ready(at(9), 9).unwrap()[..] else { panic!("one is due") };
        assert_eq!((due.generation, due.since, due.seen.len()), (0, at(5), 0));
        store.damage(&Kind::DueByTime.key().time(at(5)).prospect(&prospect(1)));
        assert_eq!(ready(&store, 9), [prospect(1)]);
        assert!(store.write(|t| t.clear_due(&prospect(1), 0)).unwrap());
        assert_eq!((store.rows(Kind::Due), store.rows(Kind::DueByTime)), (0, 0));

        let before = mark(&store, 1, seen(Source::Poll, 5, "success"));
        damage();
        let after = mark(&store, 1, seen(Source::Poll, 6, "success"));
        assert!(after.change > before.change && after.generation > before.generation);
        assert_eq!((store.rows(Kind::Due), store.rows(Kind::DueByTime)), (1, 1));
        assert_eq!(store.reader().due_count().unwrap(), 1);
    }
}
