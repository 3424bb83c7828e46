//! The release daemon against the sandbox: changes a second from end to end, and memory. One run of each; the figures
//! are printed as the README's table has them.
//!
//! `cargo bench --bench end_to_end`; `LOCKSTEP_BENCH_PEOPLE=20000` makes it shorter.

mod stage;

use lockstep::sandbox::seed;
use serde_json::json;
use stage::{Stage, sandbox};
use std::time::{Duration, Instant};

/// How many people change on each side for the throughput.
const CHANGED: usize = 10_000;

/// How changes come in here.
const POLLS: &str = "[\"poll\"]";

fn main() {
    // `cargo test --benches` only wants to know that this links.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let people =
        std::env::var("LOCKSTEP_BENCH_PEOPLE").ok().and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        idle().await;
        linked(people).await;
    });
}

async fn idle() {
    let stage = Stage::on(sandbox().await, POLLS).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    println!("resident memory, idle, nobody linked: {:.1} MiB", stage.resident("VmRSS"));
}

async fn linked(people: usize) {
    let sandbox = sandbox().await;
    let all = seed::linked(&sandbox.org, &sandbox.product, people, 1);
    let start = Instant::now();
    let stage = Stage::on(sandbox, POLLS).await;
    let pages = people.div_ceil(500);
    let polls =
        || stage.sandbox.product.calls().iter().filter(|call| call.ends_with("/api/v1/prospects")).count();
    while polls() <= pages {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    println!("first pass, {people} linked people: {:.1} s", start.elapsed().as_secs_f64());
    tokio::time::sleep(Duration::from_secs(5)).await;
    println!(
        "resident memory, {people} linked people: {:.1} MiB (peak {:.1} MiB)",
        stage.resident("VmRSS"),
        stage.resident("VmHWM")
    );

    let changed = CHANGED.min(people / 2);
    let movable = all.iter().filter(|(_, prospect)| stage.sandbox.product.status(prospect) != "bounced");
    let movable: Vec<_> = movable.take(2 * changed).collect();
    let (to_engage, to_salesforce) = movable.split_at(movable.len() / 2);
    for (lead, _) in to_engage {
        let next = if stage.sandbox.org.get(*lead, "Status") == json!("Nurture") {
            "Not interested"
        } else {
            "Nurture"
        };
        stage.sandbox.org.edit(*lead, &[("Status", json!(next))]);
    }
    for (_, prospect) in to_salesforce {
        let next =
            if stage.sandbox.product.status(prospect) == "success" { "not_interested" } else { "success" };
        stage.sandbox.product.set_status(prospect, next).expect("nothing forbids it");
    }
    let start = Instant::now();
    let written = || stage.sandbox.product.writes() + stage.sandbox.org.writes().0;
    while written() < movable.len() as u64 {
        assert!(start.elapsed() < Duration::from_secs(600), "{} of {} written", written(), movable.len());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{} changes, half on each side: {seconds:.1} s, {:.0} changes a second",
        movable.len(),
        movable.len() as f64 / seconds
    );
    println!(
        "resident memory afterwards: {:.1} MiB (peak {:.1} MiB)",
        stage.resident("VmRSS"),
        stage.resident("VmHWM")
    );
}
