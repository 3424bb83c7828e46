//! How large a store grows that is worked on day after day, with its journal pruned by a clock of the test's own.
//!
//! A simulated year of 5,000 changes a day, with the size at each month's end:
//! `LOCKSTEP_GROWTH_DAYS=365 LOCKSTEP_GROWTH_CHANGES=5000 LOCKSTEP_GROWTH_KEPT_DAYS=90 cargo test --release --test suite
//! store::growth -- --nocapture`

use super::rows::*;
use jiff::{SignedDuration, Timestamp};
use lockstep::model::Side;
use lockstep::store::*;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Changes that share a transaction: a page of a poll.
const PAGE: u32 = 100;

fn number(name: &str, default: u32) -> u32 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

#[test]
fn the_store_stops_growing_once_the_journal_has_its_age() {
    let days = number("LOCKSTEP_GROWTH_DAYS", 36);
    let changes = number("LOCKSTEP_GROWTH_CHANGES", 400);
    let kept = number("LOCKSTEP_GROWTH_KEPT_DAYS", 3);
    let people = changes * 4;
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    store.write_blocking(move |t| (0..people).try_for_each(|n| t.put_link(&link(n)))).unwrap();
    let mut largest_when_full = 0;
    for day in 1..=days {
        let now = at(0) + SignedDuration::from_hours(24 * i64::from(day));
        for first in (0..changes).step_by(PAGE as usize) {
            let of = |place: u32| (day * changes + place) % people;
            let page: Vec<u32> = (first..changes.min(first + PAGE)).map(of).collect();
            change(&store, &page, now);
        }
        let prune = move |t: &mut Transaction<'_>| t.prune_journal(DAY * kept, now, 1_000_000, 1_000);
        while store.write_blocking(prune).unwrap() == 1_000 {}
        let size = store.disk_bytes().unwrap();
        if day <= kept + 2 {
            largest_when_full = largest_when_full.max(size);
        }
        if day % 30 == 0 || day == days {
            let entries = store.read_blocking(|r| r.journal_count()).unwrap();
            let mebibytes = size as f64 / f64::from(1 << 20);
            println!("day {day}: {mebibytes:.1} MiB, {entries} entries in the journal");
        }
    }
    let size = store.disk_bytes().unwrap();
    // The engine gives nothing back, but uses again what it has, in pieces of half a mebibyte and in its own time. What is
    // kept of the journal is a tenth of what was written to it.
    assert!(
        size <= largest_when_full * 2 + (4 << 20),
        "{size} bytes, and {largest_when_full} when the journal had its age"
    );
    assert!(store.verify().unwrap().whole);
}

/// What a change does to the store, in the transactions in which it does it.
fn change(store: &Store, page: &[u32], now: Timestamp) {
    let people = page.to_vec();
    let seen = move || Seen {
        side: Some(Side::Engage),
        source: Source::Poll,
        at: now,
        value: Some("success".into()),
        by: None,
    };
    let due: Vec<Due> = store
        .write_blocking(move |t| {
            t.set_cursor("engage", &now.to_string())?;
            people.iter().map(|n| t.mark_due(&prospect(*n), seen())).collect()
        })
        .unwrap();
    let people = page.to_vec();
    store
        .write_blocking(move |t| {
            for n in &people {
                let mut everything = intent(*n);
                everything.at = now;
                t.put_intent(&everything)?;
            }
            Ok(())
        })
        .unwrap();
    let people = page.to_vec();
    store
        .write_blocking(move |t| {
            for (n, due) in people.iter().zip(&due) {
                t.put_link(&link(*n))?;
                t.remove_intent(&prospect(*n))?;
                t.count_write(&prospect(*n), Side::Salesforce, now)?;
                t.clear_due(&prospect(*n), due.generation)?;
                t.append_journal(&JournalEntry {
                    change: Some(due.change),
                    salesforce: Some(lead(*n)),
                    seen: due.seen.clone(),
                    side: Some(Side::Salesforce),
                    from: Some("Working".into()),
                    to: Some("Nurture".into()),
                    ..JournalEntry::about(prospect(*n), "written", "Revenue Engage changed", now)
                })?;
            }
            Ok(())
        })
        .unwrap();
}

fn intent(number: u32) -> Intent {
    use lockstep::model::*;
    Intent {
        prospect: prospect(number),
        salesforce: lead(number),
        change: ChangeId(1),
        at: at(11),
        touched: None,
        step: Step {
            target: Target::Salesforce { fields: baseline("Nurture", "success").salesforce },
            seen: baseline("Working", "success"),
            rule: None,
            reason: WriteReason::Changed(Side::Engage),
            overruled: None,
            details: Default::default(),
        },
    }
}

/// What opening, with its look at every row that decides, and a checkpoint cost in time and memory:
/// `LOCKSTEP_LINKS=100000 cargo test --release --test suite store::growth::what -- --nocapture`.
#[test]
fn what_opening_and_a_checkpoint_cost() {
    let links = number("LOCKSTEP_LINKS", 2_000);
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    for first in (0..links).step_by(1_000) {
        let people = first..links.min(first + 1_000);
        store.write_blocking(move |t| people.into_iter().try_for_each(|n| t.put_link(&link(n)))).unwrap();
    }
    drop(store);
    let (begin, before) = (std::time::Instant::now(), resident_mib());
    let store = open(dir.path()).unwrap();
    let (opened_in, opened) = (begin.elapsed(), resident_mib());
    let begin = std::time::Instant::now();
    store.write_blocking(|t| t.set_cursor("engage", "later")).unwrap();
    let checkpoint = store.checkpoint(at(1)).unwrap().unwrap();
    assert!(checkpoint.rows > u64::from(links));
    let bytes = std::fs::metadata(&checkpoint.path).unwrap().len();
    println!(
        "{links} links: opened in {opened_in:.0?}, a checkpoint of {} KiB in {:.0?}; resident {before:.0} MiB before, \
         {opened:.0} opened, {:.0} after the checkpoint",
        bytes >> 10,
        begin.elapsed(),
        resident_mib(),
    );
}

/// Linux only; 0 elsewhere.
fn resident_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: f64 = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(0.0);
    kib / 1024.0
}
