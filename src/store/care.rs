//! What keeps a store safe beside its work: checkpoints, copies, putting one back.

use super::books::Count;
use super::checkpoint::{self, Checkpoint};
use super::copying::{self, Copier};
use super::key::{Key, Kind};
use super::lock::Lock;
use super::rebuild::{self, Restored};
use super::{Header, Store, StoreError, StoreOptions, ballast, copy_file, private};
use jiff::Timestamp;
use std::fs::{File, OpenOptions};
use std::io::{Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::Ordering;

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Whose store it is, and when it stood so.
    pub header: Header,
    /// How many rows are in the copy.
    pub rows: u64,
}

impl Store {
    /// Reads the rows of these kinds, as they are at this moment, while others go on. Blocks.
    pub(super) fn visit(
        &self,
        kinds: Vec<Kind>,
        mut take: impl FnMut(&Key, &[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let shared = self.shared();
        let _turn = shared.snapshot.turn();
        let begun = std::sync::Arc::clone(shared);
        self.read_blocking(move |_| {
            begun.snapshot.begin(kinds);
            Ok(())
        })?;
        let mut all = || loop {
            let shared = std::sync::Arc::clone(shared);
            let page = self.read_blocking(move |_| shared.snapshot.page(shared.engine()))?;
            let Some(page) = page else { return Ok(()) };
            page.iter().try_for_each(|(key, bytes)| take(key, bytes))?;
        };
        let read = all();
        shared.snapshot.end();
        read
    }

    /// Writes a copy to `out`, row by row. Blocks; others may read and write meanwhile.
    pub(super) fn copy_to<W: Write>(
        &self,
        out: W,
        at: Timestamp,
        journal: bool,
    ) -> Result<(W, u64), StoreError> {
        let mut copier = Copier::new(out, at, journal);
        self.visit(copying::kinds(journal), |key, bytes| copier.add(key, bytes))?;
        copier.end()
    }

    /// Writes a copy of everything that decides, and of the journal if asked for, as JSON Lines. Blocks; others may read
    /// and write meanwhile.
    ///
    /// # Errors
    /// When it cannot be written, when a row is damaged, or when the store stops working.
    pub fn export<W: Write>(&self, out: W, at: Timestamp, journal: bool) -> Result<u64, StoreError> {
        self.copy_to(out, at, journal).map(|(_, rows)| rows)
    }

    /// [`export`](Store::export) to a file without a name in the store's directory, ready to be read from its beginning.
    ///
    /// # Errors
    /// The same.
    pub fn export_to_file(&self, at: Timestamp, journal: bool) -> Result<File, StoreError> {
        let path = self.dir().join(format!("export.{}", uuid::Uuid::new_v4().simple()));
        let failed = |error: std::io::Error| StoreError::file(&path, &error);
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path);
        let file = file.map_err(failed)?;
        // From here on it has no name, and is gone as soon as nobody has it open.
        std::fs::remove_file(&path).map_err(failed)?;
        let (mut file, _) = self.copy_to(file, at, journal)?;
        file.rewind().map_err(failed)?;
        Ok(file)
    }

    /// Writes a checkpoint, if anything was committed since the last one of this process, and puts back the ballast if it
    /// had to be given up. Blocks.
    ///
    /// # Errors
    /// When it cannot be written; the older ones are kept.
    pub fn checkpoint(&self, at: Timestamp) -> Result<Option<Checkpoint>, StoreError> {
        // A ballast that cannot be made is missed only when the disk is full, and is tried again.
        let _ = ballast::put_back(self.dir());
        let shared = self.shared();
        let commits = shared.commits.load(Ordering::Relaxed);
        let unchanged = shared.checkpointed.load(Ordering::Relaxed) == commits;
        if unchanged && (commits > 0 || checkpoint::any(self.dir())) {
            return Ok(None);
        }
        let written = checkpoint::write(self, self.dir(), at)?;
        shared.checkpointed.store(commits, Ordering::Relaxed);
        Ok(Some(written))
    }

    /// Makes a store of `tenant` in `dir` from a copy. With `replace` whatever is there is moved aside. Blocks.
    ///
    /// # Errors
    /// [`StoreError::Unusable`], [`StoreError::Newer`] and [`StoreError::OtherTenant`] when the copy cannot be used,
    /// [`StoreError::NotEmpty`] when there is a store and `replace` is not said, [`StoreError::Held`] when a daemon runs.
    /// Nothing is changed then.
    pub fn import(dir: &Path, tenant: &str, file: &Path, replace: bool) -> Result<Restored, StoreError> {
        private::make_dir(dir).map_err(|error| StoreError::file(dir, &error))?;
        let options = StoreOptions::default();
        if !replace {
            refuse_if_there_is_one(dir, tenant, &options)?;
        }
        let _lock = Lock::take(dir)?;
        rebuild::finish(dir).map_err(|error| StoreError::file(dir, &error))?;
        rebuild::from_file(dir, file, tenant, options.cache_bytes, "it was imported")
    }

    /// Reads a copy through, without a store: whose it is, and how many rows it has. Blocks.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] when it is not what was written.
    pub fn look_at_copy(file: &Path) -> Result<Copied, StoreError> {
        let (header, rows) = copy_file::check(file)
            .map_err(|error| StoreError::Unusable { file: file.to_owned(), reason: error.to_string() })?;
        Ok(Copied { header, rows })
    }
}

fn refuse_if_there_is_one(dir: &Path, tenant: &str, options: &StoreOptions) -> Result<(), StoreError> {
    if !dir.join(rebuild::ENGINE).exists() {
        return Ok(());
    }
    let not_empty = |what: String| StoreError::NotEmpty { dir: dir.to_owned(), what };
    let store = Store::open(dir, tenant, options.clone()).map_err(|error| match error {
        StoreError::Held { .. } => error,
        error => not_empty(format!("it does not open: {error}")),
    })?;
    let mut count = Count::default();
    store.visit(Kind::in_order(|kind| kind != Kind::Own && !kind.is_journal()), |key, bytes| {
        count.add(key, bytes);
        Ok(())
    })?;
    let rows: u64 = count.tallies.values().map(|tally| tally.rows).sum();
    if rows == 0 {
        return Ok(());
    }
    let links = count.tallies.get(&Kind::Link).map_or(0, |tally| tally.rows);
    Err(not_empty(format!("{links} links, {rows} rows")))
}
