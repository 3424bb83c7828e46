//! A value that a system refuses whoever is to have it: a picklist entry that an admin took out, a status that Engage does
//! not know. After some refusals the row of the mapping that writes it is held, and its records wait together instead of
//! being refused one by one. They are let go once the value is taken, once the mapping or the org's describe says something
//! else, or by command; and each sweep lets one of them try.

use super::engine::{Engine, lock};
use super::failed::later;
use super::record::{self, Note, NoteKind};
use super::write::Write;
use crate::connector::{CallError, Effect, Retry};
use crate::emit;
use crate::model::{FieldValue, SalesforceId, SalesforceObject, Step, Target};
use crate::store::{RefusedValue, Seen, Source, StoreError, Transaction};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use std::collections::{BTreeSet, HashMap};

/// Refusals of different people, with none in between whose value was taken, that hold a row.
const REFUSALS: usize = 20;

/// What a system answers when the value is at fault, and not the record.
const VALUE_CODES: [&str; 2] = ["INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "unknown_status"];

/// Due marks looked at in one transaction.
const PAGE: usize = 1_000;

/// What recording a refusal has to know.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    /// What the mapping says now (see [`RefusedValue::mapping`]).
    mapping: u64,
    /// Of each value that may be refused: whether the org has it among its active ones.
    active: HashMap<String, Option<bool>>,
    /// How long who waits is left alone.
    wait: SignedDuration,
}

/// The values that a step writes, each by its id. Further fields are personal, and no row of the mapping writes them.
fn values(record: SalesforceId, step: &Step) -> Vec<String> {
    match &step.target {
        _ if step.is_details() => Vec::new(),
        Target::EngageDetails { .. } => Vec::new(),
        Target::Engage { status, .. } => vec![format!("engage.status={}", status.key())],
        Target::Salesforce { fields } => {
            fields.iter().map(|(name, value)| value_id(record.object(), name, value)).collect()
        }
    }
}

fn value_id(object: SalesforceObject, field: &str, value: &FieldValue) -> String {
    format!("{object}.{field}={value}")
}

/// The value that an error is about, if it is about one whoever is to have it.
fn refused(write: &Write, step: &Step, error: &CallError) -> Option<String> {
    if !VALUE_CODES.contains(&error.code.as_str()) {
        return None;
    }
    let values = values(write.work.link.salesforce, step);
    let names = |value: &&String| {
        let field = value.split_once('=').and_then(|(place, _)| place.split_once('.'));
        field.is_some_and(|(_, field)| error.fields.iter().any(|named| named.eq_ignore_ascii_case(field)))
    };
    match values.as_slice() {
        [only] => Some(only.clone()),
        several => several.iter().find(names).cloned(),
    }
}

/// Counts a refusal. `true`: the row is held, and the link waits with it; `false`: the write is parked as any other.
pub(super) fn refuse(
    tx: &mut Transaction<'_>,
    refusals: &Refusals,
    write: &Write,
    step: &Step,
    error: &CallError,
    now: Timestamp,
    notes: &mut Vec<Note>,
) -> Result<bool, StoreError> {
    let Some(id) = refused(write, step, error) else { return Ok(false) };
    let prospect = &write.work.link.prospect;
    let mut value = tx.refused_value(&id)?.unwrap_or_else(|| RefusedValue {
        id: id.clone(),
        side: step.side(),
        code: String::new(),
        message: String::new(),
        rule: None,
        records: Vec::new(),
        since: now,
        held: None,
        trial: None,
        tried: None,
        mapping: 0,
        active: None,
        let_go: false,
    });
    value.code.clone_from(&error.code);
    value.message.clone_from(&error.message);
    value.rule.clone_from(&step.rule);
    value.mapping = refusals.mapping;
    value.active = refusals.active.get(&id).copied().flatten();
    if value.trial.as_ref() == Some(prospect) {
        value.trial = None;
    }
    if value.held.is_none() && !value.let_go {
        if !value.records.contains(prospect) {
            value.records.push(prospect.clone());
        }
        if value.records.len() >= REFUSALS {
            (value.held, value.tried) = (Some(now), Some(now));
            let mut entry = record::entry(&write.work, "row held", said(&value), now);
            (entry.side, entry.rule) = (Some(value.side), value.rule.clone());
            entry.to = Some(id.clone());
            tx.append_journal(&entry)?;
            notes.push(Note::new(NoteKind::RowHeld, entry, Some(error.code.clone())));
        }
    }
    let is_held = value.held.is_some() && !value.let_go;
    tx.put_refused_value(&value)?;
    Ok(is_held)
}

fn said(value: &RefusedValue) -> String {
    format!("{} refuses {}: {}: {}", value.side, value.id, value.code, value.message)
}

/// A link waits until the value is taken.
pub(super) fn wait(
    tx: &mut Transaction<'_>,
    refusals: &Refusals,
    write: &Write,
    id: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (work, prospect) = (&write.work, &write.work.link.prospect);
    tx.remove_intent(prospect)?;
    tx.remove_parked(prospect)?;
    // Told once, however often it is looked at meanwhile.
    if work.due.waits_for.as_deref() != Some(id) {
        let mut entry = record::entry(work, "waits", format!("{id} is refused, and its row is held"), now);
        (entry.side, entry.rule) = (Some(write.step().side()), write.step().rule.clone());
        tx.append_journal(&entry)?;
    }
    tx.wait_for_value(prospect, work.due.generation, later(now, refusals.wait), id).map(drop)
}

/// Waits for the value that an error names.
pub(super) fn wait_for_refused(
    tx: &mut Transaction<'_>,
    refusals: &Refusals,
    write: &Write,
    error: &CallError,
    now: Timestamp,
) -> Result<(), StoreError> {
    match refused(write, write.step(), error) {
        Some(id) => wait(tx, refusals, write, &id, now),
        None => Ok(()),
    }
}

/// A write was taken, and so are its values: whatever waits for one is let go.
pub(super) fn taken(tx: &mut Transaction<'_>, write: &Write) -> Result<(), StoreError> {
    for id in values(write.work.link.salesforce, write.step()) {
        match tx.refused_value(&id)? {
            Some(value) if value.held.is_some() => {
                tx.put_refused_value(&RefusedValue { let_go: true, ..value })?;
            }
            Some(_) => tx.remove_refused_value(&id)?,
            None => {}
        }
    }
    Ok(())
}

/// Whether an operator, or we ourselves, asked since then that this link be tried again.
fn asked_since(write: &Write, then: Option<Timestamp>) -> bool {
    let asked = |seen: &Seen| matches!(seen.source, Source::Operator | Source::Resync | Source::Sweep);
    write.work.due.seen.iter().any(|seen| asked(seen) && then.is_none_or(|then| seen.at > then))
}

impl Engine {
    /// Reads what is held, and lets go what may be tried again.
    pub(super) async fn look_at_held_rows(&self) -> Result<(), StoreError> {
        let mut held = Vec::new();
        let values = self.store.read(|reader| reader.refused_values()).await?;
        let mapping = if values.is_empty() { 0 } else { self.mapping_mark() };
        for mut value in values {
            let active = self.is_active(&value.id);
            let is_back = active == Some(true) && value.active == Some(false);
            if value.let_go || is_back || value.mapping != mapping {
                self.let_go(&value).await?;
                continue;
            }
            if active.is_some() && active != value.active {
                // What the org was last asked may have been older than the refusal.
                value.active = active;
                let newer = value.clone();
                self.store.write(move |tx| tx.put_refused_value(&newer)).await?;
            }
            if value.held.is_some() {
                held.push(value);
            }
        }
        *lock(&self.held_rows) = held;
        Ok(())
    }

    /// Everybody who waits for a value is looked at again, and so are the few whose refusals held its row.
    async fn let_go(&self, value: &RefusedValue) -> Result<(), StoreError> {
        let (mut after, mut waited, now) = (None, 0, self.now());
        loop {
            let (from, id) = (after.clone(), value.id.clone());
            let page = self.store.write(move |tx| {
                let (page, last) = tx.waiting_for_values_after(from.as_ref(), PAGE)?;
                let mut waited = 0;
                for due in page {
                    waited += u64::from(tx.wait_no_more(&due.prospect, &id)?);
                }
                Ok((waited, last))
            });
            let (more, last) = page.await?;
            waited += more;
            match last {
                Some(last) => after = Some(last),
                None => break,
            }
        }
        let gone = value.clone();
        self.store
            .write(move |tx| {
                for prospect in &gone.records {
                    if tx.parked(prospect)?.is_some_and(|parked| parked.code == gone.code) {
                        tx.remove_parked(prospect)?;
                        let seen =
                            Seen { side: None, source: Source::Lockstep, at: now, value: None, by: None };
                        tx.mark_due(prospect, seen)?;
                    }
                }
                tx.remove_refused_value(&gone.id)
            })
            .await?;
        if value.held.is_some() {
            let rule = value.rule.as_ref().map(ToString::to_string).unwrap_or_default();
            emit!(
                ROW_RELEASED,
                side = value.side.as_str(),
                to = value.id,
                rule,
                "{} is tried again, and {waited} records with it",
                value.id
            );
        }
        Ok(())
    }

    /// Takes away the writes whose row is held, but for one of each row that may try, and for opt-outs, which are written
    /// without the refused value where something is left of them.
    pub(super) async fn wait_with_held_rows(&self, writes: &mut Vec<Write>) -> Result<(), StoreError> {
        let mut held = lock(&self.held_rows).clone();
        if held.is_empty() {
            return Ok(());
        }
        let (now, half, mapping) = (self.now(), self.refusal_wait() / 2, self.mapping());
        let (mut waiting, mut tries) = (Vec::new(), BTreeSet::new());
        let all = std::mem::take(writes);
        for mut write in all {
            let ids = values(write.work.link.salesforce, write.step());
            let Some(value) = held.iter_mut().find(|value| ids.contains(&value.id)) else {
                writes.push(write);
                continue;
            };
            let is_time = value.tried.is_none_or(|tried| now.duration_since(tried) >= half);
            let is_trial = value.trial.as_ref() == Some(&write.work.link.prospect);
            if write.leave_out(&mapping, &error_of(value)) || is_trial {
                writes.push(write);
            } else if value.trial.is_none() && (is_time || asked_since(&write, value.tried)) {
                (value.trial, value.tried) = (Some(write.work.link.prospect.clone()), Some(now));
                tries.insert(value.id.clone());
                writes.push(write);
            } else {
                waiting.push((write, value.id.clone()));
            }
        }
        // One that was to try and never came back keeps nobody else from it for longer than until the next sweep.
        for value in held.iter_mut().filter(|value| !tries.contains(&value.id)) {
            if value.tried.is_some_and(|tried| now.duration_since(tried) >= half) {
                value.trial = None;
            }
        }
        *lock(&self.held_rows) = held.clone();
        let refusals = std::sync::Arc::new(Refusals { wait: self.refusal_wait(), ..Refusals::default() });
        self.store
            .write(move |tx| {
                held.iter()
                    .filter(|value| tries.contains(&value.id))
                    .try_for_each(|v| tx.put_refused_value(v))
            })
            .await?;
        self.in_parts(waiting, move |tx, (write, id)| wait(tx, &refusals, write, id, now)).await
    }

    /// The held row that a write is to wait with, if its value was held after it was planned.
    pub(super) fn held_since(&self, write: &Write) -> Option<String> {
        let held = lock(&self.held_rows);
        if held.is_empty() || write.is_opt_out() {
            return None;
        }
        let ids = values(write.work.link.salesforce, write.step());
        let waits = |value: &&RefusedValue| {
            ids.contains(&value.id) && value.trial.as_ref() != Some(&write.work.link.prospect)
        };
        held.iter().find(waits).map(|value| value.id.clone())
    }

    /// What is held by now, after a batch was recorded.
    pub(super) async fn note_held_rows(&self) -> Result<(), StoreError> {
        // Whether the org has the value is to be known as of now, so that its return is seen.
        self.ask_for_describe();
        let all = self.store.read(|reader| reader.refused_values()).await?;
        *lock(&self.held_rows) =
            all.into_iter().filter(|value| value.held.is_some() && !value.let_go).collect();
        Ok(())
    }

    /// What recording these ends has to know of refusals.
    pub(super) fn refusals<'a>(
        &self,
        failed: impl Iterator<Item = (&'a Write, &'a Step, &'a CallError)>,
    ) -> Refusals {
        let mut active = HashMap::new();
        for id in failed.filter_map(|(write, step, error)| refused(write, step, error)) {
            let now = self.is_active(&id);
            active.insert(id, now);
        }
        let mapping = if active.is_empty() { 0 } else { self.mapping_mark() };
        Refusals { mapping, active, wait: self.refusal_wait() }
    }

    fn refusal_wait(&self) -> SignedDuration {
        SignedDuration::try_from(self.sweep_every).unwrap_or(SignedDuration::from_hours(24))
    }

    /// Whether the org's describe has a value among the active ones; `None` where it is not told.
    fn is_active(&self, id: &str) -> Option<bool> {
        let (place, value) = id.split_once('=')?;
        let (object, field) = place.split_once('.')?;
        let object = SalesforceObject::BOTH.into_iter().find(|known| known.as_str() == object)?;
        let org = self.org.load_full()?;
        let entries = &org.field(object, field)?.picklist_values;
        Some(entries.iter().any(|entry| entry.active && entry.value == value))
    }

    /// What the rows of the mapping say, as one number.
    fn mapping_mark(&self) -> u64 {
        let digest = Sha256::digest(format!("{:?}", self.mapping().rows));
        u64::from_be_bytes(std::array::from_fn(|index| digest[index]))
    }
}

/// The refusal, as it was answered.
fn error_of(value: &RefusedValue) -> CallError {
    CallError {
        side: value.side,
        status: None,
        code: value.code.clone(),
        message: value.message.clone(),
        fields: Vec::new(),
        retry: Retry::Park,
        effect: Effect::None,
    }
}
