//! Durable intakes and reads a second, and what 100,000 links cost: `cargo bench --bench store`.

use divan::Bencher;
use divan::counter::ItemsCount;
use jiff::Timestamp;
use lockstep::model::{Baseline, FieldValue, Link, PersonStatus, ProspectId, Side};
use lockstep::store::{JournalEntry, Seen, Source, Store, StoreOptions};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

const TENANT: &str = "bench";
const LINKS: u64 = 100_000;

/// Set in the fresh process whose memory is measured.
const MEASURED: &str = "LOCKSTEP_BENCH_STORE";

fn main() {
    if let Some(dir) = std::env::var_os(MEASURED) {
        return measure_memory(dir.as_ref());
    }
    let dir = tempfile::tempdir().unwrap();
    let empty = tempfile::tempdir().unwrap();
    fill(dir.path());
    for (what, dir) in [("empty store", empty.path()), ("100,000 links", dir.path())] {
        println!("{what}:");
        Command::new(std::env::current_exe().unwrap()).env(MEASURED, dir).status().unwrap();
    }
    divan::main();
}

/// One webhook or changed row: marked due, and durable.
#[divan::bench(args = [1, 16, 64], sample_count = 10, sample_size = 1)]
fn durable_intakes(bencher: Bencher<'_, '_>, writers: u64) {
    const EACH: u64 = 250;
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), TENANT, StoreOptions::default()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    bencher.counter(ItemsCount::new(writers * EACH)).bench(|| {
        runtime.block_on(async {
            let mut tasks = tokio::task::JoinSet::new();
            for writer in 0..writers {
                let store = store.clone();
                tasks.spawn(async move {
                    for number in 0..EACH {
                        let prospect = prospect(writer * EACH + number);
                        store
                            .write(move |transaction| transaction.mark_due(&prospect, seen()))
                            .await
                            .unwrap();
                    }
                });
            }
            tasks.join_all().await
        })
    });
}

/// A page of a poll: 200 rows marked due and the cursor moved, in one transaction.
#[divan::bench(sample_count = 10, sample_size = 10)]
fn durable_intakes_by_the_page(bencher: Bencher<'_, '_>) {
    const PAGE: u64 = 200;
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), TENANT, StoreOptions::default()).unwrap();
    bencher.counter(ItemsCount::new(PAGE)).bench(|| {
        store
            .write_blocking(|transaction| {
                for number in 0..PAGE {
                    transaction.mark_due(&prospect(number), seen())?;
                }
                transaction.set_cursor("engage", "2026-07-01T00:00:00Z")
            })
            .unwrap()
    });
}

/// Links looked up by Salesforce id, 200 at a time, as they are gathered.
#[divan::bench(sample_count = 20, sample_size = 10)]
fn links_read(bencher: Bencher<'_, '_>) {
    const PAGE: u64 = 200;
    let dir = tempfile::tempdir().unwrap();
    let store = fill(dir.path());
    bencher
        .counter(ItemsCount::new(PAGE))
        .with_inputs(|| (0..PAGE).map(|_| link(rand::random_range(0..LINKS)).salesforce).collect::<Vec<_>>())
        .bench_values(|ids| {
            store
                .read_blocking(move |reader| {
                    ids.iter().map(|id| reader.links_by_salesforce(id)).collect::<Result<Vec<_>, _>>()
                })
                .unwrap()
        });
}

fn fill(dir: &Path) -> Store {
    let store = Store::open(dir, TENANT, StoreOptions::default()).unwrap();
    for first in (0..LINKS).step_by(1_000) {
        store
            .write_blocking(move |transaction| {
                (first..first + 1_000).try_for_each(|number| transaction.put_link(&link(number)))
            })
            .unwrap();
    }
    store
}

/// Prints what opening, and then reading every link once, cost in time and resident memory.
fn measure_memory(dir: &Path) {
    let before = resident_mib();
    let begin = Instant::now();
    let store = Store::open(dir, TENANT, StoreOptions::default()).unwrap();
    let opened_in = begin.elapsed();
    let opened = resident_mib();
    let begin = Instant::now();
    let mut after = None;
    let mut links = 0;
    loop {
        let from = after.clone();
        let page = store.read_blocking(move |reader| reader.links_after(from.as_ref(), 1_000)).unwrap();
        links += page.len();
        let Some(last) = page.last() else { break };
        after = Some(last.prospect.clone());
    }
    let (read_in, read) = (begin.elapsed(), resident_mib());
    let begin = Instant::now();
    for first in (0..links as u64).step_by(200) {
        store
            .write_blocking(move |transaction| {
                for number in first..first + 200 {
                    let due = transaction.mark_due(&prospect(number), seen())?;
                    transaction.put_link(&link(number))?;
                    transaction.clear_due(&due.prospect, due.generation)?;
                    transaction.append_journal(&journal_entry(number))?;
                }
                Ok(())
            })
            .unwrap();
    }
    let worked_in = begin.elapsed();
    println!(
        "opened in {opened_in:.0?}, {links} links read in {read_in:.0?}, all changed once in {worked_in:.0?}; \
         resident {before:.0} MiB before, {opened:.0} opened, {read:.0} read, {:.0} changed; {:.0} MiB on disk",
        resident_mib(),
        store.disk_bytes().unwrap() as f64 / f64::from(1 << 20),
    );
}

/// Linux only; 0 elsewhere.
fn resident_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: f64 = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(0.0);
    kib / 1024.0
}

fn prospect(number: u64) -> ProspectId {
    format!("p_{number:08}").parse().unwrap()
}

fn link(number: u64) -> Link {
    Link {
        baseline: Some(Baseline {
            salesforce: [
                ("Status".into(), FieldValue::text("Attempting to contact")),
                ("HasOptedOutOfEmail".into(), FieldValue::Bool(false)),
            ]
            .into(),
            engage: PersonStatus::new("approaching"),
        }),
        ..Link::new(prospect(number), format!("00Q{number:012}").parse().unwrap())
    }
}

fn journal_entry(number: u64) -> JournalEntry {
    let link = link(number);
    JournalEntry {
        at: Timestamp::now(),
        change: None,
        prospect: link.prospect,
        salesforce: Some(link.salesforce),
        what: "written".to_owned(),
        seen: vec![seen()],
        rule: None,
        reason: "only Salesforce changed; it is carried over".to_owned(),
        side: Some(Side::Engage),
        from: Some("approaching".to_owned()),
        to: Some("success".to_owned()),
        overruled: None,
        by: None,
    }
}

fn seen() -> Seen {
    Seen {
        side: Some(Side::Salesforce),
        source: Source::Poll,
        at: Timestamp::now(),
        value: Some("Nurture".to_owned()),
        by: None,
    }
}
