//! Change events from end to end: how long after a change in Salesforce it stands in Engage, what a burst costs, and that
//! neither costs a call to Salesforce. One run; the figures are printed as the README's table has them.
//!
//! `cargo bench --bench events`

mod stage;

use lockstep::model::{ProspectId, SalesforceId};
use lockstep::sandbox::seed;
use serde_json::json;
use stage::{Stage, sandbox};
use std::time::{Duration, Instant};

/// Changes whose way is timed, one after the other.
const TIMED: usize = 200;

/// Changes that come all at once.
const BURST: usize = 10_000;

fn main() {
    // `cargo test --benches` only wants to know that this links.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(run());
}

async fn run() {
    let sandbox = sandbox().await;
    let people = seed::linked(&sandbox.org, &sandbox.product, BURST + TIMED, 1);
    let stage = Stage::on(sandbox, "[\"pubsub\"]").await;
    settle(&stage).await;
    let (timed, burst) = people.split_at(TIMED);
    latency(&stage, timed).await;
    settle(&stage).await;
    flood(&stage, burst).await;
}

/// Nothing is called any more for a while: the first pass is over, and the stream is open.
async fn settle(stage: &Stage) {
    let calls = || stage.sandbox.org.calls().len() + stage.sandbox.product.writes() as usize;
    let mut quiet_since = (Instant::now(), calls());
    while quiet_since.0.elapsed() < Duration::from_secs(15) {
        tokio::time::sleep(Duration::from_millis(200)).await;
        if calls() != quiet_since.1 {
            quiet_since = (Instant::now(), calls());
        }
    }
}

fn change(stage: &Stage, (lead, prospect): &(SalesforceId, ProspectId)) -> Option<&'static str> {
    let (status, person) = match stage.sandbox.product.status(prospect).as_str() {
        "bounced" => return None,
        "success" => ("Not interested", "not_interested"),
        _ => ("Nurture", "success"),
    };
    stage.sandbox.org.edit(*lead, &[("Status", json!(status))]);
    Some(person)
}

async fn latency(stage: &Stage, people: &[(SalesforceId, ProspectId)]) {
    let before = stage.sandbox.org.calls().len();
    let mut took = Vec::new();
    for person in people {
        let start = Instant::now();
        let Some(wanted) = change(stage, person) else { continue };
        while stage.sandbox.product.status(&person.1) != wanted {
            assert!(start.elapsed() < Duration::from_secs(10), "the change arrives");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        took.push(start.elapsed());
    }
    took.sort();
    println!(
        "a change in Salesforce stands in Engage after {} ms at the median, {} ms at the 99th percentile ({} changes), \
         with {} calls to Salesforce",
        took[took.len() / 2].as_millis(),
        took[took.len() * 99 / 100].as_millis(),
        took.len(),
        stage.sandbox.org.calls().len() - before
    );
}

async fn flood(stage: &Stage, people: &[(SalesforceId, ProspectId)]) {
    let batches = || stage.sandbox.product.calls().iter().filter(|call| call.contains("batch")).count();
    let (calls_before, batches_before) = (stage.sandbox.org.calls().len(), batches());
    let writes_before = stage.sandbox.product.writes();
    let start = Instant::now();
    let changed = people.iter().filter(|person| change(stage, person).is_some()).count();
    while stage.sandbox.product.writes() - writes_before < changed as u64 {
        assert!(start.elapsed() < Duration::from_secs(300), "the burst arrives");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    println!(
        "a burst of {changed} changes: {:.1} s, {} batches to Engage (least: {}), {} calls to Salesforce; peak memory {:.0} MiB",
        start.elapsed().as_secs_f64(),
        batches() - batches_before,
        changed.div_ceil(200),
        stage.sandbox.org.calls().len() - calls_before,
        stage.resident("VmHWM")
    );
}
