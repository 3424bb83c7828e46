//! What must hold once nobody edits any more and nothing fails.

use super::machine::Machine;
use super::state::{At, Hold, Move, State};

impl Machine<'_> {
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
}
