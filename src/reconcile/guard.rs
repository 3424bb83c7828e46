//! What one plan may do unasked.

use crate::mapping::Limits;
use std::fmt;

/// Why a plan, or a part of it, waits for an operator.
#[derive(Debug, Clone, PartialEq)]
pub enum Waiting {
    /// It would change more than the company allows unasked.
    MassChange {
        /// How many records it would change, opt-outs not counted.
        records: usize,
        /// How many are linked.
        linked: u64,
        /// The share that is allowed, 0 to 1.
        share: f64,
    },
    /// More people are new than the company allows to be made known unasked.
    NewPeople {
        /// How many records would be created.
        records: usize,
        /// How many are linked.
        linked: u64,
        /// The share that is allowed, 0 to 1.
        share: f64,
    },
    /// The first run on an empty store would write to pairs that disagree (`[new] disagree = "apply"`).
    FirstRun {
        /// How many records it would change.
        records: usize,
    },
}

impl Eq for Waiting {}

impl Waiting {
    /// Whether a write waits for this, by whether it comes from two sides that disagreed when first seen together: a first
    /// run writes what came after it all the same.
    pub fn concerns(&self, is_first_sight: bool) -> bool {
        is_first_sight || !matches!(self, Waiting::FirstRun { .. })
    }

    /// How many records wait.
    pub fn records(&self) -> usize {
        match self {
            Waiting::MassChange { records, .. }
            | Waiting::NewPeople { records, .. }
            | Waiting::FirstRun { records } => *records,
        }
    }
}

const ASK: &str = "look at `lockstep plan` and let it through with `lockstep plan --apply`";

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Waiting::MassChange { records, linked, share } => write!(
                f,
                "{records} of {linked} linked records would change, more than [limits] changed_share = {share} allows \
                 unasked; {ASK}"
            ),
            Waiting::NewPeople { records, linked, share } => write!(
                f,
                "{records} people would be created on the other side, with {linked} linked so far: more than [limits] \
                 changed_share = {share} allows unasked; {ASK}"
            ),
            Waiting::FirstRun { records } => write!(
                f,
                "this is the first run, and [new] disagree = \"apply\" would change {records} records that disagree; {ASK}"
            ),
        }
    }
}

/// Writes that somebody may have to be asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asking {
    /// How many.
    pub records: usize,
    /// How many of them come from two sides that disagreed when first seen together.
    pub first_sights: usize,
}

impl Asking {
    /// Why they, or a part of them, wait; [`Waiting::concerns`] says which. `linked` tells how many links there are,
    /// `first_run` whether nobody was ever asked about this store.
    pub fn waits(self, limits: &Limits, linked: u64, first_run: bool) -> Option<Waiting> {
        if first_run && self.first_sights > 0 {
            return Some(Waiting::FirstRun { records: self.first_sights });
        }
        mass_change(self.records, linked, limits)
    }
}

/// Whether so many new people have to wait, as changes do.
pub fn mass_creation(records: usize, linked: u64, limits: &Limits) -> Option<Waiting> {
    mass_change(records, linked, limits).map(|_| Waiting::NewPeople {
        records,
        linked,
        share: limits.changed_share,
    })
}

/// Whether so many changes have to wait (rulings.md 11). One side that is suddenly all different is rather a broken
/// import or a wrong mapping than the work of people.
pub fn mass_change(records: usize, linked: u64, limits: &Limits) -> Option<Waiting> {
    let allowed = linked as f64 * limits.changed_share;
    let many = records > limits.changed_min as usize && records as f64 > allowed;
    many.then_some(Waiting::MassChange { records, linked, share: limits.changed_share })
}
