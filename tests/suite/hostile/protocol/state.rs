//! Everything there is at one moment, and what may happen next.

use super::small::Base;

/// A decided write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Write {
    pub side: u8,
    pub what: u8,
    pub opt_out: bool,
    pub seen: (u8, u8),
    pub after: (u8, u8),
    pub record: u8,
    pub latch: Option<[bool; 2]>,
    pub by_operator: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hold {
    No,
    Held,
    Taken(u8),
}

/// What a daemon keeps on its disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kept {
    pub record: u8,
    pub base: Base,
    pub latch: [bool; 2],
    pub hold: Hold,
    pub intent: Option<Write>,
}

/// Where a process is; all of it is gone when it dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum At {
    Idle,
    ReadOne { value: u8, gone: bool },
    Decided(Write),
    Intended(Write),
    LookedOne { write: Write, value: u8, gone: bool, fresh: bool },
    Going { write: Write, fresh: bool },
    Answered(Write),
}

/// Everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct State {
    pub records: [u8; 2],
    pub merged: bool,
    pub status: u8,
    /// A flow is about to set this value.
    pub flow: Option<u8>,
    pub kept: [Kept; 2],
    pub at: [At; 2],
    pub edits: u8,
    pub changes: u8,
    pub writes: [u8; 2],
    /// Sides that anybody but a daemon has changed.
    pub touched: [bool; 2],
    /// Merged, or decided by an operator: then more may be written than edits alone explain.
    pub special: bool,
    /// Somebody was to be told of an opt-out; and it was taken back since.
    pub known_out: bool,
    pub cleared: bool,
    pub lost: u8,
}

/// What happens next.
#[derive(Debug, Clone, Copy)]
pub enum Move {
    Sets(u8),
    Becomes(u8),
    Merges,
    Takes(u8, u8),
    Flows,
    Dies(u8),
    Goes(u8),
    Refused(u8),
    Unanswered { by: u8, effect: bool },
}

/// Whoever has looked at this side, and not written yet, has an old version of it.
pub fn stale(state: &mut State, side: u8) {
    for at in &mut state.at {
        if let At::LookedOne { write, fresh, .. } | At::Going { write, fresh } = at
            && write.side == side
        {
            // Where Engage is written, it is read after Salesforce.
            *fresh = false;
        }
    }
}

pub fn set_status(state: &mut State, status: u8) {
    state.status = status;
    stale(state, 1);
}
