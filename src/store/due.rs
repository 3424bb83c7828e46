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

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::model::Side;

    fn seen(source: Source, seconds: i64, value: &str) -> Seen {
        Seen { side: Some(Side::Engage), source, at: at(seconds), value: Some(value.to_owned()), by: None }
    }

    fn mark(store: &TestStore, number: u32, seen: Seen) -> Due {
        store.write(|t| t.mark_due(&prospect(number), seen)).unwrap()
    }

    fn ready(store: &TestStore, seconds: i64) -> Vec<ProspectId> {
        let due = store.reader().due_ready(at(seconds), 100).unwrap();
        due.into_iter().map(|due| due.prospect).collect()
    }

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
    fn a_waiting_link_is_ready_at_its_time_and_not_before() {
        let store = TestStore::new();
        let due = mark(&store, 1, seen(Source::Poll, 0, "success"));
        assert!(store.write(|t| t.postpone_due(&prospect(1), due.generation, at(60), 3)).unwrap());
        assert_eq!(ready(&store, 59), []);
        assert_eq!(store.reader().next_due_at().unwrap(), Some(at(60)));
        assert_eq!(ready(&store, 60), [prospect(1)]);
        assert_eq!(store.reader().due(&prospect(1)).unwrap().unwrap().attempts, 3);
        assert_eq!(store.reader().due_count().unwrap(), 1);
    }

    #[test]
    fn news_and_operators_end_a_wait_and_what_is_merely_seen_again_does_not() {
        for (news, ends) in [
            (seen(Source::Poll, 1, "success"), false),
            (seen(Source::Webhook, 1, "success"), false),
            (seen(Source::Webhook, 1, "opted_out"), true),
            (seen(Source::Operator, 1, "success"), true),
        ] {
            let store = TestStore::new();
            let due = mark(&store, 1, seen(Source::Poll, 0, "success"));
            store.write(|t| t.postpone_due(&prospect(1), due.generation, at(60), 3)).unwrap();
            let marked = mark(&store, 1, news.clone());
            assert_eq!(marked.attempts == 0, ends, "{news:?}");
            assert_eq!(ready(&store, 1).len(), usize::from(ends), "{news:?}");
            assert_eq!(ready(&store, 60), [prospect(1)], "{news:?}");
        }
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
