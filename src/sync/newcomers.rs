//! Making people known to the other side, where the company's `[new]` says so.
//!
//! Nobody is created twice. That a record was asked for is durable before the call; if its answer is lost, nothing is asked
//! again until the other side has been searched for the email, and by then the record is found and linked.

use super::engine::{Engine, Interrupted};
use super::failed::impersonal;
use super::link_by_email::People;
use super::who_is_new::{open, settled};
use crate::connector::engage::NewProspect;
use crate::connector::{Effect, Retry};
use crate::emit;
use crate::mapping::{Context, Mapping, NewLeads, NewProspects};
use crate::model::{
    Detail, Details, FieldValue, Fields, Link, PersonStatus, Prospect, ProspectId, SalesforceId,
    SalesforceObject, SalesforceRecord, Side,
};
use crate::reconcile::{mass_creation, text_of};
use crate::store::{JournalEntry, Newcomer, Seen, Source, StoreError, marks};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Creations between two looks at what else is to be done.
const AT_ONCE: usize = 200;

/// The fields of a Lead that a prospect has too.
pub(super) const NAMES: [(Detail, &str); 5] = [
    (Detail::FirstName, "FirstName"),
    (Detail::LastName, "LastName"),
    (Detail::Company, "Company"),
    (Detail::Title, "Title"),
    (Detail::Email, "Email"),
];

/// Somebody who can be created, and as what.
enum Creation {
    Lead { prospect: ProspectId, fields: Fields },
    Prospect { lead: SalesforceId, new: NewProspect },
}

impl Creation {
    fn id(&self) -> &str {
        match self {
            Creation::Lead { prospect, .. } => prospect.as_str(),
            Creation::Prospect { lead, .. } => lead.as_str(),
        }
    }

    /// What is said of the person.
    fn texts(&self) -> Vec<&str> {
        match self {
            Creation::Lead { fields, .. } => fields.values().filter_map(FieldValue::as_text).collect(),
            Creation::Prospect { new, .. } => new.details.values().map(|value| &**value).collect(),
        }
    }
}

impl Engine {
    /// Creates whom nobody on the other side can be.
    pub(super) async fn create(
        &self,
        people: &People,
        read_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), Interrupted> {
        let mapping = self.mapping();
        // Some may be linked or held by now, and others held no more. Whose creation was under way when the search began still is.
        let open = self.store.read(move |reader| open(reader, reader.newcomers()?, now)).await?;
        let mut open: BTreeMap<String, Newcomer> =
            open.into_iter().map(|newcomer| (newcomer.id.clone(), newcomer)).collect();
        for namesakes in people.values() {
            let prospects = namesakes.unlinked.values();
            let prospects = prospects.map(|prospect| (prospect.id.as_str(), Some(prospect.version)));
            let leads = namesakes.leads.iter().map(|lead| (lead.id.as_str(), settled(lead, read_at)));
            for (id, seen_as) in prospects.chain(leads) {
                if let Some(newcomer) = open.get_mut(id) {
                    newcomer.seen_as = seen_as;
                }
            }
        }
        let mut creations = Vec::new();
        for namesakes in people.values() {
            let nobody = namesakes.records.is_empty() && namesakes.linked.is_empty();
            if mapping.new.prospects == NewProspects::Create && nobody && namesakes.unlinked.len() == 1 {
                for prospect in
                    namesakes.unlinked.values().filter(|prospect| open.contains_key(prospect.id.as_str()))
                {
                    match lead_of(&mapping, prospect) {
                        Ok(fields) => {
                            creations.push(Creation::Lead { prospect: prospect.id.clone(), fields })
                        }
                        Err(why) => self.refuse(&open[prospect.id.as_str()], why).await?,
                    }
                }
            }
            if mapping.new.leads != NewLeads::Create {
                continue;
            }
            for lead in namesakes.leads.iter().filter(|lead| open.contains_key(lead.id.as_str())) {
                let newcomer = &open[lead.id.as_str()];
                let others = namesakes.records.iter().any(|record| *record != lead.id);
                if !namesakes.linked.is_empty() || others || namesakes.leads.len() > 1 {
                    self.refuse(newcomer, "somebody else has this email address".to_owned()).await?;
                } else if namesakes.unlinked.is_empty() {
                    creations.push(Creation::Prospect { lead: lead.id, new: prospect_of(&mapping, lead) });
                } else if mapping.new.prospects == NewProspects::Ignore {
                    let why = "a prospect without a record has this email address, and [new] prospects = \"ignore\"";
                    self.refuse(newcomer, why.to_owned()).await?;
                } else {
                    // Were there one such prospect only, the two would be linked by now.
                    self.refuse(newcomer, "somebody else has this email address".to_owned()).await?;
                }
            }
        }
        let creations = self.allowed(creations, &open).await?;
        for some in creations.chunks(AT_ONCE) {
            self.begin(some, &open).await?;
            for (made, creation) in some.iter().enumerate() {
                if self.is_stopping() {
                    return Ok(());
                }
                if self.is_paused().await? {
                    for left in &some[made..] {
                        self.not_begun(&open[left.id()]).await?;
                    }
                    return Ok(());
                }
                self.create_one(creation, &open[creation.id()]).await?;
            }
        }
        Ok(())
    }

    /// Too many at once are asked about first, as too many changes are.
    async fn allowed(
        &self,
        creations: Vec<Creation>,
        open: &BTreeMap<String, Newcomer>,
    ) -> Result<Vec<Creation>, Interrupted> {
        let linked = self.store.read(|reader| reader.link_count()).await?;
        let (mut free, asking): (Vec<_>, Vec<_>) =
            creations.into_iter().partition(|creation| open[creation.id()].approved);
        let Some(waiting) = mass_creation(asking.len(), linked, &self.mapping().limits) else {
            free.extend(asking);
            return Ok(free);
        };
        let why = waiting.to_string();
        let told = self.store.read(|reader| reader.meta(marks::PLAN_WAITS)).await?;
        if told.as_ref() != Some(&why) {
            emit!(PLAN_WAITS, planned = asking.len(), "{waiting}");
        }
        let waits: Vec<Newcomer> =
            asking.iter().map(|creation| Newcomer { waiting: true, ..open[creation.id()].clone() }).collect();
        self.store
            .write(move |tx| {
                waits.iter().try_for_each(|newcomer| tx.put_newcomer(newcomer))?;
                tx.set_meta(marks::PLAN_WAITS, &why)
            })
            .await?;
        Ok(free)
    }

    /// That these are asked for is durable before the first of them is.
    async fn begin(&self, some: &[Creation], open: &BTreeMap<String, Newcomer>) -> Result<(), StoreError> {
        let now = self.now();
        let begun: Vec<Newcomer> = some
            .iter()
            .map(|creation| Newcomer { begun: Some(now), waiting: false, ..open[creation.id()].clone() })
            .collect();
        self.store.write(move |tx| begun.iter().try_for_each(|newcomer| tx.put_newcomer(newcomer))).await
    }

    async fn create_one(&self, creation: &Creation, newcomer: &Newcomer) -> Result<(), Interrupted> {
        let created = match creation {
            Creation::Lead { prospect, fields } => {
                let created = self.salesforce.create(SalesforceObject::Lead, fields).await;
                created.map(|lead| (prospect.clone(), lead, None))
            }
            Creation::Prospect { lead, new } => {
                let created = self.engage.create(new).await;
                created.map(|prospect| (prospect.id, *lead, Some(*lead)))
            }
        };
        match created {
            Ok((prospect, salesforce, named_by_engage)) => {
                self.answered(newcomer.known_to.other());
                self.welcome(newcomer, prospect, salesforce, named_by_engage).await?;
                Ok(())
            }
            // It may be there: the next search for the email tells.
            Err(error) if error.effect == Effect::Unknown => Err(error.into()),
            Err(error) if error.retry == Retry::Park => {
                let error = impersonal(&error, creation.texts().into_iter());
                self.refuse(newcomer, format!("{}: {}", error.code, error.message)).await?;
                Ok(())
            }
            Err(error) => {
                self.not_begun(newcomer).await?;
                Err(error.into())
            }
        }
    }

    /// Both sides know this person now.
    async fn welcome(
        &self,
        newcomer: &Newcomer,
        prospect: ProspectId,
        salesforce: SalesforceId,
        named_by_engage: Option<SalesforceId>,
    ) -> Result<(), StoreError> {
        let (now, id, side) = (self.now(), newcomer.id.clone(), newcomer.known_to.other());
        let link = Link { named_by_engage, ..Link::new(prospect.clone(), salesforce) };
        let change = self
            .store
            .write(move |tx| {
                tx.remove_newcomer(&id)?;
                tx.put_link(&link)?;
                let seen =
                    Seen { side: Some(side), source: Source::Lockstep, at: now, value: None, by: None };
                let change = tx.mark_due(&link.prospect, seen.clone())?.change;
                let why = format!("nobody in {side} had this email address");
                let mut entry = JournalEntry::about(link.prospect.clone(), "created", why, now);
                (entry.change, entry.salesforce, entry.seen) = (Some(change), Some(salesforce), vec![seen]);
                entry.side = Some(side);
                tx.append_journal(&entry)?;
                Ok(change)
            })
            .await?;
        emit!(PERSON_CREATED, change = %change, prospect = prospect.as_str(), record = salesforce.as_str(),
            side = side.as_str(), "created in {side}: nobody there had this email address");
        Ok(())
    }

    /// Nothing was sent after all.
    async fn not_begun(&self, newcomer: &Newcomer) -> Result<(), StoreError> {
        let again = Newcomer { begun: None, waiting: false, ..newcomer.clone() };
        self.store.write(move |tx| tx.put_newcomer(&again)).await
    }

    /// Somebody who cannot be created, until they change.
    pub(super) async fn refuse(&self, newcomer: &Newcomer, why: String) -> Result<(), StoreError> {
        let side = newcomer.known_to.other();
        let (record, prospect) = match newcomer.known_to {
            Side::Salesforce => (newcomer.id.as_str(), ""),
            Side::Engage => ("", newcomer.id.as_str()),
        };
        emit!(
            PERSON_NOT_CREATED,
            record,
            prospect,
            side = side.as_str(),
            reason = why,
            "cannot be created in {side}: {why}"
        );
        let refused = Newcomer { refused: Some(why), begun: None, waiting: false, ..newcomer.clone() };
        self.store.write(move |tx| tx.put_newcomer(&refused)).await
    }
}

/// The Lead that a prospect becomes. `Err` says what is missing.
fn lead_of(mapping: &Mapping, prospect: &Prospect) -> Result<Fields, String> {
    let object = SalesforceObject::Lead;
    let Some(columns) = mapping.object(object) else { return Err("Leads are not in sync".to_owned()) };
    let mut fields = Fields::new();
    for (detail, name) in NAMES {
        match prospect.details.get(&detail) {
            Some(value) => _ = fields.insert(name.into(), FieldValue::Text(value.clone())),
            None if matches!(detail, Detail::LastName | Detail::Company) => {
                return Err(format!("a Lead needs a {name}, and the prospect has no {detail}"));
            }
            None => {}
        }
    }
    for field in mapping.fields.iter().filter(|field| field.way.to_salesforce()) {
        let value = prospect.details.get(&field.engage).and_then(|value| field.to_salesforce(value));
        if let (Some(name), Some(value)) = (field.name(object), value.filter(|value| !value.is_empty())) {
            fields.insert(name.clone(), FieldValue::text(&value));
        }
    }
    // A new Lead outside the scope would be lost from sight; a conversion is nothing that can be set.
    let scope = columns.scope.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("IsConverted"));
    fields.extend(scope.map(|(name, value)| (name.clone(), value.clone())));
    let relation = mapping.relation(object, &Context { fields: Some(&columns.scope), sequences: &[] });
    let status = match prospect.status.is_opted_out() {
        true => Some(mapping.opt_out_target(object)),
        false => relation.outbound(&prospect.status).map(|(_, fields)| fields.clone()),
    };
    fields.extend(status.unwrap_or_default());
    Ok(fields)
}

/// The prospect that a Lead becomes.
fn prospect_of(mapping: &Mapping, lead: &SalesforceRecord) -> NewProspect {
    let object = SalesforceObject::Lead;
    let mut details = Details::new();
    for (detail, name) in NAMES {
        let value = text_of(lead, name);
        if !value.is_empty() {
            details.insert(detail, value.into());
        }
    }
    for field in mapping.fields.iter().filter(|field| field.way.to_engage()) {
        let value = field.name(object).and_then(|name| field.to_engage(&text_of(lead, name)));
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            details.insert(field.engage, value.into());
        }
    }
    let relation = mapping.relation(object, &Context { fields: Some(&lead.fields), sequences: &[] });
    let status = match mapping.is_opted_out(object, &lead.fields) {
        true => Some(PersonStatus::new("opted_out")),
        false => relation.inbound(&lead.fields).map(|row| row.person.clone()),
    };
    NewProspect { details, status, salesforce: lead.id }
}
