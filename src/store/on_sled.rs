//! sled, and nothing but sled: no other file names it, so that another engine stands beside this one.
//!
//! Written to what sled 0.34.7 was measured to do under kill -9, on full disks and on damaged files
//! (facts/reliability.md 2.3, facts/crates.md).

use super::caught::caught;
use super::engine::Changes;
use super::key::Key;
use super::{StoreError, ballast, private};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;

/// The key-value engine: one ordered tree, atomic batches.
pub(super) struct OnSled {
    tree: sled::Db,
    /// A handle of our own on the engine's file, to sync it for good.
    file: File,
}

impl OnSled {
    /// Opens or makes the files in `dir`, on which the caller holds the lock. Can hang or panic on damaged files.
    pub(super) fn open(dir: &Path, cache_bytes: u64) -> Result<OnSled, StoreError> {
        let file_error = |path: &Path, error: io::Error| StoreError::file(path, &error);
        private::make_dir(dir).map_err(|error| file_error(dir, error))?;
        remove_half_written(dir).map_err(|error| file_error(dir, error))?;
        let tree = sled::Config::new()
            .path(dir)
            .cache_capacity(cache_bytes)
            .use_compression(false)
            // Its own flushing, without ours, stopped for ever in 2 of 5 runs; we flush each commit.
            .flush_every_ms(None)
            .open()
            .map_err(|error| match system_error(&error) {
                Some(error) => file_error(dir, error),
                None => StoreError::Unreadable { dir: dir.to_owned(), reason: error.to_string() },
            })?;
        let path = dir.join(DATA_FILE);
        let file = File::open(&path).map_err(|error| file_error(&path, error))?;
        // sled syncs no directory: without this, a power cut could take new files away, names and all.
        for dir in [Some(dir), dir.parent()].into_iter().flatten() {
            sync_directory(dir).map_err(|error| file_error(dir, error))?;
        }
        Ok(OnSled { tree, file })
    }

    pub(super) fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        let value = guarded("reading", || self.tree.get(key.as_bytes()))?;
        Ok(value.map(|value| value.to_vec()))
    }

    /// Keys and values of a range, by key, from either end.
    pub(super) fn range(&self, range: Range<&Key>) -> Entries {
        Entries(self.tree.range(range.start.as_bytes()..range.end.as_bytes()))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tree.is_empty()
    }

    /// Makes all of `changes` visible at once. They are not yet durable.
    pub(super) fn apply(&self, changes: Changes) -> Result<(), StoreError> {
        let mut batch = sled::Batch::default();
        for (key, value) in changes {
            match value {
                Some(value) => batch.insert(key.as_bytes(), value),
                None => batch.remove(key.as_bytes()),
            }
        }
        guarded("writing", || self.tree.apply_batch(batch))
    }

    /// Makes everything applied so far durable, against kill -9 and against a power cut.
    ///
    /// On Linux sled ends a flush with `sync_file_range`, which neither empties the disk's own cache nor writes
    /// the file's new length; hence a sync of our own behind it.
    pub(super) fn flush(&self) -> Result<(), StoreError> {
        guarded("flushing", || self.tree.flush())?;
        self.file.sync_data().map_err(|error| broken("syncing", &error))
    }
}

/// The file in which sled keeps its log.
const DATA_FILE: &str = "db";

/// A sled that was closed a moment ago may still be at its last writes in threads of its own. It holds its own
/// lock on the data file meanwhile; nobody else does, since whoever opens the store holds ours.
pub(super) fn wait_until_closed(dir: &Path) -> io::Result<()> {
    match File::open(dir.join(DATA_FILE)) {
        Ok(file) => file.lock(), // given back when the file is closed, here
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Removes what a kill left half written and sled 0.34.7 would stumble over.
///
/// * `snap.*.generating`, a snapshot that was being written: sled takes it for the newest one and never opens
///   again. It is a summary of the log, so nothing is lost with it.
/// * `conf` without a data file: the store was killed while it was first made, and holds nothing.
fn remove_half_written(dir: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let half_written_snapshot = name.starts_with("snap.") && name.ends_with(".generating");
        let never_finished = name == "conf" && !dir.join(DATA_FILE).exists();
        if half_written_snapshot || never_finished {
            std::fs::remove_file(&path)?;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn sync_directory(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(not(unix))]
fn sync_directory(_dir: &Path) -> io::Result<()> {
    Ok(())
}

/// sled's iterator in our words.
pub(super) struct Entries(sled::Iter);

impl Entries {
    fn step(
        &mut self,
        step: impl FnOnce(&mut sled::Iter) -> Option<sled::Result<(sled::IVec, sled::IVec)>>,
    ) -> Option<Result<(Key, Vec<u8>), StoreError>> {
        let entry = guarded("reading", || step(&mut self.0).transpose()).transpose()?;
        Some(entry.map(|(key, value)| (Key::from_bytes(&key), value.to_vec())))
    }
}

impl Iterator for Entries {
    type Item = Result<(Key, Vec<u8>), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step(Iterator::next)
    }
}

impl DoubleEndedIterator for Entries {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.step(DoubleEndedIterator::next_back)
    }
}

/// Asks sled something. It returns an error or panics when its files are damaged; after either it is not asked
/// again.
fn guarded<T>(doing: &str, ask: impl FnOnce() -> sled::Result<T>) -> Result<T, StoreError> {
    let reason = match caught(ask) {
        Ok(Ok(answer)) => return Ok(answer),
        Ok(Err(error)) => match system_error(&error) {
            Some(error) => return Err(broken(doing, &error)),
            None => error.to_string(),
        },
        Err(panic) => panic,
    };
    Err(StoreError::Corrupted { reason: format!("{doing} failed: {reason}") })
}

/// The operating system's own refusal, which says nothing against what is in the files.
fn system_error(error: &sled::Error) -> Option<io::Error> {
    let sled::Error::Io(error) = error else { return None };
    // A missing file, or one that ends too early, is damage. Everything else is about the machine: space, rights, the lock.
    // sled copies errors, and a copy has lost its code: it is the kind that stays.
    match error.kind() {
        io::ErrorKind::NotFound
        | io::ErrorKind::UnexpectedEof
        | io::ErrorKind::InvalidData
        | io::ErrorKind::InvalidInput => None,
        kind => Some(io::Error::new(kind, error.to_string())),
    }
}

fn broken(doing: &str, error: &io::Error) -> StoreError {
    match ballast::is_full(error) {
        true => StoreError::Full { reason: format!("{doing} failed: {error}") },
        false => StoreError::Broken { reason: format!("{doing} failed: {error}") },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_no_damage_however_often_sled_repeats_it() {
        let system = sled::Error::Io(io::Error::from_raw_os_error(28));
        for error in [system.clone(), system.clone().clone(), system] {
            let said = guarded("flushing", || Err::<(), _>(error));
            assert!(matches!(said, Err(StoreError::Full { .. })), "{said:?}");
        }
    }
}
