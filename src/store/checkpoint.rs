//! Checkpoints: whole copies of what decides, beside the engine's files, of which the newest three are kept.
//!
//! A checkpoint is written to a file of another name, synced, read through, renamed, and the directory synced: under its
//! own name it is whole or not there. The journal is not in it: it explains and decides nothing, and may be a hundred
//! times larger than all the rest; `lockstep store export --journal` takes it along.

use super::{Store, StoreError, copy_file, private};
use crate::kill_point;
use jiff::Timestamp;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// How many are kept: the newest may be of a moment at which something was wrong already.
pub(super) const KEPT: usize = 3;

const EXTENSION: &str = "jsonl";

/// Where they are.
pub(super) fn folder(dir: &Path) -> PathBuf {
    dir.join("checkpoints")
}

/// A checkpoint that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The file.
    pub path: PathBuf,
    /// How many rows are in it.
    pub rows: u64,
}

/// All there are, the newest first.
fn all(dir: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let entries = match std::fs::read_dir(folder(dir)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let is_checkpoint = path.extension().is_some_and(|extension| extension == EXTENSION);
        let number = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
        found.extend(number.filter(|_| is_checkpoint).zip(Some(path)));
    }
    found.sort_unstable_by(|a, b| b.cmp(a));
    Ok(found)
}

/// Whether there is any, whole or not.
pub(super) fn any(dir: &Path) -> bool {
    all(dir).is_ok_and(|all| !all.is_empty())
}

/// The newest one that is whole and of this tenant, or what is wrong with each.
pub(super) fn newest_whole(dir: &Path, tenant: &str, schema: u32) -> Result<PathBuf, String> {
    let all = all(dir).map_err(|error| error.to_string())?;
    let mut wrong = Vec::new();
    for (_, path) in all {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match copy_file::check(&path) {
            Ok((header, _)) if header.tenant != tenant => {
                wrong.push(format!("{name} is {}'s", header.tenant))
            }
            Ok((header, _)) if header.schema > schema => {
                wrong.push(format!("{name} was written by the newer version {}", header.version));
            }
            Ok(_) => return Ok(path),
            Err(error) => wrong.push(format!("{name}: {error}")),
        }
    }
    match wrong.is_empty() {
        true => Err("there is no checkpoint yet".to_owned()),
        false => Err(wrong.join("; ")),
    }
}

/// Writes one, and removes those that are too many.
pub(super) fn write(store: &Store, dir: &Path, at: Timestamp) -> Result<Checkpoint, StoreError> {
    let folder = folder(dir);
    let failed = |path: &Path, error: io::Error| StoreError::file(path, &error);
    private::make_dir(&folder).map_err(|error| failed(&folder, error))?;
    let number =
        all(dir).map_err(|error| failed(&folder, error))?.first().map_or(1, |(number, _)| number + 1);
    let new = folder.join("new");
    let (rows, path) = (|| {
        let file = private::make_file(&new).map_err(|error| failed(&new, error))?;
        kill_point::here("checkpoint.begun");
        let (file, rows) = store.copy_to(file, at, false)?;
        file.sync_all().map_err(|error| failed(&new, error))?;
        kill_point::here("checkpoint.written");
        // Three that cannot be read would be found out only when one of them is needed.
        copy_file::check(&new).map_err(|error| StoreError::Aborted {
            reason: format!("the checkpoint cannot be read again: {error}"),
        })?;
        let path = folder.join(format!("{number:08}.{EXTENSION}"));
        std::fs::rename(&new, &path).map_err(|error| failed(&path, error))?;
        kill_point::here("checkpoint.renamed");
        for dir in [&folder, dir] {
            File::open(dir).and_then(|dir| dir.sync_all()).map_err(|error| failed(dir, error))?;
        }
        Ok((rows, path))
    })()
    .inspect_err(|_: &StoreError| drop(std::fs::remove_file(&new)))?;
    for (_, old) in all(dir).map_err(|error| failed(&folder, error))?.into_iter().skip(KEPT) {
        std::fs::remove_file(&old).map_err(|error| failed(&old, error))?;
    }
    Ok(Checkpoint { path, rows })
}
