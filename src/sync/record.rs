//! Remembering: what each outcome leaves in the store, and the one log line it gets once that is durable.

use super::gather::Work;
use super::show;
use crate::emit;
use crate::mapping::Mapping;
use crate::model::{BySide, HoldReason, Latch, Link, Rule, SalesforceId, Side, Step, Target, WriteReason};
use crate::reconcile::{AdoptReason, LatchChange};
use crate::store::{Held, Intent, JournalEntry, StoreError, Transaction};
use jiff::Timestamp;

/// A log line that waits for its transaction.
#[derive(Debug)]
pub(super) struct Note {
    kind: NoteKind,
    entry: JournalEntry,
    code: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoteKind {
    Written,
    Held,
    Resolved,
    Skipped,
    Parked,
    Stale,
    Moved,
    Dropped,
    RowHeld,
}

impl Note {
    pub(super) fn new(kind: NoteKind, entry: JournalEntry, code: Option<String>) -> Note {
        Note { kind, entry, code }
    }

    /// Whether a row of the mapping is held by it.
    pub(super) fn holds_row(&self) -> bool {
        self.kind == NoteKind::RowHeld
    }

    /// Logs it. One record's outcome is logged here and nowhere else.
    pub(super) fn log(&self) {
        let entry = &self.entry;
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let change = entry.change.map(|change| change.to_string()).unwrap_or_default();
        let record = entry.salesforce.map(|id| id.to_string()).unwrap_or_default();
        let rule = entry.rule.as_ref().map(Rule::to_string).unwrap_or_default();
        let side = entry.side.map(Side::as_str).unwrap_or_default();
        let name = entry.side.map(|side| side.to_string()).unwrap_or_default();
        macro_rules! line {
            ($event:ident, $($message:tt)*) => {
                emit!($event, change, record, prospect = entry.prospect.as_str(), side, from = text(&entry.from),
                    to = text(&entry.to), rule, reason = entry.reason, code = text(&self.code), $($message)*)
            };
        }
        match self.kind {
            NoteKind::Written => {
                line!(STATUS_WRITTEN, "{name} was set to {}: {}", text(&entry.to), entry.reason)
            }
            NoteKind::Held => line!(CONFLICT_HELD, "held for a person to decide: {}", entry.reason),
            NoteKind::Resolved => line!(CONFLICT_RESOLVED, "no longer held: {}", entry.reason),
            NoteKind::Skipped => {
                line!(VALUE_SKIPPED, "no row mentions {} of {name}: nothing is written", text(&entry.from))
            }
            NoteKind::Parked => line!(RECORD_PARKED, "{name} refused {}: {}", text(&entry.to), entry.reason),
            NoteKind::Stale => line!(WRITE_STALE, "moved before it could be written: {}", entry.reason),
            NoteKind::Moved => line!(LINK_MOVED, "the link now stands for {record}: {}", entry.reason),
            NoteKind::RowHeld => line!(
                ROW_HELD,
                "{}; its records wait together, and one of them tries again each day",
                entry.reason
            ),
            NoteKind::Dropped => line!(LINK_DROPPED, "the link is dropped: {}", entry.reason),
        }
    }
}

/// A journal entry about `work`, to be completed.
pub(super) fn entry(work: &Work, what: &str, reason: impl Into<String>, at: Timestamp) -> JournalEntry {
    JournalEntry {
        change: Some(work.due.change),
        salesforce: Some(work.link.salesforce),
        seen: work.due.seen.clone(),
        ..JournalEntry::about(work.link.prospect.clone(), what, reason, at)
    }
}

/// Sets, changes or takes off the latch.
pub(super) fn apply_latch(link: &mut Link, change: LatchChange, now: Timestamp) {
    match change {
        LatchChange::Keep => {}
        LatchChange::Clear => link.latch = None,
        LatchChange::Set { seen, in_engage } => {
            let unset = Latch { since: now, seen: BySide::default(), in_engage: None };
            let latch = link.latch.get_or_insert(unset);
            latch.seen = seen;
            latch.in_engage = in_engage.or(latch.in_engage);
        }
    }
}

/// What the journal says of a write.
pub(super) fn written_entry(mapping: &Mapping, work: &Work, intent: &Intent, now: Timestamp) -> JournalEntry {
    let step = &intent.step;
    let mut entry = entry(work, "written", reason(step), now);
    entry.rule = step.rule.clone();
    entry.side = Some(step.side());
    entry.overruled = step.overruled.clone();
    (entry.from, entry.to) = from_to(mapping, intent.salesforce, step);
    entry.salesforce = Some(intent.salesforce);
    entry.by = work.held.as_ref().and_then(|held| held.resolution.as_ref()).map(|r| r.by.clone());
    entry
}

/// The written side's value before and after, as they are shown.
pub fn from_to(mapping: &Mapping, id: SalesforceId, step: &Step) -> (Option<String>, Option<String>) {
    match &step.target {
        // The values are personal: their names have to do.
        _ if step.is_details() => {
            let names: Vec<&str> = step.details.keys().map(|detail| detail.key()).collect();
            (None, Some(format!("the other side's {}", names.join(", "))))
        }
        Target::EngageDetails { .. } => (None, None),
        Target::Engage { status, .. } => {
            (Some(step.seen.engage.key().to_owned()), Some(status.key().to_owned()))
        }
        Target::Salesforce { fields } => {
            let status = mapping.object(id.object()).map(|object| &*object.status);
            let before = step.seen.salesforce.iter().filter(|(name, _)| fields.contains_key(*name));
            let before = before.map(|(name, value)| (name.clone(), value.clone())).collect();
            (Some(show::fields(status, &before)), Some(show::fields(status, fields)))
        }
    }
}

/// Why a step is taken, in words.
pub fn reason(step: &Step) -> String {
    let mut text = match step.reason {
        WriteReason::Changed(side) => format!("{side} changed"),
        WriteReason::OptedOut(side) => format!("opted out in {side}"),
        WriteReason::Won(side) => format!("both sides changed, and {side} wins by the mapping"),
        WriteReason::FirstSight(side) => {
            format!("the two disagreed when first seen, and {side} wins by the mapping")
        }
        WriteReason::Resolved(side) => format!("an operator took {side}'s value"),
    };
    if let Target::Engage { sequences, .. } = &step.target {
        text.push_str(match sequences {
            crate::model::SequenceAction::Leave => "",
            crate::model::SequenceAction::Pause => "; sequences put on hold",
            crate::model::SequenceAction::Resume => "; our own pauses undone",
            crate::model::SequenceAction::Finish => "; sequences finished",
        });
    }
    text
}

pub(super) fn adopted(
    tx: &mut Transaction<'_>,
    work: &Work,
    reason: AdoptReason,
    now: Timestamp,
) -> Result<(), StoreError> {
    let first = if work.link.baseline.is_none() { "seen together for the first time: " } else { "" };
    let reason = match reason {
        AdoptReason::Agree => "the two agree by the mapping",
        AdoptReason::NeitherMapped => "neither value is mapped",
        AdoptReason::BothOptedOut => "both sides are opted out",
        AdoptReason::FirstSight => "they disagree, and only what changes from now on is carried over",
    };
    tx.append_journal(&entry(work, "adopted", format!("{first}{reason}"), now))
}

pub(super) fn skipped(
    tx: &mut Transaction<'_>,
    work: &Work,
    side: Side,
    value: &str,
    overruled: Option<String>,
    now: Timestamp,
    notes: &mut Vec<Note>,
) -> Result<(), StoreError> {
    let mut entry = entry(work, "skipped", "no row of the mapping mentions this value", now);
    (entry.side, entry.from, entry.overruled) = (Some(side), Some(value.to_owned()), overruled);
    tx.append_journal(&entry)?;
    notes.push(Note::new(NoteKind::Skipped, entry, None));
    Ok(())
}

/// What is shown to whoever has to decide, and when each side was last touched by then, by its own clock.
pub(super) struct Shown {
    pub(super) salesforce: Option<String>,
    pub(super) engage: Option<String>,
    pub(super) touched: BySide<Option<Timestamp>>,
}

impl Shown {
    pub(super) fn of(mapping: &Mapping, work: &Work) -> Shown {
        let (record, prospect) = (work.record.as_ref(), work.prospect.as_ref());
        Shown {
            salesforce: record.map(|record| show::salesforce(mapping, record)),
            engage: prospect.map(|prospect| prospect.status.key().to_owned()),
            touched: BySide {
                salesforce: record.map(|record| record.last_modified),
                engage: prospect.map(|prospect| prospect.status_changed_at),
            },
        }
    }

    /// Whether this is what was shown when the link was last looked at. An event may tell a later time than the record
    /// itself, so only what was touched later than known is something else.
    pub(super) fn is_what(&self, held: &Held) -> bool {
        self.salesforce == held.salesforce_value
            && self.engage == held.engage_value
            && self.touched.salesforce <= held.touched.salesforce
            && self.touched.engage <= held.touched.engage
    }
}

/// Holds a link. The conflict keeps its id and its age as long as the reason is the same, and is logged once.
pub(super) fn held(
    tx: &mut Transaction<'_>,
    mapping: &Mapping,
    work: &Work,
    reason: &HoldReason,
    now: Timestamp,
    notes: &mut Vec<Note>,
) -> Result<(), StoreError> {
    // An operator has answered while this was looked at: the link is due by that, and decided anew.
    if tx.held(&work.link.prospect)? != work.held {
        return Ok(());
    }
    let old = work.held.as_ref().filter(|held| held.reason == *reason);
    let shown = Shown::of(mapping, work);
    let held = Held {
        id: old.map_or_else(|| format!("k{}", work.due.change.0), |held| held.id.clone()),
        prospect: work.link.prospect.clone(),
        salesforce: Some(work.link.salesforce),
        reason: reason.clone(),
        salesforce_value: shown.salesforce,
        engage_value: shown.engage,
        touched: shown.touched,
        since: old.map_or(now, |held| held.since),
        // An answer that did not settle the matter is not kept: it was given for other values.
        resolution: None,
    };
    if old.is_none() {
        let mut entry = entry(work, "held", reason.to_string(), now);
        (entry.from, entry.to) = (held.salesforce_value.clone(), held.engage_value.clone());
        tx.append_journal(&entry)?;
        notes.push(Note::new(NoteKind::Held, entry, None));
    }
    tx.put_held(&held)
}

/// Whether a link is held for one of the further fields that a step writes.
pub(super) fn is_about(work: &Work, step: &Step) -> bool {
    let reason = work.held.as_ref().map(|held| &held.reason);
    matches!(reason, Some(HoldReason::DetailChanged { detail }) if step.details.contains_key(detail))
}

/// A link that is held no more.
pub(super) fn unhold(
    tx: &mut Transaction<'_>,
    work: &Work,
    now: Timestamp,
    notes: &mut Vec<Note>,
) -> Result<(), StoreError> {
    let Some(held) = &work.held else { return Ok(()) };
    tx.remove_held(&work.link.prospect)?;
    let mut entry = entry(work, "resolved", format!("it was held because {}", held.reason), now);
    entry.by = held.resolution.as_ref().map(|resolution| resolution.by.clone());
    tx.append_journal(&entry)?;
    notes.push(Note::new(NoteKind::Resolved, entry, None));
    Ok(())
}

/// The status write that a pause went with has happened: the pause stays, as our own.
pub(super) fn settle_pauses(tx: &mut Transaction<'_>, work: &Work) -> Result<(), StoreError> {
    let mut pauses = tx.own_pauses(&work.link.prospect)?;
    if pauses.pending {
        pauses.pending = false;
        tx.set_own_pauses(&work.link.prospect, &pauses)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::gather::work;
    use super::*;
    use crate::store::{Resolution, Seen, Source, Store, StoreOptions};

    #[test]
    fn an_answer_that_comes_while_a_link_is_looked_at_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), "acme", StoreOptions::default()).unwrap();
        let now: Timestamp = "2026-11-23T09:00:00Z".parse().unwrap();
        let mapping = crate::mapping::parse("test.toml", include_str!("../../mapping/example.toml")).unwrap();
        let kept = store.write_blocking(move |tx| {
            let link = Link::new("p_1".parse().unwrap(), "00Q5f0000000001EAA".parse().unwrap());
            let seen = Seen { side: None, source: Source::Poll, at: now, value: None, by: None };
            let due = tx.mark_due(&link.prospect, seen)?;
            tx.put_link(&link)?;
            let hold = |tx: &mut Transaction<'_>, work: &Work| {
                held(tx, &mapping.mapping, work, &HoldReason::BothChanged, now, &mut Vec::new())
            };
            let looked_at = work(tx, due.clone(), link.clone())?;
            hold(tx, &looked_at)?;
            let looked_at = work(tx, due, link.clone())?;
            let answer = Some(Resolution { take: Side::Engage, by: "Ann Lee".to_owned() });
            tx.put_held(&Held { resolution: answer, ..looked_at.held.clone().unwrap() })?;
            hold(tx, &looked_at)?;
            tx.held(&link.prospect)
        });
        let kept = kept.unwrap().unwrap();
        assert_eq!(kept.resolution.map(|resolution| resolution.by).as_deref(), Some("Ann Lee"));
    }
}
