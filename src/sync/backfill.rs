//! Reading an object whole before everybody is looked at: by one bulk job instead of a call for each 2,000 records.
//!
//! What the job reads is spooled on disk and taken from there instead of from Salesforce, for links of which nothing was
//! seen on that side since. The job's id and the place in its results are kept, so that a restart goes on where it was.

use super::engine::{Engine, Interrupted, lock};
use super::gather::CHUNK;
use crate::config::Bulk;
use crate::connector::salesforce::{BulkKind, BulkState, Salesforce};
use crate::connector::{CallError, Retry, wait_after};
use crate::emit;
use crate::model::{SalesforceObject, SalesforceRecord, SetAt, Side};
use crate::store::{Spooled, StoreError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Fewer records than this are read by Collections calls.
const WORTH_A_JOB: u64 = 5_000;

/// How much cheaper a job must be: counting costs a call, and a job takes its time.
const CHEAPER: u64 = 2;

/// Between two looks at a job: this, doubling up to [`LOOK_MAX`].
const LOOK_MIN: Duration = Duration::from_millis(500);

/// See [`LOOK_MIN`].
const LOOK_MAX: Duration = Duration::from_secs(30);

/// A job that takes longer than this is left alone, and the records are read by calls.
const JOB_WITHIN: Duration = Duration::from_secs(3600);

/// Rows that one transaction keeps or removes.
const STEP: usize = 2_000;

/// A job under way, as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    job: String,
    /// By Salesforce's clock: what changed later is brought by polls and events.
    asked: Timestamp,
    from: Option<String>,
    rows: u64,
    /// All of it is spooled.
    done: bool,
}

fn cursor(object: SalesforceObject) -> &'static str {
    match object {
        SalesforceObject::Lead => "salesforce.bulk.lead",
        SalesforceObject::Contact => "salesforce.bulk.contact",
    }
}

impl Engine {
    /// Reads by a job what is about to be looked at, where that is cheaper. `linked` says how many links will be; none,
    /// as many as there are records. A job that fails is no trouble: the records are read by calls then.
    pub(super) async fn backfill(&self, linked: Option<u64>) -> Result<(), Interrupted> {
        // What further fields hold is personal: it is never stored, not even for an hour.
        if !self.mapping().fields.is_empty() || self.bulk == Bulk::Never {
            return Ok(());
        }
        for object in SalesforceObject::BOTH {
            if self.mapping().object(object).is_none() || self.is_stopping() {
                continue;
            }
            match self.backfill_object(object, linked).await {
                Err(Interrupted::Call(error)) if matches!(error.retry, Retry::Park | Retry::Relink) => {
                    self.forget_job(object).await?;
                    emit!(
                        BACKFILL_GIVEN_UP,
                        side = Side::Salesforce.as_str(),
                        code = error.code,
                        "{object}s are read by calls: the bulk job failed: {}",
                        error.message
                    );
                }
                done => done?,
            }
        }
        Ok(())
    }

    async fn backfill_object(
        &self,
        object: SalesforceObject,
        linked: Option<u64>,
    ) -> Result<(), Interrupted> {
        let name = cursor(object);
        let kept = self.store.read(move |reader| reader.cursor(name)).await?;
        let kept: Option<Kept> = kept.and_then(|text| serde_json::from_str(&text).ok());
        let mut job = match kept {
            Some(kept) => kept,
            None if linked.is_some_and(|linked| linked < WORTH_A_JOB) => return Ok(()),
            None => {
                let rows = self.salesforce.count(object).await?;
                let by_calls = linked.unwrap_or(rows).min(rows).div_ceil(CHUNK as u64);
                let is_dear = Salesforce::bulk_query_cost(rows) * CHEAPER > by_calls;
                if rows < WORTH_A_JOB || is_dear && self.bulk != Bulk::Always {
                    return Ok(());
                }
                let asked = self.salesforce.server_now();
                let id = self.salesforce.start_bulk_query(object, &self.fields_read(object)).await?;
                emit!(
                    BACKFILL_STARTED,
                    side = Side::Salesforce.as_str(),
                    rows,
                    "reading {rows} {object}s by a bulk job: about {} calls instead of {by_calls}",
                    Salesforce::bulk_query_cost(rows)
                );
                let job = Kept { job: id, asked, from: None, rows: 0, done: false };
                self.keep_job(object, &job).await?;
                job
            }
        };
        if job.done {
            return Ok(());
        }
        if !self.wait_for_job(&job).await? {
            return Ok(self.forget_job(object).await?);
        }
        loop {
            let page =
                self.salesforce.bulk_page(&job.job, &self.fields_read(object), job.from.as_deref()).await?;
            self.answered(Side::Salesforce);
            job.rows += page.records.len() as u64;
            (job.done, job.from) = (page.next.is_none(), page.next);
            self.spool(page.records).await?;
            // Rows first, the place behind them then: a page that is read twice does no harm.
            self.keep_job(object, &job).await?;
            emit!(
                BACKFILL_ADVANCED,
                side = Side::Salesforce.as_str(),
                rows = job.rows,
                "{} {object}s are read",
                job.rows
            );
            if job.done || self.is_stopping() {
                return Ok(());
            }
        }
    }

    /// Whether the job has come to a good end.
    async fn wait_for_job(&self, job: &Kept) -> Result<bool, CallError> {
        let start = std::time::Instant::now();
        for look in 0.. {
            match self.salesforce.bulk_state(BulkKind::Query, &job.job).await? {
                BulkState::Complete => return Ok(true),
                BulkState::Ended => return Ok(false),
                BulkState::Running if start.elapsed() > JOB_WITHIN || self.is_stopping() => return Ok(false),
                BulkState::Running => tokio::time::sleep(wait_after(look + 1, LOOK_MIN, LOOK_MAX)).await,
            }
        }
        Ok(false)
    }

    async fn spool(&self, mut records: Vec<SalesforceRecord>) -> Result<(), StoreError> {
        while !records.is_empty() {
            let rest = records.split_off(records.len().min(STEP));
            let step = std::mem::replace(&mut records, rest);
            // What a deleted or converted record became is read when it is looked at.
            let there = |r: &&SalesforceRecord| !r.is_deleted && !r.is_converted && r.master_record.is_none();
            self.store
                .write(move |tx| step.iter().filter(there).try_for_each(|r| tx.spool(&r.id, &spooled(r))))
                .await?;
        }
        Ok(())
    }

    async fn keep_job(&self, object: SalesforceObject, job: &Kept) -> Result<(), StoreError> {
        // A plain value can always be written.
        let text = serde_json::to_string(job).unwrap_or_default();
        self.store.write(move |tx| tx.set_cursor(cursor(object), &text)).await
    }

    async fn forget_job(&self, object: SalesforceObject) -> Result<(), StoreError> {
        loop {
            let cleared = self.store.write(move |tx| tx.clear_spool(object, STEP)).await?;
            if cleared < STEP {
                break;
            }
        }
        self.store.write(move |tx| tx.remove_cursor(cursor(object))).await
    }

    /// Everybody has been looked at: the spool is not needed any more.
    pub(super) async fn end_backfill(&self) -> Result<(), StoreError> {
        for object in SalesforceObject::BOTH {
            if self.store.read(move |reader| reader.cursor(cursor(object))).await?.is_some() {
                self.forget_job(object).await?;
            }
        }
        Ok(())
    }

    /// Records of these links as the job has read them. Only where nothing was seen on that side since.
    pub(super) async fn from_spool(
        &self,
        works: &[super::gather::Work],
    ) -> Result<Vec<SalesforceRecord>, StoreError> {
        let quiet = works.iter().filter(|work| {
            work.intent.is_none() && work.due.seen.iter().all(|seen| seen.side != Some(Side::Salesforce))
        });
        let ids: Vec<_> = quiet.map(|work| work.link.salesforce).collect();
        let (records, asked) = self
            .store
            .read(move |reader| {
                let mut asked = None;
                for object in SalesforceObject::BOTH {
                    let kept = reader.cursor(cursor(object))?;
                    let kept = kept.and_then(|text| serde_json::from_str::<Kept>(&text).ok());
                    asked = asked.max(kept.map(|kept| kept.asked));
                }
                let mut records = Vec::new();
                if asked.is_some() {
                    for id in ids {
                        records.extend(reader.spooled(&id)?.map(|row| record(id, row)));
                    }
                }
                Ok((records, asked))
            })
            .await?;
        if let Some(asked) = asked {
            // The job read them some time after it was asked; an event that is older than now is only a hint.
            let ids = records.iter().map(|record| record.id);
            lock(&self.live).read(ids, asked, self.salesforce.server_now());
        }
        Ok(records)
    }
}

fn spooled(record: &SalesforceRecord) -> Spooled {
    Spooled {
        fields: record.fields.clone(),
        modified: record.last_modified,
        modified_by: record.last_modified_by.clone(),
    }
}

fn record(id: crate::model::SalesforceId, row: Spooled) -> SalesforceRecord {
    SalesforceRecord {
        id,
        fields: row.fields,
        is_converted: false,
        converted_contact: None,
        is_deleted: false,
        master_record: None,
        email: None,
        last_modified: row.modified,
        last_modified_by: row.modified_by,
        system_modstamp: row.modified,
        status_set_at: SetAt::NotAfter(row.modified),
    }
}
