//! What the store alone can answer, whether a daemon runs on it or not.

mod moved;
mod refused;
mod waiting_plan;

use super::drawn::MappingCounts;
use super::operations::{Answer, Copy, Operations, Refusal};
use super::person::{Wanted, explanation};
use super::verdict::{decide, forget, seen};
use super::views::*;
use crate::model::{BySide, Link, ProspectId, Side};
use crate::store::marks;
use crate::store::{Integrity, Reader, Source, Store, StoreError};
use bytes::BytesMut;
use futures_util::StreamExt;
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Instant;
use tokio::io::AsyncReadExt;
use tokio::sync::Mutex;

/// Rows taken at once: a commit waits while somebody reads.
const PAGE: usize = 500;

/// How much of a copy is in memory at a time.
const COPY_CHUNK: usize = 64 << 10;

/// A store that answers.
#[derive(Clone)]
pub struct Stored {
    store: Store,
    tenant: String,
    clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    mapping_counts: Arc<Mutex<Option<(Instant, MappingCounts)>>>,
}

impl Stored {
    /// This tenant's store. `clock` gives the time that goes into marks and journal.
    pub fn new(store: Store, tenant: &str, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Stored {
        Stored { store, tenant: tenant.to_owned(), clock: Arc::new(clock), mapping_counts: Arc::default() }
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
                    held_by_kind: reader.held_by_kind()?,
                    parked_by_side: reader.parked_by_side()?,
                    oldest_due_ms: oldest_due_ms(reader, now)?,
                    journal_entries: reader.journal_count()?,
                    store_bytes,
                    plan_waits: reader.meta(marks::PLAN_WAITS)?,
                    mapping_rejected: None,
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
                     merge or correct the records in question, and it goes on by itself, with the next \
                     daily comparison at the latest"
                )));
            }
            Ok(decided)
        })
    }

    fn parked(&self) -> Answer<'_, Vec<ParkedRecord>> {
        Box::pin(self.refused())
    }

    fn retry(&self, which: Which) -> Answer<'_, Count> {
        Box::pin(self.try_again(which))
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
        Box::pin(self.let_plan_through(apply))
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

/// How long the longest ready link has been due.
fn oldest_due_ms(reader: &Reader<'_>, now: Timestamp) -> Result<Option<u64>, StoreError> {
    let oldest = reader.due_ready(now, 1)?;
    Ok(oldest.first().map(|due| now.duration_since(due.since).as_millis().max(0) as u64))
}
