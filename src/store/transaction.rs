//! Reading and changing rows: what every kind of row is built on.

use super::StoreError;
use super::caught::caught;
use super::engine::{Changes, Engine};
use super::key::{Key, Kind};
use super::{Source, value};
use crate::model::Side;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::cmp::Ordering;
use std::collections::{BTreeMap, btree_map::Entry};
use std::ops::{Deref, Range};
use std::sync::{Mutex, PoisonError};

/// Rows that were found damaged since the store was opened: key and what is wrong.
#[derive(Debug, Default)]
pub(super) struct Quarantine(Mutex<BTreeMap<Key, String>>);

impl Quarantine {
    pub(super) fn list(&self) -> Vec<StoreError> {
        let rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rows.iter()
            .map(|(key, reason)| StoreError::Damaged { key: key.to_string(), reason: reason.clone() })
            .collect()
    }

    /// The first one that is more than an entry of the journal, in words.
    pub(super) fn first_that_decides(&self) -> Option<String> {
        let rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let decides = |key: &Key| !key.kind().is_some_and(Kind::is_journal);
        let (key, reason) = rows.iter().find(|(key, _)| decides(key))?;
        Some(format!("the row {key}: {reason}"))
    }

    fn add(&self, key: &Key, reason: String) -> StoreError {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), reason.clone());
        StoreError::Damaged { key: key.to_string(), reason }
    }
}

/// The store as it was between two commits, to look things up in. What is read is durable.
///
/// A commit waits until nobody reads: take pages, not everything, where there may be 100,000 rows.
pub struct Reader<'a> {
    engine: &'a Engine,
    quarantine: &'a Quarantine,
    /// What a transaction changed so far; empty for plain reading.
    changes: Changes,
}

/// Changes that become durable together or not at all. It reads its own changes ([`Reader`]'s methods).
pub struct Transaction<'a> {
    reader: Reader<'a>,
    /// What stood in `changes` before the closure that runs now touched it, to take that closure back alone.
    undo: BTreeMap<Key, Option<Option<Vec<u8>>>>,
    /// The observations that made links due, to be counted once they are durable.
    seen: Vec<(Option<Side>, Source)>,
}

impl<'a> Deref for Transaction<'a> {
    type Target = Reader<'a>;

    fn deref(&self) -> &Reader<'a> {
        &self.reader
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(engine: &'a Engine, quarantine: &'a Quarantine) -> Reader<'a> {
        Reader { engine, quarantine, changes: Changes::new() }
    }

    /// The row behind a key.
    pub(super) fn get<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<T>, StoreError> {
        let bytes = match self.changes.get(key) {
            Some(changed) => changed.clone(),
            None => self.engine.get(key)?,
        };
        bytes.map(|bytes| self.unseal(key, &bytes)).transpose()
    }

    /// Whether there is a row behind a key, damaged or not.
    pub(super) fn contains(&self, key: &Key) -> Result<bool, StoreError> {
        match self.changes.get(key) {
            Some(changed) => Ok(changed.is_some()),
            None => Ok(self.engine.get(key)?.is_some()),
        }
    }

    /// The rows of a range, by key. A damaged row is noted and left out, so that one does not hide the others.
    pub(super) fn scan<T: DeserializeOwned>(
        &self,
        range: Range<Key>,
        order: Order,
    ) -> impl Iterator<Item = Result<(Key, T), StoreError>> {
        self.scan_bytes(range, order).filter_map(|entry| match entry {
            Ok((key, bytes)) => self.unseal(&key, &bytes).ok().map(|row| Ok((key, row))),
            Err(error) => Some(Err(error)),
        })
    }

    /// The keys of a range, of damaged rows too.
    pub(super) fn keys(
        &self,
        range: Range<Key>,
        order: Order,
    ) -> impl Iterator<Item = Result<Key, StoreError>> {
        self.scan_bytes(range, order).map(|entry| entry.map(|(key, _)| key))
    }

    /// The keys and bytes of a range, as they are.
    pub(super) fn scan_bytes(
        &self,
        range: Range<Key>,
        order: Order,
    ) -> impl Iterator<Item = Result<(Key, Vec<u8>), StoreError>> {
        type Entries<'i, T> = Box<dyn Iterator<Item = T> + 'i>;
        let stored = self.engine.range(&range.start..&range.end);
        let changed = self.changes.range(range);
        let (stored, changed): (Entries<'_, _>, Entries<'_, _>) = match order {
            Order::Ascending => (Box::new(stored), Box::new(changed)),
            Order::Descending => (Box::new(stored.rev()), Box::new(changed.rev())),
        };
        let (mut stored, mut changed) = (stored.peekable(), changed.peekable());
        // The two are walked side by side; a changed row hides the stored one under the same key.
        std::iter::from_fn(move || {
            loop {
                let nearer = match (stored.peek(), changed.peek()) {
                    (Some(Ok((stored, _))), Some((changed, _))) => match order {
                        Order::Ascending => stored.cmp(changed),
                        Order::Descending => (*changed).cmp(stored),
                    },
                    (Some(_), _) => Ordering::Less,
                    (None, _) => Ordering::Greater,
                };
                if nearer == Ordering::Less {
                    return stored.next();
                }
                if nearer == Ordering::Equal {
                    stored.next();
                }
                let (key, bytes) = changed.next()?;
                if let Some(bytes) = bytes {
                    return Some(Ok((key.clone(), bytes.clone())));
                }
            }
        })
    }

    fn unseal<T: DeserializeOwned>(&self, key: &Key, bytes: &[u8]) -> Result<T, StoreError> {
        value::unseal(key, bytes).map_err(|reason| self.quarantine.add(key, reason))
    }
}

/// From which end a range is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Ascending,
    Descending,
}

impl<'a> Transaction<'a> {
    pub(super) fn new(engine: &'a Engine, quarantine: &'a Quarantine) -> Transaction<'a> {
        Transaction { reader: Reader::new(engine, quarantine), undo: BTreeMap::new(), seen: Vec::new() }
    }

    /// Runs one closure; if it fails, its changes alone are taken back.
    pub(super) fn attempt<T>(
        &mut self,
        run: impl FnOnce(&mut Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.undo.clear();
        let seen_before = self.seen.len();
        let result = caught(|| run(&mut *self)).unwrap_or_else(panicked);
        if result.is_err() {
            self.seen.truncate(seen_before);
            for (key, before) in std::mem::take(&mut self.undo) {
                match before {
                    Some(change) => self.reader.changes.insert(key, change),
                    None => self.reader.changes.remove(&key),
                };
            }
        }
        result
    }

    /// Everything that was changed and not taken back, and what was seen.
    pub(super) fn into_changes(self) -> (Changes, Vec<(Option<Side>, Source)>) {
        (self.reader.changes, self.seen)
    }

    /// Something was seen that made a link due.
    pub(super) fn note_seen(&mut self, side: Option<Side>, source: Source) {
        self.seen.push((side, source));
    }

    pub(super) fn put<T: Serialize>(&mut self, key: Key, row: &T) -> Result<(), StoreError> {
        let bytes = value::seal(&key, row)
            .map_err(|error| StoreError::Aborted { reason: format!("{key} cannot be stored: {error}") })?;
        self.change(key, Some(bytes));
        Ok(())
    }

    pub(super) fn remove(&mut self, key: Key) {
        self.change(key, None);
    }

    fn change(&mut self, key: Key, value: Option<Vec<u8>>) {
        let before = self.reader.changes.insert(key.clone(), value);
        if let Entry::Vacant(slot) = self.undo.entry(key) {
            slot.insert(before);
        }
    }

    /// A number never handed out before, larger than all before it, also over restarts. Change ids, the
    /// generations of due marks and the order of the journal are drawn from it.
    pub(super) fn next_number(&mut self) -> Result<u64, StoreError> {
        let key = Kind::Own.key().text("next");
        let number = self.get(&key)?.unwrap_or(1u64);
        let Some(next) = number.checked_add(1) else {
            return Err(StoreError::Damaged { key: key.to_string(), reason: "no number is left".to_owned() });
        };
        self.put(key, &next)?;
        Ok(number)
    }
}

/// A panic of a closure is that closure's failure alone.
pub(super) fn panicked<T>(words: String) -> Result<T, StoreError> {
    Err(StoreError::Aborted { reason: format!("it panicked: {words}") })
}

#[cfg(test)]
mod tests {
    use super::super::testing::TestStore;
    use super::*;
    use proptest::prelude::*;

    fn key(number: u8) -> Key {
        Kind::Meta.key().text(&char::from(b'a' + number).to_string())
    }

    fn all(reader: &Reader<'_>, order: Order) -> Vec<(Key, u8)> {
        let range = Kind::Meta.key()..Kind::Meta.key().end();
        reader.scan(range, order).collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn a_closure_that_fails_or_panics_is_taken_back_alone() {
        let store = TestStore::new();
        store.write(|t| t.put(key(0), &0u8)).unwrap();
        let mut transaction = Transaction::new(&store.engine, &store.quarantine);
        transaction.attempt(|t| t.put(key(1), &1u8)).unwrap();
        let given_up = || StoreError::Aborted { reason: "given up".to_owned() };
        let failed = transaction.attempt(|t| {
            t.remove(key(0));
            t.put(key(1), &2u8)?;
            t.remove(key(1));
            t.put(key(2), &2u8)?;
            Err::<(), _>(given_up())
        });
        assert_eq!(failed, Err(given_up()));
        let panicked = transaction.attempt(|t| -> Result<(), StoreError> {
            t.remove(key(1));
            panic!("by mistake")
        });
        assert!(panicked.unwrap_err().to_string().contains("by mistake"));
        transaction.attempt(|t| t.put(key(3), &3u8)).unwrap();
        assert_eq!(all(&transaction, Order::Ascending), [(key(0), 0), (key(1), 1), (key(3), 3)]);
    }

    #[test]
    fn a_number_given_back_with_its_transaction_is_the_only_one_handed_out_again() {
        let store = TestStore::new();
        let first = store.write(|t| Ok((t.next_number()?, t.next_number()?))).unwrap();
        let failed = store.write(|t| {
            t.next_number()?;
            Err::<(), _>(StoreError::Aborted { reason: String::new() })
        });
        assert!(failed.is_err());
        assert_eq!((first, store.write(|t| t.next_number()).unwrap()), ((1, 2), 3));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_scan_shows_what_is_stored_as_the_transaction_changed_it(
            stored in proptest::collection::btree_map(0u8..12, 0u8..100, 0..12),
            changed in proptest::collection::btree_map(0u8..12, proptest::option::of(100u8..), 0..12),
        ) {
            let store = TestStore::new();
            store.write(|t| stored.iter().try_for_each(|(n, value)| t.put(key(*n), value))).unwrap();
            let mut transaction = Transaction::new(&store.engine, &store.quarantine);
            let mut expected = stored;
            for (number, value) in changed {
                match value {
                    Some(value) => {
                        transaction.put(key(number), &value).unwrap();
                        expected.insert(number, value);
                    }
                    None => {
                        transaction.remove(key(number));
                        expected.remove(&number);
                    }
                }
            }
            let mut expected: Vec<_> = expected.into_iter().map(|(n, value)| (key(n), value)).collect();
            prop_assert_eq!(all(&transaction, Order::Ascending), expected.clone());
            expected.reverse();
            prop_assert_eq!(all(&transaction, Order::Descending), expected);
        }
    }
}
