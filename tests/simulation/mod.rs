//! Deterministic simulation: the real intake, gather, decide, plan, write and record code over simulated Salesforce, Engage,
//! network, clock and disk, in one thread, from one seed.
//!
//! A run makes a company, people, and a random subset of faults with random rates; steps play; then the faults stop, it
//! settles, and what the two systems show is judged by rules that know nothing of the planner.

#![allow(dead_code, unused_imports)] // used by a test and by an example, each in its own way

mod acts;
mod admins;
mod check;
mod company;
mod epilogue;
mod fault;
mod ledger;
pub mod matrix;
#[cfg(feature = "mutants")]
pub mod mutants;
mod people;
mod plan;
mod reference;
mod retries;
mod run;
mod settings;
mod settle;
mod shrink;
mod stage;
mod story;
mod theme;
mod titles;
mod walk;
mod wider;
mod wire;

pub use acts::{ACTS, Act};
pub use fault::{FAULTS, Fault};
pub use matrix::Matrix;
pub use plan::Plan;
pub use retries::retries_spread;
pub use shrink::shrunk;
pub use story::{named, story};
pub use walk::{Ready, ready, walk};

/// What came of a run.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The rule that was broken, and how.
    pub broken: Option<String>,
    /// Of everything that went over the wire.
    pub hash: u64,
    /// What happened, line by line.
    pub story: Vec<String>,
    /// Who there was at the beginning: their Lead, their prospect, and what both said.
    pub people: Vec<(String, String, String)>,
    /// The mapping, and those that it was replaced by.
    pub mapping: String,
    /// Calls that were made.
    pub calls: u64,
    /// Faults that happened.
    pub faults: Vec<(Fault, u64)>,
    /// What happened outside.
    pub acts: Vec<(Act, u64)>,
    /// Which faults met which states, where that was asked for.
    pub matrix: Matrix,
}

/// Plays a plan.
pub fn play(plan: &Plan) -> Outcome {
    played(plan, false)
}

/// Plays a plan, and notes in which state each fault met a person.
pub fn play_with_matrix(plan: &Plan) -> Outcome {
    played(plan, true)
}

fn played(plan: &Plan, with_matrix: bool) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime of one thread");
    lockstep::connector::without_jitter();
    runtime.block_on(async { run::Run::new(plan, with_matrix).play(plan).await })
}
