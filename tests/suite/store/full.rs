//! A full disk, on a real small file system where this user may mount one.

use super::rows::*;
use lockstep::store::*;
use std::io::Write;
use std::path::Path;
use std::process::Command;

/// A file system of its own, gone with the test.
struct Small {
    dir: tempfile::TempDir,
}

impl Small {
    fn of(megabytes: u32) -> Result<Small, String> {
        let dir = tempfile::tempdir().unwrap();
        let size = format!("size={megabytes}m");
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(dir.path()).output();
        match mount {
            Ok(output) if output.status.success() => Ok(Small { dir }),
            Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // Lazily: a store that failed may not have let go of its files yet.
        let _ = Command::new("umount").arg("-l").arg(self.dir.path()).output();
    }
}

/// Takes up all that is left.
fn fill(path: &Path) {
    let mut file = std::fs::File::create(path).unwrap();
    for bytes in [1 << 20, 1 << 12, 1] {
        while file.write_all(&vec![7; bytes]).is_ok() {}
    }
}

/// A store that failed leaves its threads to end by themselves; in a daemon the process ends instead.
fn reopened(dir: &Path) -> Store {
    loop {
        match open(dir) {
            Err(StoreError::Held { .. }) => std::thread::yield_now(),
            opened => return opened.unwrap(),
        }
    }
}

#[test]
fn a_full_disk_loses_nothing_acknowledged_and_the_ballast_opens_it_again() {
    let small = match Small::of(64) {
        Ok(small) => small,
        Err(why) => return println!("skipped: no file system can be mounted here: {why}"),
    };
    let dir = small.dir.path().join("store");
    let store = open(&dir).unwrap();
    store.write_blocking(|t| put_everything(t, 1)).unwrap();
    assert!(store.checkpoint(at(0)).unwrap().is_some());
    assert!(dir.join("ballast").exists());
    let filler = small.dir.path().join("filler");
    fill(&filler);
    let mut acknowledged = 1;
    let error = loop {
        let number = acknowledged + 1;
        match store.write_blocking(move |t| put_everything(t, number)) {
            Ok(()) => acknowledged = number,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, StoreError::Full { .. }), "{error}");
    assert!(error.to_string().contains("make room"), "{error}");
    drop(store);
    // Still full: what was kept free for this is given up, and everything acknowledged is there.
    fill(&filler.with_extension("2"));
    let store = reopened(&dir);
    let found = store.read_blocking(|r| r.link_count()).unwrap();
    assert!(found >= u64::from(acknowledged), "{found} of {acknowledged}");
    assert!(store.verify().unwrap().whole);
    println!("{acknowledged} commits before the disk was full");
    // There is room again: the ballast comes back with the next checkpoint.
    std::fs::remove_file(&filler).unwrap();
    store.write_blocking(|t| put_everything(t, 1)).unwrap();
    store.checkpoint(at(1)).unwrap();
    assert!(dir.join("ballast").exists());
    drop(store);
    open(&dir).unwrap();
}
