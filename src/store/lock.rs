//! One directory, one process: our own lock, taken before anything else is touched.
//!
//! The engine has a lock too, but its first act is to read the directory, and what is tidied up before that
//! (`tidy.rs`) must not be tidied up under a running daemon.

use super::{StoreError, ballast};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::Path;

const FILE_NAME: &str = "store.lock";

/// The lock on a store's directory. Held as long as this lives; the operating system takes it back from a
/// process that dies, so the file itself may stay.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock at once, or says who has it.
    pub(super) fn take(dir: &Path) -> Result<Lock, StoreError> {
        let path = dir.join(FILE_NAME);
        let failed = |error: &std::io::Error| StoreError::file(&path, error);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false) // what is in it belongs to whoever holds it
            .open(&path)
            .map_err(|error| failed(&error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Held { dir: dir.to_owned(), holder: read_holder(&mut file) });
            }
            Err(TryLockError::Error(error)) => return Err(failed(&error)),
        }
        let named = file.set_len(0).and_then(|()| file.write_all(this_process().as_bytes()));
        match named {
            // A full disk must not keep the store from being opened: only our name is missing.
            Err(error) if !ballast::is_full(&error) => Err(failed(&error)),
            _ => Ok(Lock { _file: file }),
        }
    }
}

fn this_process() -> String {
    let pid = std::process::id();
    let since = jiff::Timestamp::now().round(jiff::Unit::Second).unwrap_or_default();
    format!("pid {pid} on {} since {since}", host())
}

/// In a container this is its id, which is what an operator can look for.
fn host() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("HOSTNAME").ok())
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "an unnamed host".to_owned())
}

fn read_holder(file: &mut File) -> String {
    let mut text = String::new();
    match file.read_to_string(&mut text) {
        Ok(_) if !text.trim().is_empty() => text.trim().to_owned(),
        // It has locked the file a moment ago and is about to write its name.
        _ => "a process that is just starting".to_owned(),
    }
}
