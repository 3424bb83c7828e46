//! What became of a write of which nothing is recorded: its answer was lost, or the process died behind it.

use super::engine::Engine;
use super::gather::Work;
use super::record::{Note, NoteKind, apply_latch, entry, settle_pauses, written_entry};
use crate::connector::CallError;
use crate::mapping::Mapping;
use crate::model::{ActorKind, BySide, Latch, Link, Prospect, SetAt, Side, Step, Target};
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
    /// The written side holds it, and it was somebody else who touched that side last: who means the same today may have
    /// meant it against what the other side says by now.
    Matched,
    /// Somebody has set the written side after the write was decided, perhaps behind the write: to the value that it held
    /// before, or to a third one. So that side has moved, even where its value does not show it.
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
        let ours = self.org.load_full().and_then(|org| org.user.clone());
        let mut unproven = Vec::new();
        for (place, work) in works.iter_mut().enumerate() {
            if mutant::is("two-intents") {
                work.intent = None;
            }
            let Some(intent) = &work.intent else { continue };
            work.fate = fate(mapping, work, intent, ours.as_deref());
            let told_by_time = match work.fate {
                Fate::SetAnew => holds_old_value(work, intent),
                fate => fate == Fate::Matched,
            };
            if told_by_time && intent.step.side() == Side::Salesforce {
                unproven.push(place);
            }
        }
        if !unproven.is_empty() {
            // Any field, and anybody's automation, moves a record's time: only its history tells that the status was set.
            let set_at = self.status_set_at(mapping, unproven.iter().map(|&place| &works[place])).await?;
            for place in unproven {
                let work = &mut works[place];
                let set_at = match set_at.get(&work.link.salesforce) {
                    Some(SetAt::At(at)) => Some(at.as_second()),
                    _ => None,
                };
                let before = work.intent.as_ref().and_then(|intent| intent.touched).map(Timestamp::as_second);
                let touched = work.record.as_ref().map(|record| record.last_modified.as_second());
                work.fate = match work.fate {
                    Fate::SetAnew if set_at.zip(before).is_none_or(|(at, before)| at <= before) => Fate::None,
                    // Their touch was another field's.
                    Fate::Matched if set_at.zip(touched).is_some_and(|(at, touched)| at < touched) => {
                        Fate::Arrived
                    }
                    fate => fate,
                };
            }
        }
        for work in works.iter_mut().filter(|work| work.intent.is_some()) {
            let mut link = work.link.clone();
            count(mapping, &mut link, work, now);
            work.link = link;
        }
        Ok(())
    }
}

/// When the status that a step writes over was last set, as nearly as its side tells, by its own clock. Of other fields no
/// side tells it.
pub(super) fn touched(mapping: &Mapping, work: &Work, step: &Step) -> Option<Timestamp> {
    match &step.target {
        Target::Engage { .. } => work.prospect.as_ref().map(|prospect| prospect.status_changed_at),
        Target::Salesforce { fields } if !step.is_details() => {
            let record = work.record.as_ref()?;
            let status = &mapping.object(record.id.object())?.status;
            fields.contains_key(status).then_some(record.last_modified)
        }
        Target::Salesforce { .. } | Target::EngageDetails { .. } => None,
    }
}

/// `ours` is our own user in Salesforce.
fn fate(mapping: &Mapping, work: &Work, intent: &Intent, ours: Option<&str>) -> Fate {
    if arrived(mapping, work, intent) {
        let about_opt_out = intent.step.is_opt_out() || takes_opt_out_back(mapping, intent);
        let ordinary = !intent.step.is_details() && !about_opt_out;
        return if ordinary && is_anothers(work, intent, ours) { Fate::Matched } else { Fate::Arrived };
    }
    // An opt-out is carried over until it is there.
    if intent.step.is_opt_out() {
        return Fate::None;
    }
    if holds_third_value(work, intent) && !takes_opt_out_back(mapping, intent) {
        return Fate::SetAnew;
    }
    let Some((before, now)) = intent.touched.zip(touched(mapping, work, &intent.step)) else {
        return Fate::None;
    };
    // Salesforce's times are whole seconds, whatever its events say.
    let moved = match intent.step.side() {
        Side::Engage => before != now,
        Side::Salesforce => before.as_second() != now.as_second(),
    };
    if moved && holds_old_value(work, intent) { Fate::SetAnew } else { Fate::None }
}

/// Whether somebody else touched the written side last.
fn is_anothers(work: &Work, intent: &Intent, ours: Option<&str>) -> bool {
    match intent.step.side() {
        Side::Engage => work.prospect.as_ref().is_some_and(is_by_another),
        Side::Salesforce => {
            let by = work.record.as_ref().and_then(|record| record.last_modified_by.as_deref());
            by.zip(ours).is_some_and(|(by, ours)| by != ours)
        }
    }
}

/// Whether it was no caller of the API who set the status.
fn is_by_another(prospect: &Prospect) -> bool {
    matches!(prospect.status_changed_by, Some(ActorKind::User | ActorKind::System))
}

/// Whether the written side holds what it held when the write was decided.
fn holds_old_value(work: &Work, intent: &Intent) -> bool {
    let seen = &intent.step.seen;
    match &intent.step.target {
        Target::Engage { .. } => work.prospect.as_ref().is_some_and(|p| p.status == seen.engage),
        Target::EngageDetails { .. } => false,
        Target::Salesforce { fields } => work.record.as_ref().is_some_and(|record| {
            let mut names = fields.keys();
            record.id == intent.salesforce
                && names.all(|name| seen.salesforce.get(name) == Some(record.field(name)))
        }),
    }
}

/// Whether the written side holds neither what it held when the write was decided, nor what that was to bring there.
fn holds_third_value(work: &Work, intent: &Intent) -> bool {
    let is_there = match &intent.step.target {
        Target::Engage { .. } => work.prospect.is_some(),
        Target::EngageDetails { .. } => false,
        Target::Salesforce { .. } => {
            work.record.as_ref().is_some_and(|record| record.id == intent.salesforce)
        }
    };
    is_there && !intent.step.is_details() && !holds_old_value(work, intent)
}

/// Whether the written side holds what a decided write was to bring there.
fn arrived(mapping: &Mapping, work: &Work, intent: &Intent) -> bool {
    match &intent.step.target {
        _ if intent.step.is_details() => {
            super::details::brought(mapping, work, intent).len() == intent.step.details.len()
        }
        Target::EngageDetails { .. } => false,
        Target::Engage { status, .. } => work.prospect.as_ref().is_some_and(|p| p.status == *status),
        Target::Salesforce { fields } => work.record.as_ref().is_some_and(|record| {
            record.id == intent.salesforce && fields.iter().all(|(name, value)| record.field(name) == value)
        }),
    }
}

/// What an unrecorded write, by its fate, makes of its link.
fn count(mapping: &Mapping, link: &mut Link, work: &Work, now: Timestamp) {
    let Some(intent) = &work.intent else { return };
    if link.salesforce != intent.salesforce {
        if work.fate != Fate::None {
            // Engage names another record by now. What the two agreed on is nothing that this one ever held; an opt-out is the
            // person's.
            let mut former = Link { salesforce: intent.salesforce, ..link.clone() };
            count(mapping, &mut former, work, now);
            link.latch = former.latch.map(Latch::on_another_record);
        }
        return;
    }
    if intent.step.is_details() {
        return link.details.extend(super::details::brought(mapping, work, intent));
    }
    match work.fate {
        Fate::None => {}
        Fate::SetAnew => count_as_moved(mapping, link, intent, now),
        Fate::Arrived | Fate::Matched => {
            count_as_done(mapping, link, intent, said_in_engage(work, intent), now);
            link.both_moved |= work.fate == Fate::Matched;
        }
    }
}

/// When Engage said "opted out" because of an unrecorded write. Where somebody else has said so behind it, what stood there
/// before: then what stands there now is new.
fn said_in_engage(work: &Work, intent: &Intent) -> Option<Timestamp> {
    let prospect = work.prospect.as_ref().filter(|prospect| prospect.status.is_opted_out())?;
    if is_by_another(prospect) { intent.touched } else { Some(prospect.status_changed_at) }
}

/// What a write that arrived has made true: what anybody has changed since then is compared with that. `said` is when Engage
/// said "opted out" because of it.
pub(super) fn count_as_done(
    mapping: &Mapping,
    link: &mut Link,
    intent: &Intent,
    said: Option<Timestamp>,
    now: Timestamp,
) {
    let step = &intent.step;
    if step.is_details() {
        return super::details::settle(link, step);
    }
    link.agree_on(step.after());
    if step.is_opt_out() {
        // The other side is where it comes from.
        apply_latch(link, LatchChange::seen(BySide { salesforce: true, engage: true }), now);
        if let Some(latch) = link.latch.as_mut().filter(|_| step.side() == Side::Engage) {
            latch.in_engage = said;
        }
    } else if takes_opt_out_back(mapping, intent) {
        apply_latch(link, LatchChange::Clear, now);
    }
}

/// The written side has moved since the write was decided, as the other had before it. Nobody knows whether the two agreed
/// in between.
fn count_as_moved(mapping: &Mapping, link: &mut Link, intent: &Intent, now: Timestamp) {
    link.both_moved = true;
    if takes_opt_out_back(mapping, intent) {
        apply_latch(link, LatchChange::seen(BySide::only(intent.step.side())), now);
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
    let is_there = matches!(work.fate, Fate::Arrived | Fate::Matched);
    if let Some(lost) = &intent.step.overruled
        && !is_there
        && (work.fate == Fate::SetAnew || !holds_old_value(work, intent))
    {
        // The value that lost may have been written over by us: it is named all the same.
        let reason = "whether this was written is not known: somebody has changed it since";
        let mut entry = entry(work, "stale", reason, now);
        (entry.side, entry.overruled) = (Some(intent.step.side()), Some(lost.clone()));
        tx.append_journal(&entry)?;
        notes.push(Note::new(NoteKind::Stale, entry, None));
    }
    let before = tx.link(prospect)?.unwrap_or_else(|| work.link.clone());
    let mut link = before.clone();
    count(mapping, &mut link, work, now);
    if link != before {
        tx.put_link(&link)?;
    }
    if !is_there {
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
