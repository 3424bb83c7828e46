//! Writing a large approved plan by bulk jobs: 10,000 rows for some ten calls, instead of fifty.
//!
//! A job runs by itself, so its id is durable before it is let go; whatever happens then, it is ended or has ended before
//! anything else is decided about its rows. One job a turn: between two of them, changes are taken in and opt-outs go
//! first.

use super::detect::expect;
use super::engine::{Engine, Interrupted, lock};
use super::long_work::Telling;
use super::look_again::look_again;
use super::write::{Ended, Write};
use crate::config::Bulk;
use crate::connector::salesforce::{BulkKind, BulkState, Purpose, SalesforceWrite};
use crate::connector::{CallError, Effect, Retry, wait_after};
use crate::emit;
use crate::model::{SalesforceObject, Side, Target};
use crate::store::StoreError;
use std::time::Duration;

/// Rows of one job: what Salesforce works off as one batch.
pub(super) const JOB_ROWS: usize = 10_000;

/// Fewer rows than this are written by Collections calls, each with a look just before it.
const WORTH_A_JOB: usize = 5_000;

/// Links that are looked at together.
const LOOK_ROWS: usize = 2_000;

/// The job that may still be running.
const CURSOR: &str = "salesforce.bulk.write";

/// Between two looks at a job: this, doubling up to [`LOOK_MAX`].
const LOOK_MIN: Duration = Duration::from_millis(500);

/// See [`LOOK_MIN`].
const LOOK_MAX: Duration = Duration::from_secs(15);

/// A job that takes longer is ended, and what is left of it is written by calls.
const JOB_WITHIN: Duration = Duration::from_secs(1800);

impl Engine {
    /// The object whose approved writes are so many that a job is cheaper.
    pub(super) fn worth_a_job<'a>(
        &self,
        writes: impl Iterator<Item = &'a Write>,
    ) -> Option<SalesforceObject> {
        if self.bulk == Bulk::Never {
            return None;
        }
        let mut of = [0usize; 2];
        for write in writes {
            let is_plain = matches!(write.step().target, Target::Salesforce { .. });
            if is_plain && write.work.due.approved.is_some() && !write.is_opt_out() {
                of[usize::from(write.work.link.salesforce.object() == SalesforceObject::Contact)] += 1;
            }
        }
        let place = of.iter().position(|count| *count >= WORTH_A_JOB)?;
        Some(SalesforceObject::BOTH[place])
    }

    /// Writes rows of one object by a job. Returns how many were written.
    pub(super) async fn write_by_job(
        &self,
        object: SalesforceObject,
        writes: Vec<Write>,
    ) -> Result<usize, Interrupted> {
        if self.is_paused().await? {
            return Ok(0);
        }
        self.put_intents(&writes).await?;
        let (mut ended, going) = self.look_at_all(writes).await?;
        let rows: Vec<SalesforceWrite> = going.iter().filter_map(super::salesforce_write::row).collect();
        if rows.is_empty() {
            return self.record(ended).await;
        }
        // The look takes a while, and a job that runs is waited for: none is begun once an operator has paused.
        if self.is_paused().await? {
            ended.extend(going.into_iter().map(|write| (write, Ended::Undone(Effect::None))));
            return self.record(ended).await;
        }
        let job = self.salesforce.start_bulk_update(object, &rows).await?;
        let kept = job.clone();
        self.store.write(move |tx| tx.set_cursor(CURSOR, &kept)).await?;
        emit!(
            BULK_WRITE_STARTED,
            side = Side::Salesforce.as_str(),
            rows = rows.len(),
            "writing {} {object}s by a bulk job",
            rows.len()
        );
        self.salesforce.run_bulk_update(&job).await?;
        let telling = self.tell_long(format!("writing {object}s"), Some(rows.len() as u64));
        self.wait_for_writes(&job, Some(&telling)).await?;
        let mut outcome = self.salesforce.bulk_outcome(&job).await?;
        self.answered(Side::Salesforce);
        let ids = going.iter().map(|write| write.work.link.salesforce);
        lock(&self.live).wrote(ids, self.salesforce.server_now());
        ended.extend(going.into_iter().map(|write| {
            let end = match outcome.remove(&write.work.link.salesforce) {
                Some(Ok(())) => Ended::Written { shows: None },
                Some(Err(error)) => Ended::Failed(error),
                None => Ended::Failed(not_tried()),
            };
            (write, end)
        }));
        let written = self.record(ended).await?;
        self.store.write(|tx| tx.remove_cursor(CURSOR)).await?;
        emit!(
            BULK_WRITE_ENDED,
            side = Side::Salesforce.as_str(),
            rows = written,
            "a bulk job has written {written} {object}s"
        );
        Ok(written)
    }

    /// Ends whatever job an earlier turn has left behind, before anything is decided about its rows.
    pub(super) async fn end_left_job(&self) -> Result<(), Interrupted> {
        let Some(job) = self.store.read(|reader| reader.cursor(CURSOR)).await? else { return Ok(()) };
        let is_running = match self.salesforce.bulk_state(BulkKind::Ingest, &job).await {
            Ok(state) => matches!(state, BulkState::Running { .. }),
            // There is no such job any more.
            Err(error) if error.retry == Retry::Relink => false,
            Err(error) => return Err(error.into()),
        };
        if is_running {
            match self.salesforce.abort_bulk_update(&job).await {
                // It has come to its end meanwhile.
                Err(error) if error.retry == Retry::Park => {}
                done => done?,
            }
            self.wait_for_writes(&job, None).await?;
        }
        Ok(self.store.write(|tx| tx.remove_cursor(CURSOR)).await?)
    }

    async fn wait_for_writes(&self, job: &str, telling: Option<&Telling<'_>>) -> Result<(), CallError> {
        let start = std::time::Instant::now();
        let mut look = 0;
        while let BulkState::Running { done } = self.salesforce.bulk_state(BulkKind::Ingest, job).await? {
            if let Some(telling) = telling {
                telling.done(done);
            }
            if start.elapsed() > JOB_WITHIN || self.is_stopping() {
                // The next turn, or the next process, ends it first of all.
                return Err(CallError { effect: Effect::Unknown, ..not_tried() });
            }
            look += 1;
            tokio::time::sleep(wait_after(look, LOOK_MIN, LOOK_MAX)).await;
        }
        Ok(())
    }

    pub(super) async fn put_intents(&self, writes: &[Write]) -> Result<(), StoreError> {
        for writes in writes.chunks(LOOK_ROWS) {
            let intents: Vec<_> = writes.iter().map(Write::stored).collect();
            let unguarded = self.expected(writes.iter());
            self.store
                .write(move |tx| {
                    expect(tx, unguarded)?;
                    intents.iter().try_for_each(|intent| tx.put_intent(intent))
                })
                .await?;
        }
        Ok(())
    }

    /// One more look at both sides of each: what has ended by it, and what is still to be written.
    async fn look_at_all(
        &self,
        writes: Vec<Write>,
    ) -> Result<(Vec<(Write, Ended)>, Vec<Write>), Interrupted> {
        let (mut ended, mut going) = (Vec::new(), Vec::with_capacity(writes.len()));
        let mut writes = writes.into_iter();
        loop {
            let chunk: Vec<Write> = writes.by_ref().take(LOOK_ROWS).collect();
            if chunk.is_empty() {
                return Ok((ended, going));
            }
            let records: Vec<_> = chunk.iter().map(|write| write.work.link.salesforce).collect();
            let prospects: Vec<_> = chunk.iter().map(|write| write.intent.prospect.clone()).collect();
            let mut read = self.read_both(&records, &prospects, Purpose::Write).await?;
            for mut write in chunk {
                write.work.record = read.salesforce.get(&write.work.link.salesforce).cloned();
                write.work.prospect = read.engage.remove(&write.work.link.prospect);
                match look_again(&self.mapping(), &write) {
                    Some(end) => ended.push((write, end)),
                    None => going.push(write),
                }
            }
        }
    }
}

fn not_tried() -> CallError {
    CallError {
        side: Side::Salesforce,
        status: None,
        code: "job-not-ended".to_owned(),
        message: "the bulk job has not said what became of this row".to_owned(),
        fields: Vec::new(),
        retry: Retry::Soon,
        effect: Effect::Unknown,
    }
}
