//! Everything that can go wrong with the store.

use crate::model::ProspectId;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why the store could not be opened, read or written.
///
/// [`Damaged`](StoreError::Damaged), [`Taken`](StoreError::Taken) and [`Aborted`](StoreError::Aborted) concern one
/// row or one transaction; after an error that [is fatal](StoreError::is_fatal) the store refuses everything, and the
/// process should end: the next one starts from what is durable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Another process has the store open.
    #[error("the store in {} is in use by {holder}; one store has one daemon", dir.display())]
    Held {
        /// The store's directory.
        dir: PathBuf,
        /// Who: process id, host and start, as written in the lock file.
        holder: String,
    },
    /// A newer Lockstep wrote this store.
    #[error(
        "the store has schema {found}, and this Lockstep knows {known}; run the newer version that wrote it"
    )]
    Newer {
        /// The schema in the store.
        found: u32,
        /// The newest one this program knows.
        known: u32,
    },
    /// The store belongs to another tenant.
    #[error(
        "the store belongs to tenant {found:?}, not to {asked:?}; give each tenant a directory of its own"
    )]
    OtherTenant {
        /// The tenant in the store.
        found: String,
        /// The tenant of the configuration.
        asked: String,
    },
    /// There are rows, but no mark that says whose and of which schema.
    #[error("{} holds rows but no schema and tenant: it is no store of Lockstep, or a damaged one", dir.display())]
    Foreign {
        /// The store's directory.
        dir: PathBuf,
    },
    /// The engine could not read what is in the directory.
    #[error("the store in {} does not open: {reason}", dir.display())]
    Unreadable {
        /// The store's directory.
        dir: PathBuf,
        /// The engine's own words.
        reason: String,
    },
    /// A file of the store could not be read or written.
    #[error("{}: {reason}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// The operating system's own words.
        reason: String,
    },
    /// The engine did not answer. It has been seen to hang on damaged files (facts/reliability.md 2.3).
    #[error("the store did not {what} within {after:?}; it takes no more work until it is opened again")]
    TimedOut {
        /// What was asked of it.
        what: &'static str,
        /// How long it was given.
        after: Duration,
    },
    /// A commit failed or the engine lost its way: nothing more is read or written.
    #[error("the store takes no more work: {reason}")]
    Broken {
        /// What happened.
        reason: String,
    },
    /// The disk is full: nothing more is read or written.
    #[error(
        "the store takes no more work: the disk of the store is full ({reason}); make room and start again, nothing acknowledged is \
         lost"
    )]
    Full {
        /// The operating system's own words.
        reason: String,
    },
    /// What is in the files is not what was written: nothing more is read or written.
    #[error(
        "the store is damaged: {reason}; it takes no more work, and the next `lockstep run` puts it back from its \
         newest checkpoint"
    )]
    Corrupted {
        /// What was found.
        reason: String,
    },
    /// The files are damaged, and there is no whole checkpoint.
    #[error(
        "the store in {} is damaged ({reason}), and no checkpoint can take its place ({checkpoints}). Put a backup back \
         with `lockstep store import FILE --replace`; or, where there is none, move the directory away and start anew: \
         then everybody is seen for the first time, so opt-outs that one side still shows are carried over at once, \
         what else disagrees goes by [new] disagree, and open conflicts, parked writes and the journal are gone", dir.display()
    )]
    Lost {
        /// The store's directory.
        dir: PathBuf,
        /// What is wrong with its files.
        reason: String,
        /// What is wrong with its checkpoints.
        checkpoints: String,
    },
    /// A file cannot be imported.
    #[error(
        "{} cannot be used: {reason}. Nothing was changed; use another copy (the store's own are in its directory, under \
         `checkpoints`)", file.display()
    )]
    Unusable {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// There is a store already where one should be put.
    #[error(
        "the store in {} is not empty ({what}). Look whether it is the right directory; `--replace` moves what is there \
         aside and puts the copy in its place", dir.display()
    )]
    NotEmpty {
        /// The store's directory.
        dir: PathBuf,
        /// What is in it.
        what: String,
    },
    /// One row is not what was written. Scans leave it out; [`Store::damaged`](super::Store::damaged) lists it.
    #[error("the row {key} is damaged: {reason}")]
    Damaged {
        /// The row's key, readable.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The key stands for another person already.
    #[error("{key} belongs to prospect {by} already")]
    Taken {
        /// What was to be used twice.
        key: String,
        /// Who has it.
        by: ProspectId,
    },
    /// Whoever asked gave up, or panicked: nothing of its transaction was kept.
    #[error("the transaction was given up: {reason}")]
    Aborted {
        /// Why.
        reason: String,
    },
}

impl StoreError {
    /// Whether the store refuses everything from now on.
    pub fn is_fatal(&self) -> bool {
        matches!(
            self,
            StoreError::Broken { .. }
                | StoreError::TimedOut { .. }
                | StoreError::Corrupted { .. }
                | StoreError::Full { .. }
        )
    }

    /// Whether it says that the files are not what was written.
    pub(super) fn is_damage(&self) -> bool {
        matches!(
            self,
            StoreError::Unreadable { .. }
                | StoreError::Corrupted { .. }
                | StoreError::Damaged { .. }
                | StoreError::Foreign { .. }
        )
    }

    pub(super) fn file(path: &Path, error: &std::io::Error) -> StoreError {
        if super::ballast::is_full(error) {
            return StoreError::Full { reason: format!("{}: {error}", path.display()) };
        }
        StoreError::File { path: path.to_owned(), reason: error.to_string() }
    }
}
