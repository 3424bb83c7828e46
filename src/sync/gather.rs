//! Looking: the present state of both sides of what is due, read in bulk.

use super::engine::{Engine, Interrupted, lock};
use super::intake::Fresh;
use super::own_write::Fate;
use crate::connector::CallError;
use crate::connector::salesforce::Purpose;
use crate::model::{
    Link, PersonStatus, Prospect, ProspectId, SalesforceId, SalesforceObject, SalesforceRecord, SetAt, Side,
};
use crate::mutant;
use crate::store::{Due, Held, Intent, OwnPauses, Parked, Reader, Source, StoreError};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// How many links are gathered at a time: what one Salesforce read of an object can carry.
pub(super) const CHUNK: usize = 2_000;

/// One due link with everything known about it.
#[derive(Debug, Clone)]
pub(super) struct Work {
    pub(super) due: Due,
    pub(super) link: Link,
    pub(super) held: Option<Held>,
    pub(super) parked: Option<Parked>,
    pub(super) intent: Option<Intent>,
    /// What became of that write, once both sides were looked at.
    pub(super) fate: Fate,
    pub(super) pauses: OwnPauses,
    /// The link came from a copy of the store, and the two were not looked at together since.
    pub(super) restored: bool,
    /// Other prospects that are linked to the same Salesforce record.
    pub(super) others: Vec<String>,
    /// The sequences the person is in, by name, where a row's condition asks for them.
    pub(super) sequences: Vec<Arc<str>>,
    pub(super) record: Option<SalesforceRecord>,
    pub(super) prospect: Option<Prospect>,
}

/// What the last webhook of a due link says.
fn said_by_webhook(due: &Due) -> Option<&str> {
    let mut seen = due.seen.iter().rev();
    seen.find(|seen| seen.source == Source::Webhook).and_then(|seen| seen.value.as_deref())
}

/// Both sides, as read at one time.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) salesforce: HashMap<SalesforceId, SalesforceRecord>,
    pub(super) engage: HashMap<ProspectId, Prospect>,
}

/// The calls to Salesforce that looking at so many links takes at most: one for each [`CHUNK`] of Leads, and of Contacts.
pub fn calls_to_look(links: u64) -> u64 {
    if links < 2 { links } else { links.div_ceil(CHUNK as u64) + 1 }
}

impl Engine {
    /// The next due links, both their sides read. `skip` are those that this cycle has decided already.
    /// What came with a poll a moment ago is not read again.
    pub(super) async fn gather(
        &self,
        fresh: &mut Fresh,
        skip: &BTreeSet<ProspectId>,
    ) -> Result<Vec<Work>, Interrupted> {
        let (mut skip, until) = (skip.clone(), self.now());
        let is_short = self.salesforce.budget().is_short();
        loop {
            let but = skip.clone();
            let limit = self.looked_at_once();
            let due = self.store.read(move |reader| reader.due_ready_except(until, limit, &but)).await?;
            let mut works = self.known(due).await?;
            if is_short && !works.is_empty() {
                // What is left of the day's calls is kept for others; opt-outs go through all the same.
                skip.extend(works.iter().map(|work| work.link.prospect.clone()));
                works.retain(|work| self.may_be_opt_out(work, fresh));
                if works.is_empty() {
                    continue;
                }
            }
            let purpose = if is_short { Purpose::OptOut } else { Purpose::Read };
            self.look(&mut works, fresh, purpose).await?;
            let looked_at = works.len();
            let mut works = self.without_named_anew(works).await?;
            if works.is_empty() && looked_at > 0 {
                continue;
            }
            self.hear_last_words(&mut works, purpose).await?;
            return Ok(works);
        }
    }

    /// Whether a due link may stand for an opt-out that is to be carried over, by all that is known without a call.
    fn may_be_opt_out(&self, work: &Work, fresh: &Fresh) -> bool {
        let id = work.link.salesforce;
        let record = fresh.salesforce.get(&id).cloned();
        let record = record.or_else(|| lock(&self.live).record(id).map(|(record, _)| record.clone()));
        if let Some(record) = record
            && self.mapping().is_opted_out(id.object(), &record.fields)
        {
            return true;
        }
        let opted_out = |value: &str| PersonStatus::new(value).is_opted_out();
        work.intent.is_some()
            || !work.link.left.is_empty()
            || work.link.latch.as_ref().is_some_and(|latch| latch.seen.salesforce != latch.seen.engage)
            || work.due.seen.iter().any(|seen| match (&seen.value, seen.side) {
                (Some(value), Some(Side::Engage)) => opted_out(value),
                // Only a read can tell.
                (None, Some(_)) => true,
                _ => false,
            })
    }

    /// Reads both sides of each, but for what came with a poll a moment ago.
    pub(super) async fn look(
        &self,
        works: &mut [Work],
        fresh: &mut Fresh,
        purpose: Purpose,
    ) -> Result<(), Interrupted> {
        let (mut records, mut prospects) = (Vec::new(), Vec::new());
        for work in works.iter() {
            let id = work.link.salesforce;
            if let Some((record, number)) = lock(&self.live).record(id) {
                fresh.told.insert(id, number);
                fresh.salesforce.insert(id, record.clone());
            } else if lock(&self.live).is_open(id.object()) || !fresh.salesforce.contains_key(&id) {
                // A page of a poll may be older than an event that came after it and told nothing.
                fresh.salesforce.remove(&id);
                records.push(id);
            }
            if !fresh.engage.contains_key(&work.link.prospect) {
                prospects.push(work.link.prospect.clone());
            }
        }
        for record in self.spooled_records(works).await {
            if fresh.salesforce.contains_key(&record.id) {
                continue;
            }
            records.retain(|id| *id != record.id);
            fresh.salesforce.insert(record.id, record);
        }
        let mut read = self.read_both(&records, &prospects, purpose).await?;
        // A record may be linked twice: it is taken out only once all of its links have had it.
        for work in works.iter_mut() {
            let id = work.link.salesforce;
            work.record = fresh.salesforce.get(&id).or_else(|| read.salesforce.get(&id)).cloned();
            // An event said when the status was set, and no other change of the record has come since.
            if let (Some(record), Some(at)) = (&mut work.record, work.due.status_set)
                && matches!(record.status_set_at, SetAt::NotAfter(bound) if bound.as_second() == at.as_second())
            {
                record.status_set_at = SetAt::At(at);
            }
            let id = &work.link.prospect;
            work.prospect = fresh.engage.remove(id).or_else(|| read.engage.remove(id));
            if let (Some(prospect), Some(said)) = (&mut work.prospect, said_by_webhook(&work.due))
                && mutant::is("webhook-is-truth")
            {
                prospect.status = PersonStatus::new(said);
            }
        }
        for work in works.iter() {
            fresh.salesforce.remove(&work.link.salesforce);
        }
        Ok(self.look_at_sequences(works).await?)
    }

    /// Reads in which sequences people are, where a row's condition asks for it. One that ended counts too: what we do
    /// to sequences must not change which rows hold.
    async fn look_at_sequences(&self, works: &mut [Work]) -> Result<(), CallError> {
        if works.is_empty() || !self.mapping().asks_for_sequences() {
            return Ok(());
        }
        let people: Vec<ProspectId> = works.iter().map(|work| work.link.prospect.clone()).collect();
        let (known, enrollments) =
            tokio::try_join!(self.engage.sequences(), self.engage.enrollments(&people))?;
        let names: HashMap<String, Arc<str>> =
            known.into_iter().map(|sequence| (sequence.id, sequence.name.into())).collect();
        let mut of: HashMap<ProspectId, Vec<Arc<str>>> = HashMap::new();
        for enrollment in enrollments {
            if let Some(name) = names.get(&enrollment.sequence) {
                of.entry(enrollment.prospect).or_default().push(name.clone());
            }
        }
        for work in works {
            work.sequences = of.remove(&work.link.prospect).unwrap_or_default();
        }
        Ok(())
    }

    /// What the store knows about due links. A due mark without a link is of no use any more and is cleared.
    async fn known(&self, due: Vec<Due>) -> Result<Vec<Work>, Interrupted> {
        let (works, orphans) = self
            .store
            .read(move |reader| {
                let (mut works, mut orphans) = (Vec::with_capacity(due.len()), Vec::new());
                for due in due {
                    match reader.link(&due.prospect)? {
                        Some(link) => works.push(work(reader, due, link)?),
                        None => orphans.push(due),
                    }
                }
                Ok((works, orphans))
            })
            .await?;
        if !orphans.is_empty() {
            self.store
                .write(move |tx| {
                    for due in &orphans {
                        tx.clear_due(&due.prospect, due.generation)?;
                    }
                    Ok(())
                })
                .await?;
        }
        Ok(works)
    }

    /// Reads Leads, Contacts and prospects side by side. A record that is not in the answer is missing, which
    /// means neither deleted nor changed.
    pub(super) async fn read_both(
        &self,
        records: &[SalesforceId],
        prospects: &[ProspectId],
        purpose: Purpose,
    ) -> Result<Read, CallError> {
        let salesforce = async {
            let mut found = HashMap::with_capacity(records.len());
            for object in SalesforceObject::BOTH {
                let mut ids: Vec<SalesforceId> =
                    records.iter().copied().filter(|id| id.object() == object).collect();
                ids.sort_unstable();
                ids.dedup();
                if ids.is_empty() {
                    continue;
                }
                // What was read may be as old as the question.
                let asked_at = self.salesforce.server_now();
                let read = match self.salesforce.read(object, &ids, &self.fields_read(object), purpose).await
                {
                    Ok(read) => read,
                    Err(error) => return Err(self.explained(error).await),
                };
                lock(&self.live).read(ids, asked_at, self.salesforce.server_now());
                self.answered(Side::Salesforce);
                found.extend(read.into_iter().map(|record| (record.id, record)));
            }
            Ok::<_, CallError>(found)
        };
        let engage = async {
            if prospects.is_empty() {
                return Ok(HashMap::new());
            }
            let read = self.engage.read(prospects).await?;
            self.answered(Side::Engage);
            Ok(read.into_iter().map(|prospect| (prospect.id.clone(), prospect)).collect())
        };
        let (salesforce, engage) = tokio::try_join!(salesforce, engage)?;
        Ok(Read { salesforce, engage })
    }
}

/// A due link with what the store knows about it, not looked at yet.
pub(super) fn work(reader: &Reader<'_>, due: Due, link: Link) -> Result<Work, StoreError> {
    Ok(Work {
        others: others(reader, &link)?,
        sequences: Vec::new(),
        held: reader.held(&due.prospect)?,
        parked: reader.parked(&due.prospect)?,
        intent: reader.intent(&due.prospect)?,
        fate: Fate::default(),
        pauses: reader.own_pauses(&due.prospect)?,
        restored: reader.restored(&due.prospect)?.is_some(),
        record: None,
        prospect: None,
        due,
        link,
    })
}

/// The other prospects that are linked to the same record.
pub(super) fn others(reader: &Reader<'_>, link: &Link) -> Result<Vec<String>, StoreError> {
    let others = reader.links_by_salesforce(&link.salesforce)?.into_iter();
    Ok(others.filter(|prospect| *prospect != link.prospect).map(|prospect| prospect.to_string()).collect())
}
