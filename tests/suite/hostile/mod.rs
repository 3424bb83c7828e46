//! The hostile world: every life by brute force where that is possible, by simulation where it is not.

mod protocol;
mod rows;
#[path = "../../simulation/mod.rs"]
mod simulation;

use simulation::{FAULTS, Matrix, Plan, play, play_with_matrix, ready, retries_spread, shrunk, story, walk};

/// How many of each are played here; the long runs are the example's (`--example sim`).
fn count(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

#[test]
fn simulated_days_break_no_rule_and_come_out_the_same_twice() {
    for seed in 1..=count("LOCKSTEP_SIMULATED", 120) {
        play_twice(Plan::of(seed), "");
    }
    for seed in 1..=count("LOCKSTEP_SIMULATED", 60) {
        play_twice(Plan::wider(seed), " --wider");
    }
}

/// `like`: how the example is asked for such a day.
fn play_twice(plan: Plan, like: &str) {
    let (seed, outcome, again) = (plan.seed, play(&plan), play(&plan));
    if let Some(broken) = &outcome.broken {
        let story = story(&play(&shrunk(plan)), false);
        panic!(
            "seed {seed}: {broken}\n{story}\nagain: cargo run --release --example sim -- --seed {seed}{like}"
        );
    }
    assert_eq!(outcome.hash, again.hash, "seed {seed}{like} comes out differently the second time");
}

#[test]
fn every_fault_happens_and_meets_people_who_are_quiet_due_and_decided() {
    let mut matrix = Matrix::default();
    for seed in 5_001..5_241 {
        matrix.add(&play_with_matrix(&Plan::of(seed)).matrix);
    }
    let empty = matrix.empty();
    let never = FAULTS.iter().filter(|fault| empty.iter().filter(|(other, _)| other == *fault).count() == 7);
    assert_eq!(never.collect::<Vec<_>>(), Vec::<&simulation::Fault>::new());
    // A few seeds fill what is common; the long run is `.ci/simulate matrix`.
    assert!(empty.len() < 50, "{empty:?}");
}

#[test]
fn a_rule_that_one_day_in_a_hundred_breaks_is_found_and_told_in_a_few_lines() {
    let canary = |seed: u64| Plan { canary: seed % 100 == 17, ..Plan::of(seed) };
    let found: Vec<u64> = (1..=120).filter(|seed| play(&canary(*seed)).broken.is_some()).collect();
    assert_eq!(found, [17, 117]);
    let small = shrunk(canary(17));
    assert!(small.steps.len() <= 1, "{:?}", small.steps);
    let outcome = play(&small);
    assert!(outcome.broken.is_some());
    assert_eq!(outcome.hash, play(&small).hash);
}

#[test]
fn the_decision_says_what_the_reference_says() {
    let ready = ready();
    for seed in 1..=count("LOCKSTEP_WALKS", 20_000) {
        walk(&ready, seed).unwrap_or_else(|difference| panic!("walk {seed}: {difference}"));
    }
}

#[test]
fn many_that_failed_together_do_not_come_back_together() {
    retries_spread().unwrap();
}
