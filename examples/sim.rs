//! Plays simulated days.
//!
//! `cargo run --release --example sim -- --seeds 1000 [--from N]` plays many seeds, each twice (`--once`: once), and fails
//! when one breaks a rule or comes out differently; `--minutes M` plays as many as fit. `--seed N` plays one, shrinks it and
//! tells its story (`--mistake NAME` with that mistake planted, `--reads` with every call). `--wider`: the seeds' wider days, with a
//! scope, a further field, and records that Engage names anew. `--matrix` shows which fault met whom in which state, and
//! fails where one never did; `--walks COUNT` asks the decision alone, against a reference; `--ledger` ends with a row for
//! `docs/ledger.md`. With `--features mutants`, `--mutants` plants every known mistake in turn, tells after how many seeds it
//! is found, and fails when one is not.
#![allow(missing_docs)]

#[path = "../tests/simulation/mod.rs"]
mod simulation;

use simulation::matrix::STATES;
use simulation::{FAULTS, Matrix, Plan, named, play, play_with_matrix, ready, shrunk, story, walk};
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const USAGE: &str = "usage: sim --seed N [--mistake NAME] [--reads] | (--seeds COUNT | --minutes M) [--from N] [--once | --matrix] [--wider] \
                     | --walks COUNT | --mutants [--seeds COUNT] [--ledger]";

/// What was asked for.
struct Asked {
    from: u64,
    count: u64,
    until: Option<Instant>,
    mode: Mode,
    wider: bool,
    ledger: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Once,
    Twice,
    Matrix,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let text = |name: &str| {
        let place = arguments.iter().position(|argument| argument == name)?;
        arguments.get(place + 1).cloned()
    };
    let number = |name: &str| text(name)?.parse::<u64>().ok();
    let minutes = number("--minutes").map(|minutes| Instant::now() + Duration::from_secs(60 * minutes));
    let asked = |count: u64| Asked {
        from: number("--from").unwrap_or(1),
        count,
        until: minutes,
        mode: match (has("--once"), has("--matrix")) {
            (_, true) => Mode::Matrix,
            (true, _) => Mode::Once,
            _ => Mode::Twice,
        },
        wider: has("--wider"),
        ledger: has("--ledger"),
    };
    match (number("--seed"), number("--seeds"), number("--walks")) {
        (_, _, Some(count)) => walks(&asked(count)),
        (Some(seed), None, _) => {
            one(plan(seed, has("--wider")), text("--mistake").as_deref(), has("--reads"))
        }
        (None, count, _) if has("--mutants") => mutants(&asked(count.unwrap_or(10_000))),
        (None, Some(count), _) => many(&asked(count)),
        (None, None, _) if minutes.is_some() => many(&asked(u64::MAX / 2)),
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// Compares the decision with the reference's, in many walks.
fn walks(asked: &Asked) -> ExitCode {
    let (ready, start, failed) = (ready(), Instant::now(), AtomicU64::new(0));
    on_all_processors(0, asked.count.div_ceil(1_000), None, |thousand| {
        for seed in thousand * 1_000..((thousand + 1) * 1_000).min(asked.count) {
            if let Err(difference) = walk(&ready, asked.from + seed) {
                println!("walk {}: {difference}", asked.from + seed);
                return failed.fetch_add(1, Ordering::Relaxed) < 3;
            }
        }
        true
    });
    let (seconds, failed) = (start.elapsed().as_secs_f64(), failed.into_inner());
    println!(
        "{} walks from {}, {seconds:.1} s ({:.0} a second), {failed} broken",
        asked.count,
        asked.from,
        asked.count as f64 / seconds
    );
    if asked.ledger {
        row("L1 walks", &span(asked.from, asked.count), "", seconds, failed);
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What a seed stands for, on an ordinary day or on a wider one.
fn plan(seed: u64, wider: bool) -> Plan {
    if wider { Plan::wider(seed) } else { Plan::of(seed) }
}

/// Plays one seed, and tells its story if it breaks a rule.
fn one(plan: Plan, mistake: Option<&str>, with_reads: bool) -> ExitCode {
    ready();
    if let Some(mistake) = mistake
        && !plant(mistake)
    {
        eprintln!(
            "this program holds no mistake {mistake:?}: see src/mutant.rs, and build with --features mutants"
        );
        return ExitCode::from(2);
    }
    let seed = plan.seed;
    let outcome = play(&plan);
    let Some(broken) = outcome.broken else {
        println!("seed {seed}: every rule holds ({} calls, trace {:016x})", outcome.calls, outcome.hash);
        return ExitCode::SUCCESS;
    };
    println!("seed {seed}, a day of {:?}: {broken}\n", plan.theme);
    let (all, plan) = (plan.steps.len(), shrunk(plan));
    let outcome = play(&plan);
    println!(
        "{} of its {all} steps are enough, with faults {:?} and this mapping:",
        plan.steps.len(),
        plan.rates
    );
    println!("{}\n{}", outcome.mapping, story(&outcome, with_reads));
    println!("=> {}", named(&outcome, outcome.broken.as_deref().unwrap_or_default()));
    ExitCode::FAILURE
}

#[derive(Default)]
struct Totals {
    seeds: u64,
    calls: u64,
    faults: u64,
    acts: u64,
    matrix: Matrix,
    failed: Vec<u64>,
}

/// Plays many on all processors.
fn many(asked: &Asked) -> ExitCode {
    let (start, mode) = (Instant::now(), asked.mode);
    let totals = Mutex::new(Totals::default());
    on_all_processors(asked.from, asked.count, asked.until, |seed| {
        let plan = plan(seed, asked.wider);
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
        totals.seeds += 1;
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
        "{} seeds from {}{}, {seconds:.1} s ({:.0} seeds a second): {} calls, {} faults, {} changes by others, {} broken",
        totals.seeds,
        asked.from,
        if mode == Mode::Twice { ", each twice" } else { "" },
        totals.seeds as f64 / seconds,
        totals.calls,
        totals.faults,
        totals.acts,
        totals.failed.len()
    );
    if asked.ledger {
        let days = if asked.wider { "L2 wider days" } else { "L2 days" };
        let layer = if mode == Mode::Twice { format!("{days}, each twice") } else { days.to_owned() };
        let broken = totals.failed.len() as u64;
        row(&layer, &span(asked.from, totals.seeds), &totals.faults.to_string(), seconds, broken);
    }
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
    let empty = matrix.empty();
    println!("{} empty cells {empty:?}", empty.len());
}

fn span(from: u64, count: u64) -> String {
    format!("{from}..{}", from + count)
}

/// A row of `docs/ledger.md`.
fn row(layer: &str, what: &str, faults: &str, seconds: f64, broken: u64) {
    let git = |arguments: &[&str]| {
        let said = Command::new("git").args(arguments).output().ok().filter(|said| said.status.success());
        said.map(|said| String::from_utf8_lossy(&said.stdout).trim().to_owned())
    };
    let changed =
        git(&["status", "--porcelain", "--untracked-files=no"]).is_none_or(|files| !files.is_empty());
    let commit = git(&["rev-parse", "--short", "HEAD"]).unwrap_or_default();
    let commit = if changed { format!("{commit} and changes") } else { commit };
    println!("| {commit} | {layer} | {what} | {faults} | {seconds:.0} | {broken} |");
}

/// Each processor takes the next seed until all are played, the time is over, or one says `false`.
fn on_all_processors(from: u64, count: u64, until: Option<Instant>, play: impl Fn(u64) -> bool + Sync) {
    let next = AtomicU64::new(from);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while until.is_none_or(|until| Instant::now() < until) {
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

#[cfg(feature = "mutants")]
fn plant(mistake: &str) -> bool {
    lockstep::mutant::plant(Some(mistake))
}

#[cfg(not(feature = "mutants"))]
fn plant(_mistake: &str) -> bool {
    false
}

/// Plants every mistake in turn, and tells after how many seeds a rule was broken.
#[cfg(feature = "mutants")]
fn mutants(asked: &Asked) -> ExitCode {
    use simulation::mutants::Kill;
    let (ready, start, mut alive) = (ready(), Instant::now(), 0);
    match simulation::mutants::canary(asked.count) {
        Some(day) => println!("the canary, one day in a hundred, is found on day {day}"),
        None => alive += 1,
    }
    println!("| mistake | tried | by number | seconds | what was seen |\n|---|---|---|---|---|");
    for (name, _) in lockstep::mutant::ALL {
        match simulation::mutants::find(&ready, name, asked.count) {
            Some(kill) => {
                let seen: String = kill.seen.chars().take(100).collect();
                let Kill { tried, by, seed, seconds, .. } = kill;
                println!("| `{name}` | {tried} {by} | {seed} | {seconds:.1} | {seen} |");
            }
            None => {
                alive += 1;
                println!("| `{name}` | {} days | | | NOTHING |", asked.count);
            }
        }
    }
    let all = lockstep::mutant::ALL.len();
    println!("{alive} of {all} are not found");
    if asked.ledger {
        row("mistakes", &all.to_string(), "", start.elapsed().as_secs_f64(), alive);
    }
    if alive == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[cfg(not(feature = "mutants"))]
fn mutants(_asked: &Asked) -> ExitCode {
    eprintln!(
        "this program holds no mistakes: cargo run --release --features mutants --example sim -- --mutants"
    );
    ExitCode::from(2)
}
