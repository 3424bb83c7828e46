//! One turn of the handle: poll what is asked for, then look at everything that is due.
//!
//! The loop in `schedule` turns it by the clock; tests turn it by hand.

use super::engine::{Engine, Interrupted};
use super::gather::CHUNK;
use super::intake::{ENGAGE_CURSOR, Fresh, salesforce_cursor};
use super::record::Note;
use super::write::{self, Write};
use crate::emit;
use crate::model::{ProspectId, SalesforceObject, Side};
use crate::reconcile::{Candidate, Plan, plan};
use crate::store::marks;
use crate::store::{Seen, Source, StoreError, Transaction};
use futures_util::FutureExt;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeSet, HashMap};

/// What one turn is asked to do besides looking at what is due.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cycle {
    /// Poll Salesforce.
    pub poll_salesforce: bool,
    /// Poll Engage.
    pub poll_engage: bool,
    /// Compare everything linked.
    pub sweep: bool,
}

impl Cycle {
    /// Poll both sides.
    pub const POLL: Cycle = Cycle { poll_salesforce: true, poll_engage: true, sweep: false };
    /// Only look at what is due already.
    pub const DUE: Cycle = Cycle { poll_salesforce: false, poll_engage: false, sweep: false };
}

/// What one turn did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PassReport {
    /// Links that were decided.
    pub decided: usize,
    /// Writes that were planned.
    pub planned: usize,
    /// Rows that were written.
    pub written: usize,
    /// Writes that wait for an operator's approval.
    pub waiting: usize,
    /// A side failed: what concerns it stays due.
    pub interrupted: bool,
}

/// Rounds of one turn: a write that went stale is decided again at once, but not for ever.
const ROUNDS_MAX: usize = 4;

/// How long the journal is kept: a quarter, in which a disputed status is asked about.
const JOURNAL_KEPT_FOR: std::time::Duration = std::time::Duration::from_secs(90 * 24 * 3600);

/// How many entries are kept at most: about 500 MB.
const JOURNAL_ROWS_MAX: u64 = 1_000_000;

/// How many entries one transaction removes.
const JOURNAL_STEP: usize = 1_000;

/// How long a write that waits for approval is left alone: deciding it costs calls.
const PUT_OFF: SignedDuration = SignedDuration::from_mins(15);

/// Batches of 200 that one read of 2,000 covers.
const BATCHES_A_READ: usize = 10;

/// What has been decided in this turn and is still to be written.
#[derive(Default)]
struct Turn {
    decided: usize,
    /// Links that need no second look in this turn.
    done: BTreeSet<ProspectId>,
    writes: Vec<Write>,
    /// An operator let the plan that waits through: what was put off for it is looked at now.
    approved: bool,
}

impl Engine {
    /// One turn. Trouble with a side is remembered and does not fail the turn.
    ///
    /// # Errors
    /// When the store fails: nothing may be acknowledged any more.
    pub async fn cycle(&self, cycle: Cycle) -> Result<PassReport, StoreError> {
        let mut report = PassReport::default();
        let mut fresh = Fresh::default();
        match self.first_round(cycle, &mut fresh, &mut report).await {
            Ok(()) => {}
            Err(Interrupted::Store(error)) => return Err(error),
            Err(Interrupted::Call(error)) => {
                report.interrupted = true;
                self.failed(error);
            }
        }
        emit!(
            PASS_FINISHED,
            decided = report.decided,
            planned = report.planned,
            written = report.written,
            "looked at {} links, wrote {}",
            report.decided,
            report.written
        );
        Ok(report)
    }

    async fn first_round(
        &self,
        cycle: Cycle,
        fresh: &mut Fresh,
        report: &mut PassReport,
    ) -> Result<(), Interrupted> {
        if !self.is_open(Side::Salesforce) && !cycle.poll_engage {
            return Ok(());
        }
        self.connect().await?;
        let mut turn = Turn::default();
        // One side's trouble must not keep the other side's changes from being taken in.
        let salesforce = match cycle.poll_salesforce && self.is_open(Side::Salesforce) {
            true => self.poll_salesforce(fresh, &mut turn).await,
            false => Ok(()),
        };
        let engage = match cycle.poll_engage && self.is_open(Side::Engage) {
            true => self.poll_engage(fresh, &mut turn).await,
            false => Ok(()),
        };
        salesforce?;
        engage?;
        if cycle.sweep {
            self.sweep(fresh, &mut turn).await?;
        }
        if self.is_paused().await? {
            // Taken in is taken in; deciding can wait until somebody may write.
            return Ok(());
        }
        turn.approved = self.store.read(|reader| Ok(reader.plan_approval()?.is_some())).await?;
        for round in 0..ROUNDS_MAX {
            if !self.is_open(Side::Salesforce) || !self.is_open(Side::Engage) {
                report.interrupted = true;
                break;
            }
            if round > 0 {
                turn = Turn::default();
            }
            self.settle_due(fresh, &mut turn).await?;
            report.decided += turn.decided;
            let planned = turn.writes.len();
            report.planned += planned;
            if planned == 0 {
                self.tell_waiting(&Plan::default()).await?;
                break;
            }
            let (written, waiting) = self.carry_out(std::mem::take(&mut turn.writes)).await?;
            report.written += written;
            report.waiting = waiting;
            if waiting > 0 || written == planned || self.is_stopping() {
                break;
            }
        }
        Ok(())
    }

    async fn poll_salesforce(&self, fresh: &mut Fresh, turn: &mut Turn) -> Result<(), Interrupted> {
        for object in SalesforceObject::BOTH {
            if self.mapping().object(object).is_none() {
                continue;
            }
            let name = salesforce_cursor(object);
            let mut cursor = self.store.read(move |reader| reader.cursor(name)).await?;
            loop {
                let page = self.salesforce.changes(object, cursor.as_deref(), &self.watched(object)).await?;
                self.answered(Side::Salesforce);
                let next = page.cursor.clone();
                let moved = cursor.as_deref() != Some(next.as_str());
                self.take_in_salesforce(page.records, moved.then(|| (name, next.clone())), fresh).await?;
                if moved {
                    emit!(
                        CURSOR_ADVANCED,
                        side = Side::Salesforce.as_str(),
                        to = next,
                        "{object} changes are taken in"
                    );
                }
                cursor = Some(next);
                self.settle_when_full(fresh, turn).await?;
                if page.done || self.is_stopping() {
                    break;
                }
            }
        }
        Ok(())
    }

    async fn poll_engage(&self, fresh: &mut Fresh, turn: &mut Turn) -> Result<(), Interrupted> {
        let mut cursor = self.store.read(|reader| reader.cursor(ENGAGE_CURSOR)).await?;
        let first_pass = !self.store.read(marks::first_pass_done).await?;
        let source = if first_pass { Source::FirstPass } else { Source::Poll };
        let mut unlinked = 0;
        loop {
            let page = self.engage.changes(cursor.as_deref()).await?;
            self.answered(Side::Engage);
            let next = page.cursor.clone();
            let moved = (cursor.as_deref() != Some(next.as_str())).then(|| next.clone());
            unlinked += self.take_in_engage(page.prospects, source, moved, fresh).await?.1;
            cursor = Some(next);
            self.settle_when_full(fresh, turn).await?;
            if self.is_stopping() {
                return Ok(());
            }
            if page.done {
                break;
            }
        }
        if unlinked > 0 {
            self.link_by_email().await?;
        }
        if first_pass {
            self.store.write(|tx| tx.set_meta(marks::FIRST_PASS_DONE, "true")).await?;
        }
        Ok(())
    }

    /// Decides what a long listing has brought so far, so that memory does not grow with the number of people.
    async fn settle_when_full(&self, fresh: &mut Fresh, turn: &mut Turn) -> Result<(), Interrupted> {
        let open = self.is_open(Side::Salesforce) && self.is_open(Side::Engage);
        if fresh.len() >= CHUNK && open {
            self.settle_due(fresh, turn).await?;
            // What was not due after all is not needed any more.
            *fresh = Fresh::default();
        }
        Ok(())
    }

    /// Decides everything that is due and records what needs no write.
    async fn settle_due(&self, fresh: &mut Fresh, turn: &mut Turn) -> Result<(), Interrupted> {
        loop {
            let until = if turn.approved { Timestamp::MAX } else { self.now() };
            let works = self.gather(fresh, &turn.done, until).await?;
            if works.is_empty() || self.is_stopping() {
                return Ok(());
            }
            turn.decided += works.len();
            let decided = self.decide(works).await?;
            let now = self.now();
            for decided in self.settle(decided).await? {
                turn.done.insert(decided.work.link.prospect.clone());
                turn.writes.extend(Write::of(decided, now));
            }
        }
    }

    /// Every link becomes due, page by page, and goes the same way as any change.
    async fn sweep(&self, fresh: &mut Fresh, turn: &mut Turn) -> Result<(), Interrupted> {
        emit!(SWEEP_STARTED, "comparing everything linked");
        let mut after: Option<ProspectId> = None;
        loop {
            let now = self.now();
            let from = after.clone();
            let last = self
                .store
                .write(move |tx| {
                    let page = tx.links_after(from.as_ref(), CHUNK)?;
                    for link in &page {
                        let seen = Seen { side: None, source: Source::Sweep, at: now, value: None, by: None };
                        tx.mark_due(&link.prospect, seen)?;
                    }
                    Ok(page.last().map(|link| link.prospect.clone()))
                })
                .await?;
            let Some(last) = last else { break };
            after = Some(last);
            self.settle_due(fresh, turn).await?;
        }
        let now = self.now();
        self.store.write(move |tx| tx.set_meta(marks::SWEPT_AT, &now.to_string())).await?;
        self.prune_journal().await?;
        Ok(())
    }

    /// Old entries of the journal go, a bounded number in each transaction.
    async fn prune_journal(&self) -> Result<(), StoreError> {
        let now = self.now();
        loop {
            let prune = move |tx: &mut Transaction<'_>| {
                tx.prune_journal(JOURNAL_KEPT_FOR, now, JOURNAL_ROWS_MAX, JOURNAL_STEP)
            };
            if self.store.write(prune).await? < JOURNAL_STEP {
                return Ok(());
            }
        }
    }

    /// Plans and writes. Returns how many rows were written and how many wait for approval.
    async fn carry_out(&self, writes: Vec<Write>) -> Result<(usize, usize), Interrupted> {
        let plan = self.plan_of(&writes).await?;
        self.tell_waiting(&plan).await?;
        if self.store.read(|reader| Ok(reader.plan_approval()?.is_some())).await? {
            // An approval is for one plan. A dry run, which plans too, must not use it up.
            self.store.write(|tx| tx.take_plan_approval().map(drop)).await?;
        }
        let waiting = plan.waiting.as_ref().map_or(0, |waiting| waiting.records);
        let mut by_prospect: HashMap<ProspectId, Write> =
            writes.into_iter().map(|write| (write.intent.prospect.clone(), write)).collect();
        self.park_flapping(&plan, &mut by_prospect).await?;
        let mut written = 0;
        // Opt-outs first, on both sides, before anything else is written anywhere.
        for urgent in [true, false] {
            let mut lanes = Vec::new();
            for side in [Side::Engage, Side::Salesforce] {
                let batches: Vec<Vec<Write>> = plan
                    .batches
                    .iter()
                    .filter(|batch| batch.side == side && batch.urgent == urgent)
                    .map(|batch| batch.prospects.iter().filter_map(|id| by_prospect.remove(id)).collect())
                    .collect();
                lanes.push(self.lane(batches).boxed());
            }
            for lane in futures_util::future::join_all(lanes).await {
                written += lane?;
            }
        }
        self.put_off(by_prospect.into_values().collect()).await?;
        self.look_for_overwrites().await?;
        Ok((written, waiting))
    }

    /// What waits for approval is not decided anew every second.
    async fn put_off(&self, waiting: Vec<Write>) -> Result<(), StoreError> {
        if waiting.is_empty() {
            return Ok(());
        }
        let until = self.now().saturating_add(PUT_OFF).unwrap_or(Timestamp::MAX);
        self.store
            .write(move |tx| {
                for write in &waiting {
                    let due = &write.work.due;
                    tx.postpone_due(&due.prospect, due.generation, until, due.attempts)?;
                }
                Ok(())
            })
            .await
    }

    /// Why a plan waits, for whoever asks; logged when that changes, not at each turn.
    async fn tell_waiting(&self, plan: &Plan) -> Result<(), StoreError> {
        let why = plan.waiting.as_ref().map(ToString::to_string);
        let told = self.store.read(|reader| reader.meta(marks::PLAN_WAITS)).await?;
        if why == told {
            return Ok(());
        }
        if let Some(waiting) = &plan.waiting {
            emit!(PLAN_WAITS, planned = waiting.records, "{waiting}");
        }
        self.store
            .write(move |tx| match &why {
                Some(why) => tx.set_meta(marks::PLAN_WAITS, why),
                None => tx.remove_meta(marks::PLAN_WAITS).map(drop),
            })
            .await
    }

    /// A record that two automations fight over through us is parked, rather than written once more.
    async fn park_flapping(
        &self,
        plan: &Plan,
        writes: &mut HashMap<ProspectId, Write>,
    ) -> Result<(), StoreError> {
        let flapping: Vec<Write> = plan.flapping.iter().filter_map(|id| writes.remove(id)).collect();
        if flapping.is_empty() {
            return Ok(());
        }
        let (mapping, now) = (self.mapping(), self.now());
        let notes = self
            .store
            .write(move |tx| {
                let mut notes = Vec::new();
                for write in &flapping {
                    write::park_flapping(tx, &mapping, write, now, &mut notes)?;
                }
                Ok(notes)
            })
            .await?;
        notes.iter().for_each(Note::log);
        Ok(())
    }

    /// One side's batches, as many at a time as one read can cover. The side's trouble ends its lane; the other
    /// side's lane goes on.
    async fn lane(&self, mut batches: Vec<Vec<Write>>) -> Result<usize, StoreError> {
        let mut written = 0;
        while !batches.is_empty() && !self.is_stopping() {
            let rest = batches.split_off(batches.len().min(BATCHES_A_READ));
            match self.write_batches(std::mem::replace(&mut batches, rest)).await {
                Ok(rows) => written += rows,
                Err(Interrupted::Store(error)) => return Err(error),
                Err(Interrupted::Call(error)) => {
                    self.failed(error);
                    break;
                }
            }
        }
        Ok(written)
    }

    /// The plan for these writes, with the company's guards.
    pub(super) async fn plan_of(&self, writes: &[Write]) -> Result<Plan, StoreError> {
        let now = self.now();
        let candidates: Vec<Candidate> = writes.iter().map(Write::candidate).collect();
        let asked: Vec<(ProspectId, Side)> =
            candidates.iter().map(|c| (c.prospect.clone(), c.step.side())).collect();
        let (linked, approved, counts) = self
            .store
            .read(move |reader| {
                let mut counts = HashMap::new();
                for (prospect, side) in asked {
                    let count = reader.writes_in_last_hour(&prospect, side, now)?;
                    counts.insert(prospect, count);
                }
                Ok((reader.link_count()?, reader.plan_approval()?.is_some(), counts))
            })
            .await?;
        let plan = plan(
            candidates,
            &self.mapping().limits,
            linked,
            |prospect, _| counts.get(prospect).copied().unwrap_or(0),
            approved,
        );
        Ok(plan)
    }

    pub(super) async fn is_paused(&self) -> Result<bool, StoreError> {
        self.store.read(marks::is_paused).await
    }
}
