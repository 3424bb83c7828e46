//! Which fault met a person in which state: a cell that stays empty is a case that nobody has tried.

use super::fault::{FAULTS, Fault};
use lockstep::model::ProspectId;
use lockstep::store::{Reader, StoreError};
use std::collections::BTreeMap;

/// The states of a person's record, as the store knows them; the first that fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Not linked, or no more.
    Unlinked,
    /// A write is decided and not yet recorded.
    Decided,
    /// A conflict waits for a person.
    Held,
    /// A write was refused.
    Parked,
    /// A change waits.
    Due,
    /// Opted out, and quiet.
    OptedOut,
    /// Quiet.
    Quiet,
}

/// All of them.
pub const STATES: [State; 7] =
    [State::Unlinked, State::Decided, State::Held, State::Parked, State::Due, State::OptedOut, State::Quiet];

impl State {
    /// The state of somebody.
    pub(super) fn of(reader: &Reader<'_>, prospect: &ProspectId) -> Result<State, StoreError> {
        let Some(link) = reader.link(prospect)? else { return Ok(State::Unlinked) };
        Ok(if reader.intent(prospect)?.is_some() {
            State::Decided
        } else if reader.held(prospect)?.is_some() {
            State::Held
        } else if reader.parked(prospect)?.is_some() {
            State::Parked
        } else if reader.due(prospect)?.is_some() {
            State::Due
        } else if link.latch.is_some() {
            State::OptedOut
        } else {
            State::Quiet
        })
    }
}

/// How often each fault met each state.
#[derive(Debug, Clone, Default)]
pub struct Matrix(BTreeMap<(Fault, State), u64>);

impl Matrix {
    pub(super) fn hit(&mut self, fault: Fault, states: &[State]) {
        for state in states {
            *self.0.entry((fault, *state)).or_default() += 1;
        }
    }

    /// Adds another run's.
    pub fn add(&mut self, other: &Matrix) {
        for (cell, count) in &other.0 {
            *self.0.entry(*cell).or_default() += count;
        }
    }

    /// How often this fault met this state.
    pub fn count(&self, fault: Fault, state: State) -> u64 {
        self.0.get(&(fault, state)).copied().unwrap_or_default()
    }

    /// Cells that nobody has tried.
    pub fn empty(&self) -> Vec<(Fault, State)> {
        let cells = FAULTS.iter().flat_map(|fault| STATES.map(|state| (*fault, state)));
        cells.filter(|(fault, state)| self.count(*fault, *state) == 0).collect()
    }
}
