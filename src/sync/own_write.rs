//! What became of a write of which nothing is recorded: its answer was lost, or the process died behind it.

use super::engine::Engine;
use super::gather::Work;
use super::record::{Note, NoteKind, apply_latch, settle_pauses, written_entry};
use crate::connector::CallError;
use crate::mapping::Mapping;
use crate::model::{Baseline, BySide, Link, SetAt, Side, Step, Target, WriteReason};
use crate::mutant;
use crate::reconcile::LatchChange;
use crate::store::{Intent, StoreError, Transaction};
use jiff::Timestamp;

/// What became of a decided write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Fate {
    /// None was on its way, or it never arrived.
    #[default]
    None,
    /// The written side holds it.
    Arrived,
    /// The written side holds the old value, which somebody set after the write was decided: perhaps behind the write. So
    /// that side has moved, though its value does not show it.
    SetAnew,
}

impl Engine {
    /// Finds out what became of unrecorded writes. A write that arrived is our own, and not somebody's change: else a
    /// salesperson's next edit would look as if both sides had moved.
    pub(super) async fn know_own_writes(
        &self,
        mapping: &Mapping,
        works: &mut [Work],
    ) -> Result<(), CallError> {
        let now = self.now();
        let mut unclear = Vec::new();
        for (place, work) in works.iter_mut().enumerate() {
            if mutant::is("two-intents") {
                work.intent = None;
            }
            let Some(intent) = &work.intent else { continue };
            work.fate = fate(mapping, work, intent);
            // Any field, and anybody's automation, moves a record's time: its status may be older all the same.
            if work.fate == Fate::SetAnew && asks_for_history(mapping, intent) {
                unclear.push(place);
            }
        }
        if !unclear.is_empty() {
            let set_at = self.status_set_at(mapping, unclear.iter().map(|&place| &works[place])).await?;
            for place in unclear {
                let work = &mut works[place];
                let (Some(intent), Some(SetAt::At(at))) = (&work.intent, set_at.get(&work.link.salesforce))
                else {
                    continue;
                };
                if intent.touched.is_some_and(|touched| at.as_second() <= touched.as_second()) {
                    work.fate = Fate::None;
                }
            }
        }
        for work in works {
            let Some(intent) = &work.intent else { continue };
            // Of further fields both sides are compared as they are.
            if work.fate == Fate::SetAnew || !intent.step.is_details() {
                count(mapping, &mut work.link, intent, work.fate, now);
            }
        }
        Ok(())
    }
}

/// When what a step writes was last set on its side, as nearly as that side tells, by its own clock.
pub(super) fn touched(work: &Work, step: &Step) -> Option<Timestamp> {
    match &step.target {
        Target::Engage { .. } => work.prospect.as_ref().map(|prospect| prospect.status_changed_at),
        Target::EngageDetails { .. } => work.prospect.as_ref().map(|prospect| prospect.updated_at),
        Target::Salesforce { .. } => work.record.as_ref().map(|record| record.last_modified),
    }
}

fn fate(mapping: &Mapping, work: &Work, intent: &Intent) -> Fate {
    if arrived(mapping, work, intent) {
        return Fate::Arrived;
    }
    // An opt-out is carried over until it is there.
    let is_opt_out = matches!(intent.step.reason, WriteReason::OptedOut(_));
    let Some((before, now)) = intent.touched.zip(touched(work, &intent.step)).filter(|_| !is_opt_out) else {
        return Fate::None;
    };
    // Salesforce's times are whole seconds, whatever its events say.
    let same = match intent.step.side() {
        Side::Engage => before == now,
        Side::Salesforce => before.as_second() == now.as_second(),
    };
    if same || !holds_old_value(mapping, work, intent) { Fate::None } else { Fate::SetAnew }
}

fn asks_for_history(mapping: &Mapping, intent: &Intent) -> bool {
    let columns = mapping.object(intent.salesforce.object());
    match (&intent.step.target, columns) {
        (Target::Salesforce { fields }, Some(columns)) => fields.contains_key(&columns.status),
        _ => false,
    }
}

/// Whether the written side holds what it held when the write was decided.
fn holds_old_value(mapping: &Mapping, work: &Work, intent: &Intent) -> bool {
    let step = &intent.step;
    match &step.target {
        _ if step.is_details() => super::details::holds_old_values(mapping, work, step),
        Target::EngageDetails { .. } => false,
        Target::Engage { .. } => work.prospect.as_ref().is_some_and(|p| p.status == step.seen.engage),
        Target::Salesforce { fields } => work.record.as_ref().is_some_and(|record| {
            let seen = |name| step.seen.salesforce.get(name);
            record.id == intent.salesforce && fields.keys().all(|name| seen(name) == Some(record.field(name)))
        }),
    }
}

/// Whether the written side holds what a decided write was to bring there.
fn arrived(mapping: &Mapping, work: &Work, intent: &Intent) -> bool {
    match &intent.step.target {
        _ if intent.step.is_details() => super::details::arrived(mapping, work, &intent.step),
        Target::EngageDetails { .. } => false,
        Target::Engage { status, .. } => work.prospect.as_ref().is_some_and(|p| p.status == *status),
        Target::Salesforce { fields } => work.record.as_ref().is_some_and(|record| {
            record.id == intent.salesforce && fields.iter().all(|(name, value)| record.field(name) == value)
        }),
    }
}

/// What an unrecorded write, by its fate, makes of its link.
fn count(mapping: &Mapping, link: &mut Link, intent: &Intent, fate: Fate, now: Timestamp) {
    match fate {
        Fate::None => {}
        Fate::Arrived => count_as_done(mapping, link, intent, now),
        Fate::SetAnew => count_as_moved(mapping, link, intent, now),
    }
}

/// What a write that arrived has made true: what anybody has changed since then is compared with that.
pub(super) fn count_as_done(mapping: &Mapping, link: &mut Link, intent: &Intent, now: Timestamp) {
    let step = &intent.step;
    if step.is_details() {
        return super::details::settle(link, step);
    }
    link.baseline = Some(step.after());
    if matches!(step.reason, WriteReason::OptedOut(_)) {
        apply_latch(link, LatchChange::Set(BySide::only(step.side())), now);
    } else if takes_opt_out_back(mapping, intent) {
        apply_latch(link, LatchChange::Clear, now);
    }
}

/// The written side has moved since: it is compared with what was to be written, the other with what it held before.
fn count_as_moved(mapping: &Mapping, link: &mut Link, intent: &Intent, now: Timestamp) {
    let (step, side) = (&intent.step, intent.step.side());
    if step.is_details() {
        for (detail, change) in &step.details {
            if let Some(base) = link.details.get_mut(detail) {
                match side {
                    Side::Salesforce => base.salesforce = change.then.salesforce,
                    Side::Engage => base.engage = change.then.engage,
                }
            }
        }
        return;
    }
    let Some(Baseline { salesforce, engage }) = &mut link.baseline else { return };
    let after = step.after();
    match side {
        Side::Salesforce => *salesforce = after.salesforce,
        Side::Engage => *engage = after.engage,
    }
    if takes_opt_out_back(mapping, intent) {
        apply_latch(link, LatchChange::Clear, now);
    }
}

/// Whether a write takes an opt-out back: whoever is opted out behind it has said so anew.
fn takes_opt_out_back(mapping: &Mapping, intent: &Intent) -> bool {
    let (seen, after) = (&intent.step.seen, intent.step.after());
    match intent.step.side() {
        Side::Engage => seen.engage.is_opted_out() && !after.engage.is_opted_out(),
        Side::Salesforce => {
            let is_out = |fields| mapping.is_opted_out(intent.salesforce.object(), fields);
            is_out(&seen.salesforce) && !is_out(&after.salesforce)
        }
    }
}

/// Keeps what became of an unrecorded write, and lets go of its intent. One that arrived is journalled as what it was.
/// Says whether it arrived.
pub(super) fn own_write_found(
    tx: &mut Transaction<'_>,
    mapping: &Mapping,
    work: &Work,
    now: Timestamp,
    notes: &mut Vec<Note>,
) -> Result<bool, StoreError> {
    let Some(intent) = &work.intent else { return Ok(false) };
    let prospect = &work.link.prospect;
    tx.remove_intent(prospect)?;
    if work.fate == Fate::None {
        return Ok(false);
    }
    let mut link = tx.link(prospect)?.unwrap_or_else(|| work.link.clone());
    count(mapping, &mut link, intent, work.fate, now);
    tx.put_link(&link)?;
    if work.fate != Fate::Arrived {
        return Ok(false);
    }
    settle_pauses(tx, work)?;
    tx.count_write(prospect, intent.step.side(), now)?;
    let mut entry = written_entry(mapping, work, intent, now);
    entry.reason = format!("{} (the answer had been lost)", entry.reason);
    tx.append_journal(&entry)?;
    notes.push(Note::new(NoteKind::Written, entry, None));
    Ok(true)
}
