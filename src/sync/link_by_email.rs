//! Finding the Lead or Contact of prospects that Engage does not link to any: by email, where it is unique on
//! both sides, and never by guessing.

use super::engine::{Engine, Interrupted};
use crate::emit;
use crate::mapping::NewProspects;
use crate::model::{HoldReason, Link, ProspectId, SalesforceId, SalesforceObject, Side};
use crate::store::{Held, JournalEntry, Seen, Source, StoreError, Transaction};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Who answers to one email address.
#[derive(Debug, Default)]
struct Namesakes {
    unlinked: BTreeSet<ProspectId>,
    linked: BTreeSet<ProspectId>,
    records: BTreeSet<SalesforceId>,
}

impl Engine {
    /// Lists all prospects and links those without a record whose email is unique on both sides; the others are
    /// held. Email addresses live only as long as this call.
    pub(super) async fn link_by_email(&self) -> Result<(), Interrupted> {
        if self.mapping().new.prospects != NewProspects::LinkByEmail {
            return Ok(());
        }
        let mut people: BTreeMap<String, Namesakes> = BTreeMap::new();
        let mut cursor: Option<String> = None;
        loop {
            let page = self.engage.list(cursor.as_deref()).await?;
            for prospect in page.prospects {
                let Some(email) =
                    prospect.email.as_deref().map(same_spelling).filter(|email| !email.is_empty())
                else {
                    continue;
                };
                if prospect.deleted {
                    continue;
                }
                let id = prospect.id.clone();
                let known = self.store.read(move |reader| reader.link(&id)).await?.is_some();
                let namesakes = people.entry(email).or_default();
                let set = if known || prospect.salesforce.is_some() {
                    &mut namesakes.linked
                } else {
                    &mut namesakes.unlinked
                };
                set.insert(prospect.id);
            }
            if page.done {
                break;
            }
            cursor = Some(page.cursor);
        }
        people.retain(|_, namesakes| !namesakes.unlinked.is_empty());
        let emails: Vec<String> = people.keys().cloned().collect();
        for object in SalesforceObject::BOTH {
            if self.mapping().object(object).is_none() || emails.is_empty() {
                continue;
            }
            for (email, id) in self.salesforce.find_by_email(object, &emails).await? {
                if let Some(namesakes) = people.get_mut(&same_spelling(&email)) {
                    namesakes.records.insert(id);
                }
            }
        }
        let now = self.now();
        self.store
            .write(move |tx| people.values().try_for_each(|namesakes| link_or_hold(tx, namesakes, now)))
            .await?;
        Ok(())
    }
}

/// Email addresses are compared without regard to case, as both vendors do.
fn same_spelling(email: &str) -> String {
    email.trim().to_lowercase()
}

fn link_or_hold(tx: &mut Transaction<'_>, namesakes: &Namesakes, now: Timestamp) -> Result<(), StoreError> {
    // Nobody in Salesforce: nothing to link, and nothing to decide.
    let Some(record) = namesakes.records.first() else { return Ok(()) };
    let taken: Vec<ProspectId> = tx.links_by_salesforce(record)?;
    let unique = namesakes.records.len() == 1 && namesakes.unlinked.len() == 1 && namesakes.linked.is_empty();
    match namesakes.unlinked.first() {
        Some(prospect) if unique && taken.is_empty() => link(tx, prospect, *record, now),
        _ => {
            let ids: Vec<String> = (namesakes.records.iter().map(SalesforceId::to_string))
                .chain(namesakes.unlinked.iter().chain(&namesakes.linked).map(ProspectId::to_string))
                .chain(taken.iter().filter(|id| !namesakes.linked.contains(*id)).map(ProspectId::to_string))
                .collect();
            namesakes.unlinked.iter().try_for_each(|prospect| hold(tx, prospect, *record, &ids, now))
        }
    }
}

fn link(
    tx: &mut Transaction<'_>,
    prospect: &ProspectId,
    record: SalesforceId,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.remove_held(prospect)?;
    tx.put_link(&Link {
        prospect: prospect.clone(),
        salesforce: record,
        named_by_engage: None,
        baseline: None,
        latch: None,
        details: Default::default(),
    })?;
    let seen = Seen { side: Some(Side::Engage), source: Source::FirstPass, at: now, value: None, by: None };
    let change = tx.mark_due(prospect, seen.clone())?.change;
    let mut entry = JournalEntry::about(prospect.clone(), "linked", "the email is unique on both sides", now);
    (entry.change, entry.salesforce, entry.seen) = (Some(change), Some(record), vec![seen]);
    tx.append_journal(&entry)?;
    emit!(LINK_MADE, change = %change, prospect = prospect.as_str(), record = record.as_str(),
        "a prospect and a Salesforce record share an email that nobody else has");
    Ok(())
}

fn hold(
    tx: &mut Transaction<'_>,
    prospect: &ProspectId,
    record: SalesforceId,
    ids: &[String],
    now: Timestamp,
) -> Result<(), StoreError> {
    let reason = HoldReason::NotUnique { ids: ids.to_vec() };
    if tx.held(prospect)?.is_some_and(|held| held.reason == reason) {
        return Ok(());
    }
    let mut entry = JournalEntry::about(prospect.clone(), "held", reason.to_string(), now);
    entry.salesforce = Some(record);
    tx.append_journal(&entry)?;
    emit!(CONFLICT_HELD, prospect = prospect.as_str(), record = record.as_str(), reason = %reason,
        "held for a person to decide: {reason}");
    tx.put_held(&Held {
        id: format!("k-{prospect}"),
        prospect: prospect.clone(),
        salesforce: Some(record),
        reason,
        salesforce_value: None,
        engage_value: None,
        since: now,
        resolution: None,
    })
}
