//! Links that move to another record, are dropped, and are made again when their record comes back.

use super::gather::Work;
use super::intake::remember;
use super::observe::Observed;
use super::record::{Note, NoteKind, entry};
use crate::mapping::Mapping;
use crate::model::{Link, ProspectId, SalesforceId, SalesforceRecord, Side};
use crate::reconcile::{LeaveReason, RelinkReason, UnlinkReason, relink};
use crate::store::{Former, JournalEntry, OwnPauses, Parting, Seen, Source, StoreError, Transaction};
use jiff::Timestamp;

/// The link goes on with the Contact or the merge's winner, and stays due so that it is decided with its table.
#[allow(clippy::too_many_arguments)] // one fact each, and one caller
pub(super) fn relinked(
    tx: &mut Transaction<'_>,
    mapping: &Mapping,
    work: &Work,
    mut link: Link,
    to: SalesforceId,
    reason: RelinkReason,
    now: Timestamp,
    notes: &mut Vec<Note>,
) -> Result<(), StoreError> {
    link = relink(mapping, link, to);
    tx.put_link(&link)?;
    look_at_namesakes(tx, &work.link.salesforce, &link.prospect, now)?;
    look_at_namesakes(tx, &to, &link.prospect, now)?;
    tx.remove_intent(&link.prospect)?;
    tx.remove_parked(&link.prospect)?;
    let reason = match reason {
        RelinkReason::Converted => "the Lead was converted",
        RelinkReason::Merged => "the record lost a merge",
    };
    let mut entry = entry(work, "relinked", reason, now);
    (entry.from, entry.to) = (Some(work.link.salesforce.to_string()), Some(to.to_string()));
    entry.salesforce = Some(to);
    tx.append_journal(&entry)?;
    notes.push(Note::new(NoteKind::Moved, entry, None));
    let seen =
        Seen { side: Some(Side::Salesforce), source: Source::Lockstep, at: now, value: None, by: None };
    tx.mark_due(&link.prospect, seen)?;
    Ok(())
}

pub(super) fn unlinked(
    tx: &mut Transaction<'_>,
    work: &Work,
    reason: UnlinkReason,
    now: Timestamp,
    notes: &mut Vec<Note>,
) -> Result<(), StoreError> {
    let prospect = &work.link.prospect;
    tx.remove_link(prospect)?;
    tx.put_former(&Former {
        prospect: prospect.clone(),
        salesforce: work.link.salesforce,
        named_by_engage: work.link.named_by_engage.or(work.link.came_from.first().copied()),
        latch: work.link.latch.clone(),
        why: parting(work, reason),
        at: now,
    })?;
    look_at_namesakes(tx, &work.link.salesforce, prospect, now)?;
    tx.remove_held(prospect)?;
    tx.remove_parked(prospect)?;
    tx.remove_intent(prospect)?;
    tx.set_own_pauses(prospect, &OwnPauses::default())?;
    tx.clear_restored(prospect)?;
    tx.remove_due(prospect)?;
    let reason = match reason {
        UnlinkReason::DeletedInSalesforce => "deleted in Salesforce; the prospect is left as it is",
        UnlinkReason::DeletedInEngage => "deleted in Revenue Engage; the Salesforce record is left as it is",
        UnlinkReason::ConvertedOutOfSync => "the Lead was converted, and Contacts are not in sync",
    };
    let entry = entry(work, "unlinked", reason, now);
    tx.append_journal(&entry)?;
    notes.push(Note::new(NoteKind::Dropped, entry, None));
    Ok(())
}

/// What has to happen before the two can be one person again.
fn parting(work: &Work, reason: UnlinkReason) -> Parting {
    let contact = work.record.as_ref().and_then(|record| record.converted_contact);
    match reason {
        UnlinkReason::DeletedInEngage => Parting::GoneInEngage,
        UnlinkReason::ConvertedOutOfSync if contact.is_some() => Parting::ContactsNotInSync,
        UnlinkReason::DeletedInSalesforce | UnlinkReason::ConvertedOutOfSync => Parting::GoneInSalesforce,
    }
}

/// Says why nothing was done, unless that is the last that was said.
pub(super) fn left_alone(
    tx: &mut Transaction<'_>,
    work: &Work,
    reason: LeaveReason,
    now: Timestamp,
) -> Result<(), StoreError> {
    let reason = match reason {
        LeaveReason::Missing(side) => format!(
            "{side} does not show the record: deleted for good, or hidden from our user; neither side is changed"
        ),
        LeaveReason::OutOfScope => "the record is out of the scope of the mapping".to_owned(),
        LeaveReason::ObjectNotInSync => "records of this object are not in sync".to_owned(),
    };
    let entry = entry(work, "left", reason, now);
    let said = |last: &JournalEntry| last.what == entry.what && last.reason == entry.reason;
    if tx.journal_of(&work.link.prospect, 1)?.first().is_some_and(said) {
        return Ok(());
    }
    tx.append_journal(&entry)
}

/// Whoever else is linked to a record has to be looked at when somebody joins or leaves it: two are held, one is not.
pub(super) fn look_at_namesakes(
    tx: &mut Transaction<'_>,
    record: &SalesforceId,
    but: &ProspectId,
    at: Timestamp,
) -> Result<(), StoreError> {
    for other in tx.links_by_salesforce(record)?.iter().filter(|other| *other != but) {
        let seen = Seen { side: None, source: Source::Lockstep, at, value: None, by: None };
        tx.mark_due(other, seen)?;
    }
    Ok(())
}

/// What is to be done about a record without a link that had one. Says whether it had.
pub(super) fn back_again(
    tx: &mut Transaction<'_>,
    record: &SalesforceRecord,
    now: Timestamp,
    matters: &mut bool,
) -> Result<bool, StoreError> {
    let formers = tx.formers_by_salesforce(&record.id)?;
    let is_there = !record.is_deleted && !record.is_converted && record.master_record.is_none();
    if is_there {
        let by = record.last_modified_by.clone();
        let seen = Seen { side: Some(Side::Salesforce), source: Source::Poll, at: now, value: None, by };
        *matters |= link_again(tx, record.id, &formers, &seen)?;
    }
    Ok(!formers.is_empty())
}

/// A record whose deletion had dropped a link is there again: the two are looked at as if for the first time. Says
/// whether anybody is linked by it.
pub(super) fn link_again(
    tx: &mut Transaction<'_>,
    record: SalesforceId,
    formers: &[Former],
    seen: &Seen,
) -> Result<bool, StoreError> {
    let mut linked = false;
    for former in formers.iter().filter(|former| former.why == Parting::GoneInSalesforce) {
        if tx.link(&former.prospect)?.is_some() {
            // The person is somebody else's by now.
            tx.remove_former(&former.prospect)?;
            continue;
        }
        let link = Link {
            named_by_engage: former.named_by_engage,
            latch: former.latch.clone(),
            ..Link::new(former.prospect.clone(), record)
        };
        linked |= remember(tx, Observed::Linked { link, seen: seen.clone() })?;
        let why = "the record was taken out of the recycle bin";
        let mut entry = JournalEntry::about(former.prospect.clone(), "linked", why, seen.at);
        (entry.salesforce, entry.seen) = (Some(record), vec![seen.clone()]);
        tx.append_journal(&entry)?;
    }
    Ok(linked)
}
