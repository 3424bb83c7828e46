//! What becomes of a row that could not be written: tried again, looked at again, or parked with the system's own words.

use super::breaker::{self, Refusals};
use super::gather::Work;
use super::record::{self, Note, NoteKind};
use super::write::Write;
use crate::connector::{CallError, Effect, Retry, wait_over_a_day};
use crate::event::mask_emails;
use crate::mapping::Mapping;
use crate::model::Step;
use crate::store::{JournalEntry, Parked, StoreError, Transaction};
use jiff::{SignedDuration, Timestamp};

/// One row that failed. The retry class says what becomes of it.
pub(super) fn failed(
    tx: &mut Transaction<'_>,
    mapping: &Mapping,
    refusals: &Refusals,
    write: &Write,
    error: &CallError,
    now: Timestamp,
    notes: &mut Vec<Note>,
) -> Result<(), StoreError> {
    let (work, prospect) = (&write.work, &write.work.link.prospect);
    let error = &impersonal(error, write.step().personal_values());
    if error.effect == Effect::None {
        tx.remove_intent(prospect)?;
    }
    match error.retry {
        Retry::Park => {
            tx.remove_intent(prospect)?;
            if breaker::refuse(tx, refusals, write, write.step(), error, now, notes)? {
                return breaker::wait_for_refused(tx, refusals, write, error, now);
            }
            park(tx, mapping, work, write.step(), error, now, notes)?;
            tx.clear_due(prospect, work.due.generation).map(drop)
        }
        Retry::ReRead | Retry::Relink => {
            let is_at_odds = is_at_odds(tx, work)?;
            let entry = record::entry(work, "stale", format!("{}: {}", error.code, error.message), now);
            tx.append_journal(&entry)?;
            notes.push(Note::new(NoteKind::Stale, entry, Some(error.code.clone())));
            if is_at_odds {
                return try_later(tx, mapping, write, SignedDuration::ZERO, error, now, notes);
            }
            Ok(())
        }
        Retry::After(least) => {
            let least = SignedDuration::try_from(least).unwrap_or(SignedDuration::from_mins(5));
            try_later(tx, mapping, write, least, error, now, notes)
        }
        Retry::Soon => try_later(tx, mapping, write, SignedDuration::ZERO, error, now, notes),
        // The whole side is in trouble; the link simply stays due.
        Retry::Quota | Retry::SignIn | Retry::Stop => Ok(()),
    }
}

/// So often in a row a write may be refused as stale and be decided anew at once. From then on the system is at odds with
/// what it shows, and to ask it without end would use up its calls.
const PATIENCE: usize = 3;

/// Whether what is due was refused as stale that often already.
fn is_at_odds(tx: &Transaction<'_>, work: &Work) -> Result<bool, StoreError> {
    let last = tx.journal_of(&work.link.prospect, PATIENCE)?;
    let is_stale = |entry: &JournalEntry| entry.what == "stale" && entry.change == Some(work.due.change);
    Ok(last.len() == PATIENCE && last.iter().all(is_stale))
}

/// A refusal without what is personal, for the store: addresses, and the values that were to be written, which some messages
/// repeat.
pub(super) fn impersonal<'a>(error: &CallError, values: impl Iterator<Item = &'a str>) -> CallError {
    let mut message = mask_emails(&error.message).into_owned();
    for value in values.filter(|value| !value.is_empty()) {
        message = message.replace(value, "…");
    }
    CallError { message, ..error.clone() }
}

/// Has a row tried again after its own wait, or `least`; one that was tried often enough is parked.
fn try_later(
    tx: &mut Transaction<'_>,
    mapping: &Mapping,
    write: &Write,
    least: SignedDuration,
    error: &CallError,
    now: Timestamp,
    notes: &mut Vec<Note>,
) -> Result<(), StoreError> {
    let (due, prospect) = (&write.work.due, &write.work.link.prospect);
    let attempts = due.attempts + 1;
    if attempts >= attempts_max(write) {
        park(tx, mapping, &write.work, write.step(), error, now, notes)?;
        return tx.clear_due(prospect, due.generation).map(drop);
    }
    let wait = later(now, backoff(write).max(least));
    tx.postpone_due(prospect, due.generation, wait, attempts).map(drop)
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
    failed(tx, mapping, &Refusals::default(), write, &error, now, notes)
}

/// Keeps a refused write with the system's own words.
pub(super) fn park(
    tx: &mut Transaction<'_>,
    mapping: &Mapping,
    work: &Work,
    step: &Step,
    error: &CallError,
    now: Timestamp,
    notes: &mut Vec<Note>,
) -> Result<(), StoreError> {
    let old = work.parked.as_ref().filter(|parked| parked.code == error.code);
    tx.put_parked(&Parked {
        prospect: work.link.prospect.clone(),
        salesforce: work.link.salesforce,
        side: step.side(),
        code: error.code.clone(),
        message: error.message.clone(),
        attempts: old.map_or(0, |parked| parked.attempts) + 1,
        since: old.map_or(now, |parked| parked.since),
        seen: step.seen.clone(),
        details: step.details_seen(),
    })?;
    let mut entry = record::entry(work, "parked", format!("{}: {}", error.code, error.message), now);
    entry.rule = step.rule.clone();
    entry.side = Some(step.side());
    (entry.from, entry.to) = record::from_to(mapping, work.link.salesforce, step);
    tx.append_journal(&entry)?;
    notes.push(Note::new(NoteKind::Parked, entry, Some(error.code.clone())));
    Ok(())
}

/// How often a row is tried before it is parked. By the waits of [`wait_over_a_day`] that takes a day at most, and so it
/// does for opt-outs, which never wait for long.
fn attempts_max(write: &Write) -> u32 {
    if write.is_opt_out() { 100 } else { 8 }
}

/// An opt-out waits no longer than this for its next try.
const OPT_OUT_WAIT_MAX: SignedDuration = SignedDuration::from_mins(15);

/// A row's own wait.
fn backoff(write: &Write) -> SignedDuration {
    let wait = SignedDuration::try_from(wait_over_a_day(write.work.due.attempts + 1));
    let wait = wait.unwrap_or(SignedDuration::from_mins(15));
    if write.is_opt_out() { wait.min(OPT_OUT_WAIT_MAX) } else { wait }
}

pub(super) fn later(now: Timestamp, wait: SignedDuration) -> Timestamp {
    now.saturating_add(wait).unwrap_or(now)
}
