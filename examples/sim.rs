//! Plays simulated days.
//!
//! `cargo run --release --example sim -- --seeds 1000 [--from N]` plays many seeds, each twice (`--once`: once), and fails
//! when one breaks a rule or comes out differently; `--seed N` plays one, shrinks it and tells its story; `--matrix` shows
//! which fault met whom in which state; `--walks COUNT` asks the decision alone, against a reference. With `--features mutants`, `--mutants` plants every known mistake in turn and tells
//! after how many seeds it is found.
#![allow(missing_docs)]

#[path = "../tests/simulation/mod.rs"]
mod simulation;

use simulation::matrix::STATES;
use simulation::{FAULTS, Matrix, Plan, play, play_with_matrix, ready, shrunk, walk};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

const USAGE: &str = "usage: sim --seed N | --seeds COUNT [--from N] [--once | --matrix] | --walks COUNT | --mutants [--seeds COUNT]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let number = |name: &str| {
        let place = arguments.iter().position(|argument| argument == name)?;
        arguments.get(place + 1)?.parse::<u64>().ok()
    };
    if let Some(count) = number("--walks") {
        return walks(number("--from").unwrap_or(1), count);
    }
    match (number("--seed"), number("--seeds")) {
        (Some(seed), None) => one(seed),
        (None, count) if has("--mutants") => mutants(count.unwrap_or(10_000)),
        (None, Some(count)) => {
            let mode = match (has("--once"), has("--matrix")) {
                (_, true) => Mode::Matrix,
                (true, _) => Mode::Once,
                _ => Mode::Twice,
            };
            many(number("--from").unwrap_or(1), count, mode)
        }
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// Compares the decision with the reference's, in many walks.
fn walks(from: u64, count: u64) -> ExitCode {
    let (ready, start, failed) = (ready(), Instant::now(), AtomicU64::new(0));
    on_all_processors(0, count.div_ceil(1_000), |thousand| {
        for seed in thousand * 1_000..((thousand + 1) * 1_000).min(count) {
            if let Err(difference) = walk(&ready, from + seed) {
                println!("walk {}: {difference}", from + seed);
                return failed.fetch_add(1, Ordering::Relaxed) < 3;
            }
        }
        true
    });
    let (seconds, failed) = (start.elapsed().as_secs_f64(), failed.into_inner());
    println!(
        "{count} walks from {from}, {seconds:.1} s ({:.0} a second), {failed} broken",
        count as f64 / seconds
    );
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
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

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Once,
    Twice,
    Matrix,
}

#[derive(Default)]
struct Totals {
    calls: u64,
    faults: u64,
    acts: u64,
    matrix: Matrix,
    failed: Vec<u64>,
}

/// Plays many on all processors.
fn many(from: u64, count: u64, mode: Mode) -> ExitCode {
    let start = Instant::now();
    let totals = Mutex::new(Totals::default());
    on_all_processors(from, count, |seed| {
        let plan = Plan::of(seed);
        let outcome = if mode == Mode::Matrix { play_with_matrix(&plan) } else { play(&plan) };
        let mut broken = outcome.broken;
        if mode == Mode::Twice && broken.is_none() {
            let again = play(&plan);
            if outcome.hash != again.hash {
                let mut lines = outcome.story.iter().zip(&again.story);
                let line = lines.find(|(one, other)| one != other);
                broken = Some(format!("two runs of it differ: {line:?}"));
            }
        }
        let mut totals = locked(&totals);
        totals.calls += outcome.calls;
        totals.faults += outcome.faults.iter().map(|(_, count)| count).sum::<u64>();
        totals.acts += outcome.acts.iter().map(|(_, count)| count).sum::<u64>();
        totals.matrix.add(&outcome.matrix);
        if let Some(broken) = broken {
            println!("seed {seed}: {broken}");
            totals.failed.push(seed);
        }
        true
    });
    let seconds = start.elapsed().as_secs_f64();
    let totals = locked(&totals);
    if mode == Mode::Matrix {
        show(&totals.matrix);
    }
    println!(
        "{count} seeds from {from}{}, {seconds:.1} s ({:.0} seeds a second): {} calls, {} faults, {} changes by others, \
         {} broken",
        if mode == Mode::Twice { ", each twice" } else { "" },
        count as f64 / seconds,
        totals.calls,
        totals.faults,
        totals.acts,
        totals.failed.len()
    );
    let empty = mode == Mode::Matrix && !totals.matrix.empty().is_empty();
    if totals.failed.is_empty() && !empty { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn show(matrix: &Matrix) {
    print!("{:16}", "");
    STATES.iter().for_each(|state| print!("{:>10}", format!("{state:?}")));
    println!();
    for fault in FAULTS {
        print!("{:16}", format!("{fault:?}"));
        STATES.iter().for_each(|state| print!("{:>10}", matrix.count(fault, *state)));
        println!();
    }
    println!("{} empty cells", matrix.empty().len());
}

/// Each processor takes the next seed until all are played, or one says `false`.
fn on_all_processors(from: u64, count: u64, play: impl Fn(u64) -> bool + Sync) {
    let next = AtomicU64::new(from);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= from + count || !play(seed) {
                        next.store(from + count, Ordering::Relaxed);
                        return;
                    }
                }
            });
        }
    });
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Plants every mistake in turn, and tells after how many seeds a rule was broken.
#[cfg(feature = "mutants")]
fn mutants(most: u64) -> ExitCode {
    let (ready, mut alive) = (ready(), 0);
    println!("{:24} {:>7} {:>8}  found by", "mistake", "seeds", "seconds");
    for (name, _) in lockstep::mutant::ALL {
        lockstep::mutant::plant(Some(name));
        let (start, played) = (Instant::now(), AtomicU64::new(0));
        // What the decision alone shows needs no simulated day.
        let walks = (1..=20_000).find_map(|seed| Some((seed, walk(&ready, seed).err()?)));
        if let Some((seed, difference)) = walks {
            let difference = difference.lines().nth(1).unwrap_or(&difference).to_owned();
            println!("{name:24} {seed:>7} {:>8.1}  a walk: {difference}", start.elapsed().as_secs_f64());
            continue;
        }
        let found = Mutex::new(None);
        on_all_processors(1, most, |seed| {
            if locked(&found).is_some() {
                return false;
            }
            played.fetch_add(1, Ordering::Relaxed);
            let Some(broken) = play(&Plan::of(seed)).broken else { return true };
            locked(&found).get_or_insert(broken);
            false
        });
        let (seeds, seconds) = (played.into_inner(), start.elapsed().as_secs_f64());
        let found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        alive += usize::from(found.is_none());
        println!("{name:24} {seeds:>7} {seconds:>8.1}  {}", found.as_deref().unwrap_or("NOBODY"));
    }
    lockstep::mutant::plant(None);
    println!("{alive} of {} are not found here", lockstep::mutant::ALL.len());
    ExitCode::SUCCESS
}

#[cfg(not(feature = "mutants"))]
fn mutants(_most: u64) -> ExitCode {
    eprintln!(
        "this program holds no mistakes: cargo run --release --features mutants --example sim -- --mutants"
    );
    ExitCode::from(2)
}
