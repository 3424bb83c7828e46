//! Writing: intents first, then one more look at both sides, then the write, then the record of it.

use super::box_alone::{LeftOut, keep_visible};
use super::breaker::{self, Refusals};
use super::counted::Counted;
use super::detect::expect;
use super::engine::{Engine, Interrupted, lock};
use super::failed::{failed, later};
use super::gather::Work;
use super::look_again::{has_moved_on, look_again};
use super::many::parts;
use super::own_write;
use super::record::{self, Note, NoteKind};
use super::settle::Decided;
use crate::connector::salesforce::Purpose;
use crate::connector::{CallError, Effect, Retry};
use crate::event::TRACES;
use crate::mapping::Mapping;
use crate::model::{
    Detail, DetailBase, Link, Prospect, ProspectId, SalesforceId, SalesforceRecord, Side, Step, Target,
};
use crate::reconcile::{Candidate, Decision, LatchChange, Verdict};
use crate::store::{Intent, StoreError, Transaction};
use crate::{kill_point, mutant};
use futures_util::{FutureExt, StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tracing::Instrument;

/// Batches to one side under way at once.
const BATCHES_AT_ONCE: usize = 2;

/// A decided write on its way.
#[derive(Debug)]
pub(super) struct Write {
    pub(super) work: Work,
    pub(super) intent: Intent,
    pub(super) latch: LatchChange,
    pub(super) details: BTreeMap<Detail, DetailBase>,
    /// Further fields wait for their turn behind it.
    pub(super) more: bool,
    /// The company's limits let it pass, when all that was due with it was counted.
    pub(super) is_counted: bool,
    /// What was refused of it, while the rest is written.
    pub(super) left_out: Option<LeftOut>,
    /// When its record was asked for the last time, by Salesforce's clock: a change after that may not have been seen.
    pub(super) asked_at: Option<Timestamp>,
}

impl Write {
    /// The write that was decided, if one was.
    pub(super) fn of(mapping: &Mapping, decided: Decided, now: Timestamp) -> Option<Write> {
        let Decision::Write(step) = decided.verdict.decision.clone() else { return None };
        // Both records are read once more just before the write; thousands of writes may wait until then.
        let touched = own_write::touched(mapping, &decided.work, &step);
        let work = Work { record: None, prospect: None, ..decided.work };
        let intent = Intent {
            prospect: work.link.prospect.clone(),
            salesforce: work.link.salesforce,
            change: work.due.change,
            step,
            at: now,
            touched,
        };
        let Verdict { latch, details, more, .. } = decided.verdict;
        Some(Write { work, intent, latch, details, more, is_counted: false, left_out: None, asked_at: None })
    }

    /// The intent as it is stored.
    pub(super) fn stored(&self) -> Intent {
        Intent { step: self.step().without_values(), ..self.intent.clone() }
    }

    /// The link, where this person is seen opted out for the first time: whatever becomes of the write, that is known. When
    /// it was said is kept once the other side was told.
    fn latched(&self, now: Timestamp) -> Option<Link> {
        let mut link = self.work.link.clone();
        if let LatchChange::Set { seen, .. } = self.latch {
            record::apply_latch(&mut link, LatchChange::seen(seen), now);
        }
        (link.latch != self.work.link.latch).then_some(link)
    }

    /// What the plan has to know of it.
    pub(super) fn candidate(&self) -> Candidate {
        let Intent { prospect, salesforce, change, step, .. } = &self.intent;
        let approved = self.work.due.approved;
        let mut candidate = Candidate::new(prospect.clone(), *salesforce, *change, step, approved);
        if self.is_counted {
            candidate.approved = Some(candidate.fingerprint);
        }
        candidate
    }

    pub(super) fn step(&self) -> &Step {
        &self.intent.step
    }

    pub(super) fn is_opt_out(&self) -> bool {
        self.step().is_opt_out()
    }
}

/// What became of one call's rows: those that had ended before it, those that were in it, and the side's trouble.
pub(super) type Part = (Vec<(Write, Ended)>, Vec<(Write, Ended)>, Option<CallError>);

/// How one write ended.
#[derive(Debug, Clone)]
pub(super) enum Ended {
    /// Written. `shows` is the person as the written side answered, where it answered that.
    Written { shows: Option<Box<Prospect>> },
    /// One of the two sides is not what it was when this was decided.
    Stale(String),
    /// Refused, or without an answer.
    Failed(CallError),
    /// Not tried: the write has to wait a moment.
    Later(SignedDuration),
    /// The side as a whole failed, which is not this row's fault; it may have been written all the same.
    Undone(Effect),
    /// Not tried: the row that writes this value is held by now.
    Waits(String),
}

impl Engine {
    /// One side's batches: intents first, then batch by batch one more look, the write, and the record of it.
    /// Returns how many rows were written. The side's trouble ends it; what was not begun stays due.
    ///
    /// All writes go to one side, and each batch to one object of Salesforce.
    pub(super) async fn write_batches(&self, batches: Vec<Vec<Write>>) -> Result<usize, Interrupted> {
        let Some(side) = batches.iter().flatten().next().map(|write| write.step().side()) else {
            return Ok(0);
        };
        let all = || batches.iter().flatten();
        let intents: Vec<Intent> = all().map(Write::stored).collect();
        if mutant::is("baseline-before-effect") {
            let after = |w: &Write| Link { baseline: Some(w.step().after()), ..w.work.link.clone() };
            let links: Vec<Link> = all().map(after).collect();
            self.store.write(move |tx| links.iter().try_for_each(|link| tx.put_link(link))).await?;
        }
        kill_point::here("intent.decided");
        if !mutant::is("intent-in-memory") {
            let latched: Vec<Link> = all().filter_map(|write| write.latched(self.now())).collect();
            // A single row has a precondition.
            let unguarded = self.expected(batches.iter().filter(|batch| batch.len() > 1).flatten());
            self.store
                .write(move |tx| {
                    latched.iter().try_for_each(|link| tx.put_link(link))?;
                    expect(tx, unguarded)?;
                    intents.iter().try_for_each(|intent| tx.put_intent(intent))
                })
                .await?;
        }
        kill_point::here("intent.durable");
        // Where Engage is written, `if_version` guards the target at the very write; Salesforce is only the source,
        // and one read does for all batches, of those whose changes do not come by a stream anyway. Where Salesforce is
        // written, each batch reads just before its call.
        let source = match side {
            Side::Engage => {
                let mut records: Vec<_> = all().map(|write| write.work.link.salesforce).collect();
                records.retain(|id| lock(&self.live).record(*id).is_none());
                match self.read_both(&records, &[], purpose(all())).await {
                    Ok(read) => Some(read.salesforce),
                    Err(error) => {
                        let prospects = all().map(|w| w.intent.prospect.clone()).collect();
                        return Err(self.give_up(prospects, error).await);
                    }
                }
            }
            Side::Salesforce => None,
        };
        let source = &source;
        let mut results = stream::iter(batches)
            .take_while(|_| std::future::ready(!self.is_stopping()))
            .map(|batch| {
                let span =
                    tracing::trace_span!(target: TRACES, "write", side = side.as_str(), rows = batch.len());
                self.write_batch(side, batch, source.as_ref()).instrument(span).boxed()
            })
            .buffered(BATCHES_AT_ONCE);
        let mut written = 0;
        while let Some(rows) = results.next().await {
            written += rows?;
        }
        Ok(written)
    }

    async fn write_batch(
        &self,
        side: Side,
        writes: Vec<Write>,
        source: Option<&HashMap<SalesforceId, SalesforceRecord>>,
    ) -> Result<usize, Interrupted> {
        // An operator may have stopped the writing since the intents were made: nothing was sent, and all stay due.
        if self.is_paused().await? {
            let undone = writes.into_iter().map(|write| (write, Ended::Undone(Effect::None))).collect();
            return self.record(undone).await;
        }
        let (writes, held) = self.apart_from_held(writes);
        self.record(held).await?;
        if writes.is_empty() {
            return Ok(0);
        }
        let (ended, done, trouble) = self.write_part(side, writes, source).await?;
        self.record_batch(side, ended, done, trouble).await
    }

    /// One more look, and the call: what had ended by the look, what the call made of the rest, and the trouble that
    /// concerns the side as a whole.
    pub(super) async fn write_part(
        &self,
        side: Side,
        writes: Vec<Write>,
        source: Option<&HashMap<SalesforceId, SalesforceRecord>>,
    ) -> Result<Part, Interrupted> {
        let prospects: Vec<_> = writes.iter().map(|write| write.intent.prospect.clone()).collect();
        let mut records: Vec<_> = writes.iter().map(|write| write.work.link.salesforce).collect();
        if let Some(source) = source {
            let live = lock(&self.live);
            records.retain(|id| live.record(*id).is_none() && !source.contains_key(id));
        }
        let purpose = purpose(writes.iter());
        let asked_at = self.salesforce.server_told();
        let mut read = match self.read_both(&records, &prospects, purpose).await {
            Ok(read) => read,
            Err(error) => return Err(self.give_up(prospects, error).await),
        };
        if let Some(source) = source {
            let live = lock(&self.live);
            for id in writes.iter().map(|write| write.work.link.salesforce) {
                if let Some(record) = live.record(id).map(|(record, _)| record).or_else(|| source.get(&id)) {
                    read.salesforce.insert(id, record.clone());
                }
            }
        }
        let records = &read.salesforce;
        let (mut ended, mut going) = (Vec::with_capacity(writes.len()), Vec::with_capacity(writes.len()));
        for mut write in writes {
            write.work.record = records.get(&write.work.link.salesforce).cloned();
            write.asked_at = Some(asked_at);
            write.work.prospect = read.engage.get(&write.work.link.prospect).cloned();
            match look_again(&self.mapping(), &write) {
                Some(end) => ended.push((write, end)),
                None => going.push(write),
            }
        }
        let (done, trouble) = match side {
            Side::Engage => self.write_engage(going).await?,
            Side::Salesforce => self.write_salesforce(going).await?,
        };
        kill_point::here("write.answered");
        Ok((ended, done, trouble))
    }

    /// The writes whose row was held by an earlier batch of this turn wait with it.
    fn apart_from_held(&self, writes: Vec<Write>) -> (Vec<Write>, Vec<(Write, Ended)>) {
        let (mut going, mut held) = (Vec::with_capacity(writes.len()), Vec::new());
        for write in writes {
            match self.held_since(&write) {
                Some(value) => held.push((write, Ended::Waits(value))),
                None => going.push(write),
            }
        }
        (going, held)
    }

    /// Nothing was sent: the intents go, the links stay due, and the side's trouble is told to the caller.
    async fn give_up(&self, prospects: Vec<ProspectId>, error: CallError) -> Interrupted {
        let removed = self
            .store
            .write(move |tx| prospects.iter().try_for_each(|prospect| tx.remove_intent(prospect).map(drop)))
            .await;
        removed.map_or_else(Interrupted::from, |()| error.into())
    }

    /// Records how each write ended, those of one call in one transaction. Returns how many were written.
    pub(super) async fn record(&self, ended: Vec<(Write, Ended)>) -> Result<usize, Interrupted> {
        if ended.is_empty() {
            return Ok(0);
        }
        let (mapping, now) = (self.mapping(), self.now());
        let failed = ended.iter().filter_map(|(write, end)| match (end, &write.left_out) {
            (Ended::Failed(error), _) => Some((write, write.step(), error)),
            (_, Some(left_out)) => Some((write, &left_out.whole, &left_out.error)),
            _ => None,
        });
        let refusals = Arc::new(self.refusals(failed));
        self.clear_suspicion(&ended);
        if let Some((write, _)) = ended.iter().find(|(_, end)| matches!(end, Ended::Written { shows: _ })) {
            self.wrote(write.step().side());
        }
        let counted: Vec<_> = ended.iter().map(|(write, end)| Counted::of(write, end, now)).collect();
        let written = ended.iter().filter(|(_, end)| matches!(end, Ended::Written { .. })).count();
        let mut notes = Vec::new();
        for part in parts(ended) {
            let (mapping, refusals) = (mapping.clone(), refusals.clone());
            let recorded = self.store.write(move |tx| {
                let mut notes = Vec::new();
                for (write, end) in &part {
                    record_one(tx, &mapping, &refusals, write, end, now, &mut notes)?;
                }
                Ok(notes)
            });
            notes.extend(recorded.await?);
        }
        if notes.iter().any(Note::holds_row) {
            self.note_held_rows().await?;
        }
        notes.iter().for_each(Note::log);
        counted.iter().for_each(|counted| counted.add_to(&self.metrics));
        Ok(written)
    }
}

/// What calls are for that carry these writes out: opt-outs alone go through as long as a single call is left.
pub(super) fn purpose<'a>(mut writes: impl Iterator<Item = &'a Write>) -> Purpose {
    if writes.all(Write::is_opt_out) { Purpose::OptOut } else { Purpose::Write }
}

fn record_one(
    tx: &mut Transaction<'_>,
    mapping: &Mapping,
    refusals: &Refusals,
    write: &Write,
    end: &Ended,
    now: Timestamp,
    notes: &mut Vec<Note>,
) -> Result<(), StoreError> {
    let (work, intent) = (&write.work, &write.intent);
    let prospect = &work.link.prospect;
    let mistaken = Ended::Written { shows: None };
    let end = match end {
        Ended::Failed(error) if error.retry == Retry::ReRead && mutant::is("412-is-well") => &mistaken,
        Ended::Failed(error) if error.effect == Effect::Unknown && mutant::is("unknown-is-written") => {
            &mistaken
        }
        Ended::Undone(Effect::Unknown) if mutant::is("unknown-is-written") => &mistaken,
        end => end,
    };
    match end {
        Ended::Written { shows } => {
            let mut link = work.link.clone();
            record::apply_latch(&mut link, write.latch, now);
            link.details.extend(write.details.iter().map(|(detail, base)| (*detail, *base)));
            let said = shows.as_deref().or(work.prospect.as_ref()).map(|prospect| prospect.status_changed_at);
            own_write::count_as_done(mapping, &mut link, intent, said, now);
            tx.put_link(&link)?;
            tx.remove_intent(prospect)?;
            tx.remove_parked(prospect)?;
            breaker::taken(tx, write)?;
            tx.count_write(prospect, intent.step.side(), now)?;
            record::settle_pauses(tx, work)?;
            if !intent.step.is_details() {
                tx.clear_restored(prospect)?;
            }
            let entry = record::written_entry(mapping, work, intent, now);
            // A conflict of the status is not settled by a further field.
            if !intent.step.is_details() || record::is_about(work, &intent.step) {
                record::unhold(tx, work, now, notes)?;
            }
            tx.append_journal(&entry)?;
            notes.push(Note::new(NoteKind::Written, entry, None));
            if let Some(left_out) = &write.left_out {
                keep_visible(tx, mapping, refusals, write, left_out, now, notes)?;
            }
            // Somebody's automation answered inside our write: that is a change like any other (rulings.md 9).
            let surprised = match (&intent.step.target, shows) {
                (Target::Engage { status, .. }, Some(shows)) => shows.status != *status,
                _ => false,
            };
            // Behind a write of further fields the rest of the link waits for its turn, as they do behind a status, and a
            // move to another record behind its last word.
            let moves = work.record.as_ref().is_some_and(has_moved_on);
            if surprised || moves || write.more || intent.step.is_details() {
                Ok(())
            } else {
                tx.clear_due(prospect, work.due.generation).map(drop)
            }
        }
        Ended::Stale(reason) => {
            tx.remove_intent(prospect)?;
            let entry = record::entry(work, "stale", reason.clone(), now);
            tx.append_journal(&entry)?;
            notes.push(Note::new(NoteKind::Stale, entry, None));
            Ok(())
        }
        Ended::Later(wait) => {
            tx.remove_intent(prospect)?;
            tx.postpone_due(prospect, work.due.generation, later(now, *wait), work.due.attempts).map(drop)
        }
        Ended::Undone(Effect::Unknown) => Ok(()),
        Ended::Undone(Effect::None) => tx.remove_intent(prospect).map(drop),
        Ended::Waits(value) => breaker::wait(tx, refusals, write, value, now),
        Ended::Failed(error) => failed(tx, mapping, refusals, write, error, now, notes),
    }
}
