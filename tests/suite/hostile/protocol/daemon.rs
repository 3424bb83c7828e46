//! The steps of a daemon: the write protocol itself.

use super::machine::Machine;
use super::small::{Asked, Told};
use super::state::{At, Hold, Kept, State, Write, set_status};

impl Machine<'_> {
    /// A process takes its next step, and everything goes well.
    pub fn go(&self, state: &mut State, by: usize) -> Result<(), String> {
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
    pub fn carry_out(&self, state: &mut State, write: &Write, fresh: bool) -> Result<bool, String> {
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
}
