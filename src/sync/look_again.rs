//! The last look before a write: whether both sides still are what they were when it was decided.

use super::settle::now_held;
use super::write::{Ended, Write};
use crate::mapping::Mapping;
use crate::model::{Baseline, SalesforceRecord, Side, Step, Target};
use crate::mutant;

/// Compares both sides with what the decision saw.
pub(super) fn look_again(mapping: &Mapping, write: &Write) -> Option<Ended> {
    let Some(now) = now_held(mapping, &write.work) else {
        return Some(Ended::Stale("a record could not be read any more".to_owned()));
    };
    // A record that goes on as another one may still have said "opted out" to Engage.
    let last_word = write.is_opt_out() && write.step().side() == Side::Engage;
    let gone = (!last_word && write.work.record.as_ref().is_some_and(has_moved_on))
        || write.work.prospect.as_ref().is_some_and(|prospect| prospect.deleted);
    if mutant::is("no-look-before-write") {
        return None;
    }
    if gone && !mutant::is("gone-is-written") {
        return Some(Ended::Stale("a record was deleted or converted meanwhile".to_owned()));
    }
    let outside = |record: &SalesforceRecord| {
        !has_moved_on(record) && !mapping.in_scope(record.id.object(), &record.fields)
    };
    if write.work.record.as_ref().is_some_and(outside) && !mutant::is("scope-ignored") {
        return Some(Ended::Stale("the record left the scope of the mapping meanwhile".to_owned()));
    }
    if write.step().is_details() {
        return super::details::look_again(mapping, write);
    }
    let side = write.step().side();
    if holds_target(&now, write.step()) && source_unmoved(&now, write.step()) {
        return Some(Ended::Written { shows: None });
    }
    if now != write.step().seen {
        let moved = if source_unmoved(&now, write.step()) { side } else { side.other() };
        return Some(Ended::Stale(format!("{moved} moved after this was decided")));
    }
    None
}

pub(super) fn has_moved_on(record: &SalesforceRecord) -> bool {
    record.is_deleted || record.is_converted
}

fn holds_target(now: &Baseline, step: &Step) -> bool {
    match &step.target {
        Target::Engage { status, .. } => now.engage == *status,
        Target::EngageDetails { .. } => false,
        Target::Salesforce { fields } => {
            fields.iter().all(|(name, value)| now.salesforce.get(name) == Some(value))
        }
    }
}

fn source_unmoved(now: &Baseline, step: &Step) -> bool {
    match step.side() {
        Side::Engage => now.salesforce == step.seen.salesforce,
        Side::Salesforce => now.engage == step.seen.engage,
    }
}
