//! Reading an object whole before everybody is looked at: by one bulk job instead of a call for each 2,000 records.
//!
//! What the job reads is spooled on disk and taken from there instead of from Salesforce, for links of which nothing was
//! seen on that side since. The job's id is kept, so that a restart reads the same job's results again instead of making
//! another one.

use super::engine::{Engine, Interrupted, lock};
use super::gather::CHUNK;
use super::spool::Spool;
use crate::config::Bulk;
use crate::connector::salesforce::{BulkKind, BulkState, Salesforce};
use crate::connector::{CallError, Effect, Retry, wait_after};
use crate::emit;
use crate::model::{SalesforceObject, SalesforceRecord, Side};
use crate::store::StoreError;
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

/// A job under way, as it is kept: for as long as polls look back.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    job: String,
    /// By Salesforce's clock: what changed later is brought by polls and events.
    asked: Timestamp,
    /// About how many there are, as they were counted before.
    #[serde(default)]
    rows: Option<u64>,
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
        self.forget_old_jobs().await?;
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
                // While calls are short, a comparison goes on without: opt-outs must not wait for it. A first look does
                // wait, for it ends the first run.
                Err(Interrupted::Call(error)) if error.retry == Retry::Quota && linked.is_some() => {}
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
        let job = match self.kept_job(object).await? {
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
                let job = Kept { job: id, asked, rows: Some(rows) };
                self.keep_job(object, &job).await?;
                job
            }
        };
        if lock(&self.spool).is_some() && self.has_spooled(object) {
            return Ok(());
        }
        let telling = self.tell_long(format!("reading {object}s"), job.rows);
        if !self.wait_for_job(&job).await? {
            return Ok(self.forget_job(object).await?);
        }
        let (mut from, mut rows) = (None::<String>, 0u64);
        loop {
            let read = self.fields_read(object);
            let page = self.salesforce.bulk_page(&job.job, &read, from.as_deref()).await?;
            self.answered(Side::Salesforce);
            rows += page.records.len() as u64;
            self.spool(page.records).await?;
            telling.done(rows);
            emit!(BACKFILL_ADVANCED, side = Side::Salesforce.as_str(), rows, "{rows} {object}s are read");
            if self.is_stopping() {
                return Ok(());
            }
            match page.next {
                Some(next) => from = Some(next),
                None => break,
            }
        }
        lock(&self.spooled).insert(object, job.asked);
        Ok(())
    }

    /// Whether the job has come to a good end.
    async fn wait_for_job(&self, job: &Kept) -> Result<bool, CallError> {
        let start = std::time::Instant::now();
        for look in 0.. {
            match self.salesforce.bulk_state(BulkKind::Query, &job.job).await? {
                BulkState::Complete => return Ok(true),
                BulkState::Ended => return Ok(false),
                BulkState::Running { .. } if start.elapsed() > JOB_WITHIN || self.is_stopping() => {
                    return Ok(false);
                }
                BulkState::Running { .. } => {
                    tokio::time::sleep(wait_after(look + 1, LOOK_MIN, LOOK_MAX)).await
                }
            }
        }
        Ok(false)
    }

    /// Keeps a page. Without a file to keep it in, the records are read by calls.
    async fn spool(&self, records: Vec<SalesforceRecord>) -> Result<(), CallError> {
        let (spool, dir) = (self.spool.clone(), self.store_dir.clone());
        let kept = tokio::task::spawn_blocking(move || {
            let mut spool = lock(&spool);
            if spool.is_none() {
                *spool = Some(Spool::new(&dir)?);
            }
            spool.as_mut().map_or(Ok(()), |spool| spool.add(&records))
        });
        match kept.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(not_kept(error.to_string())),
            Err(error) => Err(not_kept(error.to_string())),
        }
    }

    fn has_spooled(&self, object: SalesforceObject) -> bool {
        lock(&self.spooled).contains_key(&object)
    }

    async fn keep_job(&self, object: SalesforceObject, job: &Kept) -> Result<(), StoreError> {
        // A plain value can always be written.
        let text = serde_json::to_string(job).unwrap_or_default();
        self.store.write(move |tx| tx.set_cursor(cursor(object), &text)).await
    }

    async fn kept_job(&self, object: SalesforceObject) -> Result<Option<Kept>, StoreError> {
        let kept = self.store.read(move |reader| reader.cursor(cursor(object))).await?;
        Ok(kept.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// What jobs of earlier turns have read is of no use once polls have passed by what changed since: they look back by
    /// the overlap, and no further. All of it goes, for a file holds what several jobs have read.
    async fn forget_old_jobs(&self) -> Result<(), StoreError> {
        let (now, overlap) = (self.salesforce.server_now(), self.salesforce.overlap());
        for object in SalesforceObject::BOTH {
            if self.kept_job(object).await?.is_some_and(|kept| now.duration_since(kept.asked) > overlap) {
                return self.end_backfill().await;
            }
        }
        Ok(())
    }

    async fn forget_job(&self, object: SalesforceObject) -> Result<(), StoreError> {
        lock(&self.spooled).remove(&object);
        self.store.write(move |tx| tx.remove_cursor(cursor(object))).await
    }

    /// Everybody has been looked at: what was spooled is not needed any more.
    pub(super) async fn end_backfill(&self) -> Result<(), StoreError> {
        *lock(&self.spool) = None;
        for object in SalesforceObject::BOTH {
            if self.store.read(move |reader| reader.cursor(cursor(object))).await?.is_some() {
                self.forget_job(object).await?;
            }
        }
        Ok(())
    }

    /// Records of these links as the jobs have read them. Only where nothing was seen on that side since.
    pub(super) async fn spooled_records(&self, works: &[super::gather::Work]) -> Vec<SalesforceRecord> {
        let Some(asked) = lock(&self.spooled).values().copied().min() else { return Vec::new() };
        let quiet = works.iter().filter(|work| {
            work.intent.is_none() && work.due.seen.iter().all(|seen| seen.side != Some(Side::Salesforce))
        });
        let ids: Vec<_> =
            quiet.map(|work| work.link.salesforce).filter(|id| self.has_spooled(id.object())).collect();
        let spool = self.spool.clone();
        let found = tokio::task::spawn_blocking(move || {
            lock(&spool).as_mut().map_or(Ok(Vec::new()), |spool| spool.get(&ids))
        });
        // What cannot be read from the file is read from Salesforce.
        let Ok(Ok(records)) = found.await else { return Vec::new() };
        // The jobs read them some time after they were asked; an event that is older than now is only a hint.
        let ids = records.iter().map(|record| record.id);
        lock(&self.live).read(ids, asked, self.salesforce.server_now());
        records
    }
}

/// Nothing is wrong with Salesforce: calls do it too.
fn not_kept(message: String) -> CallError {
    CallError {
        side: Side::Salesforce,
        status: None,
        code: "cannot-spool".to_owned(),
        message,
        fields: Vec::new(),
        retry: Retry::Park,
        effect: Effect::None,
    }
}
