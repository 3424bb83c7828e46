//! Deciding what is due, and recording everything that needs no write.

use super::box_alone::is_rest_of_opt_out;
use super::engine::{Engine, Interrupted};
use super::gather::Work;
use super::many::parts;
use super::not_unique::look_at_those_beside;
use super::own_write;
use super::parting;
use super::record::{self, Note, Shown};
use crate::connector::CallError;
use crate::connector::salesforce::Purpose;
use crate::event::TRACES;
use crate::mapping::{Mapping, Winner};
use crate::metrics;
use crate::model::{Baseline, HoldReason, SalesforceObject, SequenceAction, SetAt, Side, Target};
use crate::mutant;
use crate::reconcile::{Decision, LeaveReason, Situation, Verdict, decide, of_age};
use crate::store::{OwnPauses, Source, Transaction};
use std::collections::HashMap;

/// A decided link.
#[derive(Debug)]
pub(super) struct Decided {
    pub(super) work: Work,
    pub(super) verdict: Verdict,
    /// A refused write of further fields stays parked, and this is what was decided besides.
    pub(super) beside_parked: bool,
}

impl Decided {
    /// A span for whoever collects traces: which change, how it was seen, what was decided, and the side to be written.
    /// Two that agree are nobody's story.
    fn trace(&self, now: jiff::Timestamp) {
        let (due, decision) = (&self.work.due, &self.verdict.decision);
        let side = match decision {
            Decision::InSync => return,
            Decision::Write(step) => step.side().as_str(),
            _ => "",
        };
        let seen_by = due.seen.last().map(|seen| seen.source.as_str()).unwrap_or_default();
        let waited_ms = now.duration_since(due.since).as_millis();
        tracing::trace_span!(target: TRACES, "change", change = %due.change, decision = decision.kind(), side, seen_by, waited_ms)
            .in_scope(|| ());
    }
}

impl Engine {
    /// Decides each, asking Salesforce's field history only for those whose answer depends on it.
    pub(super) async fn decide(&self, mut works: Vec<Work>) -> Result<Vec<Decided>, CallError> {
        let mapping = self.mapping();
        self.know_own_writes(&mapping, &mut works).await?;
        let org = self.connect().await?;
        let verdict = |work: &Work, leave_details: bool| {
            let verdict = decide(
                &mapping,
                &Situation {
                    link: &work.link,
                    salesforce: work.record.as_ref(),
                    prospect: work.prospect.as_ref(),
                    resolution: taken(&mapping, work),
                    held: work.held.as_ref().map(|held| &held.reason),
                    converted_statuses: &org.converted_statuses,
                    others: &work.others,
                    sequences: &work.sequences,
                    leave_details,
                },
            );
            if work.restored { of_age(verdict) } else { verdict }
        };
        let mut decided: Vec<Decided> = works
            .into_iter()
            .map(|work| Decided { verdict: verdict(&work, false), work, beside_parked: false })
            .collect();
        // A refused write of further fields does not keep the status from being decided.
        for decided in &mut decided {
            let refused = matches!(&decided.verdict.decision, Decision::Write(step) if step.is_details());
            if refused && is_parked(&mapping, decided) {
                decided.verdict = verdict(&decided.work, true);
                decided.beside_parked = true;
            }
        }
        let unclear: Vec<usize> =
            (0..decided.len()).filter(|&i| wants_history(&mapping, &decided[i])).collect();
        if unclear.is_empty() {
            return Ok(decided);
        }
        let set_at = self.status_set_at(&mapping, unclear.iter().map(|&i| &decided[i].work)).await?;
        for i in unclear {
            let work = &mut decided[i].work;
            if let Some(record) = &mut work.record
                && let Some(at) = set_at.get(&record.id)
            {
                record.status_set_at = *at;
                decided[i].verdict = verdict(&decided[i].work, decided[i].beside_parked);
            }
        }
        Ok(decided)
    }

    pub(super) async fn status_set_at(
        &self,
        mapping: &Mapping,
        works: impl Iterator<Item = &Work>,
    ) -> Result<HashMap<crate::model::SalesforceId, SetAt>, CallError> {
        let mut found = HashMap::new();
        let ids: Vec<_> = works.map(|work| work.link.salesforce).collect();
        // While calls are short only what may be an opt-out is looked at, and nothing is decided without this.
        let purpose = if self.salesforce.budget().is_short() { Purpose::OptOut } else { Purpose::Read };
        for object in SalesforceObject::BOTH {
            let ids: Vec<_> = ids.iter().copied().filter(|id| id.object() == object).collect();
            let Some(columns) = mapping.object(object) else { continue };
            if !ids.is_empty() {
                found.extend(self.salesforce.status_set_at(object, &ids, &columns.status, purpose).await?);
            }
        }
        Ok(found)
    }

    /// Records what needs no write, and returns the rest. Pauses whose status write was dropped are taken back
    /// first, unless the new decision wants them (rulings.md 15).
    pub(super) async fn settle(&self, decided: Vec<Decided>) -> Result<Vec<Decided>, Interrupted> {
        for decided in &decided {
            decided.trace(self.now());
            self.metrics.add(&metrics::DECISIONS, &[decided.verdict.decision.kind()], 1);
        }
        self.take_back_pauses(&decided).await?;
        let mapping = self.mapping();
        let (writes, settled): (Vec<_>, Vec<_>) = decided
            .into_iter()
            .partition(|d| matches!(d.verdict.decision, Decision::Write(_)) && !is_parked(&mapping, d));
        let now = self.now();
        let unknown = writes.iter().filter(|decided| decided.work.intent.is_some());
        for Decided { work, .. } in unknown {
            self.tell_of_own_write(work, now).await?;
        }
        for part in parts(settled) {
            let mapping = mapping.clone();
            let recorded = self.store.write(move |tx| {
                let mut notes = Vec::new();
                for decided in &part {
                    settle_one(tx, &mapping, decided, now, &mut notes)?;
                }
                let dropped = part.iter().filter(|d| matches!(d.verdict.decision, Decision::Unlink(_)));
                let dropped = dropped.map(|decided| decided.work.link.prospect.to_string()).collect();
                look_at_those_beside(tx, &dropped, now)?;
                Ok(notes)
            });
            recorded.await?.iter().for_each(Note::log);
        }
        Ok(writes)
    }

    /// Before another write is decided in its place, the journal tells of one that had arrived.
    async fn tell_of_own_write(&self, work: &Work, now: jiff::Timestamp) -> Result<(), Interrupted> {
        let (mapping, work) = (self.mapping(), work.clone());
        let notes = self
            .store
            .write(move |tx| {
                let mut notes = Vec::new();
                own_write::own_write_found(tx, &mapping, &work, now, &mut notes)?;
                Ok(notes)
            })
            .await?;
        notes.iter().for_each(Note::log);
        Ok(())
    }

    async fn take_back_pauses(&self, decided: &[Decided]) -> Result<(), Interrupted> {
        for Decided { work, verdict, .. } in decided {
            let wanted = matches!(&verdict.decision, Decision::Write(step)
                if matches!(step.target, Target::Engage { sequences: SequenceAction::Pause, .. }));
            if wanted || !work.pauses.pending {
                continue;
            }
            let prospect = work.link.prospect.clone();
            if work.prospect.as_ref().is_some_and(|prospect| !prospect.deleted) {
                match self
                    .engage
                    .resume(&prospect, "the status write that went with this pause was dropped")
                    .await
                {
                    Ok(_) => {}
                    // A stopped or deleted prospect cannot be resumed, and needs no resuming.
                    Err(error) if error.retry == crate::connector::Retry::Park => {}
                    Err(error) => return Err(error.into()),
                }
            }
            self.store.write(move |tx| tx.set_own_pauses(&prospect, &OwnPauses::default())).await?;
        }
        Ok(())
    }
}

/// Whether the decision hangs on when Salesforce's value was set, and only an upper bound is known yet.
fn wants_history(mapping: &Mapping, decided: &Decided) -> bool {
    let newest = mapping.conflict.winner == Winner::Newest
        || mapping.rows.iter().any(|row| row.winner == Some(Winner::Newest));
    let bound = decided.work.record.as_ref().is_some_and(|r| matches!(r.status_set_at, SetAt::NotAfter(_)));
    newest && bound && matches!(decided.verdict.decision, Decision::Hold(HoldReason::TooCloseToCall))
}

/// The side that an operator took. Where anybody is opted out by now, that was said of what stood there then: an opt-out
/// that came later is not theirs to take back.
fn taken(mapping: &Mapping, work: &Work) -> Option<Side> {
    let held = work.held.as_ref()?;
    let (record, prospect) = (work.record.as_ref(), work.prospect.as_ref());
    let is_out = prospect.is_some_and(|prospect| prospect.status.is_opted_out())
        || record.is_some_and(|record| mapping.is_opted_out(record.id.object(), &record.fields));
    let stands = !is_out || Shown::of(mapping, work).is_what(held);
    held.resolution.as_ref().filter(|_| stands).map(|resolution| resolution.take)
}

/// Whether a refused write would only be refused again: neither side has moved since, and nobody asked.
fn is_parked(mapping: &Mapping, decided: &Decided) -> bool {
    let Some(parked) = &decided.work.parked else { return false };
    let asked = |source| matches!(source, Source::Operator | Source::Sweep | Source::Resync);
    let seen = now_held(mapping, &decided.work);
    let details = match &decided.verdict.decision {
        Decision::Write(step) => step.details_seen(),
        _ => Default::default(),
    };
    let same = seen.as_ref() == Some(&parked.seen) && details == parked.details;
    same && !decided.work.due.seen.iter().any(|seen| asked(seen.source))
}

/// What both sides hold now, in the form of a baseline.
pub(super) fn now_held(mapping: &Mapping, work: &Work) -> Option<Baseline> {
    let (record, prospect) = (work.record.as_ref()?, work.prospect.as_ref()?);
    let salesforce = mapping.values(record.id.object(), &record.fields);
    Some(Baseline { salesforce, engage: prospect.status.clone() })
}

fn is_old(work: &Work, now: jiff::Timestamp) -> bool {
    work.held.as_ref().is_some_and(|held| now.duration_since(held.since).as_hours() >= 1)
}

fn settle_one(
    tx: &mut Transaction<'_>,
    mapping: &Mapping,
    decided: &Decided,
    now: jiff::Timestamp,
    notes: &mut Vec<Note>,
) -> Result<(), crate::store::StoreError> {
    let Decided { work, verdict, .. } = decided;
    let mut link = work.link.clone();
    record::apply_latch(&mut link, verdict.latch, now);
    link.details.extend(verdict.details.iter().map(|(detail, base)| (*detail, *base)));
    let prospect = link.prospect.clone();
    let stays = decided.beside_parked || is_rest_of_opt_out(mapping, work);
    let unpark = |tx: &mut Transaction<'_>| match stays {
        true => Ok(()),
        false => tx.remove_parked(&prospect).map(drop),
    };
    // First what was, then what follows from it: a link that is put below holds the newer baseline.
    let found = match verdict.decision {
        Decision::Relink { .. } | Decision::Unlink(_) | Decision::LeaveAlone(LeaveReason::Missing(_)) => {
            false
        }
        _ => own_write::own_write_found(tx, mapping, work, now, notes)?,
    };
    if matches!(verdict.decision, Decision::InSync | Decision::Adopt { .. } | Decision::Skip { .. }) {
        tx.clear_restored(&prospect)?;
    }
    match &verdict.decision {
        // Only a parked write comes here: it stays parked.
        Decision::Write(_) => {
            if link != work.link {
                tx.put_link(&link)?;
            }
        }
        Decision::InSync => {
            record::unhold(tx, work, now, notes)?;
            // What the baseline never held counts as unchanged, and is known from now on.
            if let (Some(baseline), Some(held)) = (&mut link.baseline, now_held(mapping, work)) {
                for (name, value) in held.salesforce {
                    baseline.salesforce.entry(name).or_insert(value);
                }
            }
            link.out_of_scope = false;
            if link != work.link {
                tx.put_link(&link)?;
            }
            unpark(tx)?;
        }
        Decision::Adopt { baseline, reason } => {
            record::unhold(tx, work, now, notes)?;
            link.agree_on(baseline.clone());
            tx.put_link(&link)?;
            unpark(tx)?;
            if !found {
                record::adopted(tx, work, *reason, now)?;
            }
        }
        Decision::Skip { baseline, side, value, overruled } => {
            record::unhold(tx, work, now, notes)?;
            link.agree_on(baseline.clone());
            tx.put_link(&link)?;
            unpark(tx)?;
            record::skipped(tx, work, *side, value, overruled.clone(), now, notes)?;
        }
        Decision::Hold(_) if mutant::is("hold-ends-by-itself") && is_old(work, now) => {
            link.baseline = now_held(mapping, work);
            tx.put_link(&link)?;
            record::unhold(tx, work, now, notes)?;
        }
        Decision::Hold(reason) => {
            if link != work.link {
                tx.put_link(&link)?;
            }
            record::held(tx, mapping, work, reason, now, notes)?;
            unpark(tx)?;
        }
        Decision::Relink { to, reason } => {
            parting::relinked(tx, mapping, work, link, *to, *reason, now, notes)?;
            // The same change goes on with the other record.
            return Ok(());
        }
        Decision::Unlink(reason) => parting::unlinked(tx, work, *reason, now, notes)?,
        Decision::LeaveAlone(reason) => {
            parting::left_alone(tx, work, *reason, now)?;
            link.out_of_scope = *reason == LeaveReason::OutOfScope;
            if link != work.link {
                tx.put_link(&link)?;
            }
            tx.remove_intent(&link.prospect)?;
        }
    }
    tx.clear_due(&work.due.prospect, work.due.generation)?;
    Ok(())
}
