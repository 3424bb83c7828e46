//! The journal: what was seen, decided and written, kept for `lockstep explain`.

use super::key::{Key, Kind};
use super::transaction::{Order, Reader, Transaction};
use super::{JournalEntry, StoreError};
use crate::kill_point;
use crate::model::{ProspectId, SalesforceId};
use jiff::Timestamp;
use std::ops::Range;
use std::time::Duration;

impl Reader<'_> {
    /// The last `limit` entries about a prospect, newest last.
    pub fn journal_of(&self, prospect: &ProspectId, limit: usize) -> Result<Vec<JournalEntry>, StoreError> {
        self.indexed_entries(Kind::JournalByProspect.key().prospect(prospect), limit)
    }

    /// The last `limit` entries about a Lead or Contact, newest last.
    pub fn journal_of_salesforce(
        &self,
        salesforce: &SalesforceId,
        limit: usize,
    ) -> Result<Vec<JournalEntry>, StoreError> {
        self.indexed_entries(Kind::JournalBySalesforce.key().salesforce(salesforce), limit)
    }

    /// The last `limit` entries about anybody, newest last.
    pub fn journal_recent(&self, limit: usize) -> Result<Vec<JournalEntry>, StoreError> {
        let entries = self.scan(all_entries(), Order::Descending).take(limit);
        let mut newest_first =
            entries.map(|entry| entry.map(|(_, row)| row)).collect::<Result<Vec<_>, _>>()?;
        newest_first.reverse();
        Ok(newest_first)
    }

    /// The `limit` entries before this number, or the last ones; each with its number, the newest first.
    pub fn journal_before(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, JournalEntry)>, StoreError> {
        let all = all_entries();
        let range = all.start..before.map_or(all.end, entry_key);
        self.numbered(range, Order::Descending, limit)
    }

    /// The `limit` entries behind this number, each with its number, the oldest first.
    pub fn journal_after(&self, after: u64, limit: usize) -> Result<Vec<(u64, JournalEntry)>, StoreError> {
        let range = entry_key(after.saturating_add(1))..all_entries().end;
        self.numbered(range, Order::Ascending, limit)
    }

    fn numbered(
        &self,
        range: Range<Key>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<(u64, JournalEntry)>, StoreError> {
        let entries = self.scan(range, order).take(limit);
        entries.map(|entry| entry.map(|(key, row)| (key.last_number(), row))).collect()
    }

    /// How many entries there are.
    pub fn journal_count(&self) -> Result<u64, StoreError> {
        self.count(Kind::Journal)
    }

    fn indexed_entries(&self, prefix: Key, limit: usize) -> Result<Vec<JournalEntry>, StoreError> {
        let mut entries = Vec::new();
        for key in self.keys(prefix.clone()..prefix.end(), Order::Descending) {
            if entries.len() == limit {
                break;
            }
            match self.get(&entry_key(key?.last_number())) {
                Ok(entry) => entries.extend(entry),
                Err(StoreError::Damaged { .. }) => {} // noted; the others are still worth reading
                Err(error) => return Err(error),
            }
        }
        entries.reverse();
        Ok(entries)
    }
}

impl Transaction<'_> {
    /// Adds an entry behind all others.
    pub fn append_journal(&mut self, entry: &JournalEntry) -> Result<(), StoreError> {
        let number = self.next_number()?;
        for index in index_keys(entry, number) {
            self.put(index, &())?;
        }
        self.change_count(Kind::Journal, 1)?;
        self.put(entry_key(number), entry)
    }

    /// Removes the oldest entries, as long as they are older than `keep` or there are more than `max_rows`; at
    /// most `step_limit` of them, so that one step never holds others up. Returns how many: call again while it is
    /// `step_limit`.
    pub fn prune_journal(
        &mut self,
        keep: Duration,
        now: Timestamp,
        max_rows: u64,
        step_limit: usize,
    ) -> Result<usize, StoreError> {
        // A span that reaches back before all time keeps everything.
        let oldest_kept = now.checked_sub(keep).unwrap_or(Timestamp::MIN);
        let mut excess = self.count(Kind::Journal)?.saturating_sub(max_rows);
        let mut doomed = Vec::new();
        for key in self.keys(all_entries(), Order::Ascending).take(step_limit) {
            let key = key?;
            // A damaged entry goes when its turn comes; what it was indexed by is not known any more.
            let entry = match self.get::<JournalEntry>(&key) {
                Err(StoreError::Damaged { .. }) => None,
                known => known?,
            };
            if excess == 0 && entry.as_ref().is_some_and(|entry| entry.at >= oldest_kept) {
                break;
            }
            excess = excess.saturating_sub(1);
            doomed.push((key, entry));
        }
        let removed = doomed.len();
        for (key, entry) in doomed {
            for index in entry.iter().flat_map(|entry| index_keys(entry, key.last_number())) {
                self.remove(index);
            }
            self.remove(key);
            self.change_count(Kind::Journal, -1)?;
        }
        if removed > 0 {
            kill_point::here("journal.pruned");
        }
        Ok(removed)
    }
}

fn all_entries() -> Range<Key> {
    Kind::Journal.key()..Kind::Journal.key().end()
}

fn entry_key(number: u64) -> Key {
    Kind::Journal.key().number(number)
}

pub(super) fn index_keys(entry: &JournalEntry, number: u64) -> impl Iterator<Item = Key> {
    let by_prospect = Kind::JournalByProspect.key().prospect(&entry.prospect).number(number);
    let by_salesforce =
        entry.salesforce.map(|id| Kind::JournalBySalesforce.key().salesforce(&id).number(number));
    std::iter::once(by_prospect).chain(by_salesforce)
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn entry(number: u32, seconds: i64) -> JournalEntry {
        JournalEntry {
            at: at(seconds),
            change: None,
            prospect: prospect(number),
            salesforce: Some(salesforce(number)),
            what: "written".to_owned(),
            seen: Vec::new(),
            rule: None,
            reason: String::new(),
            side: None,
            from: None,
            to: None,
            overruled: None,
            by: None,
        }
    }

    fn with_entries(entries: &[JournalEntry]) -> TestStore {
        let store = TestStore::new();
        store.write(|t| entries.iter().try_for_each(|entry| t.append_journal(entry))).unwrap();
        store
    }

    #[test]
    fn entries_are_found_by_both_ids_and_the_newest_comes_last() {
        let store = with_entries(&[entry(1, 0), entry(12, 1), entry(1, 2), entry(1, 3)]);
        let reader = store.reader();
        assert_eq!(reader.journal_of(&prospect(1), 9).unwrap(), [entry(1, 0), entry(1, 2), entry(1, 3)]);
        assert_eq!(reader.journal_of(&prospect(1), 2).unwrap(), [entry(1, 2), entry(1, 3)]);
        assert_eq!(reader.journal_of_salesforce(&salesforce(12), 9).unwrap(), [entry(12, 1)]);
        assert_eq!(reader.journal_recent(3).unwrap(), [entry(12, 1), entry(1, 2), entry(1, 3)]);
    }

    #[test]
    fn pages_go_back_from_the_newest_and_on_from_where_somebody_was() {
        let store = with_entries(&[entry(1, 0), entry(2, 1), entry(3, 2)]);
        let reader = store.reader();
        let rows = |page: Vec<(u64, JournalEntry)>| page.into_iter().map(|(_, row)| row).collect::<Vec<_>>();
        let newest = reader.journal_before(None, 2).unwrap();
        let (second, older) = (newest[1].0, reader.journal_before(Some(newest[1].0), 9).unwrap());
        assert_eq!(rows(newest), [entry(3, 2), entry(2, 1)]);
        assert_eq!(rows(older), [entry(1, 0)]);
        assert_eq!(rows(reader.journal_after(second, 9).unwrap()), [entry(3, 2)]);
        assert_eq!(reader.journal_after(second + 9, 9).unwrap(), []);
    }

    #[test]
    fn old_entries_go_in_bounded_steps_and_leave_nothing_behind() {
        let store = with_entries(&[entry(1, 0), entry(2, 1), entry(3, 2), entry(4, 86_400)]);
        let step = || store.write(|t| t.prune_journal(DAY, at(86_402), 100, 2)).unwrap();
        assert_eq!(step(), 2);
        assert_eq!(step(), 0, "the third is exactly as old as is kept");
        assert_eq!(store.reader().journal_recent(9).unwrap(), [entry(3, 2), entry(4, 86_400)]);
        assert_eq!(store.reader().journal_count().unwrap(), 2);
        assert_eq!(store.rows(Kind::JournalByProspect), 2);
        assert_eq!(store.rows(Kind::JournalBySalesforce), 2);
    }

    #[test]
    fn entries_over_the_limit_go_however_young() {
        let store = with_entries(&[entry(1, 0), entry(2, 1), entry(3, 2)]);
        assert_eq!(store.write(|t| t.prune_journal(DAY, at(2), 1, 100)).unwrap(), 2);
        assert_eq!(store.reader().journal_recent(9).unwrap(), [entry(3, 2)]);
    }

    #[test]
    fn a_damaged_entry_hides_no_other_and_goes_when_its_turn_comes() {
        let store = with_entries(&[entry(1, 0), entry(1, 1), entry(1, 2)]);
        let second = store.reader().keys(all_entries(), Order::Ascending).nth(1).unwrap().unwrap();
        store.damage(&second);
        assert_eq!(store.reader().journal_of(&prospect(1), 9).unwrap(), [entry(1, 0), entry(1, 2)]);
        assert_eq!(store.reader().journal_recent(9).unwrap(), [entry(1, 0), entry(1, 2)]);
        assert_eq!(store.quarantine.list().len(), 1);
        assert_eq!(store.write(|t| t.prune_journal(DAY, at(2), 1, 100)).unwrap(), 2);
        assert_eq!(store.reader().journal_count().unwrap(), 1);
        assert_eq!(store.reader().journal_of(&prospect(1), 9).unwrap(), [entry(1, 2)]);
    }
}
