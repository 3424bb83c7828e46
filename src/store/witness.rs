//! The number of the last commit, noted outside of the engine: a store that opens with less than that has lost
//! something that was acknowledged, however whole it looks.
//!
//! Written behind each flush, and not synced itself: after kill -9 it is as new as the last acknowledgement, and after a
//! power cut it may be older than the store, which proves nothing and harms nothing.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

pub(super) const FILE_NAME: &str = "store.commits";

/// Digits of the number, of its checksum, and what stands between and behind them.
const LENGTH: usize = 20 + 1 + 8 + 1;

#[derive(Debug)]
pub(super) struct Witness {
    file: File,
}

impl Witness {
    /// The witness of the store in `dir`.
    pub(super) fn open(dir: &Path) -> io::Result<Witness> {
        let path = dir.join(FILE_NAME);
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        Ok(Witness { file })
    }

    /// What it says; nothing when there was no commit yet, or when the file is not what was written.
    pub(super) fn last(&self) -> Option<u64> {
        let mut bytes = [0; LENGTH];
        self.file.read_exact_at(&mut bytes, 0).ok()?;
        let number = std::str::from_utf8(bytes.get(..20)?).ok()?.parse().ok()?;
        (text(number).as_bytes() == bytes).then_some(number)
    }

    /// This commit is durable. A note that cannot be written leaves an older one, which only proves less.
    pub(super) fn note(&self, commit: u64) {
        let _ = self.file.write_all_at(text(commit).as_bytes(), 0);
    }
}

fn text(commit: u64) -> String {
    let digits = format!("{commit:020}");
    let checksum = crc32fast::hash(digits.as_bytes());
    format!("{digits} {checksum:08x}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_was_noted_last_and_nothing_when_it_was_touched() {
        let dir = tempfile::tempdir().unwrap();
        let witness = Witness::open(dir.path()).unwrap();
        assert_eq!(witness.last(), None);
        witness.note(17);
        witness.note(18);
        assert_eq!(Witness::open(dir.path()).unwrap().last(), Some(18));
        let path = dir.path().join(FILE_NAME);
        let whole = std::fs::read(&path).unwrap();
        for place in 0..whole.len() {
            let mut touched = whole.clone();
            touched[place] ^= 1;
            std::fs::write(&path, &touched).unwrap();
            assert_eq!(Witness::open(dir.path()).unwrap().last(), None, "byte {place}");
        }
    }
}
