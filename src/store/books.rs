//! The store's books: how many rows there are of each kind and what they add up to, and how many commits there were.
//!
//! A checksum tells that a row is not what was written. It cannot tell that a row is missing, or is an older one than
//! was acknowledged, which one flipped bit in the engine's file has been seen to do (facts/reliability.md 2.3). So
//! every commit also keeps, for each kind of row it touches, the number of rows and the sum of their checksums; and
//! the number of the last commit is noted outside of the engine ([`super::witness`]), against a file that as a whole
//! went back to what it was.

use super::StoreError;
use super::engine::{Changes, Engine};
use super::key::{Key, Kind};
use super::transaction::Transaction;
use super::value;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the rows of one kind add up to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tally {
    /// How many.
    pub(super) rows: u64,
    /// The sum of their checksums, which cover the keys too.
    pub(super) sum: u64,
}

impl Tally {
    /// With one row more.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.rows = self.rows.wrapping_add(1);
        self.sum = self.sum.wrapping_add(value::stands_for(bytes));
    }

    fn take_away(&mut self, bytes: &[u8]) {
        self.rows = self.rows.wrapping_sub(1);
        self.sum = self.sum.wrapping_sub(value::stands_for(bytes));
    }
}

/// What all rows add up to, by kind. A kind without rows may be absent.
pub(super) type Tallies = BTreeMap<Kind, Tally>;

/// The books themselves, which are in no tally.
pub(super) fn is_book(key: &Key) -> bool {
    key.begins_with(&books())
}

/// The key of a kind's tally.
pub(super) fn tally_key(kind: Kind) -> Key {
    books().text(&char::from(kind as u8).to_string())
}

/// The kind whose tally stands behind this key.
pub(super) fn kind_of_tally(key: &Key) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| tally_key(*kind) == *key)
}

/// The key of the number of the last commit.
pub(super) fn commit_key() -> Key {
    books().text("commit")
}

fn books() -> Key {
    Kind::Own.key().text("book/")
}

/// Enters a commit into the books, as further changes of it.
///
/// Returns the commit's number, and what stood before in every place that it changes.
pub(super) fn enter(engine: &Engine, changes: &mut Changes) -> Result<(u64, Changes), StoreError> {
    let mut before = Changes::new();
    let mut tallies = Tallies::new();
    for (key, new) in changes.iter() {
        let old = engine.get(key)?;
        if let Some(kind) = key.kind().filter(|_| !is_book(key)) {
            let tally = match tallies.get_mut(&kind) {
                Some(tally) => tally,
                None => {
                    let kept = entry(engine, changes, &tally_key(kind))?;
                    tallies.entry(kind).or_insert(kept.unwrap_or_default())
                }
            };
            old.iter().for_each(|bytes| tally.take_away(bytes));
            new.iter().for_each(|bytes| tally.add(bytes));
        }
        before.insert(key.clone(), old);
    }
    let number = entry::<u64>(engine, changes, &commit_key())?.unwrap_or(0) + 1;
    let mut enter = |key: Key, bytes: Result<Vec<u8>, serde_json::Error>| {
        let bytes = bytes.map_err(|error| StoreError::Broken { reason: format!("the books: {error}") })?;
        if !before.contains_key(&key) {
            before.insert(key.clone(), engine.get(&key)?);
        }
        changes.insert(key, Some(bytes));
        Ok::<_, StoreError>(())
    };
    for (kind, tally) in &tallies {
        let key = tally_key(*kind);
        let bytes = value::seal(&key, tally);
        enter(key, bytes)?;
    }
    let bytes = value::seal(&commit_key(), &number);
    enter(commit_key(), bytes)?;
    Ok((number, before))
}

/// Commits with the books, durably.
pub(super) fn commit(engine: &Engine, transaction: Transaction<'_>) -> Result<(), StoreError> {
    let mut changes = transaction.into_changes().0;
    enter(engine, &mut changes)?;
    engine.apply(changes)?;
    engine.flush()
}

/// An entry as this commit has set it, else as it was before.
fn entry<T: serde::de::DeserializeOwned>(
    engine: &Engine,
    changes: &Changes,
    key: &Key,
) -> Result<Option<T>, StoreError> {
    let bytes = match changes.get(key) {
        Some(changed) => changed.clone(),
        None => engine.get(key)?,
    };
    let read = |bytes: Vec<u8>| {
        value::unseal(key, &bytes)
            .map_err(|reason| StoreError::Corrupted { reason: format!("the row {key}: {reason}") })
    };
    bytes.map(read).transpose()
}

/// What the rows of these kinds really add up to, and the first row that is not what was written.
#[derive(Default)]
pub(super) struct Count {
    pub(super) tallies: Tallies,
    pub(super) kept: Tallies,
    pub(super) commit: Option<u64>,
    /// Rows that are not what was written, and what is wrong with each; the first [`DAMAGED_NAMED`] of them.
    pub(super) damaged: Vec<String>,
    pub(super) damaged_rows: u64,
    /// Those of them that are more than the journal.
    pub(super) damaged_that_decide: u64,
}

/// How many damaged rows are named.
const DAMAGED_NAMED: usize = 10;

impl Count {
    /// Takes in one row.
    pub(super) fn add(&mut self, key: &Key, bytes: &[u8]) {
        if let Err(reason) = value::payload(key, bytes) {
            self.damaged_rows += 1;
            self.damaged_that_decide += u64::from(!key.kind().is_some_and(Kind::is_journal));
            if self.damaged.len() < DAMAGED_NAMED {
                self.damaged.push(format!("the row {key} is damaged: {reason}"));
            }
        }
        if *key == commit_key() {
            self.commit = value::unseal(key, bytes).ok();
        } else if is_book(key) {
            let tally = value::unseal(key, bytes).ok();
            self.kept.extend(kind_of_tally(key).zip(tally));
        } else if let Some(kind) = key.kind() {
            self.tallies.entry(kind).or_default().add(bytes);
        }
    }

    /// Everything that is wrong with the rows of `kinds`, in words.
    pub(super) fn problems(&self, kinds: &[Kind]) -> Vec<String> {
        let mut problems = self.damaged.clone();
        if self.damaged_rows > problems.len() as u64 {
            problems.push(format!("{} rows are damaged in all", self.damaged_rows));
        }
        problems.extend(self.tallies_differ(kinds));
        problems
    }

    /// What the books say otherwise about these kinds.
    pub(super) fn tallies_differ(&self, kinds: &[Kind]) -> Vec<String> {
        let mut problems = Vec::new();
        for kind in kinds {
            let of = |tallies: &Tallies| tallies.get(kind).copied().unwrap_or_default();
            let (found, kept) = (of(&self.tallies), of(&self.kept));
            if found.rows != kept.rows {
                problems.push(format!("{} rows of {kind:?}, and the books say {}", found.rows, kept.rows));
            } else if found.sum != kept.sum {
                problems.push(format!("some of the {} rows of {kind:?} are not the latest", found.rows));
            }
        }
        problems
    }
}
