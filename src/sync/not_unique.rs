//! Prospects without a record who are held because more than one record could be theirs. No link leads to them, so that
//! nothing makes them due: here is what ends such a hold.

use super::engine::Engine;
use super::intake::somebody_unlinked;
use super::record::{Note, NoteKind};
use crate::emit;
use crate::mapping::NewProspects;
use crate::model::{HoldReason, ProspectId, SalesforceId};
use crate::store::{Held, JournalEntry, Newcomer, Reader, StoreError, Transaction};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Rows that are read at once.
const PAGE: usize = 500;

impl Engine {
    /// With each comparison, whoever is held like this is searched for once more: a Lead that was corrected or merged
    /// tells nobody here.
    pub(super) async fn look_at_holds_anew(&self) -> Result<(), StoreError> {
        let held = self.store.read(unlinked).await?;
        if held.is_empty() {
            return Ok(());
        }
        let (ignored, now) = (self.mapping().new.prospects == NewProspects::Ignore, self.now());
        self.store
            .write(move |tx| match ignored {
                true => end_all_but(tx, &held, &BTreeSet::new(), now),
                false => somebody_unlinked(tx, now),
            })
            .await
    }
}

/// Who is held without a link. Most often nobody is, and then no row is read.
pub(super) fn unlinked(reader: &Reader<'_>) -> Result<Vec<Held>, StoreError> {
    let mut found = Vec::new();
    if !reader.held_by_kind()?.contains_key("not_unique") {
        return Ok(found);
    }
    let mut after = None;
    loop {
        let page = reader.held_after(after.as_ref(), PAGE)?;
        after = page.last().map(|held| held.prospect.clone());
        let ended = page.len() < PAGE;
        for held in page {
            if is_not_unique(&held) && reader.link(&held.prospect)?.is_none() {
                found.push(held);
            }
        }
        if ended {
            return Ok(found);
        }
    }
}

fn is_not_unique(held: &Held) -> bool {
    matches!(held.reason, HoldReason::NotUnique { .. })
}

/// These records are gone, or are not what they were: whoever is held because of one of them is searched for anew.
pub(super) fn look_at_those_beside(
    tx: &mut Transaction<'_>,
    gone: &BTreeSet<String>,
    now: Timestamp,
) -> Result<(), StoreError> {
    if gone.is_empty() {
        return Ok(());
    }
    let beside = |held: &Held| match &held.reason {
        HoldReason::NotUnique { ids } => ids.iter().any(|id| gone.contains(id)),
        _ => false,
    };
    match unlinked(tx)?.iter().any(beside) {
        true => somebody_unlinked(tx, now),
        false => Ok(()),
    }
}

/// Holds somebody without a link. Who would have been created waits for no plan any more.
pub(super) fn hold(
    tx: &mut Transaction<'_>,
    prospect: &ProspectId,
    record: Option<SalesforceId>,
    ids: &[String],
    now: Timestamp,
) -> Result<(), StoreError> {
    if let Some(newcomer) = tx.newcomer(prospect.as_str())?.filter(|newcomer| newcomer.waiting) {
        tx.put_newcomer(&Newcomer { waiting: false, ..newcomer })?;
    }
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

/// Ends the hold of somebody without a link, who is deleted, about to be linked, or shares the address with nobody now.
pub(super) fn end_hold(
    tx: &mut Transaction<'_>,
    prospect: &ProspectId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(held) = tx.held(prospect)?.filter(is_not_unique) else { return Ok(()) };
    tx.remove_held(prospect)?;
    let why = format!("it was held because {}", held.reason);
    let mut entry = JournalEntry::about(prospect.clone(), "resolved", why, now);
    entry.salesforce = held.salesforce;
    tx.append_journal(&entry)?;
    Note::new(NoteKind::Resolved, entry, None).log();
    Ok(())
}

/// Everybody was searched for: of those who were held, only these still are.
pub(super) fn end_all_but(
    tx: &mut Transaction<'_>,
    held: &[Held],
    still: &BTreeSet<ProspectId>,
    now: Timestamp,
) -> Result<(), StoreError> {
    for held in held.iter().filter(|held| !still.contains(&held.prospect)) {
        if tx.link(&held.prospect)?.is_none() {
            end_hold(tx, &held.prospect, now)?;
        }
    }
    Ok(())
}
