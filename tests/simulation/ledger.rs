//! What is known of each person: what others did, what Lockstep did, and what it can know.

use super::acts::Act;
use super::titles::Titles;
use lockstep::model::Side;
use std::collections::{BTreeMap, BTreeSet};

/// What is known of somebody.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    /// Edits of the status by salespeople in Salesforce, and the last.
    pub salesforce: (u64, Option<String>),
    /// Edits of the status in Engage, and the last.
    pub engage: (u64, Option<String>),
    /// Said to be opted out, and nobody has taken it back since.
    pub opted_out: bool,
    /// Somebody took an opt-out back.
    pub cleared: bool,
    /// Converted, merged, deleted, brought back, linked anew.
    pub moved: bool,
    /// ... and how often.
    pub moves: u64,
    /// A mail bounced.
    pub bounced: bool,
    /// A named operator has decided: whatever they took is taken.
    pub decided: bool,
    /// What both sides held when the mapping was replaced: where they still do, it rests.
    pub rests: Option<(String, String)>,
    /// What Lockstep has read together, and its mapping let differ.
    pub left: BTreeSet<(String, String)>,
    /// Lockstep has asked for a pause.
    pub asked_to_pause: bool,
    /// A user's pause is in force.
    pub paused: bool,
    /// Another person's record is this one's too.
    pub twin: Option<usize>,
    /// Everything that happened, other than by Lockstep.
    pub changes: u64,
    /// By side, Salesforce first.
    pub writes: [u64; 2],
    /// What each daemon has read, or written, last; of Salesforce first.
    pub believed: [[Option<String>; 2]; 2],
    /// What Salesforce has ever said.
    pub values: BTreeSet<String>,
    /// What Engage has ever said.
    pub statuses: BTreeSet<String>,
    /// Edits that a call without a precondition overwrote.
    pub unguarded: u64,
    /// An edit here, Salesforce first, was neither carried over nor agreed with yet.
    pub uncarried: [bool; 2],
    /// What each side has held while the two agreed, since they were last made to: going back to it is no change, for
    /// whoever has not looked in between.
    pub agreed: [BTreeSet<String>; 2],
    /// Edits that a write of ours overruled before they were carried over.
    pub overruled: u64,
    /// Which daemons have read that the record is gone.
    pub known_gone: [bool; 2],
    /// ... that it is out of the scope of the mapping.
    pub known_outside: [bool; 2],
    /// Their title.
    pub titles: Titles,
    /// Lockstep has tried to carry an opt-out over.
    pub known_out: bool,
    /// The last one is known to Lockstep, by what it asked for or by its store.
    pub told_out: bool,
    /// The store held an opt-out of theirs when it was last looked into, and when they last said so.
    pub latched: [bool; 2],
}

/// What a call showed of somebody.
#[derive(Debug, Clone)]
pub(super) struct Read {
    pub(super) who: usize,
    pub(super) side: Side,
    pub(super) value: String,
    pub(super) title: String,
    pub(super) gone: bool,
    pub(super) outside: bool,
}

/// What must hold, and of whom.
#[derive(Default)]
pub struct Checker {
    /// By person.
    pub ledgers: Vec<Ledger>,
    /// The first rule that was broken, and how.
    pub broken: Option<String>,
    /// The process went on with an old copy of its store: what it did since then, it does not know.
    pub restored: bool,
    /// There are two daemons that know nothing of each other (F29): each may carry a change over, and may take the other's
    /// writes for somebody's changes.
    pub twins: bool,
    /// The one that makes the present call.
    pub daemon: usize,
    /// An operator has stopped its writing.
    pub is_paused: bool,
    pub(super) before: Vec<super::check::Shown>,
    pub(super) read: Vec<Read>,
    hits: BTreeMap<Act, u64>,
}

impl Checker {
    /// For so many people.
    pub fn new(people: usize) -> Checker {
        Checker { ledgers: vec![Ledger::default(); people], ..Checker::default() }
    }

    /// A rule is broken.
    pub fn breaks(&mut self, rule: &str) {
        self.broken.get_or_insert_with(|| rule.to_owned());
    }

    /// What happened outside, by kind.
    pub fn hits(&self) -> &BTreeMap<Act, u64> {
        &self.hits
    }

    pub(super) fn hit(&mut self, act: Act) {
        *self.hits.entry(act).or_default() += 1;
    }

    fn changed(&mut self, who: usize) -> &mut Ledger {
        let ledger = &mut self.ledgers[who];
        ledger.changes += 1;
        ledger
    }

    /// `mapped`: it stands for something on the other side, and the two do not agree.
    pub(super) fn edited_in_salesforce(&mut self, who: usize, value: &str, mapped: bool) {
        let ledger = self.changed(who);
        ledger.uncarried[0] = mapped && !ledger.agreed[0].contains(value);
        ledger.salesforce = (ledger.salesforce.0 + 1, Some(value.to_owned()));
    }

    pub(super) fn edited_in_engage(&mut self, who: usize, status: &str, mapped: bool) {
        let ledger = self.changed(who);
        ledger.uncarried[1] = mapped && !ledger.agreed[1].contains(status);
        ledger.engage = (ledger.engage.0 + 1, Some(status.to_owned()));
    }

    pub(super) fn opted_out(&mut self, who: usize) {
        let ledger = self.changed(who);
        (ledger.opted_out, ledger.told_out) = (true, false);
        ledger.latched[1] = ledger.latched[0];
    }

    pub(super) fn cleared(&mut self, who: usize) {
        let ledger = self.changed(who);
        (ledger.opted_out, ledger.told_out, ledger.cleared) = (false, false, true);
    }

    pub(super) fn moved(&mut self, who: usize) {
        let ledger = self.changed(who);
        (ledger.moved, ledger.moves) = (true, ledger.moves + 1);
    }

    /// `is_out`: whether they say so in Engage; what their old record said, they leave behind, unless it is known already.
    pub(super) fn leaves_behind(&mut self, who: usize, is_out: bool) {
        let ledger = &mut self.ledgers[who];
        ledger.opted_out &= is_out || ledger.told_out && !self.restored;
    }

    pub(super) fn linked_twice(&mut self, who: usize, other: usize, is_out: bool) {
        self.leaves_behind(who, is_out);
        self.ledgers[who].twin = Some(other);
        self.ledgers[other].twin = Some(who);
    }

    pub(super) fn bounced(&mut self, who: usize) {
        self.ledgers[who].bounced = true;
    }

    pub(super) fn decided(&mut self, who: usize) {
        let ledger = self.changed(who);
        (ledger.opted_out, ledger.cleared, ledger.decided) = (false, true, true);
    }

    pub(super) fn paused(&mut self, who: usize) {
        self.ledgers[who].paused = true;
    }

    pub(super) fn newcomer(&mut self) {
        self.ledgers.push(Ledger { changes: 1, moved: true, ..Ledger::default() });
    }

    pub(super) fn reloaded(&mut self, pairs: Vec<(String, String)>) {
        for (ledger, pair) in self.ledgers.iter_mut().zip(pairs) {
            ledger.rests = Some(pair);
            ledger.known_outside = [false, false];
        }
    }
}
