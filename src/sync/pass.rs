//! One turn of the handle: poll what is asked for, then look at everything that is due.
//!
//! The loop in `schedule` turns it by the clock; tests turn it by hand.

use super::engine::{Engine, Interrupted, lock};
use super::intake::{ENGAGE_CURSOR, Fresh, salesforce_cursor};
use super::many::Asked;
use super::write::Write;
use crate::emit;
use crate::event::TRACES;
use crate::model::{ProspectId, SalesforceObject, Side};
use crate::store::marks;
use crate::store::{Source, StoreError};
use std::collections::{BTreeSet, HashMap};
use tracing::Instrument;
use tracing::field::Empty;

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

/// What has been decided in this turn and is still to be written.
#[derive(Default)]
pub(super) struct Turn {
    decided: usize,
    /// Links that need no second look in this turn.
    done: BTreeSet<ProspectId>,
    pub(super) writes: Vec<Write>,
    /// Of more writes than are kept in memory: those that wait for the count of all of them ...
    pub(super) asked: Vec<Asked>,
    /// ... those that may pass, as they were when they were counted ...
    pub(super) counted: HashMap<ProspectId, u64>,
    /// ... and how many were planned, and written.
    pub(super) planned: usize,
    pub(super) written: usize,
}

impl Engine {
    /// One turn. Trouble with a side is remembered and does not fail the turn.
    ///
    /// # Errors
    /// When the store fails: nothing may be acknowledged any more.
    pub async fn cycle(&self, cycle: Cycle) -> Result<PassReport, StoreError> {
        let span = tracing::trace_span!(
            target: TRACES,
            "pass",
            decided = Empty,
            planned = Empty,
            written = Empty
        );
        let report = self.turn(cycle).instrument(span.clone()).await?;
        for (name, count) in
            [("decided", report.decided), ("planned", report.planned), ("written", report.written)]
        {
            span.record(name, count);
        }
        Ok(report)
    }

    async fn turn(&self, cycle: Cycle) -> Result<PassReport, StoreError> {
        let mut report = PassReport::default();
        let (mut fresh, began) = (Fresh::default(), lock(&self.live).number());
        match self.first_round(cycle, &mut fresh, &mut report).await {
            Ok(()) => {}
            Err(Interrupted::Store(error)) => return Err(error),
            Err(Interrupted::Call(error)) => {
                report.interrupted = true;
                self.failed(error);
            }
        }
        if !report.interrupted && !self.is_paused().await? {
            lock(&self.live).forget(&fresh.told, began);
        }
        self.keep_calls().await?;
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
        if self.is_open(Side::Salesforce) {
            if let Err(error) = self.connect().await {
                report.interrupted = true;
                self.failed(error);
            } else {
                self.note_fields_read().await?;
                self.end_left_job().await?;
            }
        }
        let mut turn = Turn::default();
        // One side's trouble must not keep the other side's changes from being taken in.
        let salesforce = match cycle.poll_salesforce && self.is_open(Side::Salesforce) {
            true => self.poll_salesforce_to_its_end(fresh, &mut turn).await,
            false => Ok(()),
        };
        let engage = match cycle.poll_engage && self.is_open(Side::Engage) {
            true => self.poll_engage(fresh, &mut turn).await,
            false => Ok(()),
        };
        salesforce?;
        engage?;
        // Trouble with newcomers must not keep those from being looked at whom both sides know.
        if cycle.poll_engage {
            match self.meet_newcomers().await {
                Err(Interrupted::Call(error)) => {
                    report.interrupted = true;
                    self.failed(error);
                }
                met => met?,
            }
        }
        if cycle.sweep && self.is_open(Side::Salesforce) && self.is_open(Side::Engage) {
            match self.sweep(fresh, &mut turn, report).await {
                Err(Interrupted::Call(error)) => {
                    report.interrupted = true;
                    self.failed(error);
                }
                swept => swept?,
            }
        }
        self.carry_over(fresh, turn, report).await
    }

    /// Decides what is due, and writes what may be written.
    pub(super) async fn carry_over(
        &self,
        fresh: &mut Fresh,
        mut turn: Turn,
        report: &mut PassReport,
    ) -> Result<(), Interrupted> {
        self.look_at_held_rows().await?;
        for round in 0..ROUNDS_MAX {
            if !self.is_open(Side::Salesforce) || !self.is_open(Side::Engage) {
                report.interrupted = true;
                break;
            }
            if round > 0 {
                turn = Turn { counted: turn.counted, ..Turn::default() };
                self.look_at_held_rows().await?;
            }
            let all_decided = self.settle_due(fresh, &mut turn).await?;
            report.decided += turn.decided;
            if !all_decided {
                break;
            }
            let is_large = turn.writes.len() >= self.writes_kept || !turn.asked.is_empty();
            if is_large {
                self.make_room(&mut turn).await?;
                report.waiting += self.ask(&mut turn).await?;
            }
            report.planned += turn.planned;
            report.written += turn.written;
            if is_large {
                // What may pass is decided once more; so is what has changed meanwhile.
                continue;
            }
            self.leave_out_what_waits(&mut turn).await?;
            let planned = turn.writes.len();
            report.planned += planned;
            if planned == 0 {
                self.tell_waiting(None).await?;
                self.end_first_run().await?;
                self.look_for_overwrites().await?;
                break;
            }
            let (written, waiting) = self.carry_out(std::mem::take(&mut turn.writes)).await?;
            report.written += written;
            report.waiting += waiting;
            let all_written = written == planned && turn.written == turn.planned;
            if waiting > 0 || all_written || self.is_stopping() {
                break;
            }
        }
        Ok(())
    }

    /// A poll that was asked for is asked for until one has come to its end.
    async fn poll_salesforce_to_its_end(
        &self,
        fresh: &mut Fresh,
        turn: &mut Turn,
    ) -> Result<(), Interrupted> {
        let was_asked = self.take_poll_asked();
        let polled = self.poll_salesforce(fresh, turn).await;
        *lock(&self.salesforce_polled) = Some(self.now());
        if was_asked && polled.is_err() {
            self.wait_for_poll_again();
        }
        polled
    }

    async fn poll_salesforce(&self, fresh: &mut Fresh, turn: &mut Turn) -> Result<(), Interrupted> {
        for object in SalesforceObject::BOTH {
            if self.mapping().object(object).is_none() {
                continue;
            }
            let name = salesforce_cursor(object);
            let mut cursor = self.store.read(move |reader| reader.cursor(name)).await?;
            loop {
                let asked_at = self.salesforce.server_now();
                let page =
                    self.salesforce.changes(object, cursor.as_deref(), &self.fields_read(object)).await;
                let page = match page {
                    Ok(page) => page,
                    Err(error) => return Err(self.explained(error).await.into()),
                };
                self.answered(Side::Salesforce);
                let next = page.cursor.clone();
                let moved = cursor.as_deref() != Some(next.as_str());
                self.take_in_salesforce(page.records, asked_at, moved.then(|| (name, next.clone())), fresh)
                    .await?;
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
        self.polls.send_modify(|polls| *polls += 1);
        Ok(())
    }

    async fn poll_engage(&self, fresh: &mut Fresh, turn: &mut Turn) -> Result<(), Interrupted> {
        let mut cursor = self.store.read(|reader| reader.cursor(ENGAGE_CURSOR)).await?;
        let first_pass = !self.store.read(marks::first_pass_done).await?;
        let source = if first_pass { Source::FirstPass } else { Source::Poll };
        if first_pass {
            self.backfill(None).await?;
        }
        let telling = first_pass.then(|| self.tell_long("looking at everybody for the first time", None));
        let mut listed = 0;
        loop {
            let page = self.engage.changes(cursor.as_deref()).await?;
            self.answered(Side::Engage);
            listed += page.prospects.len() as u64;
            let next = page.cursor.clone();
            let moved = (cursor.as_deref() != Some(next.as_str())).then(|| next.clone());
            self.take_in_engage(page.prospects, source, moved, fresh).await?;
            cursor = Some(next);
            self.settle_when_full(fresh, turn).await?;
            if let Some(telling) = &telling {
                telling.done(listed);
            }
            if self.is_stopping() {
                return Ok(());
            }
            if page.done {
                break;
            }
        }
        if first_pass {
            self.settle_due(fresh, turn).await?;
            self.store.write(|tx| tx.set_meta(marks::FIRST_PASS_DONE, "true")).await?;
            self.end_backfill().await?;
        }
        Ok(())
    }

    /// Decides what a long listing has brought so far, so that memory does not grow with the number of people.
    async fn settle_when_full(&self, fresh: &mut Fresh, turn: &mut Turn) -> Result<(), Interrupted> {
        if fresh.len() >= self.looked_at_once() {
            if self.is_open(Side::Salesforce) && self.is_open(Side::Engage) {
                self.settle_due(fresh, turn).await?;
            }
            // What was not due after all is not needed any more; and while a side is down, what came only saves a read.
            *fresh = Fresh { told: std::mem::take(&mut fresh.told), ..Fresh::default() };
        }
        Ok(())
    }

    /// Decides everything that is due and records what needs no write. `false` where it was cut short: nothing may be
    /// counted then. While an operator has stopped the writing, taken in is taken in; deciding can wait.
    pub(super) async fn settle_due(&self, fresh: &mut Fresh, turn: &mut Turn) -> Result<bool, Interrupted> {
        loop {
            if self.is_stopping() || self.is_paused().await? {
                return Ok(false);
            }
            let span = tracing::trace_span!(target: TRACES, "gather");
            let works = self.gather(fresh, &turn.done).instrument(span).await?;
            if works.is_empty() {
                return Ok(true);
            }
            turn.decided += works.len();
            let span = tracing::trace_span!(target: TRACES, "decide", decided = works.len());
            let decided = async { self.settle(self.decide(works).await?).await };
            let decided = decided.instrument(span).await?;
            let (now, mapping) = (self.now(), self.mapping());
            for decided in decided {
                turn.done.insert(decided.work.link.prospect.clone());
                if let Some(write) = Write::of(&mapping, decided, now) {
                    turn.add(write);
                }
            }
            if turn.writes.len() >= self.writes_kept {
                self.make_room(turn).await?;
            }
        }
    }

    pub(super) async fn is_paused(&self) -> Result<bool, StoreError> {
        self.store.read(marks::is_paused).await
    }
}
