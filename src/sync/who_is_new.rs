//! Whom only one side knows, and who does not count among them any more.

use super::engine::{Engine, Interrupted};
use super::intake::{is_new_lead, somebody_unlinked};
use super::newcomers::NAMES;
use crate::connector::salesforce::Purpose;
use crate::mapping::{NewLeads, NewPolicy, NewProspects};
use crate::model::{FieldName, ProspectId, SalesforceId, SalesforceObject, SalesforceRecord, Side};
use crate::store::{Newcomer, Reader, StoreError, Transaction};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// How long a creation without an answer may still be under way. No call of ours lives nearly as long.
const UNDER_WAY: SignedDuration = SignedDuration::from_mins(2);

/// Whether a creation may still be under way.
fn is_under_way(newcomer: &Newcomer, now: Timestamp) -> bool {
    newcomer.begun.is_some_and(|begun| now.duration_since(begun) < UNDER_WAY)
}

/// Whether somebody could be found out to be nobody who can be created.
pub(super) fn may_be_refused(newcomer: &Newcomer, now: Timestamp) -> bool {
    newcomer.refused.is_none() && !is_under_way(newcomer, now)
}

/// Who has to be looked at now: not refused, not under way, and waiting neither for an operator nor for a hold to end.
pub(super) fn open(
    reader: &Reader<'_>,
    all: Vec<Newcomer>,
    now: Timestamp,
) -> Result<Vec<Newcomer>, StoreError> {
    let mut open = Vec::new();
    for newcomer in all {
        if may_be_refused(&newcomer, now) && !newcomer.waiting && !is_held(reader, &newcomer)? {
            open.push(newcomer);
        }
    }
    Ok(open)
}

/// Whether a newcomer of the Engage side is held, because somebody else has the email address.
pub(super) fn is_held(reader: &Reader<'_>, newcomer: &Newcomer) -> Result<bool, StoreError> {
    match newcomer.id.parse::<ProspectId>() {
        Ok(prospect) if newcomer.known_to == Side::Engage => Ok(reader.held(&prospect)?.is_some()),
        _ => Ok(false),
    }
}

/// Forgets a newcomer, if it is one: most people are not.
pub(super) fn forget_newcomer(tx: &mut Transaction<'_>, id: &str) -> Result<(), StoreError> {
    match tx.newcomer(id)? {
        Some(_) => tx.remove_newcomer(id),
        None => Ok(()),
    }
}

/// What a Lead is known as until it changes.
pub(super) fn lead_as(lead: &SalesforceRecord) -> u64 {
    lead.system_modstamp.as_second().unsigned_abs()
}

/// What a Lead is known as that was read after this time of Salesforce: nothing, while it may change once more in the same
/// second.
pub(super) fn settled(lead: &SalesforceRecord, read_at: Timestamp) -> Option<u64> {
    (read_at.as_second() > lead.system_modstamp.as_second()).then(|| lead_as(lead))
}

impl Engine {
    /// The Leads that only Salesforce knows, read for their email and names. Who is gone, or linked by now, is forgotten.
    pub(super) async fn new_leads(&self, open: &[Newcomer]) -> Result<Vec<SalesforceRecord>, Interrupted> {
        let leads: Vec<SalesforceId> = open
            .iter()
            .filter(|newcomer| newcomer.known_to == Side::Salesforce)
            .filter_map(|newcomer| newcomer.id.parse().ok())
            .collect();
        let leads = self.forget_linked(leads).await?;
        if leads.is_empty() {
            return Ok(Vec::new());
        }
        let mut names: Vec<FieldName> = self.fields_read(SalesforceObject::Lead);
        names.extend(NAMES.iter().map(|(_, name)| FieldName::from(*name)));
        names.sort_unstable();
        names.dedup();
        let mut read = self.salesforce.read(SalesforceObject::Lead, &leads, &names, Purpose::Read).await?;
        self.answered(Side::Salesforce);
        let mapping = self.mapping();
        read.retain(|record| is_new_lead(&mapping, record));
        let there: BTreeSet<SalesforceId> = read.iter().map(|record| record.id).collect();
        let gone: Vec<SalesforceId> = leads.into_iter().filter(|lead| !there.contains(lead)).collect();
        self.store
            .write(move |tx| gone.iter().try_for_each(|lead| tx.remove_newcomer(lead.as_str())))
            .await?;
        Ok(read)
    }

    /// Nobody is made any more where the mapping does not say so now. Returns the others.
    pub(super) async fn forget_unwanted(
        &self,
        policy: NewPolicy,
        all: Vec<Newcomer>,
        now: Timestamp,
    ) -> Result<Vec<Newcomer>, StoreError> {
        let (wanted, unwanted): (Vec<_>, Vec<_>) = all.into_iter().partition(|newcomer| {
            let is_wanted = match newcomer.known_to {
                Side::Engage => policy.prospects == NewProspects::Create,
                Side::Salesforce => policy.leads == NewLeads::Create,
            };
            is_wanted || is_under_way(newcomer, now)
        });
        if !unwanted.is_empty() {
            let forgotten = self.store.write(move |tx| {
                // Whose record may have been made is searched for once more, to be linked.
                if unwanted.iter().any(|newcomer| newcomer.begun.is_some()) {
                    somebody_unlinked(tx, now)?;
                }
                unwanted.iter().try_for_each(|newcomer| tx.remove_newcomer(&newcomer.id))
            });
            forgotten.await?;
        }
        Ok(wanted)
    }

    /// At the first listing Leads are seen before the prospects that name them.
    async fn forget_linked(&self, leads: Vec<SalesforceId>) -> Result<Vec<SalesforceId>, StoreError> {
        self.store
            .write(move |tx| {
                let mut alone = Vec::new();
                for lead in leads {
                    match tx.links_by_salesforce(&lead)?.is_empty() {
                        true => alone.push(lead),
                        false => tx.remove_newcomer(lead.as_str())?,
                    }
                }
                Ok(alone)
            })
            .await
    }
}
