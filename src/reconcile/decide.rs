//! The decision: what both sides hold, compared with what each held when the two last agreed. `sync.md` part 2.
//!
//! Pure and total. The order of the questions is the order of what matters: is the record still there; has anybody
//! opted out; who changed; and, behind every write, would it overwrite something that only people may move.

use super::decision::*;
use super::details;
use super::move_on::{is_last_opt_out, moved_on};
use super::opt_out::seen_opted_out;
use super::situation::Situation;
use crate::lifecycle;
use crate::mapping::{Context, Disagree, Mapping, Relation, Row, Winner};
use crate::model::{
    Baseline, BySide, FieldName, FieldValue, Fields, HoldReason, PersonStatus, Prospect, SalesforceObject,
    SalesforceRecord, SequenceAction, SetAt, Side, Step, Target, WriteReason,
};
use crate::mutant;

/// Decides what is to be done about one link.
pub fn decide(mapping: &Mapping, situation: &Situation<'_>) -> Verdict {
    decide_by(mapping, None, situation)
}

/// The same, by a relation that is known already to be the one for this record.
pub fn decide_by(mapping: &Mapping, relation: Option<&Relation<'_>>, situation: &Situation<'_>) -> Verdict {
    let keep = |decision| Verdict::new(decision, LatchChange::Keep);
    if situation.prospect.is_some_and(|prospect| prospect.deleted) {
        return keep(Decision::Unlink(UnlinkReason::DeletedInEngage));
    }
    let Some(record) = situation.salesforce else {
        return keep(Decision::LeaveAlone(LeaveReason::Missing(Side::Salesforce)));
    };
    if let Some(decision) = moved_on(mapping, record) {
        let untold = is_last_opt_out(mapping, situation, &decision, record);
        return match situation.prospect {
            Some(prospect) if untold && !prospect.status.is_opted_out() => {
                last_opt_out(mapping, situation, record, prospect)
            }
            // Engage hears of it once it shows the person again: by the other record, or, where there is none, by this one.
            None if untold => match decision {
                Decision::Unlink(_) => keep(Decision::LeaveAlone(LeaveReason::Missing(Side::Engage))),
                _ => Verdict::new(decision, LatchChange::seen(BySide::only(Side::Salesforce))),
            },
            _ => keep(decision),
        };
    }
    let Some(prospect) = situation.prospect else {
        return keep(Decision::LeaveAlone(LeaveReason::Missing(Side::Engage)));
    };
    let object = record.id.object();
    if mapping.object(object).is_none() {
        return keep(Decision::LeaveAlone(LeaveReason::ObjectNotInSync));
    }
    if !mapping.in_scope(object, &record.fields) && !mutant::is("scope-ignored") {
        return keep(Decision::LeaveAlone(LeaveReason::OutOfScope));
    }
    let context = Context { fields: Some(&record.fields), sequences: situation.sequences };
    let own;
    let relation = match relation {
        Some(relation) => relation,
        None => {
            own = mapping.relation(object, &context);
            &own
        }
    };
    let case = Case { mapping, relation, situation, object, record, prospect };
    let verdict = case.verdict();
    if mapping.fields.is_empty() { verdict } else { case.with_details(verdict) }
}

/// Tells Engage, before the record is let go: the one it goes on as may know nothing of it.
fn last_opt_out(
    mapping: &Mapping,
    situation: &Situation<'_>,
    record: &SalesforceRecord,
    prospect: &Prospect,
) -> Verdict {
    let object = record.id.object();
    let context = Context { fields: Some(&record.fields), sequences: situation.sequences };
    let relation = &mapping.relation(object, &context);
    let case = Case { mapping, relation, situation, object, record, prospect };
    let seen = LatchChange::seen(BySide::only(Side::Salesforce));
    Verdict::new(case.carry_opt_out(Side::Salesforce), seen)
}

/// Two records that are there, and everything known about them.
pub(super) struct Case<'a> {
    pub(super) mapping: &'a Mapping,
    pub(super) relation: &'a Relation<'a>,
    pub(super) situation: &'a Situation<'a>,
    pub(super) object: SalesforceObject,
    pub(super) record: &'a SalesforceRecord,
    pub(super) prospect: &'a Prospect,
}

impl Case<'_> {
    fn verdict(&self) -> Verdict {
        let now = BySide {
            salesforce: self.is_out(&self.record.fields),
            engage: self.prospect.status.is_opted_out(),
        };
        let said = now.engage.then_some(self.prospect.status_changed_at);
        if now.salesforce && now.engage {
            return Verdict::new(self.settled(AdoptReason::BothOptedOut), self.latch(now, said));
        }
        let before = seen_opted_out(self.mapping, self.situation.link);
        for side in Side::BOTH {
            // The other side was never told; or it was and somebody took it back there, and this one is new: what was seen
            // there before does not count any more.
            if *now.get(side) && !(*before.get(side.other()) && *before.get(side)) {
                return self.overruled_opt_out(side, now).unwrap_or_else(|| {
                    Verdict::new(self.carry_opt_out(side), self.latch(BySide::only(side), said))
                });
            }
        }
        if before.salesforce || before.engage {
            return self.cleared(now, before);
        }
        Verdict::new(self.ordinary(), LatchChange::Keep)
    }

    /// The further fields, behind the status: a write of them goes before everything that writes nothing, and the link
    /// stays due for the rest.
    fn with_details(&self, mut verdict: Verdict) -> Verdict {
        let unsure = matches!(verdict.decision, Decision::Hold(HoldReason::NotUnique { .. }));
        if unsure || !self.situation.others.is_empty() {
            return verdict;
        }
        let merged = details::merge(self.mapping, self.situation, self.record, self.prospect, &self.seen());
        if matches!(verdict.decision, Decision::Write(_)) {
            let writes = merged.write.is_some() && !self.situation.leave_details;
            verdict.more = writes || merged.hold.is_some();
            return verdict;
        }
        verdict.details = merged.bases;
        match (merged.write, merged.hold) {
            (Some(step), _) if !self.situation.leave_details => verdict.decision = Decision::Write(step),
            (_, Some(hold)) if !matches!(verdict.decision, Decision::Hold(_)) => {
                verdict.decision = Decision::Hold(hold);
            }
            _ => {}
        }
        verdict
    }

    pub(super) fn is_out(&self, fields: &Fields) -> bool {
        self.mapping.is_opted_out(self.object, fields)
    }

    pub(super) fn ordinary(&self) -> Decision {
        if !self.situation.others.is_empty() {
            let mut ids: Vec<String> = self.situation.others.to_vec();
            ids.push(self.prospect.id.to_string());
            ids.sort_unstable();
            ids.push(self.record.id.to_string());
            return Decision::Hold(HoldReason::NotUnique { ids });
        }
        if let Some(side) = self.situation.status_taken() {
            return self.take(side, WriteReason::Resolved(side));
        }
        let Some(baseline) = &self.situation.link.baseline else { return self.first_sight() };
        let moved = self.situation.link.both_moved;
        let changed = BySide {
            salesforce: moved || differs(&baseline.salesforce, &self.record.fields),
            engage: moved || baseline.engage != self.prospect.status,
        };
        if !changed.salesforce && !changed.engage {
            if mutant::is("quiet-is-decided") && self.agreement().is_none() {
                return self.both_changed(WriteReason::Won);
            }
            return Decision::InSync;
        }
        let changed = match mutant::is("any-touch-is-a-change") {
            true => BySide { salesforce: true, engage: true },
            false => changed,
        };
        if let Some(reason) = self.agreement() {
            return self.settled(reason);
        }
        match (changed.salesforce, changed.engage) {
            (true, false) => self.take(Side::Salesforce, WriteReason::Changed(Side::Salesforce)),
            (false, true) => self.take(Side::Engage, WriteReason::Changed(Side::Engage)),
            _ => self.both_changed(WriteReason::Won),
        }
    }

    fn first_sight(&self) -> Decision {
        if let Some(reason) = self.agreement() {
            return self.settled(reason);
        }
        match self.mapping.new.disagree {
            Disagree::Adopt => self.settled(AdoptReason::FirstSight),
            Disagree::Apply => self.both_changed(WriteReason::FirstSight),
            Disagree::Hold => Decision::Hold(HoldReason::FirstSight),
        }
    }

    fn agreement(&self) -> Option<AdoptReason> {
        if mutant::is("agreement-ignored") {
            return None;
        }
        let (fields, status) = (&self.record.fields, &self.prospect.status);
        if self.relation.agree(fields, status) {
            return Some(AdoptReason::Agree);
        }
        let unmapped = !self.relation.knows_fields(fields) && !self.relation.knows_status(status);
        unmapped.then_some(AdoptReason::NeitherMapped)
    }

    fn both_changed(&self, reason: fn(Side) -> WriteReason) -> Decision {
        let mut winner = self.relation.winner(&self.record.fields, &self.prospect.status);
        if mutant::is("last-write-wins") {
            let later = self.record.last_modified > self.prospect.status_changed_at;
            winner = Some(if later { Winner::Salesforce } else { Winner::Engage });
        }
        let side = match winner {
            Some(Winner::Salesforce) => Side::Salesforce,
            Some(Winner::Engage) => Side::Engage,
            Some(Winner::Newest) => match self.newest() {
                Some(side) => side,
                None => return Decision::Hold(HoldReason::TooCloseToCall),
            },
            Some(Winner::Hold) | None => return Decision::Hold(HoldReason::BothChanged),
        };
        self.take(side, reason(side))
    }

    /// The side whose value was set later, where that is known beyond the guard band. The two vendors' clocks are
    /// not one clock, and an upper bound can only prove that the other side is newer.
    fn newest(&self) -> Option<Side> {
        let band = jiff::SignedDuration::try_from(self.mapping.conflict.guard_band)
            .unwrap_or(jiff::SignedDuration::MAX);
        let engage = self.prospect.status_changed_at;
        let (at, exact) = match self.record.status_set_at {
            SetAt::At(at) => (at, true),
            SetAt::NotAfter(at) => (at, false),
            SetAt::Unknown => return None,
        };
        if engage.duration_since(at) > band {
            return Some(Side::Engage);
        }
        (exact && at.duration_since(engage) > band).then_some(Side::Salesforce)
    }

    /// Carries one side's value to the other.
    fn take(&self, side: Side, reason: WriteReason) -> Decision {
        if let Some(reason) = self.agreement() {
            return self.settled(reason);
        }
        let overruled = match reason {
            WriteReason::Won(_) | WriteReason::FirstSight(_) | WriteReason::Resolved(_) => {
                Some(self.value(side.other()))
            }
            WriteReason::Changed(_) | WriteReason::OptedOut(_) => None,
        };
        match side {
            Side::Salesforce => match self.relation.inbound(&self.record.fields) {
                Some(row) => self.write_engage(row.person.clone(), Some(row), reason, overruled),
                None => self.skip(side, overruled),
            },
            Side::Engage => match self.relation.outbound(&self.prospect.status) {
                Some((row, fields)) => self.write_salesforce(fields, Some(row), reason, overruled),
                None => self.skip(side, overruled),
            },
        }
    }

    pub(super) fn write_engage(
        &self,
        status: PersonStatus,
        row: Option<&Row>,
        reason: WriteReason,
        overruled: Option<String>,
    ) -> Decision {
        let held = &self.prospect.status;
        if !lifecycle::api_may_set(held, &status) {
            return Decision::Hold(HoldReason::RefusedByLifecycle { wanted: status });
        }
        let decided_by_person = self.situation.status_taken() == Some(Side::Salesforce);
        if lifecycle::is_protected(held) && !decided_by_person {
            return Decision::Hold(HoldReason::Protected {
                side: Side::Engage,
                value: held.key().to_owned(),
            });
        }
        Decision::Write(Step {
            target: Target::Engage {
                status,
                sequences: row.map_or(SequenceAction::Leave, |row| row.sequences),
            },
            seen: self.seen(),
            rule: row.map(|row| self.mapping.rule(row)),
            reason,
            overruled,
            details: Default::default(),
        })
    }

    pub(super) fn write_salesforce(
        &self,
        wanted: &Fields,
        row: Option<&Row>,
        reason: WriteReason,
        overruled: Option<String>,
    ) -> Decision {
        let differ = |(name, value): &(&FieldName, &FieldValue)| self.record.field(name) != *value;
        let fields: Fields =
            wanted.iter().filter(differ).map(|(name, value)| (name.clone(), value.clone())).collect();
        if fields.is_empty() {
            return self.settled(AdoptReason::Agree);
        }
        let status = self.mapping.object(self.object).map(|columns| self.record.field(&columns.status));
        if let Some(value) = status.and_then(FieldValue::as_text)
            && self.object == SalesforceObject::Lead
            && self.situation.converted_statuses.iter().any(|converted| **converted == *value)
        {
            return Decision::Hold(HoldReason::Protected { side: Side::Salesforce, value: value.to_owned() });
        }
        Decision::Write(Step {
            target: Target::Salesforce { fields },
            seen: self.seen(),
            rule: row.map(|row| self.mapping.rule(row)),
            reason,
            overruled,
            details: Default::default(),
        })
    }

    /// The two count as agreeing: in sync where nothing moved, else the baseline moves.
    fn settled(&self, reason: AdoptReason) -> Decision {
        let baseline = self.seen();
        let link = self.situation.link;
        if link.baseline.as_ref() == Some(&baseline) && !link.both_moved {
            return Decision::InSync;
        }
        Decision::Adopt { baseline, reason }
    }

    fn skip(&self, side: Side, overruled: Option<String>) -> Decision {
        Decision::Skip { baseline: self.seen(), side, value: self.value(side), overruled }
    }

    /// A side's value, as it is shown.
    fn value(&self, side: Side) -> String {
        match side {
            Side::Engage => self.prospect.status.key().to_owned(),
            Side::Salesforce => {
                let status = self.mapping.object(self.object).map(|columns| &columns.status);
                status.map_or_else(String::new, |status| self.record.field(status).to_string())
            }
        }
    }

    fn seen(&self) -> Baseline {
        if let Some(baseline) = &self.situation.link.baseline
            && mutant::is("expected-from-baseline")
        {
            return baseline.clone();
        }
        let salesforce = self.mapping.values(self.object, &self.record.fields);
        Baseline { salesforce, engage: self.prospect.status.clone() }
    }
}

/// A field that the baseline never held counts as unchanged: a changed mapping is never retroactive.
pub(super) fn differs(before: &Fields, now: &Fields) -> bool {
    before.iter().any(|(name, value)| now.get(name).is_some_and(|present| present != value))
}
