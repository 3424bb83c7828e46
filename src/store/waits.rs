//! Why something that is due is not looked at yet: it failed and is tried again later, or an operator is asked.

use super::key::Kind;
use super::transaction::Transaction;
use super::{Due, StoreError};
use crate::model::ProspectId;
use jiff::Timestamp;
impl Transaction<'_> {
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

    /// Lets a decided write wait for an operator, until `not_before` at least, if the mark still has this generation, and
    /// nobody has let through that very write meanwhile.
    pub fn hold_back(
        &mut self,
        prospect: &ProspectId,
        generation: u64,
        not_before: Timestamp,
        fingerprint: u64,
    ) -> Result<bool, StoreError> {
        let waits = |due: &Due| due.generation == generation && due.approved != Some(fingerprint);
        let Some(old) = self.due(prospect)?.filter(waits) else { return Ok(false) };
        let due =
            Due { not_before: Some(not_before), waiting: Some(fingerprint), approved: None, ..old.clone() };
        self.replace_row(prospect, Some(&old), Some(&due))?;
        Ok(true)
    }

    /// Lets through the write of this fingerprint, and at once. `false` when it does not wait, or not any more.
    pub fn let_through(&mut self, prospect: &ProspectId, fingerprint: u64) -> Result<bool, StoreError> {
        let waits = |due: &Due| due.waiting == Some(fingerprint);
        let Some(old) = self.due(prospect)?.filter(waits) else { return Ok(false) };
        let due = Due { not_before: None, waiting: None, approved: old.waiting, ..old.clone() };
        self.replace_row(prospect, Some(&old), Some(&due))?;
        Ok(true)
    }

    /// Ends the wait of those who failed and are to be tried again after `now`, of at most `limit`. Says of how many.
    pub fn try_again_now(&mut self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let mut failed = Vec::new();
        for waits in self.due_times(Kind::DueByTime.key().time(now)..Kind::DueByTime.key().end()) {
            let due = self.due(&waits?.1)?;
            failed.extend(due.filter(|due| due.attempts > 0 && due.not_before > Some(now)));
            if failed.len() == limit {
                break;
            }
        }
        for old in &failed {
            let due = Due { not_before: None, ..old.clone() };
            self.replace_row(&old.prospect, Some(old), Some(&due))?;
        }
        Ok(failed.len())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use crate::store::Source;

    #[test]
    fn an_operator_who_was_faster_than_the_turn_that_asks_is_not_asked_again() {
        let store = TestStore::new();
        let due = mark(&store, 1, seen(Source::Poll, 0, "success"));
        let asks =
            |fingerprint| store.write(|t| t.hold_back(&prospect(1), due.generation, at(900), fingerprint));
        assert!(asks(7).unwrap());
        assert!(store.write(|t| t.let_through(&prospect(1), 7)).unwrap());
        assert!(!asks(7).unwrap(), "a turn that was deciding meanwhile");
        let through = store.reader().due(&prospect(1)).unwrap().unwrap();
        assert_eq!((through.approved, through.waiting, through.not_before), (Some(7), None, None));
        assert!(asks(8).unwrap(), "another write is another question");
    }

    #[test]
    fn what_waits_for_an_operator_is_let_through_as_it_was_and_at_once() {
        let store = TestStore::new();
        let due = mark(&store, 1, seen(Source::Poll, 0, "success"));
        assert!(!store.write(|t| t.let_through(&prospect(1), 7)).unwrap(), "nothing waits yet");
        store.write(|t| t.hold_back(&prospect(1), due.generation, at(900), 7)).unwrap();
        assert!(ready(&store, 10).is_empty());
        assert!(store.write(|t| t.let_through(&prospect(1), 7)).unwrap());
        assert_eq!(ready(&store, 10), [prospect(1)]);
        let due = store.reader().due(&prospect(1)).unwrap().unwrap();
        assert_eq!((due.waiting, due.approved), (None, Some(7)));
        let (waiting, _) = store.reader().waiting_after(None, 10).unwrap();
        assert!(waiting.is_empty());
    }

    #[test]
    fn what_waits_by_now_is_not_let_through_where_something_else_was_shown() {
        let store = TestStore::new();
        let due = mark(&store, 1, seen(Source::Poll, 0, "success"));
        store.write(|t| t.hold_back(&prospect(1), due.generation, at(900), 8)).unwrap();
        assert!(!store.write(|t| t.let_through(&prospect(1), 7)).unwrap());
        let due = store.reader().due(&prospect(1)).unwrap().unwrap();
        assert_eq!((due.waiting, due.approved, due.not_before), (Some(8), None, Some(at(900))));
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
    fn whoever_failed_is_tried_again_at_once_when_somebody_says_so_and_whoever_waits_for_an_operator_is_not()
    {
        let store = TestStore::new();
        for number in 1..=4 {
            let due = mark(&store, number, seen(Source::Poll, 0, "success"));
            let waits = |attempts| {
                store.write(|t| t.postpone_due(&prospect(number), due.generation, at(60), attempts))
            };
            match number {
                1 | 2 => assert!(waits(3).unwrap()),
                3 => assert!(waits(0).unwrap(), "it was not tried yet"),
                _ => assert!(
                    store.write(|t| t.hold_back(&prospect(number), due.generation, at(60), 7)).unwrap()
                ),
            }
        }
        assert_eq!(ready(&store, 10), []);
        assert_eq!(store.write(|t| t.try_again_now(at(10), 1)).unwrap(), 1);
        assert_eq!(store.write(|t| t.try_again_now(at(10), 9)).unwrap(), 1);
        assert_eq!(store.write(|t| t.try_again_now(at(10), 9)).unwrap(), 0);
        assert_eq!(ready(&store, 10), [prospect(1), prospect(2)]);
        assert_eq!(store.reader().due(&prospect(1)).unwrap().unwrap().attempts, 3, "what failed has failed");
    }
}
