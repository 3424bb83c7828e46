//! What keeps the bytes: one ordered tree with atomic batches, on sled or on a simulated disk.

use super::StoreError;
use super::key::Key;
use super::on_sled::OnSled;
use super::simulated::OnSimulatedDisk;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

/// What a commit changes: a value to set, or `None` to remove.
pub(super) type Changes = BTreeMap<Key, Option<Vec<u8>>>;

/// Keys and values, by key, from either end.
pub(super) type Entries = Box<dyn DoubleEndedIterator<Item = Result<(Key, Vec<u8>), StoreError>>>;

/// The key-value engine.
pub(super) enum Engine {
    /// What every daemon uses.
    Sled(OnSled),
    /// What simulations use.
    Simulated(OnSimulatedDisk),
}

impl Engine {
    /// Opens or makes the files in `dir`, on which the caller holds the lock. Can hang or panic on damaged files.
    pub(super) fn open(dir: &Path, cache_bytes: u64) -> Result<Engine, StoreError> {
        OnSled::open(dir, cache_bytes).map(Engine::Sled)
    }

    pub(super) fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        match self {
            Engine::Sled(engine) => engine.get(key),
            Engine::Simulated(engine) => Ok(engine.get(key)),
        }
    }

    /// Keys and values of a range.
    pub(super) fn range(&self, range: Range<&Key>) -> Entries {
        match self {
            Engine::Sled(engine) => Box::new(engine.range(range)),
            Engine::Simulated(engine) => Box::new(engine.range(range)),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        match self {
            Engine::Sled(engine) => engine.is_empty(),
            Engine::Simulated(engine) => engine.is_empty(),
        }
    }

    /// Makes all of `changes` visible at once. They are not yet durable.
    pub(super) fn apply(&self, changes: Changes) -> Result<(), StoreError> {
        match self {
            Engine::Sled(engine) => engine.apply(changes),
            Engine::Simulated(engine) => {
                engine.apply(changes);
                Ok(())
            }
        }
    }

    /// Makes everything applied so far durable, against kill -9 and against a power cut.
    pub(super) fn flush(&self) -> Result<(), StoreError> {
        match self {
            Engine::Sled(engine) => engine.flush(),
            Engine::Simulated(engine) => engine.flush(),
        }
    }
}
