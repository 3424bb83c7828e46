//! What the last process left in writing when it had to stop because of what it read, so that the next one does not
//! trust the same files again.

use super::{StoreError, private};
use std::io::Write;
use std::path::Path;

const FILE_NAME: &str = "store.doubt";

/// How far the files are to be trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Doubt {
    /// Something was not as it was written, or an answer did not come: look at every row before anything is believed.
    Suspect(String),
    /// Opening did not come to an end: do not even try again.
    Hung(String),
}

impl Doubt {
    /// What an error is a reason for.
    pub(super) fn of(error: &StoreError) -> Option<Doubt> {
        match error {
            StoreError::Corrupted { .. } => Some(Doubt::Suspect(error.to_string())),
            StoreError::TimedOut { what: "open", .. } => Some(Doubt::Hung(error.to_string())),
            StoreError::TimedOut { what: "answer", .. } => Some(Doubt::Suspect(error.to_string())),
            _ => None,
        }
    }

    /// What was left here.
    pub(super) fn read(dir: &Path) -> Option<Doubt> {
        let text = std::fs::read_to_string(dir.join(FILE_NAME)).ok()?;
        let (kind, reason) = text.split_once('\n').unwrap_or(("suspect", &text));
        let reason = reason.trim().to_owned();
        Some(if kind == "hung" { Doubt::Hung(reason) } else { Doubt::Suspect(reason) })
    }

    /// Leaves it for the next process. Where nothing can be written, that one finds out by itself.
    pub(super) fn leave(&self, dir: &Path) {
        let (kind, reason) = match self {
            Doubt::Suspect(reason) => ("suspect", reason),
            Doubt::Hung(reason) => ("hung", reason),
        };
        let written = private::make_file(&dir.join(FILE_NAME)).and_then(|mut file| {
            file.write_all(format!("{kind}\n{reason}\n").as_bytes())?;
            file.sync_all()
        });
        drop(written);
    }

    /// The files were looked at, or are others by now.
    pub(super) fn clear(dir: &Path) {
        let _ = std::fs::remove_file(dir.join(FILE_NAME)); // mostly there is none
    }
}
