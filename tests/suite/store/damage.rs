//! Damage to every file of a store, at many places: it must be refused in words, told, or the store be put back from its
//! newest checkpoint. Never a panic, never a hang beyond the timeouts, never other rows than were acknowledged without
//! a word.
//!
//! `LOCKSTEP_DAMAGES=600 cargo test --test suite store::damage -- --nocapture` is the long run, with its table.

use super::rows::*;
use lockstep::store::*;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const PEOPLE: u32 = 1_200;

/// Where the store is that a victim opens, and the files with what it should hold.
const DIR: &str = "LOCKSTEP_DAMAGED_DIR";

/// What a process that opens a damaged store may take: both its timeouts, and its start.
const VICTIM_WITHIN: Duration = Duration::from_secs(60);

/// A store that was closed, opened and worked on again, with a checkpoint in the middle; and what it holds.
struct Truth {
    dir: tempfile::TempDir,
    now: Vec<String>,
}

fn truth() -> Truth {
    let dir = tempfile::tempdir().unwrap();
    let step = |from: u32, to: u32| {
        let store = open(dir.path()).unwrap();
        for first in (from..to).step_by(20) {
            let people = first..(first + 20).min(to);
            store.write_blocking(move |t| people.into_iter().try_for_each(|n| put_everything(t, n))).unwrap();
        }
        store
    };
    drop(step(1, PEOPLE / 2));
    let store = step(PEOPLE / 2, PEOPLE);
    store.checkpoint(at(1)).unwrap().unwrap();
    let store_again = {
        drop(store);
        step(PEOPLE, PEOPLE + 40)
    };
    let now = everything(&store_again, true);
    drop(store_again);
    // Opened once more, so that the engine has written its snapshot of the end.
    drop(open(dir.path()).unwrap());
    Truth { dir, now }
}

/// A place and a way to damage a file.
#[derive(Debug, Clone)]
struct Damage {
    file: PathBuf,
    what: &'static str,
    number: u64,
}

impl Damage {
    fn apply(&self, dir: &Path) {
        let path = dir.join(&self.file);
        let mut bytes = std::fs::read(&path).unwrap();
        let length = bytes.len().max(1) as u64;
        // Places spread evenly, and the same in every run.
        let place = (self.number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 11) % length;
        let place = usize::try_from(place).unwrap();
        match self.what {
            "truncated" => bytes.truncate(place),
            "bit flipped" => {
                bytes.iter_mut().skip(place).take(1).for_each(|byte| *byte ^= 1 << (self.number % 8))
            }
            "page zeroed" => {
                let page = place / 4096 * 4096;
                bytes.iter_mut().skip(page).take(4096).for_each(|byte| *byte = 0);
            }
            "page foreign" => {
                let page = place / 4096 * 4096;
                let foreign = b"Another program's file.\n".iter().cycle();
                bytes.iter_mut().skip(page).take(4096).zip(foreign).for_each(|(byte, new)| *byte = *new);
            }
            "all foreign" => bytes = b"Another program's file.\n".repeat(1 + self.number as usize % 40),
            _ => return std::fs::remove_file(&path).unwrap(),
        }
        std::fs::write(&path, bytes).unwrap();
    }
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::from("store.commits")];
    for folder in ["sled", "sled/blobs", "checkpoints"] {
        let Ok(entries) = std::fs::read_dir(dir.join(folder)) else { continue };
        let names = entries.map(|entry| entry.unwrap()).filter(|entry| entry.file_type().unwrap().is_file());
        found.extend(names.map(|entry| Path::new(folder).join(entry.file_name())));
    }
    found.sort_unstable();
    found
}

#[test]
fn no_damage_goes_unnoticed_and_none_ends_in_a_panic_or_a_hang() {
    let damages: usize = std::env::var("LOCKSTEP_DAMAGES").map_or(18, |text| text.parse().unwrap());
    let truth = truth();
    let files = files(truth.dir.path());
    assert!(files.len() >= 5, "db, conf, a snapshot, a checkpoint and the count of commits: {files:?}");
    let ways = ["bit flipped", "truncated", "page zeroed", "page foreign", "all foreign", "deleted"];
    let mut table: BTreeMap<(String, &str), BTreeMap<String, u32>> = BTreeMap::new();
    for number in 0..damages {
        let way = ways[number % ways.len()];
        let round = number / ways.len();
        // The engine's one large file gets every second damage.
        let db = files.iter().find(|file| file.ends_with("sled/db")).unwrap();
        let file = if round.is_multiple_of(2) { db } else { &files[round / 2 % files.len()] };
        let damage = Damage { file: file.clone(), what: way, number: number as u64 };
        let dir = tempfile::tempdir().unwrap();
        copy_dir(truth.dir.path(), dir.path());
        damage.apply(dir.path());
        let outcome = opened(dir.path(), &truth.now, &damage);
        let name = file.to_string_lossy().into_owned();
        let name = if name.contains("snap.") { "sled/snap.*".to_owned() } else { name };
        *table.entry((name, way)).or_default().entry(outcome).or_default() += 1;
    }
    for ((file, way), outcomes) in &table {
        println!("{file:28} {way:14} {outcomes:?}");
    }
}

/// What becomes of the store, as an orchestrator sees it that starts the daemon again when it ends.
fn opened(dir: &Path, now: &[String], damage: &Damage) -> String {
    let mut hangs = 0;
    loop {
        let said = victim_says(dir, damage);
        let (word, rest) = said.split_once('\n').unwrap_or((&said, ""));
        let lines: Vec<&str> = rest.lines().collect();
        match word {
            "hung" => {
                hangs += 1;
                assert!(hangs < 4, "{damage:?}: it hangs at every start");
            }
            "refused" => {
                assert!(rest.contains("lockstep store import"), "{damage:?}: {rest}");
                return "refused".to_owned();
            }
            // Put back: it says so; and what it holds is what the checkpoint held, whole.
            "rebuilt" => return "rebuilt".to_owned(),
            "journal" => return "told: the journal has gaps".to_owned(),
            "same" => {
                assert_eq!(lines.len(), now.len(), "{damage:?}: a silent difference");
                assert!(lines.iter().zip(now).all(|(a, b)| a == b), "{damage:?}: a silent difference");
                return "opened, all there".to_owned();
            }
            _ => panic!("{damage:?}: {said}"),
        }
    }
}

fn victim_says(dir: &Path, damage: &Damage) -> String {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::damage::victim", "--ignored", "--nocapture"])
        .env(DIR, dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut out = victim.stdout.take().unwrap();
    let reading = std::thread::spawn(move || {
        let mut text = String::new();
        out.read_to_string(&mut text).map(|_| text)
    });
    let start = Instant::now();
    while victim.try_wait().unwrap().is_none() {
        if start.elapsed() > VICTIM_WITHIN {
            victim.kill().unwrap();
            victim.wait().unwrap();
            panic!("{damage:?}: it hangs for ever");
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
    let text = reading.join().unwrap().unwrap();
    let said = text.split_once("says ").unwrap_or_else(|| panic!("{damage:?}: it died: {text}"));
    said.1.split("\nsaid").next().unwrap().to_owned()
}

#[test]
#[ignore = "the process that opens a damaged store, for the other test"]
fn victim() {
    let dir = PathBuf::from(std::env::var(DIR).expect("run by the test above"));
    let said = look(&dir);
    println!("says {said}\nsaid");
    // Without unwinding threads that may hang.
    std::process::exit(0);
}

fn look(dir: &Path) -> String {
    let options = StoreOptions {
        open_timeout: Duration::from_secs(4),
        work_timeout: Duration::from_secs(4),
        ..StoreOptions::for_the_daemon()
    };
    let store = match Store::open(dir, TENANT, options) {
        Ok(store) => store,
        Err(StoreError::TimedOut { .. }) => return "hung".to_owned(),
        Err(error) => return format!("refused\n{error}"),
    };
    // What the daemon does soon after its start.
    let found = match store.check() {
        Ok(found) => found,
        Err(error) if error.is_fatal() => return "hung".to_owned(),
        Err(error) => return format!("failed: {error}"),
    };
    if !found.whole {
        return if found.only_journal { "journal".to_owned() } else { "hung".to_owned() };
    }
    if store.read_blocking(|r| r.last_restored()).unwrap().is_some() {
        let links = store.read_blocking(|r| r.link_count()).unwrap();
        assert_eq!(links, u64::from(PEOPLE - 1), "as many as the checkpoint has");
        return "rebuilt".to_owned();
    }
    format!("same\n{}", everything(&store, true).join("\n"))
}

#[test]
fn a_store_that_lost_its_last_commits_as_a_whole_is_noticed() {
    let truth = truth();
    let older = tempfile::tempdir().unwrap();
    copy_dir(truth.dir.path(), older.path());
    let store = open(truth.dir.path()).unwrap();
    store.write_blocking(|t| t.set_cursor("engage", "later")).unwrap();
    drop(store);
    // The engine's files as they were: whole, and without what was acknowledged since.
    std::fs::remove_dir_all(truth.dir.path().join("sled")).unwrap();
    copy_dir(&older.path().join("sled"), &truth.dir.path().join("sled"));
    let looking = Store::open(truth.dir.path(), TENANT, StoreOptions::default()).err().unwrap();
    assert!(looking.to_string().contains("was acknowledged"), "{looking}");
    let store = open(truth.dir.path()).unwrap();
    let restored = store.read_blocking(|r| r.last_restored()).unwrap().unwrap();
    assert_eq!(restored.copy_of, at(1));
}

#[test]
fn without_a_whole_checkpoint_the_refusal_says_what_to_do() {
    let truth = truth();
    for entry in std::fs::read_dir(truth.dir.path().join("checkpoints")).unwrap() {
        std::fs::write(entry.unwrap().path(), "no more").unwrap();
    }
    let db = truth.dir.path().join("sled/db");
    let length = std::fs::metadata(&db).unwrap().len();
    std::fs::write(&db, vec![7; usize::try_from(length).unwrap()]).unwrap();
    let refused = open(truth.dir.path()).err().unwrap().to_string();
    for word in ["lockstep store import FILE", "start anew", "00000001.jsonl"] {
        assert!(refused.contains(word), "{word}: {refused}");
    }
    assert!(db.exists(), "nothing is touched");
}

#[test]
fn files_that_hung_are_not_tried_again_and_suspect_ones_are_looked_through() {
    let truth = truth();
    let doubt = truth.dir.path().join("store.doubt");
    std::fs::write(&doubt, "suspect\nan answer did not come\n").unwrap();
    let store = open(truth.dir.path()).unwrap();
    assert_eq!(store.read_blocking(|r| r.last_restored()).unwrap(), None);
    drop(store);
    assert!(!doubt.exists());
    std::fs::write(&doubt, "hung\nopening did not end\n").unwrap();
    let looking = Store::open(truth.dir.path(), TENANT, StoreOptions::default()).err().unwrap();
    assert!(looking.to_string().contains("opening did not end"), "{looking}");
    let store = open(truth.dir.path()).unwrap();
    let restored = store.read_blocking(|r| r.last_restored()).unwrap().expect("it is put back");
    assert!(restored.why.contains("opening did not end") && !doubt.exists());
}
