//! What the unit tests of this room share: an engine without threads, and rows to put into it.

use super::engine::{Changes, Engine};
use super::key::{Key, Kind};
use super::snapshot::Snapshot;
use super::transaction::{Order, Quarantine, Reader, Transaction};
use super::{Due, Seen, Source, StoreError, books};
use crate::model::{Link, ProspectId, SalesforceId, Side};
use jiff::Timestamp;

pub(super) struct TestStore {
    pub(super) engine: Engine,
    pub(super) quarantine: Quarantine,
    pub(super) snapshot: Snapshot,
    _dir: tempfile::TempDir,
}

impl TestStore {
    pub(super) fn new() -> TestStore {
        let dir = tempfile::tempdir().unwrap();
        let engine = Engine::open(dir.path(), 1 << 20).unwrap();
        TestStore { engine, quarantine: Quarantine::default(), snapshot: Snapshot::default(), _dir: dir }
    }

    pub(super) fn write<T>(
        &self,
        change: impl FnOnce(&mut Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut transaction = Transaction::new(&self.engine, &self.quarantine);
        let result = transaction.attempt(change);
        self.engine.apply(transaction.into_changes().0).unwrap();
        result
    }

    /// As a store commits it: with the books, and with what whoever reads everything has to know.
    pub(super) fn commit<T>(
        &self,
        change: impl FnOnce(&mut Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut transaction = Transaction::new(&self.engine, &self.quarantine);
        let result = transaction.attempt(change);
        let mut changes = transaction.into_changes().0;
        let (_, before) = books::enter(&self.engine, &mut changes)?;
        self.snapshot.keep(before);
        self.engine.apply(changes)?;
        result
    }

    pub(super) fn reader(&self) -> Reader<'_> {
        Reader::new(&self.engine, &self.quarantine)
    }

    /// Flips a bit in the middle of a stored row.
    pub(super) fn damage(&self, key: &Key) {
        let mut bytes = self.engine.get(key).unwrap().unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 4;
        self.engine.apply(Changes::from([(key.clone(), Some(bytes))])).unwrap();
    }

    /// How many rows of a kind really stand in the tree.
    pub(super) fn rows(&self, kind: Kind) -> usize {
        self.reader().keys(kind.key()..kind.key().end(), Order::Ascending).count()
    }
}

pub(super) fn prospect(number: u32) -> ProspectId {
    format!("p_{number}").parse().unwrap()
}

pub(super) fn salesforce(number: u32) -> SalesforceId {
    format!("00Q{number:012}").parse().unwrap()
}

/// A link of one number with the record of another.
pub(super) fn link(prospect_number: u32, salesforce_number: u32) -> Link {
    Link::new(prospect(prospect_number), salesforce(salesforce_number))
}

/// So many seconds into the tests' day.
pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_780_000_000 + seconds).unwrap()
}

/// Somebody's status was seen in Engage.
pub(super) fn seen(source: Source, seconds: i64, value: &str) -> Seen {
    Seen { side: Some(Side::Engage), source, at: at(seconds), value: Some(value.to_owned()), by: None }
}

/// A link of this number becomes due.
pub(super) fn mark(store: &TestStore, number: u32, seen: Seen) -> Due {
    store.write(|t| t.mark_due(&prospect(number), seen)).unwrap()
}

/// Who may be looked at by then.
pub(super) fn ready(store: &TestStore, seconds: i64) -> Vec<ProspectId> {
    let due = store.reader().due_ready(at(seconds), 100).unwrap();
    due.into_iter().map(|due| due.prospect).collect()
}
