//! Looking at everything: each row's checksum, the books, and whether the indexes and the rows say the same.

use super::books::Count;
use super::key::{Key, Kind};
use super::table::Row;
use super::{Due, Former, Held, JournalEntry, Store, StoreError, journal, value};
use crate::emit;
use crate::model::Link;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Integrity {
    /// Whether all is well.
    pub whole: bool,
    /// How many rows there are.
    pub rows: u64,
    /// How many of each kind.
    pub kinds: BTreeMap<String, u64>,
    /// Everything that is wrong, in words.
    pub problems: Vec<String>,
    /// Only the journal is concerned, which decides nothing.
    pub only_journal: bool,
}

impl Store {
    /// Looks at everything, as it is at one moment. Blocks; others may read and write meanwhile.
    ///
    /// # Errors
    /// When the store stops working, or too much is changed meanwhile.
    pub fn verify(&self) -> Result<Integrity, StoreError> {
        let kinds = Kind::in_order(|_| true);
        let mut count = Count::default();
        let mut indexes = Indexes::default();
        self.visit(kinds.clone(), |key, bytes| {
            count.add(key, bytes);
            indexes.add(key, bytes);
            Ok(())
        })?;
        let mut problems = count.problems(&kinds);
        problems.extend(indexes.problems(|_| true));
        let deciding = Kind::in_order(|kind| !kind.is_journal());
        let decides = count.damaged_that_decide > 0
            || !count.tallies_differ(&deciding).is_empty()
            || !indexes.problems(|kind| !kind.is_journal()).is_empty();
        let rows = count.tallies.iter().map(|(kind, tally)| (format!("{kind:?}"), tally.rows)).collect();
        Ok(Integrity {
            whole: problems.is_empty(),
            rows: count.tallies.values().map(|tally| tally.rows).sum(),
            kinds: rows,
            only_journal: !decides && !problems.is_empty(),
            problems,
        })
    }

    /// [`verify`](Store::verify), with consequences: what is wrong is logged; and if it is more than the journal, the
    /// store takes no more work, and the next process puts it back from its newest checkpoint.
    ///
    /// # Errors
    /// As [`verify`](Store::verify).
    pub fn check(&self) -> Result<Integrity, StoreError> {
        let found = self.verify()?;
        if !found.whole {
            let reason = found.problems.join("; ");
            emit!(STORE_DAMAGED, reason, "the store is damaged: {reason}");
            if !found.only_journal {
                self.shared().note(Some(&StoreError::Corrupted { reason }));
            }
        }
        Ok(found)
    }
}

/// For each kind of index: what the rows ask for, and what is there. Compared by number and sum, so that memory does not
/// grow with the store.
#[derive(Default)]
pub(super) struct Indexes {
    wanted: BTreeMap<Kind, Sum>,
    found: BTreeMap<Kind, Sum>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sum {
    keys: u64,
    sum: u64,
}

impl Sum {
    fn add(&mut self, key: &Key) {
        self.keys += 1;
        self.sum = self.sum.wrapping_add(u64::from(crc32fast::hash(key.as_bytes())));
    }
}

/// The kinds that only lead to others.
const INDEXES: [Kind; 7] = [
    Kind::LinkBySalesforce,
    Kind::DueByTime,
    Kind::HeldById,
    Kind::FormerBySalesforce,
    Kind::WritesByTime,
    Kind::JournalByProspect,
    Kind::JournalBySalesforce,
];

impl Indexes {
    /// Takes in one row.
    pub(super) fn add(&mut self, key: &Key, bytes: &[u8]) {
        let Some(kind) = key.kind() else { return };
        if INDEXES.contains(&kind) {
            // Times of writes are counted, not led to: what leads there bears a number of its own.
            match kind == Kind::WritesByTime {
                true => self.found.entry(kind).or_default().keys += 1,
                false => self.found.entry(kind).or_default().add(key),
            }
            return;
        }
        // A damaged row is told already; what it was indexed by is not known.
        match kind {
            Kind::Link => self.want_index::<Link>(key, bytes),
            Kind::Due => self.want_index::<Due>(key, bytes),
            Kind::Held => self.want_index::<Held>(key, bytes),
            Kind::Former => {
                let former: Option<Former> = read(key, bytes);
                former.iter().flat_map(Former::index_keys).for_each(|key| self.want(&key));
            }
            Kind::Journal => {
                let entry: Option<JournalEntry> = read(key, bytes);
                let keys = entry.iter().flat_map(|entry| journal::index_keys(entry, key.last_number()));
                keys.for_each(|key| self.want(&key));
            }
            Kind::Writes => {
                let writes: Option<Vec<Timestamp>> = read(key, bytes);
                let writes = writes.map_or(0, |writes| writes.len() as u64);
                self.wanted.entry(Kind::WritesByTime).or_default().keys += writes;
            }
            _ => {}
        }
    }

    fn want_index<R: Row>(&mut self, key: &Key, bytes: &[u8]) {
        let prospect = key.prospect_after_kind();
        if let (Some(row), Some(prospect)) = (read::<R>(key, bytes), prospect)
            && let Some(index) = row.index(&prospect)
        {
            self.want(&index);
        }
    }

    fn want(&mut self, key: &Key) {
        if let Some(kind) = key.kind() {
            self.wanted.entry(kind).or_default().add(key);
        }
    }

    /// Where the indexes that are of concern say otherwise, in words.
    pub(super) fn problems(&self, concerns: impl Fn(Kind) -> bool) -> Vec<String> {
        let of = |sums: &BTreeMap<Kind, Sum>, kind| sums.get(&kind).copied().unwrap_or_default();
        let differ = INDEXES.into_iter().filter(|kind| concerns(*kind)).filter_map(|kind| {
            let (wanted, found) = (of(&self.wanted, kind), of(&self.found, kind));
            // What is outdated is cleared away a few at a time, from either end.
            if wanted == found || kind == Kind::WritesByTime && found.keys >= wanted.keys {
                return None;
            }
            Some(match wanted.keys == found.keys {
                true => {
                    format!("some of the {} entries of {kind:?} lead elsewhere than its rows say", found.keys)
                }
                false => format!("{kind:?} has {} entries, and its rows ask for {}", found.keys, wanted.keys),
            })
        });
        differ.collect()
    }
}

fn read<T: DeserializeOwned>(key: &Key, bytes: &[u8]) -> Option<T> {
    value::unseal(key, bytes).ok()
}
