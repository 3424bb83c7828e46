//! Opt-outs: carried over before and above everything else, and taken back only as the company, or a named person, says.

use super::decide::{Case, differs};
use super::decision::*;
use crate::mapping::{Mapping, OptOutCleared};
use crate::model::{BySide, FieldValue, Fields, HoldReason, Link, PersonStatus, Side, WriteReason};
use crate::mutant;
use jiff::Timestamp;

/// Whether the side that still says "opted out" has said so anew since both last said it: then the other one's clearing
/// does not speak of that.
enum SaidAnew {
    Yes,
    No,
    /// It cannot be known.
    Unknown,
}

/// On which sides this person has been seen opted out: by the latch, or, without one, when the two last agreed.
pub(super) fn seen_opted_out(mapping: &Mapping, link: &Link) -> BySide<bool> {
    match (&link.latch, &link.baseline) {
        (Some(latch), _) => latch.seen,
        (None, Some(baseline)) => BySide {
            salesforce: mapping.is_opted_out(link.salesforce.object(), &baseline.salesforce),
            engage: baseline.engage.is_opted_out(),
        },
        (None, None) => BySide::default(),
    }
}

impl Case<'_> {
    /// What a named person has decided about an opt-out that cannot be carried to Engage, where that is to keep its own
    /// value (rulings.md 16).
    pub(super) fn overruled_opt_out(&self, from: Side, now: BySide<bool>) -> Option<Verdict> {
        use HoldReason::{Protected, RefusedByLifecycle};
        let answered = matches!(self.situation.held, Some(Protected { .. } | RefusedByLifecycle { .. }));
        if !answered || from != Side::Salesforce || self.situation.status_taken() != Some(Side::Engage) {
            return None;
        }
        let verdict = self.let_pass(now, now, WriteReason::Resolved(Side::Engage));
        (!matches!(verdict.decision, Decision::Hold(_))).then_some(verdict)
    }

    /// Somebody took an opt-out back: a named person decides, or the company lets it follow.
    pub(super) fn cleared(&self, now: BySide<bool>, before: BySide<bool>) -> Verdict {
        let latch = self.latch(before, None);
        if let Some(take) = self.situation.status_taken() {
            if *now.get(take) {
                return Verdict::new(self.carry_opt_out(take), latch);
            }
            return self.let_pass(now, before, WriteReason::Resolved(take));
        }
        let anew = self.said_anew(now);
        // Whoever unsubscribes once more says so after the clearing, whatever is to become of that.
        if now.engage && matches!(anew, SaidAnew::Yes) {
            let latch = self.latch(before, Some(self.prospect.status_changed_at));
            return Verdict::new(self.carry_opt_out(Side::Engage), latch);
        }
        if self.mapping.opt_out_cleared == OptOutCleared::Follow || mutant::is("opt-out-follows-back") {
            // What a record said that is gone was taken back by nobody, and this one has said nothing yet.
            let untold = before.salesforce && !before.engage;
            if untold && !now.salesforce && self.situation.link.baseline.is_none() {
                return Verdict::new(hold_cleared(now, before), latch);
            }
            let side = if now.engage { Side::Salesforce } else { Side::Engage };
            return match anew {
                SaidAnew::Yes => Verdict::new(self.carry_opt_out(Side::Salesforce), latch),
                SaidAnew::No => self.let_pass(now, before, WriteReason::Changed(side)),
                SaidAnew::Unknown => Verdict::new(hold_cleared(now, before), latch),
            };
        }
        Verdict::new(hold_cleared(now, before), latch)
    }

    fn said_anew(&self, now: BySide<bool>) -> SaidAnew {
        let link = self.situation.link;
        if now.engage {
            let known = link.latch.as_ref().and_then(|latch| latch.in_engage);
            return match known {
                Some(known) if known != self.prospect.status_changed_at => SaidAnew::Yes,
                _ => SaidAnew::No,
            };
        }
        if !now.salesforce {
            return SaidAnew::No;
        }
        // A record that was edited since, and says so, says it anew: both sides may have been cleared in between.
        let base = link.baseline.as_ref();
        if base.is_some_and(|base| differs(&base.salesforce, &self.record.fields)) {
            return SaidAnew::Yes;
        }
        // It holds what it held, and was touched behind the clearing: the box may have been cleared and ticked again.
        if self.record.last_modified > self.prospect.status_changed_at {
            return SaidAnew::Unknown;
        }
        SaidAnew::No
    }

    /// What becomes of the latch once these sides count as seen.
    pub(super) fn latch(&self, seen: BySide<bool>, in_engage: Option<Timestamp>) -> LatchChange {
        match &self.situation.link.latch {
            Some(latch) if latch.seen == seen && (in_engage.is_none() || latch.in_engage == in_engage) => {
                LatchChange::Keep
            }
            _ => LatchChange::Set { seen, in_engage },
        }
    }

    /// Carries a clearing over, whole: where the other side would still say "opted out" afterwards, the next look would
    /// only undo it, so a person has to.
    pub(super) fn let_pass(&self, now: BySide<bool>, before: BySide<bool>, reason: WriteReason) -> Verdict {
        let decision = match (now.salesforce, now.engage) {
            _ if !self.situation.others.is_empty() => self.ordinary(),
            (false, false) => self.ordinary(),
            (true, _) => self.clear_in_salesforce(reason).unwrap_or_else(|| hold_cleared(now, before)),
            (false, true) => match self.relation.inbound(&self.record.fields) {
                Some(row) => self.write_engage(row.person.clone(), Some(row), reason, None),
                None => hold_cleared(now, before),
            },
        };
        let latch = match decision {
            Decision::Hold(_) => LatchChange::Keep,
            _ => LatchChange::Clear,
        };
        Verdict::new(decision, latch)
    }

    /// The value of the person's status, and the box unticked; `None` where that would still be an opt-out.
    pub(super) fn clear_in_salesforce(&self, reason: WriteReason) -> Option<Decision> {
        let (row, mut wanted) = match self.relation.outbound(&self.prospect.status) {
            Some((row, fields)) => (Some(row), fields.clone()),
            None => (None, Fields::new()),
        };
        if let Some(name) = self.mapping.object(self.object).and_then(|columns| columns.opt_out.name()) {
            wanted.insert(name.clone(), FieldValue::Bool(false));
        }
        let mut then = self.record.fields.clone();
        then.extend(wanted.iter().map(|(name, value)| (name.clone(), value.clone())));
        (!self.is_out(&then)).then(|| self.write_salesforce(&wanted, row, reason, None))
    }

    /// Carries an opt-out to the other side, before and above everything else.
    pub(super) fn carry_opt_out(&self, from: Side) -> Decision {
        let reason = WriteReason::OptedOut(from);
        match from {
            Side::Salesforce => {
                let status = PersonStatus::new("opted_out");
                let row = self.mapping.rows.iter().find(|row| row.person == status);
                self.write_engage(status, row, reason, None)
            }
            Side::Engage => {
                let row = self.mapping.rows.iter().find(|row| row.person.is_opted_out());
                self.write_salesforce(&self.mapping.opt_out_target(self.object), row, reason, None)
            }
        }
    }
}

/// Somebody took an opt-out back, and a person has to say what follows.
fn hold_cleared(now: BySide<bool>, before: BySide<bool>) -> Decision {
    let cleared = |side: &Side| *before.get(*side) && !*now.get(*side);
    let side = Side::BOTH.into_iter().find(cleared).unwrap_or(Side::Salesforce);
    Decision::Hold(HoldReason::OptOutCleared { side })
}
