//! The store under kill -9: a process commits and says what was acknowledged, is killed at a random moment, and
//! the store is opened again. Many times over, on the same directory.
//!
//! `LOCKSTEP_KILLS=2000 cargo test --test suite crash::store -- --nocapture` is the long run.

use jiff::Timestamp;
use lockstep::model::{Baseline, Link, PersonStatus, ProspectId, Side};
use lockstep::store::{JournalEntry, Reader, Seen, Source, Store, StoreError, StoreOptions, Transaction};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

const TENANT: &str = "crash";
const DIR: &str = "LOCKSTEP_VICTIM_DIR";

/// Threads of the victim that commit at the same time, so that groups of several are killed too.
const WRITERS: u64 = 4;

/// Rows that one commit of a writer sets to the same number.
const LINKS_A_WRITER: u64 = 3;

#[test]
fn nothing_acknowledged_is_lost_by_kill_9_and_no_commit_is_torn() {
    let kills: u32 = std::env::var("LOCKSTEP_KILLS").map_or(40, |text| text.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeMap::new();
    let mut leftovers = 0;
    let mut slowest_open = Duration::ZERO;
    for kill in 0..kills {
        run_and_kill(dir.path(), kill % 2 == 0, &mut acknowledged);
        leftovers += half_written_snapshots(dir.path());
        let begin = Instant::now();
        let store = Store::open(dir.path(), TENANT, StoreOptions::default())
            .unwrap_or_else(|error| panic!("kill {kill}: {error}"));
        slowest_open = slowest_open.max(begin.elapsed());
        assert_eq!(half_written_snapshots(dir.path()), 0, "kill {kill}");
        for (writer, last) in &acknowledged {
            let writer = *writer;
            let found = store.read_blocking(move |reader| committed(reader, writer)).unwrap();
            assert!(found >= *last, "kill {kill}: writer {writer} was told {last}, the store has {found}");
        }
        assert_eq!(store.damaged(), []);
    }
    let commits: u64 = acknowledged.values().sum();
    assert!(commits > 0, "the victim never got to commit anything");
    println!(
        "{kills} kills, at least {commits} commits: 0 acknowledged ones lost, 0 torn, 0 failed opens, \
         {leftovers} half-written snapshots removed, slowest open {slowest_open:?}"
    );
}

#[test]
fn another_process_is_refused_and_told_who_holds_the_store_until_that_one_dies() {
    let dir = tempfile::tempdir().unwrap();
    let mut victim = victim_command(dir.path()).spawn().unwrap();
    let mut lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().starts_with("ack ")));
    let error = Store::open(dir.path(), TENANT, StoreOptions::default()).err();
    victim.kill().unwrap();
    victim.wait().unwrap();
    let Some(StoreError::Held { holder, .. }) = error else { panic!("{error:?}") };
    assert!(holder.starts_with(&format!("pid {} on ", victim.id())), "{holder}");
    Store::open(dir.path(), TENANT, StoreOptions::default()).unwrap();
}

/// Lets the victim run for 0 to 120 ms, and notes what it was told is durable. The time runs from its start, so
/// that opening is killed too, or from the first acknowledgement, so that a slow machine gets to commit.
fn run_and_kill(dir: &Path, from_start: bool, acknowledged: &mut BTreeMap<u64, u64>) {
    let mut victim = victim_command(dir).spawn().unwrap();
    let answers = BufReader::new(victim.stdout.take().unwrap());
    let (first, told_first) = mpsc::channel();
    let reading = std::thread::spawn(move || {
        let mut told = BTreeMap::new();
        for line in answers.lines().map_while(Result::ok) {
            // The test harness prints lines of its own. The full stop is missing in a line that the kill cut off.
            if let Some(ack) = line.strip_prefix("ack ").and_then(|line| line.strip_suffix('.')) {
                let (writer, number) = ack.split_once(' ').unwrap();
                told.insert(writer.parse::<u64>().unwrap(), number.parse::<u64>().unwrap());
                let _ = first.send(());
            }
        }
        told
    });
    if !from_start {
        told_first.recv().expect("the victim gave up before it had committed anything");
    }
    std::thread::park_timeout(Duration::from_micros(rand::random_range(0..120_000)));
    let ended = victim.try_wait().unwrap();
    assert!(ended.is_none(), "the victim gave up by itself: {ended:?}");
    victim.kill().unwrap();
    victim.wait().unwrap();
    acknowledged.extend(reading.join().unwrap());
}

fn victim_command(dir: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "crash::store::victim", "--ignored", "--nocapture"])
        .env(DIR, dir)
        .stdout(Stdio::piped());
    command
}

fn half_written_snapshots(dir: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(dir.join("sled")) else { return 0 };
    entries
        .filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|it| it == "generating"))
        .count()
}

#[test]
#[ignore = "the process that the other test kills"]
fn victim() {
    let dir = std::env::var(DIR).expect("run by the test above");
    let store = Store::open(dir.as_ref(), TENANT, StoreOptions::default()).unwrap();
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let store = &store;
            scope.spawn(move || {
                loop {
                    let number =
                        store.write_blocking(move |transaction| commit_next(transaction, writer)).unwrap();
                    // One write call a line, so that lines of several threads do not mix.
                    std::io::stdout().write_all(format!("ack {writer} {number}.\n").as_bytes()).unwrap();
                }
            });
        }
    });
}

/// One transaction of every kind of row, all of them numbered alike.
fn commit_next(transaction: &mut Transaction<'_>, writer: u64) -> Result<u64, StoreError> {
    let number = committed(transaction, writer)? + 1;
    let now = Timestamp::from_second(number as i64).unwrap();
    transaction.set_cursor(&writer.to_string(), &number.to_string())?;
    for place in 0..LINKS_A_WRITER {
        let link = link(writer, place, number);
        transaction.put_link(&link)?;
        let seen = Seen { side: Some(Side::Engage), source: Source::Poll, at: now, value: None, by: None };
        let due = transaction.mark_due(&link.prospect, seen)?;
        if number % 2 == place % 2 {
            assert!(transaction.clear_due(&link.prospect, due.generation)?);
        }
        transaction.append_journal(&journal_entry(&link, now))?;
    }
    // Keeps the store small, and gives the engine segments to reuse.
    transaction.prune_journal(Duration::from_secs(u64::MAX), now, 10_000, 10)?;
    Ok(number)
}

/// The number of the last commit of a writer. Panics when its rows disagree about it: then a commit is torn.
fn committed(reader: &Reader<'_>, writer: u64) -> Result<u64, StoreError> {
    let Some(number) = reader.cursor(&writer.to_string())? else { return Ok(0) };
    let number: u64 = number.parse().unwrap();
    for place in 0..LINKS_A_WRITER {
        let expected = link(writer, place, number);
        assert_eq!(reader.link(&expected.prospect)?.as_ref(), Some(&expected), "torn");
        assert_eq!(
            reader.links_by_salesforce(&expected.salesforce)?,
            std::slice::from_ref(&expected.prospect),
            "torn"
        );
        let is_due = reader.due(&expected.prospect)?.is_some();
        assert_eq!(is_due, number % 2 != place % 2, "torn");
        let newest = reader.journal_of(&expected.prospect, 1)?;
        assert_eq!(newest[0].reason, number.to_string(), "torn");
    }
    Ok(number)
}

fn link(writer: u64, place: u64, number: u64) -> Link {
    let prospect: ProspectId = format!("p_{writer}_{place}").parse().unwrap();
    // The record changes with every commit, so that its index moves.
    let salesforce = format!("00Q{:012}", (writer * 10 + place) * 100_000_000 + number).parse().unwrap();
    Link {
        baseline: Some(Baseline {
            salesforce: BTreeMap::new(),
            engage: PersonStatus::new(&number.to_string()),
        }),
        ..Link::new(prospect, salesforce)
    }
}

fn journal_entry(link: &Link, at: Timestamp) -> JournalEntry {
    JournalEntry {
        at,
        change: None,
        prospect: link.prospect.clone(),
        salesforce: Some(link.salesforce),
        what: "written".to_owned(),
        seen: Vec::new(),
        rule: None,
        reason: at.as_second().to_string(),
        side: Some(Side::Engage),
        from: None,
        to: None,
        overruled: None,
        by: None,
    }
}
