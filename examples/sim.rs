//! Plays simulated days: `cargo run --release --example sim -- --seeds 1000`, or one that failed: `-- --seed N`.
#![allow(missing_docs)]

#[path = "../tests/simulation/mod.rs"]
mod simulation;

use simulation::{Plan, play, shrunk};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

const USAGE: &str = "usage: sim [--seed N | --seeds COUNT [--from N]]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str| {
        let place = arguments.iter().position(|argument| argument == name)?;
        arguments.get(place + 1)?.parse::<u64>().ok()
    };
    match (number("--seed"), number("--seeds")) {
        (Some(seed), None) => one(seed),
        (None, Some(count)) => many(number("--from").unwrap_or(1), count),
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// Plays one seed, and tells its story if it breaks a rule.
fn one(seed: u64) -> ExitCode {
    let plan = Plan::of(seed);
    let outcome = play(&plan);
    let Some(broken) = outcome.broken else {
        println!("seed {seed}: every rule holds ({} calls, trace {:016x})", outcome.calls, outcome.hash);
        return ExitCode::SUCCESS;
    };
    println!("seed {seed}: {broken}\n\nshrunk:");
    let plan = shrunk(plan);
    let outcome = play(&plan);
    println!("{}\nfaults: {:?}\n{}", outcome.mapping, plan.rates, outcome.story.join("\n"));
    println!("=> {}", outcome.broken.unwrap_or_default());
    ExitCode::FAILURE
}

/// Plays many, each twice, on all processors.
fn many(from: u64, count: u64) -> ExitCode {
    let (next, start) = (AtomicU64::new(from), Instant::now());
    let (failed, calls, faults) = (Mutex::new(Vec::new()), AtomicU64::new(0), AtomicU64::new(0));
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= from + count {
                        return;
                    }
                    let plan = Plan::of(seed);
                    let (outcome, again) = (play(&plan), play(&plan));
                    calls.fetch_add(outcome.calls, Ordering::Relaxed);
                    faults.fetch_add(outcome.faults.iter().map(|(_, count)| count).sum(), Ordering::Relaxed);
                    let broken = outcome.broken.or_else(|| {
                        (outcome.hash != again.hash).then(|| {
                            let mut lines = outcome.story.iter().zip(&again.story);
                            format!("two runs of it differ: {:?}", lines.find(|(one, other)| one != other))
                        })
                    });
                    if let Some(broken) = broken {
                        println!("seed {seed}: {broken}");
                        failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(seed);
                    }
                }
            });
        }
    });
    let seconds = start.elapsed().as_secs_f64();
    let failed = failed.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    println!(
        "{count} seeds, each twice, in {seconds:.1} s ({:.0} runs a second): {} calls, {} faults, {} broken",
        2.0 * count as f64 / seconds,
        calls.into_inner(),
        faults.into_inner(),
        failed.len()
    );
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
