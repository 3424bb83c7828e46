//! What a seed stands for: whose mapping, who, what goes wrong, and what happens in which order.

use super::company::POOL_SIZE;
use super::theme::themed;
use super::{ACTS, Act, FAULTS, Fault};
use lockstep::model::Side;
use rand::prelude::*;
use rand::rngs::StdRng;

/// One step of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Something happens outside.
    Act,
    /// This very thing does.
    Do(Act),
    /// A turn that polls both sides.
    Poll,
    /// A turn that polls one side.
    PollOne(Side),
    /// A turn that looks at what is due.
    Due,
    /// Everything is compared.
    Sweep,
    /// Engage sends a webhook, perhaps twice.
    Webhook,
    /// The process is stopped and started.
    Restart,
    /// Hours pass.
    Hours,
    /// An operator decides a conflict.
    Resolve,
    /// The company's mapping is replaced by another one (F31).
    Reload,
    /// An operator stops the writing, or lets it go on.
    Pause,
    /// The store is copied away.
    Backup,
    /// The process starts again on the copy (F30).
    Restore,
}

/// Everything that a run is made from: kept as it is when a run is shrunk.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where it all came from.
    pub seed: u64,
    /// What it is about, if anything.
    pub theme: &'static str,
    /// Whose mapping.
    pub company: usize,
    /// Breaks a rule by itself, to show that somebody is looking.
    pub canary: bool,
    /// How many people.
    pub people: usize,
    /// The most rows a page of Salesforce has (F15).
    pub page_rows: usize,
    /// Decided writes that are kept in memory: of more, all are counted before any is written.
    pub kept: usize,
    /// Two daemons work on the same two systems, each with a store of its own (F29).
    pub twins: bool,
    /// Seconds by which each system's clock is ahead of ours (F16).
    pub skew: [i64; 2],
    /// What goes wrong, and how often.
    pub rates: Vec<(Fault, f64)>,
    /// It goes wrong with calls that write, and with their records, alone.
    pub aimed: bool,
    /// What may happen outside.
    pub acts: Vec<Act>,
    /// The mapping has a scope and a further field, and what that brings happens too.
    pub wider: bool,
    /// What happens, each with a seed of its own, so that taking one out leaves the others as they are.
    pub steps: Vec<(Step, u64)>,
}

impl Plan {
    /// The plan of a seed.
    pub fn of(seed: u64) -> Plan {
        let random = &mut StdRng::seed_from_u64(seed);
        // A swarm: each seed has some of the faults, one in eight has none.
        let calm = random.random_bool(0.125);
        let rates = FAULTS
            .into_iter()
            .filter(|_| !calm && random.random_bool(0.35))
            .collect::<Vec<_>>()
            .into_iter()
            .map(|fault| (fault, [0.01, 0.03, 0.1, 0.25][random.random_range(0..4)]))
            .collect();
        let mut acts: Vec<Act> = ACTS.into_iter().filter(|_| random.random_bool(0.4)).collect();
        if acts.is_empty() {
            acts.push(Act::SetInSalesforce);
        }
        let count = random.random_range(6..36);
        let steps = (0..count)
            .map(|_| {
                let step = match random.random_range(0..42) {
                    0..14 => Step::Act,
                    14..24 => Step::Poll,
                    24..26 => Step::PollOne(Side::Salesforce),
                    26..28 => Step::PollOne(Side::Engage),
                    28..31 => Step::Due,
                    31 => Step::Sweep,
                    32..35 => Step::Webhook,
                    35..37 => Step::Restart,
                    37 => Step::Hours,
                    38..40 => Step::Resolve,
                    _ => rare(random),
                };
                (step, random.random())
            })
            .collect();
        let mut plan = Plan {
            seed,
            theme: "anything",
            company: random.random_range(0..POOL_SIZE),
            canary: false,
            people: random.random_range(1..5),
            twins: random.random_bool(0.06),
            kept: [1, 2, 10_000, 10_000][seed as usize % 4],
            page_rows: [1, 2, 2_000, 2_000][random.random_range(0..4)],
            skew: [(); 2].map(|()| if random.random_bool(0.5) { 0 } else { random.random_range(-240..240) }),
            rates,
            aimed: false,
            acts,
            wider: false,
            steps,
        };
        if random.random_bool(0.5) {
            themed(&mut plan, random);
        }
        plan
    }
}

fn rare(random: &mut StdRng) -> Step {
    [Step::Reload, Step::Pause, Step::Backup, Step::Restore, Step::Restore][random.random_range(0..5)]
}
