//! The first pass over an org: calls, seconds and peak memory by the number of Leads. One run; the figures are printed as
//! the README's table has them.
//!
//! `cargo bench --bench backfill`; `LOCKSTEP_BENCH_PEOPLE=50000,200000` says how many.

mod stage;

use lockstep::sandbox::seed;
use stage::{Stage, sandbox};
use std::time::{Duration, Instant};

fn main() {
    // `cargo test --benches` only wants to know that this links.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let counts = std::env::var("LOCKSTEP_BENCH_PEOPLE").unwrap_or_else(|_| "50000,200000".to_owned());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    for count in counts.split(',').filter_map(|count| count.trim().parse().ok()) {
        runtime.block_on(backfill(count));
    }
}

async fn backfill(people: usize) {
    let sandbox = sandbox().await;
    seed::linked(&sandbox.org, &sandbox.product, people, 1);
    // Were they all made just now, every poll of the overlap would bring all of them once more.
    sandbox.org.age(24 * 3600);
    let start = Instant::now();
    let stage = Stage::on(sandbox, "[\"poll\"]").await;
    let calls = |what: &str| stage.sandbox.product.calls().iter().filter(|call| call.contains(what)).count();
    while calls("/api/v1/prospects") <= people.div_ceil(500) {
        assert!(start.elapsed() < Duration::from_secs(900), "the first pass comes to its end");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let took = start.elapsed();
    let all = stage.sandbox.org.calls();
    println!(
        "{people} Leads backfilled: {} calls to Salesforce ({} of them for the bulk job), {} to Engage, {:.0} s, \
         peak memory {:.0} MiB",
        all.len(),
        all.iter().filter(|call| call.contains("/jobs/")).count(),
        calls("/api/"),
        took.as_secs_f64(),
        stage.resident("VmHWM")
    );
}
