//! What a run would do now: the same path up to the plan, with nothing remembered and nothing written.

use super::engine::{Engine, Interrupted};
use super::gather::{CHUNK, Work, work};
use super::intake::{ENGAGE_CURSOR, Fresh, is_new_lead, is_news, salesforce_cursor};
use super::observe::{self, Observed, Pending};
use super::settle::Decided;
use super::who_is_new::{is_held, lead_as};
use crate::connector::CallError;
use crate::connector::salesforce::Purpose;
use crate::mapping::NewProspects;
use crate::model::{BySide, ChangeId, Link, ProspectId, SalesforceObject};
use crate::reconcile::{Candidate, Decision, Plan};
use crate::store::{Due, Newcomer, Reader, Seen, Source, StoreError};
use std::collections::{BTreeMap, BTreeSet};

/// A plan, and who would be made known.
#[derive(Debug)]
pub struct DryRun {
    /// What would be written, in order.
    pub plan: Plan,
    /// People whom only that side knows, and who would be created on the other unless somebody there has their email.
    pub newcomers: BySide<u64>,
    /// Of those, the ids of whom the daemon holds back until an operator lets them through.
    pub newcomers_waiting: Vec<String>,
}

/// Why a dry run could not be made.
#[derive(Debug, thiserror::Error)]
pub enum DryRunError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A system did not answer.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl From<Interrupted> for DryRunError {
    fn from(error: Interrupted) -> DryRunError {
        match error {
            Interrupted::Store(error) => DryRunError::Store(error),
            Interrupted::Call(error) => DryRunError::Call(error),
        }
    }
}

/// Links to look at; a later observation of the same person replaces an earlier one.
type ToLookAt = BTreeMap<ProspectId, Option<Link>>;

/// Records of the polls that are kept for the decisions; those of a longer list are read once more.
const FRESH_KEPT: usize = 10 * CHUNK;

impl Engine {
    /// Polls both sides from where the daemon stands, decides what it would decide, and forgets it all. `each` is told
    /// what was decided of each link that was looked at: they may be too many to be kept.
    ///
    /// # Errors
    /// When the store or one of the systems fails.
    pub async fn dry_run(
        &self,
        each: &mut (dyn FnMut(&Link, &Decision) + Send),
    ) -> Result<DryRun, DryRunError> {
        self.connect().await?;
        let mut fresh = Fresh::default();
        let mut links: ToLookAt = self
            .store
            .read(|reader| {
                let due = reader.due_ready(jiff::Timestamp::MAX, usize::MAX)?;
                Ok(due.into_iter().map(|due| (due.prospect, None)).collect())
            })
            .await?;
        let mut newcomers: BySide<BTreeSet<String>> = BySide::default();
        let mut newcomers_waiting = Vec::new();
        for newcomer in self.store.read(who_would_be_made).await? {
            if newcomer.waiting {
                newcomers_waiting.push(newcomer.id.clone());
            }
            newcomers.get_mut(newcomer.known_to).insert(newcomer.id);
        }
        newcomers.salesforce.extend(self.look_at_salesforce(&mut fresh, &mut links).await?);
        newcomers.engage.extend(self.look_at_engage(&mut fresh, &mut links).await?);
        let (mut candidates, mut looked_at) = (Vec::new(), 0);
        let telling = self.tell_long("deciding", Some(links.len() as u64));
        let mut links = links.into_iter();
        loop {
            let chunk: Vec<_> = links.by_ref().take(CHUNK).collect();
            if chunk.is_empty() {
                break;
            }
            let mut works = self.works_of(chunk).await?;
            self.look(&mut works, &mut fresh, Purpose::Read).await?;
            for Decided { work, verdict, .. } in self.decide(works).await? {
                each(&work.link, &verdict.decision);
                if let Decision::Write(step) = &verdict.decision {
                    let Link { prospect, salesforce, .. } = work.link;
                    let (change, approved) = (work.due.change, work.due.approved);
                    candidates.push(Candidate::new(prospect, salesforce, change, step, approved));
                }
                looked_at += 1;
            }
            telling.done(looked_at);
        }
        let newcomers =
            BySide { salesforce: newcomers.salesforce.len() as u64, engage: newcomers.engage.len() as u64 };
        Ok(DryRun { plan: self.plan_of(candidates).await?, newcomers, newcomers_waiting })
    }

    /// Returns the Leads that would be made known to Engage.
    async fn look_at_salesforce(
        &self,
        fresh: &mut Fresh,
        links: &mut ToLookAt,
    ) -> Result<Vec<String>, DryRunError> {
        let mut newcomers = Vec::new();
        let (mapping, now) = (self.mapping(), self.now());
        for object in SalesforceObject::BOTH.into_iter().filter(|object| mapping.object(*object).is_some()) {
            let name = salesforce_cursor(object);
            let mut cursor = self.store.read(move |reader| reader.cursor(name)).await?;
            loop {
                let page =
                    self.salesforce.changes(object, cursor.as_deref(), &self.fields_read(object)).await?;
                let mapping = mapping.clone();
                let (due, new, records) = self
                    .store
                    .read(move |reader| {
                        let (mut due, mut new) = (Vec::new(), Vec::new());
                        for record in &page.records {
                            let linked = reader.links_by_salesforce(&record.id)?;
                            let parted = !reader.formers_by_salesforce(&record.id)?.is_empty();
                            if linked.is_empty()
                                && !parted
                                && is_new_lead(&mapping, record)
                                && is_news(reader, record.id.as_str(), lead_as(record))?
                            {
                                new.push(record.id.to_string());
                            }
                            for prospect in linked {
                                let known = known(reader, &prospect)?;
                                let known = known.as_ref().map(|(link, pending)| (link, *pending));
                                let seen = observe::salesforce(&mapping, known, record, Source::Poll, now);
                                if matches!(seen, Observed::Due { .. }) {
                                    due.push(prospect);
                                }
                            }
                        }
                        Ok((due, new, page.records))
                    })
                    .await?;
                if !due.is_empty() && fresh.len() < FRESH_KEPT {
                    fresh.salesforce.extend(records.into_iter().map(|record| (record.id, record)));
                }
                newcomers.extend(new);
                links.extend(due.into_iter().map(|prospect| (prospect, None)));
                cursor = Some(page.cursor);
                if page.done {
                    break;
                }
            }
        }
        Ok(newcomers)
    }

    /// Returns the prospects that would be made known to Salesforce.
    async fn look_at_engage(
        &self,
        fresh: &mut Fresh,
        links: &mut ToLookAt,
    ) -> Result<Vec<String>, DryRunError> {
        let mut newcomers = Vec::new();
        let now = self.now();
        let mut cursor = self.store.read(|reader| reader.cursor(ENGAGE_CURSOR)).await?;
        loop {
            let page = self.engage.changes(cursor.as_deref()).await?;
            let mapping = self.mapping();
            let (found, new, prospects) = self
                .store
                .read(move |reader| {
                    let (mut found, mut new) = (Vec::new(), Vec::new());
                    for prospect in &page.prospects {
                        let known = known(reader, &prospect.id)?;
                        let former = reader.former(&prospect.id)?.filter(|_| known.is_none());
                        let known = known.as_ref().map(|(link, pending)| (link, *pending));
                        let former = former.as_ref();
                        match observe::prospect(&mapping, known, former, prospect, Source::Poll, now) {
                            Observed::Due { prospect, .. } => found.push((prospect, None)),
                            Observed::Linked { link, .. } => found.push((link.prospect.clone(), Some(link))),
                            Observed::Unlinked
                                if mapping.new.prospects == NewProspects::Create
                                    && former.is_none()
                                    && is_news(reader, prospect.id.as_str(), prospect.version)? =>
                            {
                                new.push(prospect.id.to_string());
                            }
                            Observed::Nothing | Observed::Unlinked => {}
                        }
                    }
                    Ok((found, new, page.prospects))
                })
                .await?;
            if !found.is_empty() && fresh.len() < FRESH_KEPT {
                fresh.engage.extend(prospects.into_iter().map(|prospect| (prospect.id.clone(), prospect)));
            }
            links.extend(found);
            newcomers.extend(new);
            cursor = Some(page.cursor);
            if page.done {
                return Ok(newcomers);
            }
        }
    }

    async fn works_of(&self, chunk: Vec<(ProspectId, Option<Link>)>) -> Result<Vec<Work>, StoreError> {
        let now = self.now();
        self.store
            .read(move |reader| {
                let mut works = Vec::with_capacity(chunk.len());
                for (prospect, new) in chunk {
                    let Some(link) = new.map_or_else(|| reader.link(&prospect), |link| Ok(Some(link)))?
                    else {
                        continue;
                    };
                    let seen = Seen { side: None, source: Source::Poll, at: now, value: None, by: None };
                    let due = reader.due(&prospect)?.unwrap_or(Due {
                        prospect,
                        change: ChangeId(0),
                        generation: 0,
                        since: now,
                        not_before: None,
                        attempts: 0,
                        seen: vec![seen],
                        waiting: None,
                        approved: None,
                        status_set: None,
                        waits_for: None,
                    });
                    works.push(work(reader, due, link)?);
                }
                Ok(works)
            })
            .await
    }
}

/// Newcomers who are neither refused nor held.
fn who_would_be_made(reader: &Reader<'_>) -> Result<Vec<Newcomer>, StoreError> {
    let mut made = Vec::new();
    for newcomer in reader.newcomers()? {
        if newcomer.refused.is_none() && !is_held(reader, &newcomer)? {
            made.push(newcomer);
        }
    }
    Ok(made)
}

fn known(reader: &Reader<'_>, prospect: &ProspectId) -> Result<Option<(Link, Pending)>, StoreError> {
    let Some(link) = reader.link(prospect)? else { return Ok(None) };
    let pending = Pending {
        held: reader.held(prospect)?.is_some(),
        parked: reader.parked(prospect)?.is_some(),
        intent: reader.intent(prospect)?.is_some(),
    };
    Ok(Some((link, pending)))
}
