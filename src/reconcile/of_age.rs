//! Links that came back with a copy of the store: what they say was agreed on may be older than what was.

use super::decision::*;
use crate::model::{HoldReason, WriteReason};

/// A decision about a link whose baselines are from a copy. What agrees, or has not moved since, is settled; what
/// disagrees is held, since the side that seems to have changed may be the one that we had written ourselves. An opt-out
/// is carried over all the same, and a named person's word stands.
pub fn of_age(verdict: Verdict) -> Verdict {
    let Decision::Write(step) = &verdict.decision else { return verdict };
    match step.reason {
        WriteReason::OptedOut(_) | WriteReason::Resolved(_) => verdict,
        WriteReason::Changed(_) | WriteReason::Won(_) | WriteReason::FirstSight(_) => {
            let latch = match verdict.latch {
                LatchChange::Clear => LatchChange::Keep,
                latch => latch,
            };
            Verdict { decision: Decision::Hold(HoldReason::Restored), latch, ..verdict }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Baseline, PersonStatus, SequenceAction, Side, Step, Target};

    fn write(reason: WriteReason, latch: LatchChange) -> Verdict {
        let engage = PersonStatus::new("success");
        let step = Step {
            target: Target::Engage { status: engage.clone(), sequences: SequenceAction::Leave },
            seen: Baseline { salesforce: Default::default(), engage },
            rule: None,
            reason,
            overruled: None,
            details: Default::default(),
        };
        Verdict::new(Decision::Write(step), latch)
    }

    #[test]
    fn only_opt_outs_and_a_persons_word_are_written() {
        let side = Side::Salesforce;
        for reason in [WriteReason::OptedOut(side), WriteReason::Resolved(side)] {
            let verdict = write(reason, LatchChange::Keep);
            assert_eq!(of_age(verdict.clone()), verdict);
        }
        for reason in [WriteReason::Changed(side), WriteReason::Won(side), WriteReason::FirstSight(side)] {
            let held = of_age(write(reason, LatchChange::Clear));
            assert_eq!(held, Verdict::new(Decision::Hold(HoldReason::Restored), LatchChange::Keep));
        }
    }
}
