//! What an operator decides, as it is kept: each in one transaction, with the journal.

use super::views::{Conflict, Resolve};
use crate::model::{HoldReason, ProspectId};
use crate::store::{JournalEntry, Resolution, Seen, Source, StoreError, Transaction};
use jiff::Timestamp;

/// Keeps an operator's decision, in the journal too, and has the link looked at. A conflict over which records are
/// one person is given back as it is.
pub fn decide(
    transaction: &mut Transaction<'_>,
    prospect: &ProspectId,
    resolve: &Resolve,
    now: Timestamp,
) -> Result<Option<Conflict>, StoreError> {
    let Some(mut held) = transaction.held(prospect)? else { return Ok(None) };
    if !matches!(held.reason, HoldReason::NotUnique { .. }) {
        held.resolution = Some(Resolution { take: resolve.take, by: resolve.by.clone() });
        transaction.put_held(&held)?;
        let due = transaction.mark_due(prospect, seen(Source::Operator, now, Some(&resolve.by)))?;
        let reason = format!("decided: {} is taken ({})", resolve.take, held.reason);
        let entry = JournalEntry {
            change: Some(due.change),
            salesforce: held.salesforce,
            by: Some(resolve.by.clone()),
            ..entry(prospect, "resolved", reason, now)
        };
        transaction.append_journal(&entry)?;
    }
    Ok(Some(Conflict::from(&held)))
}

/// Takes a refused write off the list and has the link looked at again.
pub fn retry(
    transaction: &mut Transaction<'_>,
    prospect: &ProspectId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let parked = transaction.remove_parked(prospect)?;
    if parked.is_some() {
        transaction.mark_due(prospect, seen(Source::Operator, now, None))?;
    }
    Ok(parked.is_some())
}

/// Forgets a refused write. What both sides held then, of further fields if it was a write of those, becomes what they last
/// agreed on, so that the difference is left alone until either side changes. An opt-out is not forgotten: its latch is not
/// touched.
pub fn forget(
    transaction: &mut Transaction<'_>,
    prospect: &ProspectId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Some(parked) = transaction.remove_parked(prospect)? else { return Ok(false) };
    if let Some(mut link) = transaction.link(prospect)? {
        match parked.details.is_empty() {
            true => link.agree_on(parked.seen),
            false => link.details.extend(parked.details),
        }
        transaction.put_link(&link)?;
    }
    let reason = format!("an operator gave up the write that {} refused with {}", parked.side, parked.code);
    let entry = JournalEntry {
        salesforce: Some(parked.salesforce),
        side: Some(parked.side),
        ..entry(prospect, "dropped", reason, now)
    };
    transaction.append_journal(&entry)?;
    Ok(true)
}

fn entry(prospect: &ProspectId, what: &str, reason: String, at: Timestamp) -> JournalEntry {
    JournalEntry {
        at,
        change: None,
        prospect: prospect.clone(),
        salesforce: None,
        what: what.to_owned(),
        seen: vec![],
        rule: None,
        reason,
        side: None,
        from: None,
        to: None,
        overruled: None,
        by: None,
    }
}

/// An observation an operator, or we ourselves, made.
pub fn seen(source: Source, at: Timestamp, by: Option<&str>) -> Seen {
    Seen { side: None, source, at, value: None, by: by.map(str::to_owned) }
}
