//! Taking in what changed: due marks and the cursor in one transaction, and only then is anything acknowledged.

use super::engine::{Engine, Interrupted, lock};
use super::not_unique::{end_hold, look_at_those_beside};
use super::observe::{self, Observed, Pending};
use super::parting::{back_again, look_at_namesakes};
use super::who_is_new::{forget_newcomer, lead_as};
use crate::connector::engage::Rejection;
use crate::emit;
use crate::mapping::{Mapping, NewLeads, NewProspects};
use crate::model::{Link, Prospect, ProspectId, SalesforceId, SalesforceObject, SalesforceRecord, Side};
use crate::mutant;
use crate::store::{Newcomer, Reader, Seen, Source, StoreError, Transaction, marks};
use jiff::Timestamp;
use std::collections::{BTreeSet, HashMap};

/// Records as a poll brought them a moment ago: they count as read, for this cycle only.
#[derive(Debug, Default)]
pub(super) struct Fresh {
    pub(super) salesforce: HashMap<SalesforceId, SalesforceRecord>,
    pub(super) engage: HashMap<ProspectId, Prospect>,
    /// Records that events told, as far as this turn has worked on them.
    pub(super) told: HashMap<SalesforceId, u64>,
}

impl Fresh {
    pub(super) fn len(&self) -> usize {
        self.salesforce.len() + self.engage.len()
    }
}

/// The cursor of an object's poll.
pub(super) fn salesforce_cursor(object: SalesforceObject) -> &'static str {
    match object {
        SalesforceObject::Lead => "salesforce.lead",
        SalesforceObject::Contact => "salesforce.contact",
    }
}

/// The cursor of the prospects' poll.
pub(super) const ENGAGE_CURSOR: &str = "engage.prospects";

impl Engine {
    /// Takes in one page of Leads or Contacts, asked for at a time of Salesforce's clock. Returns how many links became
    /// due.
    pub(super) async fn take_in_salesforce(
        &self,
        mut records: Vec<SalesforceRecord>,
        asked_at: Timestamp,
        cursor: Option<(&'static str, String)>,
        fresh: &mut Fresh,
    ) -> Result<usize, Interrupted> {
        let (mapping, now) = (self.mapping(), self.now());
        if mutant::is("own-user-ignored") {
            let ours = self.org.load_full().and_then(|org| org.user.clone());
            records.retain(|record| record.last_modified_by.is_none() || record.last_modified_by != ours);
        }
        if let Some((name, cursor)) = cursor.clone().filter(|_| mutant::is("cursor-before-due")) {
            self.store.write(move |tx| tx.set_cursor(name, &cursor)).await?;
        }
        let (due, kept) = self
            .store
            .write(move |tx| {
                let (mut due, mut kept, mut gone) = (0, Vec::new(), BTreeSet::new());
                for record in records {
                    let mut matters = false;
                    let mut linked = false;
                    for prospect in tx.links_by_salesforce(&record.id)? {
                        let known = known(tx, &prospect)?;
                        let known = known.as_ref().map(|(link, pending)| (link, *pending));
                        let observed = observe::salesforce(&mapping, known, &record, Source::Poll, now);
                        matters |= remember(tx, observed)?;
                        linked = true;
                    }
                    let parted = !linked && back_again(tx, &record, now, &mut matters)?;
                    if !linked && !parted {
                        match is_new_lead(&mapping, &record) {
                            true => {
                                let seen_as = lead_as(&record);
                                note_newcomer(tx, record.id.as_str(), Side::Salesforce, seen_as, now)?;
                            }
                            false => forget_newcomer(tx, record.id.as_str())?,
                        }
                        if record.is_deleted || record.is_converted {
                            gone.insert(record.id.to_string());
                        }
                    }
                    if matters {
                        due += 1;
                        kept.push(record);
                    }
                }
                look_at_those_beside(tx, &gone, now)?;
                if let Some((name, cursor)) = cursor {
                    tx.set_cursor(name, &cursor)?;
                }
                Ok((due, kept))
            })
            .await?;
        lock(&self.live).read(kept.iter().map(|record| record.id), asked_at, self.salesforce.server_now());
        fresh.salesforce.extend(kept.into_iter().map(|record| (record.id, record)));
        Ok(due)
    }

    /// Takes in one page of prospects. Returns how many links became due.
    pub(super) async fn take_in_engage(
        &self,
        prospects: Vec<Prospect>,
        source: Source,
        cursor: Option<String>,
        fresh: &mut Fresh,
    ) -> Result<usize, Interrupted> {
        let (mapping, now) = (self.mapping(), self.now());
        let (due, kept) = self
            .store
            .write(move |tx| {
                let (mut due, mut unlinked, mut kept, mut gone) = (0, false, Vec::new(), BTreeSet::new());
                for prospect in prospects {
                    match take_in_prospect(tx, &mapping, &prospect, source, now)? {
                        Taken::Due => {
                            due += 1;
                            kept.push(prospect);
                        }
                        Taken::Unlinked => unlinked = true,
                        Taken::Gone => _ = gone.insert(prospect.id.to_string()),
                        Taken::Nothing => {}
                    }
                }
                if unlinked {
                    somebody_unlinked(tx, now)?;
                }
                look_at_those_beside(tx, &gone, now)?;
                if let Some(cursor) = cursor {
                    tx.set_cursor(ENGAGE_CURSOR, &cursor)?;
                }
                Ok((due, kept))
            })
            .await?;
        fresh.engage.extend(kept.into_iter().map(|prospect| (prospect.id.clone(), prospect)));
        Ok(due)
    }

    /// Takes in a webhook. When this returns well, the event is durable.
    ///
    /// The prospect in the body only says that something happened: it may be late, so it never counts as read.
    ///
    /// # Errors
    /// [`WebhookError::Rejected`] says which answer the sender gets; [`WebhookError::Store`] means 503.
    pub async fn take_in_webhook(&self, headers: &http::HeaderMap, body: &[u8]) -> Result<(), WebhookError> {
        let now = self.now();
        let delivery = match crate::connector::engage::verify(headers, body, &self.webhook_secrets, now) {
            Ok(delivery) => delivery,
            Err(rejection) => {
                emit!(
                    WEBHOOK_REJECTED,
                    side = Side::Engage.as_str(),
                    code = rejection.code(),
                    "a webhook was refused: {rejection}"
                );
                return Err(WebhookError::Rejected(rejection));
            }
        };
        if lock(&self.delivered).knows(&delivery.event_id, now) {
            // Whoever sent it may not have heard our answer, or it is a replay: either way it is durable.
            return Ok(());
        }
        let mapping = self.mapping();
        let (id, event_id) = (delivery.prospect_id.clone(), delivery.event_id.clone());
        self.store
            .write(move |tx| {
                if let Some(prospect) = &delivery.prospect {
                    // A late event may name an old Salesforce record; only an unknown prospect is linked by it.
                    if tx.link(&prospect.id)?.is_none() {
                        return match take_in_prospect(tx, &mapping, prospect, Source::Webhook, now)? {
                            Taken::Unlinked => somebody_unlinked(tx, now),
                            Taken::Gone => look_at_those_beside(tx, &[prospect.id.to_string()].into(), now),
                            Taken::Due | Taken::Nothing => Ok(()),
                        };
                    }
                }
                if tx.link(&delivery.prospect_id)?.is_some() {
                    let value = delivery.prospect.as_ref().map(|prospect| prospect.status.key().to_owned());
                    let seen =
                        Seen { side: Some(Side::Engage), source: Source::Webhook, at: now, value, by: None };
                    tx.mark_due(&delivery.prospect_id, seen)?;
                }
                Ok(())
            })
            .await
            .map_err(WebhookError::Store)?;
        lock(&self.delivered).note(&event_id, now);
        emit!(
            WEBHOOK_ACCEPTED,
            side = Side::Engage.as_str(),
            prospect = id.as_str(),
            "a webhook was taken in"
        );
        self.wake.notify_one();
        Ok(())
    }
}

/// Why a webhook was not taken in.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// It is none of ours, or none at all.
    #[error("{0}")]
    Rejected(Rejection),
    /// It cannot be kept now; the sender tries again.
    #[error(transparent)]
    Store(StoreError),
}

enum Taken {
    Due,
    Unlinked,
    /// Somebody without a link, who is deleted or the record of somebody else.
    Gone,
    Nothing,
}

fn take_in_prospect(
    tx: &mut Transaction<'_>,
    mapping: &Mapping,
    prospect: &Prospect,
    source: Source,
    now: Timestamp,
) -> Result<Taken, StoreError> {
    let known = known(tx, &prospect.id)?;
    let former = if known.is_none() { tx.former(&prospect.id)? } else { None };
    let known = known.as_ref().map(|(link, pending)| (link, *pending));
    match observe::prospect(mapping, known, former.as_ref(), prospect, source, now) {
        Observed::Unlinked => {
            // Whose record was deleted is nobody new: making one again would undo what somebody did.
            let is_newcomer = mapping.new.prospects == NewProspects::Create && former.is_none();
            let id = prospect.id.as_str();
            let is_known = is_newcomer && !note_newcomer(tx, id, Side::Engage, prospect.version, now)?;
            Ok(if is_known { Taken::Nothing } else { Taken::Unlinked })
        }
        Observed::Nothing if known.is_none() => {
            forget_newcomer(tx, prospect.id.as_str())?;
            end_hold(tx, &prospect.id, now)?;
            Ok(Taken::Gone)
        }
        observed => Ok(if remember(tx, observed)? { Taken::Due } else { Taken::Nothing }),
    }
}

/// Whether a Lead without a prospect is one that the company wants to be made known to Engage.
pub(super) fn is_new_lead(mapping: &Mapping, record: &SalesforceRecord) -> bool {
    mapping.new.leads == NewLeads::Create
        && record.id.object() == SalesforceObject::Lead
        && !record.is_deleted
        && !record.is_converted
        && record.master_record.is_none()
        && mapping.in_scope(SalesforceObject::Lead, &record.fields)
}

/// Somebody has to be searched for by email, in this turn or, if that fails, in a later one.
pub(super) fn somebody_unlinked(tx: &mut Transaction<'_>, now: Timestamp) -> Result<(), StoreError> {
    tx.set_meta(marks::SOMEBODY_UNLINKED, &now.to_string())
}

/// Somebody whom only one side knows. Whoever was refused is tried again, once they have changed. Says whether they are news:
/// polls look back, and see who is as before again and again.
pub(super) fn note_newcomer(
    tx: &mut Transaction<'_>,
    id: &str,
    known_to: Side,
    seen_as: u64,
    now: Timestamp,
) -> Result<bool, StoreError> {
    if !is_news(tx, id, seen_as)? {
        return Ok(false);
    }
    let known = tx.newcomer(id)?.unwrap_or_else(|| Newcomer::of(id, known_to, now));
    tx.put_newcomer(&Newcomer { refused: None, seen_as: Some(seen_as), ..known })?;
    Ok(true)
}

/// Whether somebody whom only one side knows was never seen as this.
pub(super) fn is_news(reader: &Reader<'_>, id: &str, seen_as: u64) -> Result<bool, StoreError> {
    Ok(reader.newcomer(id)?.is_none_or(|known| known.seen_as != Some(seen_as)))
}

pub(super) fn known(
    tx: &mut Transaction<'_>,
    prospect: &ProspectId,
) -> Result<Option<(Link, Pending)>, StoreError> {
    let Some(link) = tx.link(prospect)? else { return Ok(None) };
    let pending = Pending {
        held: tx.held(prospect)?.is_some(),
        parked: tx.parked(prospect)?.is_some(),
        intent: tx.intent(prospect)?.is_some(),
    };
    Ok(Some((link, pending)))
}

/// Writes an observation down. Says whether a link is due by it.
pub(super) fn remember(tx: &mut Transaction<'_>, observed: Observed) -> Result<bool, StoreError> {
    match observed {
        Observed::Nothing | Observed::Unlinked => Ok(false),
        Observed::Due { prospect, seen } => {
            let change = tx.mark_due(&prospect, seen)?.change;
            emit!(CHANGE_TAKEN_IN, change = %change, prospect = prospect.as_str(), "a change was taken in");
            Ok(true)
        }
        Observed::Linked { link, seen } => {
            let (old, at) = (tx.link(&link.prospect)?, seen.at);
            let change = tx.mark_due(&link.prospect, seen)?.change;
            emit!(
                LINK_MADE,
                change = %change,
                prospect = link.prospect.as_str(),
                record = link.salesforce.as_str(),
                "a prospect and a Salesforce record are one person"
            );
            if old.is_none() {
                end_hold(tx, &link.prospect, at)?;
                forget_newcomer(tx, link.prospect.as_str())?;
            }
            forget_newcomer(tx, link.salesforce.as_str())?;
            tx.put_link(&link)?;
            tx.remove_former(&link.prospect)?;
            for record in old.iter().map(|old| old.salesforce).chain([link.salesforce]) {
                look_at_namesakes(tx, &record, &link.prospect, at)?;
            }
            Ok(true)
        }
    }
}
