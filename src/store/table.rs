//! Tables of one row a prospect: each keeps its count, and its index, in step by itself.

use super::StoreError;
use super::key::{Key, Kind};
use super::transaction::{Order, Reader, Transaction};
use crate::model::ProspectId;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// A row of which every prospect has at most one.
pub(super) trait Row: Serialize + DeserializeOwned {
    /// Its kind, which its keys begin with.
    const KIND: Kind;

    /// The key of another kind under which the prospect can be found too. It may change with the row.
    fn index(&self, _prospect: &ProspectId) -> Option<Key> {
        None
    }

    /// Which of a few classes it belongs to, where those are counted too.
    fn class(&self) -> Option<&'static str> {
        None
    }
}

impl Reader<'_> {
    pub(super) fn row<R: Row>(&self, prospect: &ProspectId) -> Result<Option<R>, StoreError> {
        self.get(&R::KIND.key().prospect(prospect))
    }

    /// The rows behind `after`, in the order of prospect ids. Fewer than `limit` means that there are no more.
    pub(super) fn rows_after<R: Row>(
        &self,
        after: Option<&ProspectId>,
        limit: usize,
    ) -> Result<Vec<R>, StoreError> {
        let start = match after {
            Some(prospect) => R::KIND.key().prospect(prospect).next(),
            None => R::KIND.key(),
        };
        self.scan(start..R::KIND.key().end(), Order::Ascending)
            .take(limit)
            .map(|entry| entry.map(|(_, row)| row))
            .collect()
    }

    /// The row that an index leads to.
    pub(super) fn row_by<R: Row>(&self, index: &Key) -> Result<Option<R>, StoreError> {
        match self.get::<ProspectId>(index)? {
            Some(prospect) => self.row(&prospect),
            None => Ok(None),
        }
    }

    /// How many rows there are, damaged ones included: kept by every commit, since counting 100,000 takes long.
    pub(super) fn count(&self, kind: Kind) -> Result<u64, StoreError> {
        match self.get(&count_key(kind)) {
            Ok(count) => Ok(count.unwrap_or(0)),
            Err(StoreError::Damaged { .. }) => {
                let keys = self.keys(kind.key()..kind.key().end(), Order::Ascending);
                keys.map(|key| key.map(|_| 1)).sum()
            }
            Err(error) => Err(error),
        }
    }

    /// How many rows of a class there are; kept by every commit likewise.
    pub(super) fn count_of<R: Row>(&self, class: &str) -> Result<u64, StoreError> {
        match self.get(&class_key(R::KIND, class)) {
            Ok(count) => Ok(count.unwrap_or(0)),
            Err(StoreError::Damaged { .. }) => {
                let rows = self.scan::<R>(R::KIND.key()..R::KIND.key().end(), Order::Ascending);
                rows.map(|entry| entry.map(|(_, row)| u64::from(row.class() == Some(class)))).sum()
            }
            Err(error) => Err(error),
        }
    }
}

impl Transaction<'_> {
    /// Sets the row. Fails when its index leads to another prospect already.
    pub(super) fn put_row<R: Row>(&mut self, prospect: &ProspectId, row: &R) -> Result<(), StoreError> {
        let old = self.row::<R>(prospect)?;
        self.replace_row(prospect, old.as_ref(), Some(row))
    }

    /// Removes the row and returns it.
    pub(super) fn take_row<R: Row>(&mut self, prospect: &ProspectId) -> Result<Option<R>, StoreError> {
        let old = self.row::<R>(prospect)?;
        if old.is_some() {
            self.replace_row(prospect, old.as_ref(), None)?;
        }
        Ok(old)
    }

    /// Sets or removes the row of which the caller knows the `old` one.
    pub(super) fn replace_row<R: Row>(
        &mut self,
        prospect: &ProspectId,
        old: Option<&R>,
        new: Option<&R>,
    ) -> Result<(), StoreError> {
        let old_index = old.and_then(|row| row.index(prospect));
        let new_index = new.and_then(|row| row.index(prospect));
        if old_index != new_index {
            if let Some(index) = old_index {
                self.remove(index);
            }
            if let Some(index) = new_index {
                if let Some(by) = self.get::<ProspectId>(&index)?.filter(|by| by != prospect) {
                    return Err(StoreError::Taken { key: index.to_string(), by });
                }
                self.put(index, prospect)?;
            }
        }
        let key = R::KIND.key().prospect(prospect);
        let existed = self.contains(&key)?;
        self.change_count(R::KIND, i64::from(new.is_some()) - i64::from(existed))?;
        let (old_class, new_class) = (old.and_then(Row::class), new.and_then(Row::class));
        if old_class != new_class {
            old_class.map_or(Ok(()), |class| self.change_class_count::<R>(class, -1))?;
            new_class.map_or(Ok(()), |class| self.change_class_count::<R>(class, 1))?;
        }
        match new {
            Some(row) => self.put(key, row),
            None => {
                self.remove(key);
                Ok(())
            }
        }
    }

    pub(super) fn change_count(&mut self, kind: Kind, by: i64) -> Result<(), StoreError> {
        if by == 0 {
            return Ok(());
        }
        let count = self.count(kind)?.saturating_add_signed(by);
        self.put(count_key(kind), &count)
    }

    fn change_class_count<R: Row>(&mut self, class: &str, by: i64) -> Result<(), StoreError> {
        let count = self.count_of::<R>(class)?.saturating_add_signed(by);
        self.put(class_key(R::KIND, class), &count)
    }

    /// Counts the rows that are there by their classes, which a store of schema 2 did not.
    pub(super) fn count_classes<R: Row>(&mut self) -> Result<(), StoreError> {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for entry in self.scan::<R>(R::KIND.key()..R::KIND.key().end(), Order::Ascending) {
            if let Some(class) = entry?.1.class() {
                *counts.entry(class).or_default() += 1;
            }
        }
        counts.iter().try_for_each(|(class, count)| self.put(class_key(R::KIND, class), count))
    }
}

fn count_key(kind: Kind) -> Key {
    Kind::Own.key().text("count/").text(&(char::from(kind as u8)).to_string())
}

fn class_key(kind: Kind, class: &str) -> Key {
    count_key(kind).text("/").text(class)
}
