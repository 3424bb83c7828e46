//! A full file system under the store: nothing is acknowledged that does not fit, the daemon says so and ends, and once
//! there is room again it goes on.

use super::company::{Company, Home};
use super::ledger::Ledger;
use crate::process::{Process, WITHIN};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Room for a small store and whatever it keeps in reserve.
const DISK: &str = "size=48m";

/// How much a file may hold where no file system can be mounted, in blocks of 512 bytes: less than a store comes to need.
const FILE_BLOCKS: u64 = 2_048;

/// A small place for a store, and a way to fill it.
enum Place {
    /// A file system of its own.
    Disk(PathBuf),
    /// No file may grow beyond a limit: the kernel refuses further writes as on a full disk, with another error.
    Limit,
}

impl Place {
    fn of(dir: &Path) -> Place {
        std::fs::create_dir_all(dir).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", DISK, "tmpfs"]).arg(dir).output();
        match mounted {
            Ok(output) if output.status.success() => Place::Disk(dir.to_owned()),
            refused => {
                println!(
                    "no file system can be mounted here ({refused:?}): files are limited in size instead"
                );
                Place::Limit
            }
        }
    }

    fn filler(dir: &Path) -> PathBuf {
        dir.join("filler")
    }

    /// Nothing fits any more.
    fn fill(&self) {
        let Place::Disk(dir) = self else { return };
        let mut file = std::fs::File::create(Place::filler(dir)).unwrap();
        for block in [1 << 20, 4096, 1] {
            while file.write_all(&vec![1; block]).is_ok() {}
        }
    }

    /// There is room again.
    fn free(&self) {
        if let Place::Disk(dir) = self {
            std::fs::remove_file(Place::filler(dir)).unwrap();
        }
    }

    /// A daemon while it is full.
    fn daemon(&self, company: &Company) -> Process {
        match self {
            Place::Disk(_) => company.daemon(false),
            Place::Limit => {
                let mut command = Command::new("sh");
                let limited = format!("trap '' XFSZ; ulimit -f {FILE_BLOCKS}; exec \"$0\" run -c \"$1\"");
                command.arg("-c").arg(limited).arg(crate::process::binary()).arg(&company.config);
                command.envs(company.variables.iter().copied());
                Process::of(command)
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Place::Disk(dir) = self {
            // It goes away with the last process that uses it.
            let _ = Command::new("umount").arg("-l").arg(dir).status();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_full_disk_nothing_more_is_acknowledged_and_with_room_again_nothing_acknowledged_is_lost() {
    let (mut company, mut ledger) = (Company::of(20, 31).await, Ledger::default());
    let disk = company.dir().join("disk");
    let place = Place::of(&disk);
    if let Place::Disk(dir) = &place {
        company.store = dir.join("store");
    }
    company.is_known().await;

    let mut daemon = place.daemon(&company);
    daemon.up().unwrap();
    place.fill();
    let until = Instant::now() + WITHIN;
    let ended = loop {
        for home in [Home::Salesforce, Home::Engage] {
            let at = company.mailable(home).unwrap();
            company.edits_something(at);
            ledger.webhook(&company, &daemon, at).await;
        }
        if let Some(ended) = daemon.ended_within(Duration::ZERO) {
            break ended;
        }
        assert!(Instant::now() < until, "it goes on writing to a full disk");
    };
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    let reasons = ["the disk of the store is full", "File too large"];
    assert!(reasons.iter().any(|reason| ended.words.contains(reason)), "{}", ended.words);
    assert!(daemon.hears("store.failed", WITHIN).is_some(), "the log says why it ended");
    ledger.look(&company);

    // While it is full, each start serves or refuses cleanly. What serves may find it full again.
    for _ in 0..3 {
        let mut daemon = place.daemon(&company);
        if let Err(ended) = daemon.up() {
            assert_eq!(ended.status.code(), Some(1), "{ended:?}");
            assert!(ended.words.starts_with("error: "), "{}", ended.words);
        }
    }
    place.free();
    let mut daemon = company.daemon(false);
    daemon.up().unwrap_or_else(|ended| panic!("with room again it does not start: {ended:?}"));
    println!("{} deliveries were acknowledged before the disk was full", ledger.acknowledged);
    ledger.end(&mut company, &daemon).await;
}
