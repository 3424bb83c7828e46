//! Taking in change events: due marks and the replay id in one transaction, as any other intake.
//!
//! An event that tells all there is to know of its record counts as a read, and costs no call; any other is a hint.
//! Our own writes come back as events too. They are known by origin and by value, since a Flow may have altered what we
//! wrote inside our own transaction.

use super::engine::{Engine, lock};
use super::intake::{is_new_lead, known, note_newcomer, remember};
use super::live::Live;
use super::observe::{self, Observed, Pending};
use super::parting::link_again;
use super::who_is_new::lead_as;
use crate::connector::salesforce::{Batch, ChangeEvent, Topic, What, Whom};
use crate::emit;
use crate::mapping::Mapping;
use crate::model::{FieldName, FieldValue, Link, SalesforceId, SalesforceRecord, SetAt, Side, Target};
use crate::store::{Seen, Source, StoreError, Transaction, marks};
use jiff::Timestamp;

/// Where in the stream of a topic everything is taken in.
pub(super) fn events_cursor(topic: &Topic) -> String {
    format!("salesforce.events:{}", topic.name)
}

impl Engine {
    /// Takes in events that came together. When this returns well, they are durable.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) async fn take_in_events(&self, topic: &Topic, batch: Batch) -> Result<(), StoreError> {
        let (mapping, now) = (self.mapping(), self.now());
        let (cursor, replay) = (events_cursor(topic), batch.replay.to_text());
        let events = batch.events;
        let said_too_little = events.iter().any(|event| event.whom == Whom::Unknown);
        let live = self.live.clone();
        let due = self
            .store
            .write(move |tx| {
                // What a due mark stands for must be told before it is committed: whoever sees the mark then finds a
                // record that is at least as new, or none, and reads it.
                let mut live = lock(&live);
                let mut taking = Taking { mapping: &mapping, now, live: &mut live, due: 0 };
                for event in &events {
                    taking.take_in(tx, event)?;
                }
                tx.set_cursor(&cursor, &replay)?;
                Ok(taking.due)
            })
            .await?;
        if said_too_little {
            emit!(
                EVENTS_INCOMPLETE,
                side = Side::Salesforce.as_str(),
                "an event does not say what changed; a poll finds out"
            );
            self.ask_for_poll();
        }
        if due > 0 {
            self.wake.notify_one();
        }
        Ok(())
    }
}

struct Taking<'a> {
    mapping: &'a Mapping,
    now: Timestamp,
    live: &'a mut Live,
    due: usize,
}

impl Taking<'_> {
    fn take_in(&mut self, tx: &mut Transaction<'_>, event: &ChangeEvent) -> Result<(), StoreError> {
        if self.mapping.object(event.object).is_none() {
            return Ok(());
        }
        match &event.whom {
            Whom::Records(ids) => ids.iter().try_for_each(|id| self.take_in_record(tx, event, *id)),
            // A field of every record was converted: comparing everything is what a sweep does.
            Whom::All => marks::ask_for_sweep(tx),
            // A poll finds out.
            Whom::Unknown => Ok(()),
        }
    }

    fn take_in_record(
        &mut self,
        tx: &mut Transaction<'_>,
        event: &ChangeEvent,
        id: SalesforceId,
    ) -> Result<(), StoreError> {
        let read = self.mapping.fields_read(id.object());
        let concerns_us = event.what != What::Updated
            || read.iter().any(|field| event.mentions(field))
            || event.mentions("IsConverted");
        if !concerns_us {
            return Ok(());
        }
        let prospects = tx.links_by_salesforce(&id)?;
        if prospects.is_empty() {
            let formers = tx.formers_by_salesforce(&id)?;
            if !formers.is_empty() {
                // A deleted record changes no more before it is back.
                if event.what != What::Deleted {
                    self.due += usize::from(link_again(tx, id, &formers, &self.seen(event))?);
                }
                return Ok(());
            }
            return self.newcomer(tx, event, id, &read);
        }
        let mut links = Vec::with_capacity(prospects.len());
        for prospect in &prospects {
            links.extend(known(tx, prospect)?);
        }
        let told = self.live.record(id).map(|(record, _)| record.clone());
        let was_told = told.is_some();
        let base = match told {
            Some(record) => Some(record),
            None => quiet_base(tx, &links, id, event)?,
        };
        let status = self.mapping.object(id.object()).map(|columns| &columns.status);
        let record =
            told_by(event, base, id, &read, status).filter(|_| self.live.is_news(id, event.committed_at));
        let mut matters = false;
        for (link, pending) in &links {
            if is_echo(tx, event, link, &read)? {
                continue;
            }
            let observed = match &record {
                Some(record) => {
                    observe::salesforce(self.mapping, Some((link, *pending)), record, Source::Event, self.now)
                }
                None if says_nothing_new(event, link, &read) && !pending.any() => Observed::Nothing,
                None => self.hint(event, link),
            };
            matters |= remember(tx, observed)?;
            if event.what == What::Updated && status.is_some_and(|status| event.mentions(status)) {
                tx.note_status_set(&link.prospect, event.committed_at)?;
            }
        }
        self.due += usize::from(matters);
        if matters || was_told {
            self.live.tell(id, record, event.committed_at);
        }
        Ok(())
    }

    fn hint(&self, event: &ChangeEvent, link: &Link) -> Observed {
        Observed::Due { prospect: link.prospect.clone(), seen: self.seen(event) }
    }

    fn seen(&self, event: &ChangeEvent) -> Seen {
        let by = event.user.clone();
        Seen { side: Some(Side::Salesforce), source: Source::Event, at: self.now, value: None, by }
    }

    /// A Lead that nobody here knows. A new one is told whole.
    fn newcomer(
        &mut self,
        tx: &mut Transaction<'_>,
        event: &ChangeEvent,
        id: SalesforceId,
        read: &[FieldName],
    ) -> Result<(), StoreError> {
        if event.what != What::Created {
            return Ok(());
        }
        let Some(record) = told_by(event, None, id, read, None) else { return Ok(()) };
        if is_new_lead(self.mapping, &record) {
            note_newcomer(tx, id.as_str(), Side::Salesforce, lead_as(&record), self.now)?;
            self.due += 1;
        }
        Ok(())
    }
}

/// A record of which nothing is on its way holds what the baseline holds.
fn quiet_base(
    tx: &mut Transaction<'_>,
    links: &[(Link, Pending)],
    id: SalesforceId,
    event: &ChangeEvent,
) -> Result<Option<SalesforceRecord>, StoreError> {
    for (link, pending) in links {
        if pending.any() || link.out_of_scope || link.baseline.is_none() || tx.due(&link.prospect)?.is_some()
        {
            return Ok(None);
        }
    }
    let baseline = links.first().and_then(|(link, _)| link.baseline.as_ref());
    Ok(baseline.map(|baseline| SalesforceRecord { fields: baseline.salesforce.clone(), ..blank(id, event) }))
}

/// A record of which only this event is known.
fn blank(id: SalesforceId, event: &ChangeEvent) -> SalesforceRecord {
    SalesforceRecord {
        id,
        fields: Default::default(),
        is_converted: false,
        converted_contact: None,
        is_deleted: false,
        master_record: None,
        email: None,
        last_modified: event.committed_at,
        last_modified_by: None,
        system_modstamp: event.committed_at,
        status_set_at: SetAt::NotAfter(event.committed_at),
    }
}

/// The record as it is by this event, if the event and what was known before it tell all that is read of a record.
fn told_by(
    event: &ChangeEvent,
    base: Option<SalesforceRecord>,
    id: SalesforceId,
    read: &[FieldName],
    status: Option<&FieldName>,
) -> Option<SalesforceRecord> {
    let mut record = match (event.what, base) {
        (What::Created, _) => blank(id, event),
        // A conversion names a Contact that has to be read anyway.
        (What::Updated, Some(base)) if !event.mentions("IsConverted") => base,
        _ => return None,
    };
    for field in read {
        // What we link is neither converted nor deleted, until an event says so.
        if ["IsConverted", "IsDeleted"].iter().any(|name| field.eq_ignore_ascii_case(name)) {
            record.fields.insert(field.clone(), FieldValue::Bool(false));
            continue;
        }
        if !event.covers(field) {
            return None;
        }
        if event.mentions(field) {
            record.fields.insert(field.clone(), event.value(field)?);
        } else if !record.fields.contains_key(field) {
            return None;
        }
    }
    (record.last_modified, record.system_modstamp) = (event.committed_at, event.committed_at);
    record.last_modified_by = event.user.clone();
    if status.is_some_and(|status| event.mentions(status)) {
        record.status_set_at = SetAt::At(event.committed_at);
    }
    Some(record)
}

/// Whether this is our own write coming back before it is recorded, with the values that we wrote.
fn is_echo(
    tx: &mut Transaction<'_>,
    event: &ChangeEvent,
    link: &Link,
    read: &[FieldName],
) -> Result<bool, StoreError> {
    if !event.is_ours || event.what != What::Updated || event.mentions("IsConverted") {
        return Ok(false);
    }
    let Some(intent) = tx.intent(&link.prospect)? else { return Ok(false) };
    let Target::Salesforce { fields } = &intent.step.target else { return Ok(false) };
    Ok(read
        .iter()
        .filter(|field| event.mentions(field))
        .all(|field| fields.get(field).is_some_and(|written| event.value(field).as_ref() == Some(written))))
}

/// Whether all that the event says is what was last agreed on: our own write, after it was recorded, or a change that a
/// poll had brought before.
fn says_nothing_new(event: &ChangeEvent, link: &Link, read: &[FieldName]) -> bool {
    let Some(baseline) = &link.baseline else { return false };
    event.what == What::Updated
        && !event.mentions("IsConverted")
        && read.iter().filter(|field| event.mentions(field)).all(|field| {
            baseline.salesforce.get(field).is_some_and(|held| event.value(field).as_ref() == Some(held))
        })
}
