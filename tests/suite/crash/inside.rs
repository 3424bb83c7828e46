//! Kill points inside the daemon (`src/kill_point.rs`), each by its name: they exist in debug builds only, so this is
//! always the binary of this build.

use super::company::{Company, Home};
use super::ledger::Ledger;
use crate::process::{Process, WITHIN};
use jiff::Timestamp;
use lockstep::kill_point;
use lockstep::store::{JournalEntry, Store, StoreOptions, marks};
use std::collections::BTreeSet;
use std::process::Command;

/// Which times of a moment are tried. A turn with writes on both sides has about this many commits: due marks, cursors,
/// intents, records.
fn times(name: &str) -> std::ops::RangeInclusive<u64> {
    match name {
        "commit.begun" | "commit.flushed" => 1..=4,
        "commit.applied" => 1..=8,
        "write.answered" | "intent.durable" => 1..=2,
        _ => 1..=1,
    }
}

fn long_ago() -> Timestamp {
    "2020-02-02T02:02:02Z".parse().unwrap()
}

impl Company {
    /// A daemon that dies at this moment.
    fn doomed(&self, at: &str) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lockstep"));
        command
            .args(["run", "-c"])
            .arg(&self.config)
            .envs(self.variables.iter().copied())
            .env("LOCKSTEP_KILL_AT", at);
        Process::of(command)
    }

    /// Its store's oldest entry of the journal is old enough to be taken out by the next sweep.
    fn has_an_old_journal(&self) {
        let entry = JournalEntry::about(self.people[0].prospect.clone(), "adopted", "long ago", long_ago());
        self.open().write_blocking(move |tx| tx.append_journal(&entry)).unwrap();
    }

    /// The daily sweep is due.
    fn was_swept_long_ago(&self) {
        self.open().write_blocking(|tx| tx.set_meta(marks::SWEPT_AT, &long_ago().to_string())).unwrap();
    }

    fn open(&self) -> Store {
        Store::open(&self.store, "killed", StoreOptions::default()).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_every_moment_that_has_a_name_nothing_is_lost() {
    let (mut company, mut ledger) = (Company::of(15, 21).await, Ledger::default());
    company.has_an_old_journal();
    company.is_known().await;
    let mut reached = BTreeSet::new();
    for (name, _) in kill_point::ALL {
        for time in times(name) {
            match *name {
                "journal.pruned" => company.was_swept_long_ago(),
                // A start writes one where there is none.
                name if name.starts_with("checkpoint.") => {
                    std::fs::remove_dir_all(company.store.join("checkpoints")).unwrap();
                }
                _ => {}
            }
            for home in [Home::Salesforce, Home::Engage] {
                let at = company.mailable(home).unwrap();
                company.edits_something(at);
            }
            let daemon = company.doomed(&format!("{name}:{time}"));
            let ended = daemon.ended_within(WITHIN);
            let ended = ended.unwrap_or_else(|| panic!("{name}, time {time}, is never reached"));
            assert_eq!(ended.status.code(), None, "{name}:{time}: it ended by itself: {}", ended.words);
            reached.insert(*name);
            company.nobody_is_opted_in_again();
            ledger.look(&company);
        }
    }
    assert_eq!(reached.len(), kill_point::ALL.len());
    let mut daemon = company.daemon(false);
    daemon.up().unwrap();
    ledger.end(&mut company, &daemon).await;
}
