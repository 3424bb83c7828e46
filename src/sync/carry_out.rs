//! From decided writes to a plan, and from the plan to batches under way: the company's guards stand here.

use super::bulk_write::JOB_ROWS;
use super::engine::{Engine, Interrupted};
use super::failed::park_flapping;
use super::gather::others;
use super::pass::Turn;
use super::record::Note;
use super::write::Write;
use crate::emit;
use crate::metrics;
use crate::model::{ProspectId, SalesforceObject, Side};
use crate::reconcile::{Batch, Candidate, Plan, Waiting, plan};
use crate::store::{StoreError, marks};
use futures_util::FutureExt;
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;

/// How long a write that waits for approval is left alone: deciding it costs calls.
const PUT_OFF: SignedDuration = SignedDuration::from_mins(15);

/// Due marks looked at a time.
const PAGE: usize = 1_000;

/// Batches of 200 that one read of 2,000 covers.
const BATCHES_A_READ: usize = 10;

impl Engine {
    /// What is decided and has to wait waits: for calls that are free, or with a row that is held.
    pub(super) async fn leave_out_what_waits(&self, turn: &mut Turn) -> Result<(), StoreError> {
        if self.salesforce.budget().is_short() {
            self.put_off_all_but_opt_outs(&mut turn.writes).await?;
        }
        self.wait_with_held_rows(&mut turn.writes).await
    }

    /// While what is left of the day's calls is kept for others, whatever is no opt-out waits as long as a poll does.
    async fn put_off_all_but_opt_outs(&self, writes: &mut Vec<Write>) -> Result<(), StoreError> {
        let (urgent, others): (Vec<Write>, _) =
            std::mem::take(writes).into_iter().partition(Write::is_opt_out);
        *writes = urgent;
        let wait = SignedDuration::try_from(self.salesforce.budget().short_poll_every());
        let until = self.now().saturating_add(wait.unwrap_or(SignedDuration::from_hours(1)));
        let until = until.unwrap_or(Timestamp::MAX);
        self.in_parts(others, move |tx, write| {
            let due = &write.work.due;
            tx.postpone_due(&due.prospect, due.generation, until, due.attempts).map(drop)
        })
        .await
    }

    /// Plans and writes. Returns how many rows were written and how many wait for approval.
    pub(super) async fn carry_out(&self, writes: Vec<Write>) -> Result<(usize, usize), Interrupted> {
        let writes = self.still_linked(writes).await?;
        let plan = self.plan_of(writes.iter().map(Write::candidate).collect()).await?;
        self.tell_waiting(plan.waiting.as_ref()).await?;
        let waiting = plan.held_back.len();
        let mut by_prospect: HashMap<ProspectId, Write> =
            writes.into_iter().map(|write| (write.intent.prospect.clone(), write)).collect();
        self.park_flapping(&plan, &mut by_prospect).await?;
        let mut written = 0;
        // Opt-outs first, on both sides, before anything else is written anywhere.
        for urgent in [true, false] {
            let mut lanes = Vec::new();
            let job = if urgent { None } else { self.worth_a_job(by_prospect.values()) };
            if let Some(object) = job {
                let of_object = |batch: &&Batch| {
                    batch.side == Side::Salesforce && !batch.urgent && batch.object == Some(object)
                };
                let rows: Vec<Write> = plan
                    .batches
                    .iter()
                    .filter(of_object)
                    .flat_map(|batch| &batch.prospects)
                    .filter_map(|id| by_prospect.remove(id))
                    .collect();
                written += self.one_job(object, rows).await?;
            }
            for side in [Side::Engage, Side::Salesforce] {
                let batches: Vec<Vec<Write>> = plan
                    .batches
                    .iter()
                    .filter(|batch| batch.side == side && batch.urgent == urgent)
                    .map(|batch| batch.prospects.iter().filter_map(|id| by_prospect.remove(id)).collect())
                    .collect();
                lanes.push(self.lane(self.suspects_last(batches)).boxed());
            }
            for lane in futures_util::future::join_all(lanes).await {
                written += lane?;
            }
        }
        self.put_off(&plan, by_prospect).await?;
        self.look_for_overwrites().await?;
        Ok((written, waiting))
    }

    /// Those who are still linked to the record that was looked at, and share it with nobody else than they did then. A listing
    /// of many people is decided while it goes on, and its next page, or a look at somebody else, may link somebody to another
    /// record: who is concerned is due by that, and decided anew. An opt-out reaches all of them as it is.
    async fn still_linked(&self, writes: Vec<Write>) -> Result<Vec<Write>, StoreError> {
        self.store
            .read(move |reader| {
                let mut still = Vec::with_capacity(writes.len());
                for write in writes {
                    let link = reader.link(&write.work.link.prospect)?;
                    let is_linked = link.is_some_and(|link| link.salesforce == write.work.link.salesforce);
                    if is_linked
                        && (write.is_opt_out() || others(reader, &write.work.link)? == write.work.others)
                    {
                        still.push(write);
                    }
                }
                Ok(still)
            })
            .await
    }

    /// One job's rows of many; the others stay due. A side's trouble is remembered, and does not end the turn.
    async fn one_job(&self, object: SalesforceObject, mut rows: Vec<Write>) -> Result<usize, StoreError> {
        rows.truncate(JOB_ROWS);
        match self.write_by_job(object, rows).await {
            Ok(written) => Ok(written),
            Err(Interrupted::Store(error)) => Err(error),
            Err(Interrupted::Call(error)) => {
                self.failed(error);
                Ok(0)
            }
        }
    }

    /// What waits for approval is not decided anew every second. Each write waits by its own fingerprint: what an
    /// operator lets through is exactly what was decided.
    async fn put_off(&self, plan: &Plan, mut writes: HashMap<ProspectId, Write>) -> Result<(), StoreError> {
        let waiting: Vec<(Write, u64)> = plan
            .held_back
            .iter()
            .filter_map(|(prospect, fingerprint)| Some((writes.remove(prospect)?, *fingerprint)))
            .collect();
        let until = self.put_off_until();
        self.in_parts(waiting, move |tx, (write, fingerprint)| {
            let due = &write.work.due;
            tx.hold_back(&due.prospect, due.generation, until, *fingerprint).map(drop)
        })
        .await
    }

    /// Until when what waits for approval is left alone.
    pub(super) fn put_off_until(&self) -> Timestamp {
        self.now().saturating_add(PUT_OFF).unwrap_or(Timestamp::MAX)
    }

    /// Why a plan waits, for whoever asks; logged when that changes, not at each turn.
    pub(super) async fn tell_waiting(&self, waiting: Option<&Waiting>) -> Result<(), StoreError> {
        let told = self.store.read(|reader| reader.meta(marks::PLAN_WAITS)).await?;
        let why = match waiting {
            Some(waiting) => Some(waiting.to_string()),
            // This turn had nothing that waits; what was held back before still does.
            None if told.is_some() && self.anything_waits().await? => return Ok(()),
            None => None,
        };
        if why == told {
            return Ok(());
        }
        if let Some(waiting) = waiting {
            emit!(PLAN_WAITS, planned = waiting.records(), "{waiting}");
        }
        self.store
            .write(move |tx| match &why {
                Some(why) => tx.set_meta(marks::PLAN_WAITS, why),
                None => tx.remove_meta(marks::PLAN_WAITS).map(drop),
            })
            .await
    }

    async fn anything_waits(&self) -> Result<bool, StoreError> {
        if self.store.read(|reader| Ok(reader.newcomers()?.iter().any(|newcomer| newcomer.waiting))).await? {
            return Ok(true);
        }
        let mut after = None;
        loop {
            let from = after.clone();
            let page = self.store.read(move |reader| reader.waiting_after(from.as_ref(), PAGE));
            let (waiting, last) = page.await?;
            if !waiting.is_empty() {
                return Ok(true);
            }
            match last {
                Some(last) => after = Some(last),
                None => return Ok(false),
            }
        }
    }

    /// Once everybody was looked at and nothing waits to be asked about, whatever comes is no first run any more.
    pub(super) async fn end_first_run(&self) -> Result<(), StoreError> {
        let (done, listed) = self
            .store
            .read(|reader| {
                Ok((reader.meta(marks::FIRST_RUN_DONE)?.is_some(), marks::first_pass_done(reader)?))
            })
            .await?;
        if done || !listed || self.anything_waits().await? {
            return Ok(());
        }
        self.store.write(|tx| tx.set_meta(marks::FIRST_RUN_DONE, "true")).await
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
        let sides: Vec<Side> = flapping.iter().map(|write| write.step().side()).collect();
        let notes = self
            .store
            .write(move |tx| {
                let mut notes = Vec::new();
                for write in &flapping {
                    park_flapping(tx, &mapping, write, now, &mut notes)?;
                }
                Ok(notes)
            })
            .await?;
        notes.iter().for_each(Note::log);
        sides.iter().for_each(|side| self.metrics.add(&metrics::WRITES, &[side.as_str(), "parked"], 1));
        Ok(())
    }

    /// Rows that failed before come last, in batches of their own, so that nobody has to wait for them.
    fn suspects_last(&self, batches: Vec<Vec<Write>>) -> Vec<Vec<Write>> {
        let (mut fresh, mut suspects) = (Vec::with_capacity(batches.len()), Vec::new());
        for batch in batches {
            let (suspect, other): (Vec<Write>, Vec<Write>) =
                batch.into_iter().partition(|write| self.is_suspect(write));
            fresh.push(other);
            suspects.push(suspect);
        }
        fresh.append(&mut suspects);
        fresh.retain(|batch| !batch.is_empty());
        fresh
    }

    /// One side's batches, as many at a time as one read can cover. The side's trouble ends its lane; the other
    /// side's lane goes on.
    async fn lane(&self, mut batches: Vec<Vec<Write>>) -> Result<usize, StoreError> {
        let mut written = 0;
        while !batches.is_empty() && !self.is_stopping() && !self.is_paused().await? {
            let rest = batches.split_off(batches.len().min(BATCHES_A_READ));
            match self.write_batches(std::mem::replace(&mut batches, rest)).await {
                Ok(rows) => written += rows,
                Err(Interrupted::Store(error)) => return Err(error),
                Err(Interrupted::Call(error)) => {
                    self.failed_to_write(error);
                    break;
                }
            }
            // So that what is still to be asked about stays a few thousand rows.
            match self.look_for_overwrites().await {
                Err(Interrupted::Call(error)) => {
                    self.failed(error);
                    break;
                }
                Err(Interrupted::Store(error)) => return Err(error),
                Ok(()) => {}
            }
        }
        Ok(written)
    }

    /// The plan for these writes, with the company's guards.
    pub(super) async fn plan_of(&self, candidates: Vec<Candidate>) -> Result<Plan, StoreError> {
        let now = self.now();
        let asked: Vec<(ProspectId, Side)> =
            candidates.iter().map(|c| (c.prospect.clone(), c.side)).collect();
        let (linked, first_run, counts) = self
            .store
            .read(move |reader| {
                let mut counts = HashMap::new();
                for (prospect, side) in asked {
                    let count = reader.writes_in_last_hour(&prospect, side, now)?;
                    counts.insert(prospect, count);
                }
                Ok((reader.link_count()?, reader.meta(marks::FIRST_RUN_DONE)?.is_none(), counts))
            })
            .await?;
        let plan = plan(
            candidates,
            &self.mapping().limits,
            linked,
            |prospect, _| counts.get(prospect).copied().unwrap_or(0),
            first_run,
        );
        Ok(plan)
    }
}
