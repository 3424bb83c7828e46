//! Everything that can go wrong with the store.

use crate::model::ProspectId;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why the store could not be opened, read or written.
///
/// [`Damaged`](StoreError::Damaged), [`Taken`](StoreError::Taken) and [`Aborted`](StoreError::Aborted) concern one
/// row or one transaction; after [`Broken`](StoreError::Broken) and [`TimedOut`](StoreError::TimedOut) the store
/// refuses everything, and the process should end: the next one starts from what is durable.
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
        matches!(self, StoreError::Broken { .. } | StoreError::TimedOut { .. })
    }

    pub(super) fn file(path: &Path, error: &std::io::Error) -> StoreError {
        StoreError::File { path: path.to_owned(), reason: error.to_string() }
    }
}
