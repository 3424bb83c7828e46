//! A file that only takes up room: deleted when the disk is full, so that the store can be opened and can finish what
//! it has begun; made again once there is room.

use crate::emit;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

const FILE_NAME: &str = "ballast";

/// How large it is.
pub(super) const BYTES: u64 = 8 << 20;

/// It is made only where as much again stays free.
const ROOM_BYTES: u64 = 2 * BYTES;

/// Makes the ballast if it is missing and there is room. Says whether it is there now.
pub(super) fn put_back(dir: &Path) -> io::Result<bool> {
    let path = dir.join(FILE_NAME);
    if path.metadata().is_ok_and(|metadata| metadata.len() == BYTES) {
        return Ok(true);
    }
    let new = dir.join("ballast.new");
    let made = make(&new).and_then(|()| std::fs::rename(&new, &path));
    match made {
        Ok(()) => Ok(true),
        Err(error) => {
            let _ = std::fs::remove_file(&new); // there may be none
            if is_full(&error) { Ok(false) } else { Err(error) }
        }
    }
}

/// Asks the file system for more than the ballast needs, since it alone knows whether there is room; then gives back
/// what is too much.
fn make(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
    // Not zeros: a file system may keep those for nothing.
    let block: Vec<u8> = (0..1u32 << 16).map(|n| (n.wrapping_mul(2_654_435_761) >> 16) as u8).collect();
    for _ in 0..ROOM_BYTES / block.len() as u64 {
        file.write_all(&block)?;
    }
    file.sync_all()?;
    file.set_len(BYTES)?;
    file.sync_all()
}

/// Gives up the ballast. `false`: it was not there.
pub(super) fn give_up(dir: &Path) -> bool {
    let gone = std::fs::remove_file(dir.join(FILE_NAME)).is_ok();
    if gone {
        let _ = File::open(dir).and_then(|dir| dir.sync_all());
        emit!(
            STORE_FULL,
            reason = "no space left",
            "the disk of the store is full: {} MiB that were kept for this are given up; make room",
            BYTES >> 20
        );
    }
    gone
}

/// Whether this says that the disk is full.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_once_given_up_once_and_made_again() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!give_up(dir.path()));
        assert!(put_back(dir.path()).unwrap() && put_back(dir.path()).unwrap());
        assert_eq!(std::fs::metadata(dir.path().join(FILE_NAME)).unwrap().len(), BYTES);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        assert!(give_up(dir.path()) && !give_up(dir.path()));
        assert!(put_back(dir.path()).unwrap());
    }
}
