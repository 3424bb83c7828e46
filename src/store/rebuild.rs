//! Putting a store back from a copy: from the newest checkpoint when its own files are damaged, or from an export.
//!
//! The new store is made beside the old one and takes its place by renaming, so that a crash on the way leaves the one
//! or the other. The old files are moved to `damaged/TIME`, and the newest two of those are kept.
//! Every row counts as one of the copy's age ([`super::copying`]): everything linked is looked at; what agrees is
//! adopted, what does not is held, and no write follows from what the copy says (`sync.md` part 3).

use super::copy_file::{self, CopyError, Header, Line};
use super::doubt::Doubt;
use super::engine::Engine;
use super::on_sled::wait_until_closed;
use super::schema::{self, SCHEMA};
use super::transaction::{Quarantine, Transaction};
use super::{StoreError, books, checkpoint, copying, marks, private, witness};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Where the engine's files are.
pub(super) const ENGINE: &str = "sled";
/// A store that is being made.
const MAKING: &str = "sled.making";
/// A store that was made, and takes the other one's place.
const MADE: &str = "sled.made";
/// Where files go that are not trusted any more.
const DAMAGED: &str = "damaged";
/// How many of those are kept.
const DAMAGED_KEPT: usize = 2;

/// Lines that are put back in one transaction.
const LINES: usize = 500;

/// That a store was put back, and from what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Restored {
    /// When.
    pub at: Timestamp,
    /// Of when the copy is.
    pub copy_of: Timestamp,
    /// Why.
    pub why: String,
    /// How many links were in it.
    pub links: u64,
}

/// Puts the store back from its newest whole checkpoint.
pub(super) fn from_checkpoint(
    dir: &Path,
    tenant: &str,
    cache_bytes: u64,
    why: &str,
) -> Result<Restored, StoreError> {
    let path = checkpoint::newest_whole(dir, tenant, SCHEMA).map_err(|checkpoints| StoreError::Lost {
        dir: dir.to_owned(),
        reason: why.to_owned(),
        checkpoints,
    })?;
    from_file(dir, &path, tenant, cache_bytes, why)
}

/// Puts the store back from a file, which is looked through before anything is touched.
pub(super) fn from_file(
    dir: &Path,
    file: &Path,
    tenant: &str,
    cache_bytes: u64,
    why: &str,
) -> Result<Restored, StoreError> {
    let unusable = |reason: String| StoreError::Unusable { file: file.to_owned(), reason };
    let (header, _) = copy_file::check(file).map_err(|error| unusable(error.to_string()))?;
    may_use(&header, tenant)?;
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error: io::Error| StoreError::file(&path, &error)
    };
    let (making, made) = (dir.join(MAKING), dir.join(MADE));
    remove_dir(&making).map_err(failed(&making))?;
    let restored = make(&making, file, tenant, cache_bytes, why)?;
    // Its threads still write and rename there until they are through.
    wait_until_closed(&making).map_err(failed(&making))?;
    std::fs::rename(&making, &made).map_err(failed(&made))?;
    finish(dir).map_err(failed(dir))?;
    Ok(restored)
}

/// Whether a copy may become this tenant's store, in this version.
pub(super) fn may_use(header: &Header, tenant: &str) -> Result<(), StoreError> {
    if header.schema > SCHEMA {
        return Err(StoreError::Newer { found: header.schema, known: SCHEMA });
    }
    if header.tenant != tenant {
        return Err(StoreError::OtherTenant { found: header.tenant.clone(), asked: tenant.to_owned() });
    }
    Ok(())
}

fn make(
    making: &Path,
    file: &Path,
    tenant: &str,
    cache_bytes: u64,
    why: &str,
) -> Result<Restored, StoreError> {
    let engine = Engine::open(making, cache_bytes)?;
    schema::identify(&engine, making, tenant)?;
    let quarantine = Quarantine::default();
    let now = Timestamp::now();
    let (mut lines, mut links) = (Vec::new(), 0);
    let put = |lines: &mut Vec<Line>, header: &Header| {
        let mut t = Transaction::new(&engine, &quarantine);
        for line in lines.drain(..) {
            copying::put_back(&mut t, header, line)?;
        }
        books::commit(&engine, t).map(drop)
    };
    let mut begun = false;
    let read = copy_file::read(file, |header, line| {
        if !begun {
            let mut t = Transaction::new(&engine, &quarantine);
            copying::go_on_numbering(&mut t, header)?;
            books::commit(&engine, t)?;
            begun = true;
        }
        links += u64::from(matches!(line, Line::Link(_)));
        lines.push(line);
        if lines.len() == LINES {
            put(&mut lines, header)?;
        }
        Ok(())
    });
    let (header, _) = read.map_err(|error| match error {
        CopyError::Io(error) => match error.downcast::<StoreError>() {
            Ok(error) => error,
            Err(error) => StoreError::file(file, &error),
        },
        CopyError::Damaged(reason) => StoreError::Unusable { file: file.to_owned(), reason },
    })?;
    put(&mut lines, &header)?;
    let restored = Restored { at: now, copy_of: header.at, why: why.to_owned(), links };
    let mut t = Transaction::new(&engine, &quarantine);
    // A plain value can always be written.
    t.set_meta(marks::RESTORED, &serde_json::to_string(&restored).unwrap_or_default())?;
    books::commit(&engine, t)?;
    Ok(restored)
}

/// Brings a store that was made to its place. Also what a crash in the middle of that has left undone.
pub(super) fn finish(dir: &Path) -> io::Result<()> {
    let (making, made, engine) = (dir.join(MAKING), dir.join(MADE), dir.join(ENGINE));
    remove_dir(&making)?;
    if !made.exists() {
        return Ok(());
    }
    sync(dir)?;
    if engine.exists() {
        set_aside(dir, &engine)?;
    }
    // What was noted about the old files says nothing about the new ones.
    match std::fs::remove_file(dir.join(witness::FILE_NAME)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    std::fs::rename(&made, &engine)?;
    Doubt::clear(dir);
    sync(dir)
}

fn set_aside(dir: &Path, engine: &Path) -> io::Result<()> {
    let damaged = dir.join(DAMAGED);
    private::make_dir(&damaged)?;
    let time = Timestamp::now().strftime("%Y-%m-%dT%H-%M-%S%.6fZ").to_string();
    std::fs::rename(engine, damaged.join(time))?;
    let mut kept: Vec<PathBuf> =
        std::fs::read_dir(&damaged)?.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
    kept.sort_unstable();
    for old in kept.iter().rev().skip(DAMAGED_KEPT) {
        remove_dir(old)?;
    }
    sync(&damaged)
}

fn remove_dir(dir: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

fn sync(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
