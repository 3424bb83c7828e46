//! One person, everybody who edits them, and the write protocol of `sync.md` part 3 as a machine that takes one step at a
//! time: after each of them the process may die, and each write may end in five ways.

use super::small::{Asked, Base, Small, Told};

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

/// A decided write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Write {
    side: u8,
    what: u8,
    opt_out: bool,
    seen: (u8, u8),
    after: (u8, u8),
    record: u8,
    latch: Option<[bool; 2]>,
    by_operator: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Hold {
    No,
    Held,
    Taken(u8),
}

/// What a daemon keeps on its disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Kept {
    record: u8,
    base: Base,
    latch: [bool; 2],
    hold: Hold,
    intent: Option<Write>,
}

/// Where a process is; all of it is gone when it dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum At {
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
    records: [u8; 2],
    merged: bool,
    status: u8,
    /// A flow is about to set this value.
    flow: Option<u8>,
    kept: [Kept; 2],
    at: [At; 2],
    edits: u8,
    changes: u8,
    writes: [u8; 2],
    /// Sides that anybody but a daemon has changed.
    touched: [bool; 2],
    /// Merged, or decided by an operator: then more may be written than edits alone explain.
    special: bool,
    /// Somebody was to be told of an opt-out; and it was taken back since.
    known_out: bool,
    cleared: bool,
    lost: u8,
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

/// A machine.
pub struct Machine<'a> {
    pub small: &'a Small,
    pub rules: Rules,
    pub groups: &'static [Group],
}

impl Machine<'_> {
    fn group(&self, found: impl Fn(&Group) -> bool) -> Option<usize> {
        self.groups.iter().position(found)
    }

    fn of_value(&self, value: u8) -> Option<usize> {
        let fields = &self.small.values[usize::from(value)];
        let holds = |pattern: &&[(&str, &str)]| {
            pattern
                .iter()
                .all(|(name, text)| fields.get(*name).is_some_and(|value| value.to_string() == *text))
        };
        self.group(|group| group.values.iter().any(&holds))
    }

    fn of_status(&self, status: u8) -> Option<usize> {
        let key = self.small.statuses[usize::from(status)].key();
        self.group(|group| group.statuses.contains(&key))
    }

    fn agree(&self, value: u8, status: u8) -> bool {
        self.of_value(value).is_some_and(|group| self.of_status(status) == Some(group))
    }

    /// Whether a row whose condition such a record meets speaks of a status.
    fn speaks_of(&self, value: u8, status: u8) -> bool {
        let unwatched = |value: u8| {
            let mut fields = self.small.values[usize::from(value)].clone();
            fields.retain(|name, _| !self.small.is_watched(name));
            fields
        };
        let alike = |other: &u8| unwatched(*other) == unwatched(value);
        (0..self.small.values.len() as u8).filter(alike).any(|other| self.agree(other, status))
    }

    /// Everybody who agrees, agreed upon.
    pub fn starts(&self) -> Vec<State> {
        let values = 0..self.small.values.len() as u8;
        let pairs =
            values.flat_map(|value| (0..self.small.statuses.len() as u8).map(move |status| (value, status)));
        let agree = |(value, status): &(u8, u8)| {
            let out = [self.small.is_out(*value), self.small.status_is_out(*status)];
            self.agree(*value, *status) && out[0] == out[1]
        };
        pairs.filter(agree).map(|(value, status)| self.start(value, status)).collect()
    }

    fn start(&self, value: u8, status: u8) -> State {
        let base = Some((self.small.held[usize::from(value)], status));
        let kept = Kept { record: 0, base, latch: [false; 2], hold: Hold::No, intent: None };
        State {
            // The other record of a merge says what the first value is.
            records: [value, 0],
            merged: false,
            status,
            flow: None,
            kept: [kept; 2],
            at: [At::Idle; 2],
            edits: self.rules.edits,
            changes: 0,
            writes: [0; 2],
            touched: [false; 2],
            special: false,
            known_out: false,
            cleared: false,
            lost: self.rules.lost,
        }
    }

    /// Everything that may happen next.
    pub fn moves(&self, state: &State) -> Vec<Move> {
        let mut moves = Vec::with_capacity(32);
        if state.edits > 0 {
            moves.extend((0..self.small.values.len() as u8).map(Move::Sets));
            moves.extend((0..self.small.statuses.len() as u8).map(Move::Becomes));
            if self.rules.merge && !state.merged {
                moves.push(Move::Merges);
            }
        }
        if state.flow.is_some() {
            moves.push(Move::Flows);
        }
        for by in 0..self.rules.daemons as u8 {
            let place = usize::from(by);
            if self.rules.operator && state.kept[place].hold == Hold::Held && state.edits > 0 {
                moves.extend([Move::Takes(by, 0), Move::Takes(by, 1)]);
            }
            moves.push(Move::Goes(by));
            let unrecorded = matches!(state.at[place], At::Answered(_));
            if state.at[place] != At::Idle && (state.lost > 0 || !unrecorded) {
                moves.push(Move::Dies(by));
            }
            if matches!(state.at[place], At::Going { .. }) {
                moves.push(Move::Refused(by));
                let effects = if state.lost > 0 { [true, false].as_slice() } else { &[] };
                moves.extend(effects.iter().map(|effect| Move::Unanswered { by, effect: *effect }));
            }
        }
        moves
    }

    /// What comes of it: `None` where nothing does. `Err`: a rule is broken.
    pub fn after(&self, state: &State, next: Move) -> Result<Option<State>, String> {
        let mut then = *state;
        match next {
            Move::Sets(value) => {
                let record = usize::from(state.merged);
                if state.records[record] == value {
                    return Ok(None);
                }
                then.edits -= 1;
                self.changes(&mut then, 0);
                let takes_back = self.small.is_out(state.records[record]) && !self.small.is_out(value);
                then.cleared |= then.known_out && takes_back;
                self.set_value(&mut then, record, value);
            }
            Move::Becomes(status) if status == state.status => return Ok(None),
            Move::Becomes(status) => {
                then.edits -= 1;
                self.changes(&mut then, 1);
                let takes_back = self.small.status_is_out(state.status) && !self.small.status_is_out(status);
                then.cleared |= then.known_out && takes_back;
                set_status(&mut then, status);
            }
            Move::Merges => {
                (then.edits, then.merged, then.special) = (then.edits - 1, true, true);
                self.changes(&mut then, 0);
                stale(&mut then, 0);
            }
            Move::Takes(by, side) => {
                then.kept[usize::from(by)].hold = Hold::Taken(side);
                (then.edits, then.special) = (then.edits - 1, true);
                then.changes += 1;
            }
            Move::Flows => {
                let Some(value) = then.flow.take() else { return Ok(None) };
                self.changes(&mut then, 0);
                self.set_value(&mut then, usize::from(state.merged), value);
            }
            Move::Dies(by) => {
                let unrecorded = matches!(state.at[usize::from(by)], At::Answered(_));
                then.lost -= u8::from(unrecorded && then.lost != u8::MAX);
                then.at[usize::from(by)] = At::Idle;
            }
            Move::Goes(by) => self.go(&mut then, usize::from(by))?,
            Move::Refused(by) => {
                let by = usize::from(by);
                (then.kept[by].intent, then.at[by]) = (None, At::Idle);
            }
            Move::Unanswered { by, effect } => {
                let by = usize::from(by);
                then.lost -= u8::from(then.lost != u8::MAX);
                if let (At::Going { write, fresh }, true) = (then.at[by], effect) {
                    self.carry_out(&mut then, &write, fresh)?;
                }
                then.at[by] = At::Idle;
            }
        }
        Ok(Some(then))
    }

    fn changes(&self, state: &mut State, side: usize) {
        state.changes += 1;
        state.touched[side] = true;
    }

    fn set_value(&self, state: &mut State, record: usize, value: u8) {
        state.records[record] = value;
        stale(state, 0);
        let Some(flow) = self.rules.flow.filter(|flow| flow.from == value) else { return };
        if flow.later {
            state.flow = Some(flow.to);
        } else {
            state.records[record] = flow.to;
            self.changes(state, 0);
        }
    }

    /// A process takes its next step, and everything goes well.
    fn go(&self, state: &mut State, by: usize) -> Result<(), String> {
        let kept = state.kept[by];
        let gone = state.merged && kept.record == 0;
        let value = state.records[usize::from(kept.record)];
        state.at[by] = match state.at[by] {
            At::Idle => At::ReadOne { value, gone },
            At::ReadOne { value, gone } => self.decide(state, by, value, gone)?,
            At::Decided(write) => {
                let kept = &mut state.kept[by];
                kept.intent = self.rules.intent.then_some(write);
                state.known_out |= write.opt_out;
                if let (true, Some(seen)) = (self.rules.latch, write.latch) {
                    kept.latch = seen;
                }
                if !self.rules.base_after {
                    kept.base = Some(write.after);
                }
                At::Intended(write)
            }
            At::Intended(write) if !self.rules.look => At::Going { write, fresh: true },
            At::Intended(write) => At::LookedOne { write, value, gone, fresh: true },
            At::LookedOne { write, value, gone, fresh } => {
                let looked = self.look_again(state, &write, value, gone, fresh);
                if looked == At::Idle {
                    state.kept[by].intent = None;
                }
                looked
            }
            At::Going { write, fresh } => {
                if self.carry_out(state, &write, fresh)? {
                    At::Answered(write)
                } else {
                    state.kept[by].intent = None;
                    At::Idle
                }
            }
            At::Answered(write) => {
                self.record(&mut state.kept[by], &write);
                At::Idle
            }
        };
        Ok(())
    }

    fn decide(&self, state: &mut State, by: usize, value: u8, gone: bool) -> Result<At, String> {
        let (small, status) = (self.small, state.status);
        let kept = &mut state.kept[by];
        // A write that arrived unseen is our own.
        if let Some(intent) = kept.intent.take() {
            let arrived = match intent.side {
                0 => intent.record == kept.record && small.patched(value, intent.what) == value,
                _ => intent.what == status,
            };
            if arrived {
                self.count_as_done(kept, &intent);
            }
        }
        let taken = match kept.hold {
            Hold::Taken(side) => Some(side),
            _ => None,
        };
        let asked = Asked { value, status, base: kept.base, latch: kept.latch, taken, gone };
        let (told, latch) = small.decide(asked);
        let keep = |kept: &mut Kept| {
            kept.latch = if self.rules.latch { latch.unwrap_or_default() } else { [false; 2] };
        };
        match told {
            Told::Write { side, what, opt_out, after } => {
                let out = small.is_out(value) || small.status_is_out(status);
                if self.agree(value, status) && !out && !gone {
                    return Err("5: the two agree, and one is to be written".to_owned());
                }
                let seen = (small.held[usize::from(value)], status);
                let (record, by_operator) = (kept.record, taken.is_some());
                return Ok(At::Decided(Write {
                    side,
                    what,
                    opt_out,
                    seen,
                    after,
                    record,
                    latch,
                    by_operator,
                }));
            }
            Told::Rest => (kept.hold, _) = (Hold::No, keep(kept)),
            Told::Adopt(base) => (kept.base, kept.hold, _) = (Some(base), Hold::No, keep(kept)),
            Told::Hold => {
                keep(kept);
                kept.hold = if self.rules.hold { Hold::Held } else { Hold::No };
                if !self.rules.hold {
                    kept.base = Some((small.held[usize::from(value)], status));
                }
            }
            Told::Move => {
                let (base, latch) = small.moved(asked);
                (kept.record, kept.base) = (1, base);
                kept.latch = if self.rules.latch { latch } else { [false; 2] };
            }
        }
        Ok(At::Idle)
    }

    fn look_again(&self, state: &State, write: &Write, value: u8, gone: bool, fresh: bool) -> At {
        let (small, status) = (self.small, state.status);
        let now = (small.held[usize::from(value)], status);
        let last_word = write.opt_out && write.side == 1;
        if gone && !last_word {
            return At::Idle;
        }
        let (holds_target, source_unmoved) = match write.side {
            0 => (small.patched(value, write.what) == value, now.1 == write.seen.1),
            _ => (status == write.what, now.0 == write.seen.0),
        };
        if holds_target && source_unmoved {
            return At::Answered(*write);
        }
        if now != write.seen {
            return At::Idle;
        }
        // What is written is read last: its version is the one of this very moment.
        At::Going { write: *write, fresh: fresh || write.side == 1 }
    }

    /// The write takes effect. `false`: refused, since somebody was faster.
    fn carry_out(&self, state: &mut State, write: &Write, fresh: bool) -> Result<bool, String> {
        if self.rules.condition && !fresh {
            return Ok(false);
        }
        let small = self.small;
        let record = usize::from(write.record);
        let side = usize::from(write.side);
        if side == 0 && state.merged && record == 0 {
            return Ok(false);
        }
        let value = state.records[record];
        let (unread, was_out, is_out, moves) = match side {
            0 => {
                let then = small.patched(value, write.what);
                let unread = small.held[usize::from(value)] != write.seen.0;
                (unread, small.is_out(value), small.is_out(then), then != value)
            }
            _ => {
                let (old, new) = (state.status, write.what);
                (old != write.seen.1, small.status_is_out(old), small.status_is_out(new), old != new)
            }
        };
        if unread && moves {
            return Err("2: what nobody had read was overwritten".to_owned());
        }
        let let_go = write.by_operator || (self.rules.follows && state.touched[1 - side]);
        if was_out && !is_out && !let_go {
            return Err("4: an opt-out was taken back".to_owned());
        }
        let alone = self.rules.daemons == 1 && !state.special && !state.touched[1 - side];
        if alone && moves {
            return Err(format!("2: only side {side} was edited, and it was written to"));
        }
        // Two daemons may take each other's writes for somebody's changes, and answer them: no number of writes follows from
        // the number of edits then, only that they come to rest.
        if self.rules.daemons == 1 {
            state.writes[side] += u8::from(moves);
            if state.writes[side] > state.changes {
                return Err(format!("1: {} writes for {} changes", state.writes[side], state.changes));
            }
        }
        match side {
            0 => self.set_value(state, record, small.patched(value, write.what)),
            _ => set_status(state, write.what),
        }
        Ok(true)
    }

    fn record(&self, kept: &mut Kept, write: &Write) {
        kept.latch = if self.rules.latch { write.latch.unwrap_or_default() } else { [false; 2] };
        self.count_as_done(kept, write);
        (kept.hold, kept.intent) = (Hold::No, None);
    }

    fn count_as_done(&self, kept: &mut Kept, write: &Write) {
        kept.base = Some(write.after);
        if write.opt_out && self.rules.latch {
            kept.latch = [true; 2];
        }
        if self.rules.latch_off && self.takes_back(write) {
            kept.latch = [false; 2];
        }
    }

    fn takes_back(&self, write: &Write) -> bool {
        let value = |held: u8| {
            let place = self.small.held.iter().position(|other| *other == held);
            self.small.is_out(place.expect("a value that is held") as u8)
        };
        match write.side {
            0 => value(write.seen.0) && !value(write.after.0),
            _ => self.small.status_is_out(write.seen.1) && !self.small.status_is_out(write.after.1),
        }
    }

    /// Nobody edits any more and nothing fails: it comes to rest, and both sides agree or are held.
    pub fn settles(&self, state: &State) -> Result<(), String> {
        let mut now = *state;
        for _ in 0..8 {
            let before = now;
            if let Some(then) = self.after(&now, Move::Flows)? {
                now = then;
            }
            for by in 0..self.rules.daemons {
                self.go(&mut now, by)?;
                while now.at[by] != At::Idle {
                    self.go(&mut now, by)?;
                }
            }
            if now == before {
                return (0..self.rules.daemons).try_for_each(|by| self.rests(&now, by));
            }
        }
        Err("3: it does not come to rest".to_owned())
    }

    fn rests(&self, state: &State, by: usize) -> Result<(), String> {
        let kept = &state.kept[by];
        let value = state.records[usize::from(kept.record)];
        let out = [self.small.is_out(value), self.small.status_is_out(state.status)];
        if kept.intent.is_some() || (state.merged && kept.record == 0) {
            return Err("3: something is left to be done".to_owned());
        }
        if kept.hold == Hold::Held || out == [true; 2] {
            return Ok(());
        }
        let asks = self.rules.daemons == 1 && !self.rules.follows && !state.special;
        if asks && state.cleared && out == [false; 2] {
            return Err("4: an opt-out was taken back, and nobody is asked".to_owned());
        }
        if out[0] != out[1] {
            return Err("4: opted out on one side only, and nobody is asked".to_owned());
        }
        let mapped = self.of_value(value).is_some() && self.speaks_of(value, state.status);
        // What a row's condition asks for may have changed since: that alone is no change of a status.
        let same = |other: &u8| self.small.held[usize::from(*other)] == self.small.held[usize::from(value)];
        let mut alike = (0..self.small.values.len() as u8).filter(same);
        let is_well = |value: u8| self.agree(value, state.status) || !self.speaks_of(value, state.status);
        match mapped && !alike.any(is_well) {
            true => Err("3: the two disagree, and nobody is asked".to_owned()),
            false => Ok(()),
        }
    }

    /// Whether no process is under way.
    pub fn is_idle(&self, state: &State) -> bool {
        state.at == [At::Idle; 2]
    }

    /// What happened, in words.
    pub fn shown(&self, next: Move, then: &State) -> String {
        let both = format!(
            "[{} | {}]",
            self.small.shown(then.records[usize::from(then.merged)]),
            self.small.statuses[usize::from(then.status)]
        );
        let what = match next {
            Move::Sets(_) => "somebody edits Salesforce".to_owned(),
            Move::Becomes(_) => "somebody edits Engage".to_owned(),
            Move::Merges => "the record loses a merge".to_owned(),
            Move::Takes(by, side) => format!("an operator of daemon {by} takes side {side}"),
            Move::Flows => "the flow acts".to_owned(),
            Move::Dies(by) => format!("daemon {by} dies"),
            Move::Goes(by) => format!("daemon {by} goes on: {:?}", then.at[usize::from(by)]),
            Move::Refused(by) => format!("the write of daemon {by} is refused"),
            Move::Unanswered { by, effect } => format!("daemon {by} gets no answer (effect: {effect})"),
        };
        format!("{both} {what}")
    }
}

/// Whoever has looked at this side, and not written yet, has an old version of it.
fn stale(state: &mut State, side: u8) {
    for at in &mut state.at {
        if let At::LookedOne { write, fresh, .. } | At::Going { write, fresh } = at
            && write.side == side
        {
            // Where Engage is written, it is read after Salesforce.
            *fresh = false;
        }
    }
}

fn set_status(state: &mut State, status: u8) {
    state.status = status;
    stale(state, 1);
}
