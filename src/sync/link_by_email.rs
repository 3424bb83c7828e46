//! Finding the Lead or Contact of prospects that Engage does not link to any: by email, where it is unique on
//! both sides, and never by guessing.

use super::engine::{Engine, Interrupted};
use super::not_unique::{self, end_hold, hold};
use super::who_is_new::{self, may_be_refused, settled};
use crate::emit;
use crate::mapping::{NewLeads, NewProspects};
use crate::model::{
    Latch, Link, Prospect, ProspectId, SalesforceId, SalesforceObject, SalesforceRecord, Side,
};
use crate::mutant;
use crate::store::{JournalEntry, Newcomer, Reader, Seen, Source, StoreError, Transaction, marks};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Why somebody is not created who could not be found again if the answer were lost.
const WITHOUT_EMAIL: &str = "without an email address the person could not be found again";

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
        let (policy, now) = (self.mapping().new, self.now());
        let read = |reader: &Reader<'_>| Ok((reader.newcomers()?, reader.meta(marks::SOMEBODY_UNLINKED)?));
        let (all, unlinked) = self.store.read(read).await?;
        let all = self.forget_unwanted(policy, all, now).await?;
        if policy.prospects == NewProspects::Ignore && policy.leads == NewLeads::Ignore {
            return Ok(());
        }
        let open = all.clone();
        let open = self.store.read(move |reader| who_is_new::open(reader, open, now)).await?;
        if open.is_empty() && unlinked.is_none() {
            return Ok(());
        }
        let held = self.store.read(not_unique::unlinked).await?;
        let read_at = self.salesforce.server_told();
        let leads = self.new_leads(&open).await?;
        let (people, gone) = self.people(leads, read_at, all).await?;
        let creates = policy.prospects == NewProspects::Create;
        let meetings = match policy.prospects {
            NewProspects::Ignore => Vec::new(),
            _ => people.values().map(Meeting::of).collect(),
        };
        self.store
            .write(move |tx| {
                for newcomer in gone {
                    // Unless they were seen once more meanwhile.
                    if tx.newcomer(&newcomer.id)?.as_ref() == Some(&newcomer) {
                        tx.remove_newcomer(&newcomer.id)?;
                    }
                }
                let mut still = BTreeSet::new();
                for meeting in &meetings {
                    still.extend(link_or_hold(tx, meeting, creates, now)?);
                }
                not_unique::end_all_but(tx, &held, &still, now)
            })
            .await?;
        // While an operator has writing stopped, nobody is made; they are not forgotten.
        if !self.is_paused().await? {
            self.create(&people, read_at, now).await?;
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

    /// Lists all prospects, and asks Salesforce who else has the addresses of those without a record. Returns the newcomers of
    /// the Engage side who are none any more as well: deleted, or linked by now.
    async fn people(
        &self,
        leads: Vec<SalesforceRecord>,
        read_at: Timestamp,
        all: Vec<Newcomer>,
    ) -> Result<(People, Vec<Newcomer>), Interrupted> {
        let mut people = People::new();
        let mut newcomers: BTreeMap<String, Newcomer> =
            all.into_iter().map(|newcomer| (newcomer.id.clone(), newcomer)).collect();
        for lead in leads {
            match lead.email.as_deref().map(same_spelling).filter(|email| !email.is_empty()) {
                Some(email) => people.entry(email).or_default().leads.push(lead),
                None => {
                    if let Some(newcomer) = newcomers.get(lead.id.as_str()) {
                        let newcomer = Newcomer { seen_as: settled(&lead, read_at), ..newcomer.clone() };
                        self.refuse(&newcomer, WITHOUT_EMAIL.to_owned()).await?;
                    }
                }
            }
        }
        newcomers.retain(|_, newcomer| newcomer.known_to == Side::Engage);
        let mut cursor: Option<String> = None;
        loop {
            let page = self.engage.list(cursor.as_deref()).await?;
            let ids: Vec<ProspectId> = page.prospects.iter().map(|prospect| prospect.id.clone()).collect();
            let linked = self.store.read(move |reader| {
                ids.iter().map(|id| Ok(reader.link(id)?.is_some())).collect::<Result<Vec<_>, StoreError>>()
            });
            for (prospect, known) in page.prospects.into_iter().zip(linked.await?) {
                if prospect.deleted {
                    continue;
                }
                let is_alone = !known && prospect.salesforce.is_none();
                let newcomer = if is_alone { newcomers.remove(prospect.id.as_str()) } else { None };
                let email = prospect.email.as_deref().map(same_spelling).unwrap_or_default();
                if email.is_empty() {
                    if let Some(newcomer) = newcomer.filter(|newcomer| may_be_refused(newcomer, self.now())) {
                        let newcomer = Newcomer { seen_as: Some(prospect.version), ..newcomer };
                        self.refuse(&newcomer, WITHOUT_EMAIL.to_owned()).await?;
                    }
                    continue;
                }
                let namesakes = people.entry(email).or_default();
                if is_alone {
                    namesakes.unlinked.insert(prospect.id.clone(), prospect);
                } else {
                    namesakes.linked.insert(prospect.id);
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
        Ok((people, newcomers.into_values().collect()))
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

/// Returns who is held.
fn link_or_hold(
    tx: &mut Transaction<'_>,
    namesakes: &Meeting,
    creates: bool,
    now: Timestamp,
) -> Result<Vec<ProspectId>, StoreError> {
    // Engage may have named a record for somebody since everybody was listed.
    let mut alone = Vec::new();
    for prospect in &namesakes.unlinked {
        if tx.link(prospect)?.is_none() {
            alone.push(prospect.clone());
        }
    }
    let prospects = || namesakes.unlinked.iter().chain(&namesakes.linked).map(ProspectId::to_string);
    let Some(record) = namesakes.records.first() else {
        // Nobody in Salesforce: nothing to link. Who would be created cannot be told apart from whoever shares the address.
        let ids: Vec<String> = prospects().collect();
        let mut held = Vec::new();
        for prospect in alone.into_iter().filter(|_| creates && ids.len() > 1) {
            if tx.newcomer(prospect.as_str())?.is_some() {
                hold(tx, &prospect, None, &ids, now)?;
                held.push(prospect);
            }
        }
        return Ok(held);
    };
    let taken: Vec<ProspectId> = tx.links_by_salesforce(record)?;
    let unique = mutant::is("email-is-a-key")
        || namesakes.records.len() == 1 && namesakes.unlinked.len() == 1 && namesakes.linked.is_empty();
    match alone.first() {
        Some(prospect) if unique && taken.is_empty() => {
            tx.remove_newcomer(prospect.as_str())?;
            tx.remove_newcomer(record.as_str())?;
            link(tx, prospect, *record, now)?;
            Ok(Vec::new())
        }
        _ => {
            let ids: Vec<String> = (namesakes.records.iter().map(SalesforceId::to_string))
                .chain(prospects())
                .chain(taken.iter().filter(|id| !namesakes.linked.contains(*id)).map(ProspectId::to_string))
                .collect();
            alone.iter().try_for_each(|prospect| hold(tx, prospect, Some(*record), &ids, now))?;
            Ok(alone)
        }
    }
}

fn link(
    tx: &mut Transaction<'_>,
    prospect: &ProspectId,
    record: SalesforceId,
    now: Timestamp,
) -> Result<(), StoreError> {
    end_hold(tx, prospect, now)?;
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
