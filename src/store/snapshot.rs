//! Reading everything as it was at one moment, page by page, while others go on writing.
//!
//! The engine has no snapshots. So whoever commits meanwhile leaves here what stood before in the places that are not
//! read yet; the reader takes that instead of what stands there now.

use super::StoreError;
use super::engine::{Changes, Engine};
use super::key::{Key, Kind};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Rows of one page: a commit waits while it is read, which takes a millisecond or two.
const PAGE: usize = 500;

/// How much may be kept of what was changed meanwhile. A reading that needs more is given up.
const KEPT_BYTES_MAX: usize = 32 << 20;

/// At most one reading of everything, under way.
#[derive(Default)]
pub(super) struct Snapshot {
    under_way: Mutex<Option<UnderWay>>,
    /// Held by who reads, over all pages.
    turn: Mutex<()>,
}

struct UnderWay {
    kinds: Vec<Kind>,
    /// Everything before this key is read.
    from: Key,
    kept: Changes,
    kept_bytes: usize,
}

/// Rows, by key.
pub(super) type Page = BTreeMap<Key, Vec<u8>>;

impl Snapshot {
    /// Waits until nobody else reads everything.
    pub(super) fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The moment is now; to be called between two commits. `kinds` are in the order of their keys.
    pub(super) fn begin(&self, kinds: Vec<Kind>) {
        let from = kinds.first().map_or_else(|| Kind::Own.key(), |kind| kind.key());
        *self.lock() = Some(UnderWay { kinds, from, kept: Changes::new(), kept_bytes: 0 });
    }

    /// Nobody reads any more.
    pub(super) fn end(&self) {
        *self.lock() = None;
    }

    /// What a commit is about to change; to be called between two commits.
    pub(super) fn keep(&self, before: Changes) {
        let mut lock = self.lock();
        let Some(reading) = &mut *lock else { return };
        for (key, bytes) in before {
            let wanted = key.kind().is_some_and(|kind| reading.kinds.contains(&kind));
            if !wanted || key < reading.from || reading.kept.contains_key(&key) {
                continue;
            }
            reading.kept_bytes += size(&key, &bytes);
            reading.kept.insert(key, bytes);
        }
        if reading.kept_bytes > KEPT_BYTES_MAX {
            *lock = None;
        }
    }

    /// The next rows, `None` behind the last one; to be called between two commits.
    pub(super) fn page(&self, engine: &Engine) -> Result<Option<Page>, StoreError> {
        let mut lock = self.lock();
        let reading = lock.as_mut().ok_or_else(|| StoreError::Aborted {
            reason: format!("more than {} MiB were changed while everything was read", KEPT_BYTES_MAX >> 20),
        })?;
        let next = reading.kinds.iter().find(|kind| kind.key().end() > reading.from);
        let Some(kind) = next else { return Ok(None) };
        let (from, end) = (reading.from.clone().max(kind.key()), kind.key().end());
        let mut page = engine.range(&from..&end).take(PAGE).collect::<Result<Page, _>>()?;
        let upto = match page.last_key_value() {
            Some((last, _)) if page.len() == PAGE => last.clone().next(),
            _ => end,
        };
        let later = reading.kept.split_off(&upto);
        for (key, before) in std::mem::replace(&mut reading.kept, later) {
            reading.kept_bytes -= size(&key, &before);
            match before {
                Some(bytes) => page.insert(key, bytes),
                None => page.remove(&key),
            };
        }
        reading.from = upto;
        Ok(Some(page))
    }

    fn lock(&self) -> MutexGuard<'_, Option<UnderWay>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn size(key: &Key, bytes: &Option<Vec<u8>>) -> usize {
    key.as_bytes().len() + bytes.as_ref().map_or(0, Vec::len)
}

#[cfg(test)]
mod tests {
    use super::super::testing::TestStore;
    use super::*;

    #[test]
    fn what_is_changed_meanwhile_is_read_as_it_was() {
        let store = TestStore::new();
        let put = |number: u32, text: &str| {
            store.commit(|t| t.set_meta(&format!("{number:05}"), text)).unwrap();
        };
        (0..1_200).for_each(|number| put(number, "old"));
        let snapshot = &store.snapshot;
        snapshot.begin(vec![Kind::Meta]);
        let mut read = snapshot.page(&store.engine).unwrap().unwrap();
        put(3, "new"); // read already
        put(700, "new");
        put(700, "newer");
        store.commit(|t| t.remove_meta("01100")).unwrap();
        store.commit(|t| t.set_meta("00900b", "new")).unwrap();
        put(5_000, "new");
        while let Some(page) = snapshot.page(&store.engine).unwrap() {
            read.extend(page);
        }
        let texts: Vec<String> =
            read.iter().map(|(key, bytes)| super::super::value::unseal(key, bytes).unwrap()).collect();
        assert_eq!(texts.len(), 1_200);
        assert!(texts.iter().all(|text| text == "old"));
        snapshot.end();
    }

    #[test]
    fn a_reading_that_would_take_too_much_memory_is_given_up() {
        let store = TestStore::new();
        let long = "x".repeat(1 << 20);
        (0..40).for_each(|number| store.commit(|t| t.set_meta(&format!("{number:02}"), &long)).unwrap());
        store.snapshot.begin(vec![Kind::Meta]);
        (0..40).for_each(|number| store.commit(|t| t.set_meta(&format!("{number:02}"), "")).unwrap());
        let given_up = store.snapshot.page(&store.engine);
        assert!(matches!(given_up, Err(StoreError::Aborted { .. })));
    }
}
