//! What is tried, and which protections are on.

/// What is tried, and which protections are on.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Edits by people, at most.
    pub edits: u8,
    /// Daemons that know nothing of each other, each with a store of its own.
    pub daemons: usize,
    /// The company lets a cleared opt-out follow.
    pub follows: bool,
    /// Operators decide what is held.
    pub operator: bool,
    /// The record may lose a merge.
    pub merge: bool,
    /// A flow that makes one value another, in the transaction that sets it or later.
    pub flow: Option<Flow>,
    /// Answers that may be lost, on the way or by a crash, at most; [`u8::MAX`]: any number. Each may cost one more answer of a
    /// flow, without end.
    pub lost: u8,
    /// A write says what it expects to replace.
    pub condition: bool,
    /// Both sides are read once more before a write.
    pub look: bool,
    /// A decided write is on disk before it is made.
    pub intent: bool,
    /// The baseline moves when a write is recorded, not when it is decided.
    pub base_after: bool,
    /// That somebody was seen opted out is kept.
    pub latch: bool,
    /// A write that took an opt-out back ends that, whenever it is known to have arrived.
    pub latch_off: bool,
    /// A conflict is kept.
    pub hold: bool,
}

/// An automation.
#[derive(Debug, Clone, Copy)]
pub struct Flow {
    pub from: u8,
    pub to: u8,
    pub later: bool,
}

impl Rules {
    /// Everything that protects is on.
    pub fn safe(edits: u8) -> Rules {
        Rules {
            edits,
            daemons: 1,
            follows: false,
            operator: false,
            merge: false,
            flow: None,
            lost: u8::MAX,
            condition: true,
            look: true,
            intent: true,
            base_after: true,
            latch: true,
            latch_off: true,
            hold: true,
        }
    }
}

/// What stands in one row of the mapping, in the checker's own words: values and statuses that mean the same.
pub struct Group {
    pub values: &'static [&'static [(&'static str, &'static str)]],
    pub statuses: &'static [&'static str],
}
