//! What an operator decides, as it is kept: each in one transaction, with the journal.

use super::views::{Conflict, Resolve};
use crate::model::{HoldReason, ProspectId, Side};
use crate::store::{JournalEntry, Resolution, Seen, Source, StoreError, Transaction};
use jiff::Timestamp;

/// Keeps an operator's decision, in the journal too, and has the link looked at. `Err` says why it cannot be carried out.
pub fn decide(
    transaction: &mut Transaction<'_>,
    prospect: &ProspectId,
    resolve: &Resolve,
    now: Timestamp,
) -> Result<Option<Result<Conflict, String>>, StoreError> {
    let Some(mut held) = transaction.held(prospect)? else { return Ok(None) };
    if let Some(why) = cannot_be_taken(&held.reason, resolve.take) {
        return Ok(Some(Err(why)));
    }
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
    Ok(Some(Ok(Conflict::from(&held))))
}

/// Why this side cannot be taken, and what to do instead: what no write of ours can bring about, nobody can decide here.
fn cannot_be_taken(reason: &HoldReason, take: Side) -> Option<String> {
    match (reason, take) {
        (HoldReason::NotUnique { .. }, _) => Some(
            "is held because more than one record could be this person: no side can be taken; merge or correct the \
             records in question, and it goes on by itself, with the next daily comparison at the latest"
                .to_owned(),
        ),
        (HoldReason::RefusedByLifecycle { wanted }, Side::Salesforce) => Some(format!(
            "is held because Revenue Engage lets nobody set this person to {wanted}: change their status there, and it \
             goes on by itself; or take engage"
        )),
        (HoldReason::Protected { side: Side::Salesforce, value }, Side::Engage) => Some(format!(
            "is held because {value} in Salesforce stands for a conversion and is never overwritten: correct the \
             record there, and it goes on by itself; or take salesforce"
        )),
        _ => None,
    }
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
