//! What the store alone can answer, whether a daemon runs on it or not.

use super::counts::{held_by_kind, oldest_due_ms, parked_by_side};
use super::drawn::MappingCounts;
use super::operations::{Answer, Copy, Operations, Refusal};
use super::person::{Wanted, explanation};
use super::verdict::{decide, forget, retry, seen};
use super::views::*;
use crate::model::{BySide, Link, ProspectId, Side, mark};
use crate::reconcile::plan_id;
use crate::store::marks;
use crate::store::{Integrity, Newcomer, Reader, Source, Store, StoreError, Transaction};
use bytes::BytesMut;
use futures_util::StreamExt;
use jiff::Timestamp;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;
use tokio::sync::Mutex;

/// Rows taken at once: a commit waits while somebody reads.
const PAGE: usize = 500;

/// The newest entries of the journal that are counted for the mapping.
const JOURNAL_COUNTED: u64 = 10_000;

/// How often everybody is counted, at most. With many people less often: a twentieth of the time goes into it at most.
const COUNTED_EVERY: Duration = Duration::from_secs(2);

/// How much of a copy is in memory at a time.
const COPY_CHUNK: usize = 64 << 10;

/// A store that answers.
#[derive(Clone)]
pub struct Stored {
    store: Store,
    tenant: String,
    clock: fn() -> Timestamp,
    mapping_counts: Arc<Mutex<Option<(Instant, MappingCounts)>>>,
}

impl Stored {
    /// This tenant's store. `clock` gives the time that goes into marks and journal.
    pub fn new(store: Store, tenant: &str, clock: fn() -> Timestamp) -> Stored {
        Stored { store, tenant: tenant.to_owned(), clock, mapping_counts: Arc::default() }
    }

    /// Reads page after page, each after the last row's prospect.
    async fn pages<T: Send + 'static>(
        &self,
        page: fn(&Reader<'_>, Option<&ProspectId>) -> Result<Vec<T>, StoreError>,
        prospect: fn(&T) -> &ProspectId,
    ) -> Result<Vec<T>, Refusal> {
        let mut all: Vec<T> = Vec::new();
        loop {
            let after = all.last().map(|row| prospect(row).clone());
            let rows = self.store.read(move |reader| page(reader, after.as_ref())).await?;
            let ended = rows.len() < PAGE;
            all.extend(rows);
            if ended {
                return Ok(all);
            }
        }
    }

    /// The rows that are held, each with how many wait.
    async fn held_rows(&self) -> Result<Vec<HeldRow>, Refusal> {
        let values = self.store.read(|reader| reader.refused_values()).await?;
        let mut rows: Vec<HeldRow> = values.iter().filter_map(HeldRow::of).collect();
        let mut after = None;
        while !rows.is_empty() {
            let page = self.store.read(move |reader| reader.waiting_for_values_after(after.as_ref(), PAGE));
            let (waiting, last) = page.await?;
            for value in waiting.into_iter().filter_map(|due| due.waits_for) {
                rows.iter_mut().filter(|row| row.id == value).for_each(|row| row.waiting += 1);
            }
            match last {
                Some(last) => after = Some(last),
                None => break,
            }
        }
        Ok(rows)
    }

    /// What is asked for by one id, or everything that is parked.
    async fn parked_ids(&self, which: Which) -> Result<Vec<ProspectId>, Refusal> {
        let Some(id) = which.id else {
            let parked = self.pages(|r, after| r.parked_after(after, PAGE), |row| &row.prospect).await?;
            return Ok(parked.into_iter().map(|row| row.prospect).collect());
        };
        let wanted = Wanted::parse(&id)?;
        let found = self.store.read(move |reader| {
            let people = wanted.find(reader)?;
            let parked = people.into_iter().filter_map(|person| reader.parked(&person).transpose());
            parked.collect::<Result<Vec<_>, _>>()
        });
        match found.await? {
            found if found.is_empty() => Err(Refusal::not_found(format!("nothing is parked for {id}"))),
            found => Ok(found.into_iter().map(|row| row.prospect).collect()),
        }
    }

    /// Changes parked rows, in pages, and says how many were still there.
    async fn change_parked(
        &self,
        which: Which,
        change: fn(&mut Transaction<'_>, &ProspectId, Timestamp) -> Result<bool, StoreError>,
    ) -> Result<Count, Refusal> {
        let now = (self.clock)();
        let mut records = 0;
        for page in self.parked_ids(which).await?.chunks(PAGE) {
            let page = page.to_vec();
            let changed = self.store.write(move |transaction| {
                let mut changed = 0;
                for prospect in &page {
                    changed += u64::from(change(transaction, prospect, now)?);
                }
                Ok(changed)
            });
            records += changed.await?;
        }
        Ok(Count { records })
    }

    /// What was seen, decided and written of late.
    ///
    /// # Errors
    /// The store failed.
    pub async fn changes(&self, asked: ChangesAsked) -> Result<Changes, Refusal> {
        let limit = asked.limit.unwrap_or(100).clamp(1, PAGE);
        let page = self.store.read(move |reader| match asked.after {
            Some(after) => reader.journal_after(after, limit),
            None => reader.journal_before(asked.before, limit),
        });
        let page = page.await?;
        let more = page.len() == limit;
        let changes = page.into_iter().map(|(number, entry)| Change { number, entry }).collect();
        Ok(Changes { changes, more })
    }

    /// What moves along the mapping. Counted anew every few seconds at most, since everybody is looked at.
    ///
    /// # Errors
    /// The store failed.
    pub async fn mapping_counts(&self) -> Result<MappingCounts, Refusal> {
        let mut kept = self.mapping_counts.lock().await;
        let now = Instant::now();
        if let Some((_, counts)) = kept.as_ref().filter(|(until, _)| now < *until) {
            return Ok(counts.clone());
        }
        let mut counts = MappingCounts::default();
        let mut after: Option<ProspectId> = None;
        loop {
            let from = after.clone();
            let links = self.store.read(move |reader| reader.links_after(from.as_ref(), PAGE)).await?;
            for status in links.iter().filter_map(|link| link.baseline.as_ref()).map(|base| base.engage.key())
            {
                *counts.people.entry(status.to_owned()).or_default() += 1;
            }
            after = links.last().map(|link| link.prospect.clone());
            if links.len() < PAGE {
                break;
            }
        }
        let mut before = None;
        while counts.entries < JOURNAL_COUNTED {
            let page = self.store.read(move |reader| reader.journal_before(before, PAGE)).await?;
            for (_, entry) in &page {
                counts.entries += 1;
                counts.since = Some(entry.at);
                if let ("written", Some(rule), Some(side)) = (entry.what.as_str(), &entry.rule, entry.side) {
                    *counts.carried.entry((rule.line, side)).or_default() += 1;
                }
            }
            before = page.last().map(|(number, _)| *number);
            if page.len() < PAGE {
                break;
            }
        }
        *kept = Some((Instant::now() + COUNTED_EVERY.max(now.elapsed() * 20), counts.clone()));
        Ok(counts)
    }

    async fn mark_due(&self, people: Vec<ProspectId>) -> Result<Count, Refusal> {
        let now = (self.clock)();
        for page in people.chunks(PAGE) {
            let page = page.to_vec();
            let marked = self.store.write(move |transaction| {
                for prospect in &page {
                    transaction.mark_due(prospect, seen(Source::Resync, now, None))?;
                }
                Ok(())
            });
            marked.await?;
        }
        Ok(Count { records: people.len() as u64 })
    }
}

impl Operations for Stored {
    fn status(&self) -> Answer<'_, Status> {
        Box::pin(async move {
            let held_rows = self.held_rows().await?;
            let (tenant, now) = (self.tenant.clone(), (self.clock)());
            let store = self.store.clone();
            let store_bytes = tokio::task::spawn_blocking(move || store.disk_bytes()).await;
            // Files that cannot be listed are told as none: the status has more to say than that.
            let store_bytes = store_bytes.ok().and_then(Result::ok).unwrap_or(0);
            let status = self.store.read(move |reader| {
                let cursors = reader.cursors()?;
                let side = |side: Side| {
                    let own = cursors.iter().filter(|(name, _)| name.starts_with(side.as_str()));
                    let shown: Vec<String> = own.map(|(name, text)| format!("{name} {text}")).collect();
                    let cursor = (!shown.is_empty()).then(|| shown.join(", "));
                    SideStatus { cursor, ..SideStatus::default() }
                };
                Ok(Status {
                    tenant,
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                    running: false,
                    paused: reader.meta(marks::PAUSED)?.is_some(),
                    first_pass_done: reader.meta(marks::FIRST_PASS_DONE)?.is_some(),
                    links: reader.link_count()?,
                    due: reader.due_count()?,
                    held: reader.held_count()?,
                    parked: reader.parked_count()?,
                    held_rows,
                    held_by_kind: held_by_kind(reader)?,
                    parked_by_side: parked_by_side(reader)?,
                    oldest_due_ms: oldest_due_ms(reader, now)?,
                    journal_entries: reader.journal_count()?,
                    store_bytes,
                    plan_waits: reader.meta(marks::PLAN_WAITS)?,
                    restored: reader.last_restored()?,
                    restored_links: reader.restored_count()?,
                    sides: BySide { salesforce: side(Side::Salesforce), engage: side(Side::Engage) },
                })
            });
            Ok(status.await?)
        })
    }

    fn explain(&self, id: String) -> Answer<'_, Vec<Explanation>> {
        Box::pin(async move {
            let wanted = Wanted::parse(&id)?;
            let found = self.store.read(move |reader| {
                let people = wanted.find(reader)?;
                people.into_iter().map(|person| explanation(reader, &person)).collect::<Result<Vec<_>, _>>()
            });
            match found.await? {
                found if found.is_empty() => Err(Refusal::not_found(format!("nothing is known of {id}"))),
                found => Ok(found),
            }
        })
    }

    fn conflicts(&self) -> Answer<'_, Vec<Conflict>> {
        Box::pin(async move {
            let rows = self.pages(|r, after| r.held_after(after, PAGE), |row| &row.prospect).await?;
            let mut conflicts: Vec<Conflict> = rows.iter().map(Conflict::from).collect();
            conflicts.sort_by_key(|conflict| conflict.since);
            Ok(conflicts)
        })
    }

    fn resolve(&self, resolve: Resolve) -> Answer<'_, Vec<Conflict>> {
        Box::pin(async move {
            let wanted = Wanted::parse(&resolve.id)?;
            let now = (self.clock)();
            let id = resolve.id.clone();
            let decided = self.store.write(move |transaction| {
                let mut decided = Vec::new();
                for prospect in wanted.find(transaction)? {
                    decided.extend(decide(transaction, &prospect, &resolve, now)?);
                }
                Ok(decided)
            });
            let decided = decided.await?;
            if decided.is_empty() {
                return Err(Refusal::not_found(format!("no conflict is held for {id}")));
            }
            if decided.iter().all(|conflict| conflict.resolution.is_none()) {
                return Err(Refusal::invalid(format!(
                    "{id} is held because more than one record could be this person: no side can be taken; \
                     merge or correct the records in question, and it goes on by itself"
                )));
            }
            Ok(decided)
        })
    }

    fn parked(&self) -> Answer<'_, Vec<ParkedRecord>> {
        Box::pin(async move {
            let rows = self.pages(|r, after| r.parked_after(after, PAGE), |row| &row.prospect).await?;
            let mut parked: Vec<ParkedRecord> = rows.iter().map(ParkedRecord::from).collect();
            parked.extend(self.held_rows().await?.into_iter().map(ParkedRecord::from));
            parked.sort_by_key(|parked| parked.since);
            Ok(parked)
        })
    }

    fn retry(&self, which: Which) -> Answer<'_, Count> {
        Box::pin(async move {
            let rows = self.held_rows().await?;
            let named = |row: &&HeldRow| which.id.as_ref().is_none_or(|id| *id == row.id);
            let tried: Vec<&HeldRow> = rows.iter().filter(named).collect();
            let ids: Vec<String> = tried.iter().map(|row| row.id.clone()).collect();
            self.store.write(move |tx| ids.iter().try_for_each(|id| tx.let_value_go(id))).await?;
            let waiting: u64 = tried.iter().map(|row| row.waiting).sum();
            if which.id.is_some() && !tried.is_empty() {
                return Ok(Count { records: waiting });
            }
            let parked = self.change_parked(which, retry).await?;
            Ok(Count { records: parked.records + waiting })
        })
    }

    fn drop_parked(&self, which: Which) -> Answer<'_, Count> {
        Box::pin(self.change_parked(which, forget))
    }

    fn pause(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            Ok(self.store.write(|transaction| transaction.set_meta(marks::PAUSED, "yes")).await?)
        })
    }

    fn resume(&self) -> Answer<'_, ()> {
        Box::pin(
            async move { Ok(self.store.write(|transaction| transaction.remove_meta(marks::PAUSED)).await?) },
        )
    }

    fn resync(&self, resync: Resync) -> Answer<'_, Count> {
        Box::pin(async move {
            let people = match resync.which {
                ResyncWhich::All => {
                    let links =
                        self.pages(|r, after| r.links_after(after, PAGE), |link| &link.prospect).await?;
                    links.into_iter().map(|link| link.prospect).collect()
                }
                ResyncWhich::Ids(ids) => {
                    let mut people = Vec::new();
                    for id in ids {
                        let wanted = Wanted::parse(&id)?;
                        let found = self.store.read(move |reader| wanted.find(reader)).await?;
                        if found.is_empty() {
                            return Err(Refusal::not_found(format!(
                                "nothing is known of {id}; nothing was done"
                            )));
                        }
                        people.extend(found);
                    }
                    people
                }
                ResyncWhich::Since(_) => {
                    return Err(Refusal::unavailable(
                        "what changed since a time is known to the two systems only: start the daemon, or use --all",
                    ));
                }
            };
            self.mark_due(people).await
        })
    }

    fn plan(&self) -> Answer<'_, Plan> {
        Box::pin(async {
            Err(Refusal::unavailable("a plan needs what both systems hold, and the store does not keep it"))
        })
    }

    fn apply_plan(&self, apply: ApplyPlan) -> Answer<'_, Count> {
        Box::pin(async move {
            let mut waiting = Vec::new();
            let mut after = None;
            loop {
                let page = self.store.read(move |reader| reader.waiting_after(after.as_ref(), PAGE));
                let (page, last) = page.await?;
                waiting.extend(page);
                match last {
                    Some(last) => after = Some(last),
                    None => break,
                }
            }
            let newcomers = self.store.read(|reader| reader.newcomers()).await?;
            let newcomers: Vec<Newcomer> =
                newcomers.into_iter().filter(|newcomer| newcomer.waiting).collect();
            if waiting.is_empty() && newcomers.is_empty() {
                return Err(Refusal::not_found(
                    "no plan waits: it waits once the daemon has made it and stopped before it",
                ));
            }
            let people = newcomers.iter().map(|newcomer| mark(&newcomer.id));
            let id = plan_id(waiting.iter().filter_map(|due| due.waiting).chain(people));
            if apply.id.as_ref().is_some_and(|asked| *asked != id) {
                return Err(Refusal::invalid(format!(
                    "the plan that waits is another one by now ({id}): look at `lockstep plan` again"
                )));
            }
            let mut records = newcomers.len() as u64;
            let through: Vec<Newcomer> = newcomers
                .into_iter()
                .map(|newcomer| Newcomer { waiting: false, approved: true, ..newcomer })
                .collect();
            self.store
                .write(move |tx| through.iter().try_for_each(|newcomer| tx.put_newcomer(newcomer)))
                .await?;
            for page in waiting.chunks(PAGE) {
                let people: Vec<ProspectId> = page.iter().map(|due| due.prospect.clone()).collect();
                let through = self.store.write(move |transaction| {
                    let mut through = 0;
                    for prospect in &people {
                        through += u64::from(transaction.let_through(prospect)?);
                    }
                    transaction.set_meta(marks::FIRST_RUN_DONE, "true")?;
                    Ok(through)
                });
                records += through.await?;
            }
            Ok(Count { records })
        })
    }

    fn links(&self, after: Option<String>) -> Answer<'_, Vec<Link>> {
        Box::pin(async move {
            let after: Option<ProspectId> = match after {
                Some(after) => {
                    Some(after.parse().map_err(|_| Refusal::invalid("`after` is no prospect id"))?)
                }
                None => None,
            };
            Ok(self.store.read(move |reader| reader.links_after(after.as_ref(), PAGE)).await?)
        })
    }

    fn export(&self, journal: bool) -> Answer<'_, Copy> {
        Box::pin(async move {
            let (store, now) = (self.store.clone(), (self.clock)());
            let file = blocking(move || store.export_to_file(now, journal)).await?;
            let file = tokio::fs::File::from_std(file);
            let chunks = futures_util::stream::try_unfold(file, |mut file| async move {
                let mut chunk = BytesMut::with_capacity(COPY_CHUNK);
                let bytes = file.read_buf(&mut chunk).await?;
                Ok((bytes > 0).then(|| (chunk.freeze(), file)))
            });
            Ok(chunks.boxed())
        })
    }

    fn verify(&self) -> Answer<'_, Integrity> {
        Box::pin(async move {
            let store = self.store.clone();
            blocking(move || store.verify()).await
        })
    }
}

/// Long work on the store, off the async threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Refusal> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        Err(error) => Err(Refusal::failed(error.to_string())),
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Refusal {
        if error.is_fatal() {
            Refusal::unavailable(error.to_string())
        } else {
            Refusal::failed(error.to_string())
        }
    }
}
