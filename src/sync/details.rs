//! Further fields on their way: compared by their marks, so that no value is kept.

use super::gather::Work;
use super::write::{Ended, Write};
use crate::mapping::Mapping;
use crate::model::{Detail, DetailBase, DetailChange, Link, Side, Step};
use crate::reconcile::marks;
use crate::store::Intent;

/// What both sides hold of a detail now.
fn now(mapping: &Mapping, work: &Work, detail: Detail) -> Option<DetailBase> {
    let field = mapping.fields.iter().find(|field| field.engage == detail)?;
    marks(field, work.record.as_ref()?, work.prospect.as_ref()?)
}

/// What the fields of an unrecorded write count as, where the written side holds what it was to bring there: then that is
/// ours, whatever the other side says by now.
pub(super) fn brought(mapping: &Mapping, work: &Work, intent: &Intent) -> Vec<(Detail, DetailBase)> {
    let step = &intent.step;
    if step.side() == Side::Salesforce && work.link.salesforce != intent.salesforce {
        return Vec::new();
    }
    let side = |base: DetailBase| match step.side() {
        Side::Salesforce => base.salesforce,
        Side::Engage => base.engage,
    };
    let is_there = |(detail, change): &(&Detail, &DetailChange)| {
        now(mapping, work, **detail).is_some_and(|now| side(now) == side(change.then))
    };
    step.details.iter().filter(is_there).map(|(detail, change)| (*detail, change.then)).collect()
}

/// Whether a step's fields are what it was to make them.
fn arrived(mapping: &Mapping, work: &Work, step: &Step) -> bool {
    step.details.iter().all(|(detail, change)| now(mapping, work, *detail) == Some(change.then))
}

/// Compares both sides with what the decision saw.
pub(super) fn look_again(mapping: &Mapping, write: &Write) -> Option<Ended> {
    let (work, step) = (&write.work, write.step());
    if arrived(mapping, work, step) {
        return Some(Ended::Written { shows: None });
    }
    let unmoved =
        step.details.iter().all(|(detail, change)| now(mapping, work, *detail) == Some(change.seen));
    (!unmoved).then(|| Ended::Stale("a field moved after this was decided".to_owned()))
}

/// Remembers what a step has made of its fields.
pub(super) fn settle(link: &mut Link, step: &Step) {
    link.details.extend(step.details.iter().map(|(detail, change)| (*detail, change.then)));
}

/// Whether one side of a link holds another value than its base. A field that never had one counts as unchanged: it gets
/// one when the link is next looked at.
pub(super) fn moved(
    mapping: &Mapping,
    link: &Link,
    side: impl Fn(&DetailBase) -> u64,
    value: impl Fn(&crate::mapping::FieldMapping) -> Option<u64>,
) -> bool {
    mapping.fields.iter().any(|field| match (link.details.get(&field.engage), value(field)) {
        (Some(base), Some(now)) => side(base) != now,
        (None, Some(_)) => true,
        (_, None) => false,
    })
}
