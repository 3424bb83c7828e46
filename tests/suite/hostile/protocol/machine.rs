//! One person, everybody who edits them, and the write protocol of `sync.md` part 3 as a machine that takes one step at a
//! time: after each of them the process may die, and each write may end in five ways.

use super::rules::{Group, Rules};
use super::small::Small;
use super::state::{At, Hold, Kept, Move, State, set_status, stale};

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

    pub fn of_value(&self, value: u8) -> Option<usize> {
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

    pub fn agree(&self, value: u8, status: u8) -> bool {
        self.of_value(value).is_some_and(|group| self.of_status(status) == Some(group))
    }

    /// Whether a row whose condition such a record meets speaks of a status.
    pub fn speaks_of(&self, value: u8, status: u8) -> bool {
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

    pub fn set_value(&self, state: &mut State, record: usize, value: u8) {
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
