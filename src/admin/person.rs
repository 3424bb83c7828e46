//! Finds a person by whatever id an operator has at hand.

use super::operations::Refusal;
use super::views::{Conflict, Explanation, ParkedRecord};
use crate::model::{ProspectId, SalesforceId};
use crate::store::{Reader, StoreError};
use std::collections::BTreeSet;

/// How much of one person's journal is looked at.
const JOURNAL_SHOWN: usize = 1_000;

/// An id as an operator writes it: of a record, a prospect or a conflict.
pub struct Wanted {
    text: String,
    salesforce: Option<SalesforceId>,
    prospect: Option<ProspectId>,
}

impl Wanted {
    /// # Errors
    /// It is no id at all, or an email address, which the store does not keep.
    pub fn parse(text: &str) -> Result<Wanted, Refusal> {
        let text = text.trim();
        if text.contains('@') {
            return Err(Refusal::unavailable(
                "no email address is kept in the store: use the Salesforce id or the prospect's id",
            ));
        }
        let wanted =
            Wanted { text: text.to_owned(), salesforce: text.parse().ok(), prospect: text.parse().ok() };
        if wanted.prospect.is_none() {
            return Err(Refusal::invalid(
                "this is no id: give a Salesforce id, a prospect's id or a conflict's id",
            ));
        }
        Ok(wanted)
    }

    /// Everybody this id stands for, or stood for.
    pub fn find(&self, reader: &Reader<'_>) -> Result<BTreeSet<ProspectId>, StoreError> {
        let mut people = BTreeSet::new();
        if let Some(id) = &self.salesforce {
            people.extend(reader.links_by_salesforce(id)?);
            if people.is_empty() {
                people.extend(
                    reader.journal_of_salesforce(id, JOURNAL_SHOWN)?.into_iter().map(|entry| entry.prospect),
                );
            }
        }
        people.extend(reader.held_by_id(&self.text)?.map(|held| held.prospect));
        if let Some(prospect) = &self.prospect
            && is_known(reader, prospect)?
        {
            people.insert(prospect.clone());
        }
        Ok(people)
    }
}

fn is_known(reader: &Reader<'_>, prospect: &ProspectId) -> Result<bool, StoreError> {
    Ok(reader.link(prospect)?.is_some()
        || reader.held(prospect)?.is_some()
        || reader.due(prospect)?.is_some()
        || !reader.journal_of(prospect, 1)?.is_empty())
}

/// All the store knows of one person.
pub fn explanation(reader: &Reader<'_>, prospect: &ProspectId) -> Result<Explanation, StoreError> {
    let link = reader.link(prospect)?;
    let held = reader.held(prospect)?;
    let journal = reader.journal_of(prospect, JOURNAL_SHOWN)?;
    let record = link.as_ref().map(|link| link.salesforce);
    let record = record.or_else(|| journal.iter().rev().find_map(|entry| entry.salesforce));
    Ok(Explanation {
        prospect: prospect.to_string(),
        record: record.map(|id| id.to_string()),
        due: reader.due(prospect)?,
        held: held.as_ref().map(Conflict::from),
        parked: reader.parked(prospect)?.as_ref().map(ParkedRecord::from),
        link,
        journal,
    })
}
