//! Finding the Lead or Contact of prospects that Engage does not link to any: by email, where it is unique on
//! both sides, and never by guessing.

use super::engine::{Engine, Interrupted};
use super::newcomers;
use crate::emit;
use crate::mapping::{NewLeads, NewProspects};
use crate::model::{
    HoldReason, Latch, Link, Prospect, ProspectId, SalesforceId, SalesforceObject, SalesforceRecord, Side,
};
use crate::mutant;
use crate::store::{Held, JournalEntry, Newcomer, Seen, Source, StoreError, Transaction, marks};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Who answers to one email address.
#[derive(Debug, Default)]
pub(super) struct Namesakes {
    /// Prospects without a record.
    pub(super) unlinked: BTreeMap<ProspectId, Prospect>,
    /// Prospects that have one.
    pub(super) linked: BTreeSet<ProspectId>,
    /// Leads and Contacts.
    pub(super) records: BTreeSet<SalesforceId>,
    /// Leads that have no prospect, to be made known to Engage.
    pub(super) leads: Vec<SalesforceRecord>,
}

/// Everybody who matters, by email address.
pub(super) type People = BTreeMap<String, Namesakes>;

impl Engine {
    /// Links people whom each side knows by itself where the email is unique on both; holds where it is not; and creates
    /// whom only one side knows, where the company says so. Email addresses live only as long as this call.
    pub(super) async fn meet_newcomers(&self) -> Result<(), Interrupted> {
        if !self.is_open(Side::Salesforce) || !self.is_open(Side::Engage) {
            return Ok(());
        }
        // Searching is refused while calls are short, and a refusal would close Salesforce to opt-outs too.
        if self.salesforce.budget().is_short() {
            return Ok(());
        }
        let policy = self.mapping().new;
        if policy.prospects == NewProspects::Ignore && policy.leads == NewLeads::Ignore {
            return Ok(());
        }
        let now = self.now();
        let (mut open, unlinked) = self
            .store
            .read(|reader| Ok((reader.newcomers()?, reader.meta(marks::SOMEBODY_UNLINKED)?)))
            .await?;
        open.retain(|newcomer| newcomers::is_open(newcomer, now));
        if open.is_empty() && unlinked.is_none() {
            return Ok(());
        }
        let leads = self.new_leads(&open).await?;
        let people = self.people(leads, &open).await?;
        if policy.prospects != NewProspects::Ignore {
            let links = people.values().map(Meeting::of).collect::<Vec<_>>();
            let creates = policy.prospects == NewProspects::Create;
            self.store
                .write(move |tx| links.iter().try_for_each(|meeting| link_or_hold(tx, meeting, creates, now)))
                .await?;
        }
        // While an operator has writing stopped, nobody is made; they are not forgotten.
        if !self.is_paused().await? {
            self.create(&people, open).await?;
        }
        self.store
            .write(move |tx| match tx.meta(marks::SOMEBODY_UNLINKED)? == unlinked {
                true => tx.remove_meta(marks::SOMEBODY_UNLINKED),
                // Somebody else was seen meanwhile.
                false => Ok(()),
            })
            .await?;
        Ok(())
    }

    /// Lists all prospects, and asks Salesforce who else has the addresses of those without a record.
    async fn people(&self, leads: Vec<SalesforceRecord>, open: &[Newcomer]) -> Result<People, Interrupted> {
        let mut people = People::new();
        for lead in leads {
            match lead.email.as_deref().map(same_spelling).filter(|email| !email.is_empty()) {
                Some(email) => people.entry(email).or_default().leads.push(lead),
                None => {
                    let newcomer = open.iter().find(|newcomer| newcomer.id == lead.id.as_str());
                    if let Some(newcomer) = newcomer {
                        let why = "without an email address the person could not be found again";
                        self.refuse(newcomer, why.to_owned()).await?;
                    }
                }
            }
        }
        let mut cursor: Option<String> = None;
        loop {
            let page = self.engage.list(cursor.as_deref()).await?;
            let ids: Vec<ProspectId> = page.prospects.iter().map(|prospect| prospect.id.clone()).collect();
            let linked = self.store.read(move |reader| {
                ids.iter().map(|id| Ok(reader.link(id)?.is_some())).collect::<Result<Vec<_>, StoreError>>()
            });
            for (prospect, known) in page.prospects.into_iter().zip(linked.await?) {
                let email = prospect.email.as_deref().map(same_spelling).unwrap_or_default();
                if prospect.deleted || email.is_empty() {
                    continue;
                }
                let namesakes = people.entry(email).or_default();
                if known || prospect.salesforce.is_some() {
                    namesakes.linked.insert(prospect.id);
                } else {
                    namesakes.unlinked.insert(prospect.id.clone(), prospect);
                }
            }
            if page.done {
                break;
            }
            cursor = Some(page.cursor);
        }
        people.retain(|_, namesakes| !namesakes.unlinked.is_empty() || !namesakes.leads.is_empty());
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
        Ok(people)
    }
}

/// The ids of namesakes, without anything personal.
#[derive(Debug)]
struct Meeting {
    unlinked: BTreeSet<ProspectId>,
    linked: BTreeSet<ProspectId>,
    records: BTreeSet<SalesforceId>,
}

impl Meeting {
    fn of(namesakes: &Namesakes) -> Meeting {
        Meeting {
            unlinked: namesakes.unlinked.keys().cloned().collect(),
            linked: namesakes.linked.clone(),
            records: namesakes.records.clone(),
        }
    }
}

/// Email addresses are compared without regard to case, as both vendors do.
fn same_spelling(email: &str) -> String {
    email.trim().to_lowercase()
}

fn link_or_hold(
    tx: &mut Transaction<'_>,
    namesakes: &Meeting,
    creates: bool,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(record) = namesakes.records.first() else {
        // Nobody in Salesforce: nothing to link. Two who would both be created cannot be told apart.
        if !creates || namesakes.unlinked.len() < 2 {
            return Ok(());
        }
        let ids: Vec<String> = namesakes.unlinked.iter().map(ProspectId::to_string).collect();
        return namesakes.unlinked.iter().try_for_each(|prospect| hold(tx, prospect, None, &ids, now));
    };
    let taken: Vec<ProspectId> = tx.links_by_salesforce(record)?;
    let unique = mutant::is("email-is-a-key")
        || namesakes.records.len() == 1 && namesakes.unlinked.len() == 1 && namesakes.linked.is_empty();
    match namesakes.unlinked.first() {
        Some(prospect) if unique && taken.is_empty() => {
            tx.remove_newcomer(prospect.as_str())?;
            tx.remove_newcomer(record.as_str())?;
            link(tx, prospect, *record, now)
        }
        _ => {
            let ids: Vec<String> = (namesakes.records.iter().map(SalesforceId::to_string))
                .chain(namesakes.unlinked.iter().chain(&namesakes.linked).map(ProspectId::to_string))
                .chain(taken.iter().filter(|id| !namesakes.linked.contains(*id)).map(ProspectId::to_string))
                .collect();
            namesakes.unlinked.iter().try_for_each(|prospect| hold(tx, prospect, Some(*record), &ids, now))
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
    // The latch belongs to the person, whichever record they had.
    let latch = tx.remove_former(prospect)?.and_then(|former| former.latch).map(Latch::on_another_record);
    tx.put_link(&Link { latch, ..Link::new(prospect.clone(), record) })?;
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
    record: Option<SalesforceId>,
    ids: &[String],
    now: Timestamp,
) -> Result<(), StoreError> {
    let reason = HoldReason::NotUnique { ids: ids.to_vec() };
    if tx.held(prospect)?.is_some_and(|held| held.reason == reason) {
        return Ok(());
    }
    let mut entry = JournalEntry::about(prospect.clone(), "held", reason.to_string(), now);
    entry.salesforce = record;
    tx.append_journal(&entry)?;
    let shown = record.map(|record| record.to_string()).unwrap_or_default();
    emit!(CONFLICT_HELD, prospect = prospect.as_str(), record = shown, reason = %reason,
        "held for a person to decide: {reason}");
    tx.put_held(&Held {
        id: format!("k-{prospect}"),
        prospect: prospect.clone(),
        salesforce: record,
        reason,
        salesforce_value: None,
        engage_value: None,
        touched: Default::default(),
        since: now,
        resolution: None,
    })
}
