//! A disk for simulations: it forgets what was not flushed, and a flush may be the last thing that a process does.

use super::StoreError;
use super::engine::Changes;
use super::key::Key;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

type Rows = BTreeMap<Key, Vec<u8>>;

/// How a flush ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flush {
    /// Well.
    Done,
    /// The process dies before anything is durable, or the disk refuses.
    FailsBefore,
    /// Everything is durable, and the process dies before it learns of it.
    FailsAfter,
}

/// Decides how each flush ends.
type Fate = Box<dyn FnMut() -> Flush + Send>;

/// A disk that outlives the processes that use it. Clones are the same disk.
#[derive(Clone, Default)]
pub struct SimulatedDisk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    durable: Rows,
    fate: Option<Fate>,
}

impl SimulatedDisk {
    /// Lets `fate` decide how each flush ends from now on.
    pub fn decide_flushes(&self, fate: impl FnMut() -> Flush + Send + 'static) {
        self.state().fate = Some(Box::new(fate));
    }

    /// A copy of everything that is durable.
    pub fn copied(&self) -> SimulatedDisk {
        let durable = self.state().durable.clone();
        SimulatedDisk(Arc::new(Mutex::new(State { durable, fate: None })))
    }

    /// Puts a copy back, as if nothing had been written since.
    pub fn put_back(&self, copy: &SimulatedDisk) {
        let durable = copy.state().durable.clone();
        self.state().durable = durable;
    }

    /// Puts bytes where a row stands or would stand, as a damaged disk or another program does.
    pub fn put_bytes(&self, key: &[u8], value: &[u8]) {
        self.state().durable.insert(Key::from_bytes(key), value.to_vec());
    }

    /// How many rows are durable.
    pub fn rows(&self) -> usize {
        self.state().durable.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A process's view of a simulated disk.
pub(super) struct OnSimulatedDisk {
    disk: SimulatedDisk,
    visible: Mutex<Rows>,
    unflushed: Mutex<Vec<Changes>>,
}

impl OnSimulatedDisk {
    pub(super) fn open(disk: &SimulatedDisk) -> OnSimulatedDisk {
        let visible = Mutex::new(disk.state().durable.clone());
        OnSimulatedDisk { disk: disk.clone(), visible, unflushed: Mutex::default() }
    }

    pub(super) fn get(&self, key: &Key) -> Option<Vec<u8>> {
        locked(&self.visible).get(key).cloned()
    }

    pub(super) fn range(
        &self,
        range: Range<&Key>,
    ) -> impl DoubleEndedIterator<Item = Result<(Key, Vec<u8>), StoreError>> + use<> {
        if range.start >= range.end {
            return Vec::new().into_iter();
        }
        let rows = locked(&self.visible);
        let found = rows.range::<Key, _>(range.start..range.end);
        found.map(|(key, value)| Ok((key.clone(), value.clone()))).collect::<Vec<_>>().into_iter()
    }

    pub(super) fn is_empty(&self) -> bool {
        locked(&self.visible).is_empty()
    }

    pub(super) fn apply(&self, changes: Changes) {
        change(&mut locked(&self.visible), changes.clone());
        locked(&self.unflushed).push(changes);
    }

    pub(super) fn flush(&self) -> Result<(), StoreError> {
        let unflushed = std::mem::take(&mut *locked(&self.unflushed));
        let mut disk = self.disk.state();
        let fate = disk.fate.as_mut().map_or(Flush::Done, |fate| fate());
        if fate != Flush::FailsBefore {
            unflushed.into_iter().for_each(|changes| change(&mut disk.durable, changes));
        }
        match fate {
            Flush::Done => Ok(()),
            _ => Err(StoreError::Broken { reason: "flushing failed: as the simulation asked".to_owned() }),
        }
    }
}

fn change(rows: &mut Rows, changes: Changes) {
    for (key, value) in changes {
        match value {
            Some(value) => rows.insert(key, value),
            None => rows.remove(&key),
        };
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
