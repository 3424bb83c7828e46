//! What the outside may ask of a running engine.

use super::engine::{Engine, lock};
use super::gather::CHUNK;
use crate::connector::CallError;
use crate::metrics::{self, Metrics};
use crate::model::{ProspectId, SalesforceId, SalesforceObject, Side};
use crate::store::{Seen, Source, StoreError};
use jiff::Timestamp;

/// How a side is doing.
#[derive(Debug, Clone, Default)]
pub struct Health {
    /// When it last answered well, by this daemon's clock.
    pub answered_at: Option<Timestamp>,
    /// The trouble it is in.
    pub trouble: Option<CallError>,
    /// How long ago it was last asked well, in milliseconds.
    pub lag_ms: Option<u64>,
    /// Calls that may still be made in the present period.
    pub calls_left: Option<u64>,
    /// Calls that are allowed in that period.
    pub calls_allowed: Option<u64>,
    /// Whether all changes come by events now; Salesforce only.
    pub listening: bool,
}

impl Engine {
    /// How a side is doing. Never waits.
    pub fn health(&self, side: Side) -> Health {
        let (state, now) = (lock(&self.sides).get(side).clone(), self.now());
        let (calls_left, calls_allowed) = match side {
            Side::Salesforce => {
                let budget = self.salesforce.budget();
                (
                    budget.allowed.zip(budget.used).map(|(allowed, used)| allowed.saturating_sub(used)),
                    budget.allowed,
                )
            }
            Side::Engage => {
                let calls = self.engage.calls();
                (calls.left, calls.allowed)
            }
        };
        let lag = state.answered_at.map(|at| now.duration_since(at).as_millis().max(0));
        Health {
            answered_at: state.answered_at,
            trouble: state.trouble.map(|trouble| trouble.error),
            lag_ms: lag.and_then(|lag| u64::try_from(lag).ok()),
            calls_left,
            calls_allowed,
            listening: side == Side::Salesforce && self.is_listening(),
        }
    }

    /// What was used of Salesforce's calls, for what, and what is left.
    pub fn salesforce_budget(&self) -> crate::connector::salesforce::Budget {
        self.salesforce.budget()
    }

    /// What is counted, brought up to date with what others count.
    pub fn metrics(&self) -> &Metrics {
        for ((side, source), count) in self.store.seen_counts() {
            let side = side.map_or(metrics::BOTH_SIDES, Side::as_str);
            self.metrics.reached(&metrics::CHANGES, &[side, source.as_str()], count);
        }
        let calls = [
            (Side::Salesforce, self.salesforce.calls_made()),
            (Side::Engage, self.engage.calls().by_purpose()),
        ];
        for (side, calls) in calls {
            for (purpose, count) in calls {
                self.metrics.reached(&metrics::CALLS, &[side.as_str(), purpose.as_str()], count);
            }
        }
        for (event, count) in crate::event::emitted() {
            self.metrics.reached(&metrics::EVENTS, &[event], count);
        }
        &self.metrics
    }

    /// Something is due: the next turn need not wait for its time.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// The Leads and Contacts with an email address. The store keeps none, so Salesforce is asked.
    ///
    /// # Errors
    /// When Salesforce does not answer.
    pub async fn find_by_email(&self, email: &str) -> Result<Vec<SalesforceId>, CallError> {
        let mut found = Vec::new();
        for object in SalesforceObject::BOTH {
            if self.mapping().object(object).is_some() {
                let emails = [email.to_owned()];
                found.extend(
                    self.salesforce.find_by_email(object, &emails).await?.into_iter().map(|(_, id)| id),
                );
            }
        }
        Ok(found)
    }

    /// Makes everything linked due whose record changed since a time, on either side. Returns how many that are.
    ///
    /// # Errors
    /// When a system or the store fails.
    pub async fn resync_since(&self, since: Timestamp) -> Result<usize, super::dry_run::DryRunError> {
        let mut people: std::collections::BTreeSet<ProspectId> = std::collections::BTreeSet::new();
        for object in SalesforceObject::BOTH {
            if self.mapping().object(object).is_none() {
                continue;
            }
            let mut cursor = Some(self.salesforce.cursor_at(since));
            loop {
                let page =
                    self.salesforce.changes(object, cursor.as_deref(), &self.fields_read(object)).await?;
                let ids: Vec<SalesforceId> = page.records.iter().map(|record| record.id).collect();
                let linked = self.store.read(move |reader| {
                    let linked = ids.iter().map(|id| reader.links_by_salesforce(id));
                    Ok(linked.collect::<Result<Vec<_>, StoreError>>()?.concat())
                });
                people.extend(linked.await?);
                if page.done {
                    break;
                }
                cursor = Some(page.cursor);
            }
        }
        let mut cursor = Some(self.engage.cursor_at(since));
        loop {
            let page = self.engage.changes(cursor.as_deref()).await?;
            people.extend(page.prospects.into_iter().map(|prospect| prospect.id));
            if page.done {
                break;
            }
            cursor = Some(page.cursor);
        }
        let people: Vec<ProspectId> = people.into_iter().collect();
        let mut marked = 0;
        for page in people.chunks(CHUNK) {
            let (page, now) = (page.to_vec(), self.now());
            marked += self
                .store
                .write(move |tx| {
                    let mut marked = 0;
                    for prospect in &page {
                        if tx.link(prospect)?.is_some() {
                            let seen =
                                Seen { side: None, source: Source::Resync, at: now, value: None, by: None };
                            tx.mark_due(prospect, seen)?;
                            marked += 1;
                        }
                    }
                    Ok(marked)
                })
                .await?;
        }
        Ok(marked)
    }
}
