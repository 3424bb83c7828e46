//! What becomes of a row that could not be written: tried again, looked at again, or parked with the system's own words.

use super::record::{self, Note, NoteKind};
use super::write::Write;
use crate::connector::{CallError, Effect, Retry, wait_after};
use crate::mapping::Mapping;
use crate::store::{Parked, StoreError, Transaction};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// One row that failed. The retry class says what becomes of it.
pub(super) fn failed(
    tx: &mut Transaction<'_>,
    mapping: &Mapping,
    write: &Write,
    error: &CallError,
    now: Timestamp,
    notes: &mut Vec<Note>,
) -> Result<(), StoreError> {
    let (work, prospect) = (&write.work, &write.work.link.prospect);
    if error.effect == Effect::None {
        tx.remove_intent(prospect)?;
    }
    match error.retry {
        Retry::Park => {
            tx.remove_intent(prospect)?;
            park(tx, mapping, write, error, now, notes)?;
            tx.clear_due(prospect, work.due.generation)?;
            Ok(())
        }
        Retry::ReRead | Retry::Relink => {
            let entry = record::entry(work, "stale", format!("{}: {}", error.code, error.message), now);
            tx.append_journal(&entry)?;
            notes.push(Note::new(NoteKind::Stale, entry, Some(error.code.clone())));
            Ok(())
        }
        Retry::After(wait) => {
            let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::from_mins(5));
            tx.postpone_due(prospect, work.due.generation, later(now, wait), work.due.attempts + 1).map(drop)
        }
        Retry::Soon => {
            let wait = later(now, backoff(work.due.attempts));
            tx.postpone_due(prospect, work.due.generation, wait, work.due.attempts + 1).map(drop)
        }
        // The whole side is in trouble; the link simply stays due.
        Retry::Quota | Retry::SignIn | Retry::Stop => Ok(()),
    }
}

/// Parks a link that was written too often within an hour.
pub(super) fn park_flapping(
    tx: &mut Transaction<'_>,
    mapping: &Mapping,
    write: &Write,
    now: Timestamp,
    notes: &mut Vec<Note>,
) -> Result<(), StoreError> {
    let side = write.step().side();
    let often = mapping.limits.writes_per_record_per_hour;
    let error = CallError {
        side,
        status: None,
        code: "FLAPPING".to_owned(),
        message: format!(
            "{side} was written {often} times within an hour: two automations may be fighting over this record"
        ),
        fields: Vec::new(),
        retry: Retry::Park,
        effect: Effect::None,
    };
    failed(tx, mapping, write, &error, now, notes)
}

/// Keeps a refused write with the system's own words.
fn park(
    tx: &mut Transaction<'_>,
    mapping: &Mapping,
    write: &Write,
    error: &CallError,
    now: Timestamp,
    notes: &mut Vec<Note>,
) -> Result<(), StoreError> {
    let work = &write.work;
    let old = work.parked.as_ref().filter(|parked| parked.code == error.code);
    tx.put_parked(&Parked {
        prospect: work.link.prospect.clone(),
        salesforce: work.link.salesforce,
        side: write.step().side(),
        code: error.code.clone(),
        message: error.message.clone(),
        attempts: old.map_or(0, |parked| parked.attempts) + 1,
        since: old.map_or(now, |parked| parked.since),
        seen: write.step().seen.clone(),
        details: write.step().details_seen(),
    })?;
    let mut entry = record::entry(work, "parked", format!("{}: {}", error.code, error.message), now);
    entry.rule = write.step().rule.clone();
    entry.side = Some(write.step().side());
    (entry.from, entry.to) = record::from_to(mapping, work.link.salesforce, write.step());
    tx.append_journal(&entry)?;
    notes.push(Note::new(NoteKind::Parked, entry, Some(error.code.clone())));
    Ok(())
}

/// A row's own wait: one second, doubling up to a quarter of an hour.
fn backoff(attempts: u32) -> SignedDuration {
    let wait = wait_after(attempts + 1, Duration::from_secs(1), Duration::from_secs(900));
    SignedDuration::try_from(wait).unwrap_or(SignedDuration::from_mins(15))
}

pub(super) fn later(now: Timestamp, wait: SignedDuration) -> Timestamp {
    now.saturating_add(wait).unwrap_or(now)
}
