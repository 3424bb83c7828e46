//! Further fields: a three-way merge of each, by itself. Pure.

use super::situation::Situation;
use crate::mapping::{Disagree, FieldMapping, Mapping, Winner};
use crate::model::{
    Baseline, Detail, DetailBase, DetailChange, FieldValue, Fields, HoldReason, Prospect, Rule,
    SalesforceRecord, Side, Step, Target, WriteReason, mark,
};
use crate::mutant;
use std::collections::BTreeMap;

/// What is to be done about a person's further fields.
#[derive(Debug, Default)]
pub(super) struct Merged {
    /// New bases: what agrees, or is left as it is.
    pub(super) bases: BTreeMap<Detail, DetailBase>,
    /// The next write, to one side.
    pub(super) write: Option<Step>,
    /// A field that a person has to decide about.
    pub(super) hold: Option<HoldReason>,
}

/// What a record holds of a detail, as text.
pub fn text_of(record: &SalesforceRecord, name: &str) -> String {
    match record.field(name) {
        FieldValue::Null => String::new(),
        value => value.to_string(),
    }
}

/// The marks of what both sides hold of a field.
pub fn marks(field: &FieldMapping, record: &SalesforceRecord, prospect: &Prospect) -> Option<DetailBase> {
    let name = field.name(record.id.object())?;
    let engage = prospect.details.get(&field.engage).map(|value| &**value).unwrap_or_default();
    Some(DetailBase { salesforce: mark(&text_of(record, name)), engage: mark(engage) })
}

/// Where a field's value goes, if it goes anywhere.
enum Fate {
    Agrees,
    /// Left as it is; the base moves.
    Left,
    Nothing,
    Carry(Side, WriteReason),
    Hold,
}

/// Merges every field of the mapping. `seen` is what both sides hold of the status.
pub(super) fn merge(
    mapping: &Mapping,
    situation: &Situation<'_>,
    record: &SalesforceRecord,
    prospect: &Prospect,
    seen: &Baseline,
) -> Merged {
    let mut merged = Merged::default();
    for field in &mapping.fields {
        let Some(name) = field.name(record.id.object()) else { continue };
        let Some(now) = marks(field, record, prospect) else { continue };
        let salesforce = text_of(record, name);
        let engage = prospect.details.get(&field.engage).map(|value| &**value).unwrap_or_default();
        let base = situation.link.details.get(&field.engage).copied();
        let taken = situation.detail_taken(field.engage);
        match fate(mapping, field, base, now, field.agree(&salesforce, engage), taken) {
            Fate::Nothing => {}
            Fate::Agrees | Fate::Left => {
                if base != Some(now) {
                    merged.bases.insert(field.engage, now);
                }
            }
            Fate::Hold => {
                merged.hold.get_or_insert(HoldReason::DetailChanged { detail: field.engage });
            }
            Fate::Carry(side, reason) => {
                let carried = carry(field, side, &salesforce, engage);
                match carried {
                    Some(value) => add(mapping, &mut merged, seen, field, name, now, side, reason, value),
                    // Not in the table of values, or nothing that may overwrite something: left as it is.
                    None => _ = merged.bases.insert(field.engage, now),
                }
            }
        }
    }
    merged
}

fn fate(
    mapping: &Mapping,
    field: &FieldMapping,
    base: Option<DetailBase>,
    now: DetailBase,
    agree: bool,
    taken: Option<Side>,
) -> Fate {
    if agree {
        return Fate::Agrees;
    }
    let may = |side: Side| match side {
        Side::Salesforce => field.way.to_engage(),
        Side::Engage => field.way.to_salesforce(),
    };
    let carry =
        |side: Side, reason: WriteReason| if may(side) { Fate::Carry(side, reason) } else { Fate::Left };
    let both = |reason: fn(Side) -> WriteReason| match field.winner.unwrap_or(mapping.conflict.winner) {
        Winner::Salesforce => carry(Side::Salesforce, reason(Side::Salesforce)),
        Winner::Engage => carry(Side::Engage, reason(Side::Engage)),
        // Neither system tells when one field was set.
        Winner::Newest | Winner::Hold => Fate::Hold,
    };
    let one_way = field.way.to_salesforce() != field.way.to_engage();
    let Some(base) = base else {
        return match mapping.new.disagree {
            Disagree::Apply if one_way => carry(only_way(field), WriteReason::FirstSight(only_way(field))),
            Disagree::Apply => both(WriteReason::FirstSight),
            Disagree::Adopt | Disagree::Hold => Fate::Left,
        };
    };
    let moved = (base.salesforce != now.salesforce, base.engage != now.engage);
    if let Some(side) = taken.filter(|_| moved != (false, false)) {
        return carry(side, WriteReason::Resolved(side));
    }
    match moved {
        (false, false) => Fate::Nothing,
        (true, false) => carry(Side::Salesforce, WriteReason::Changed(Side::Salesforce)),
        (false, true) => carry(Side::Engage, WriteReason::Changed(Side::Engage)),
        // A one-way field follows its source, whatever somebody did on the other side.
        (true, true) if one_way => carry(only_way(field), WriteReason::Changed(only_way(field))),
        (true, true) => both(WriteReason::Won),
    }
}

fn only_way(field: &FieldMapping) -> Side {
    if field.way.to_engage() { Side::Salesforce } else { Side::Engage }
}

/// What is written to the other side; `None` where nothing is.
fn carry(field: &FieldMapping, from: Side, salesforce: &str, engage: &str) -> Option<String> {
    let value = match from {
        Side::Salesforce => field.to_engage(salesforce)?,
        Side::Engage => field.to_salesforce(engage)?,
    };
    (!value.is_empty() || field.clears || mutant::is("blank-is-carried")).then_some(value)
}

/// Adds a field to the write of its side. One side a step: the other one's turn comes with the next look.
#[allow(clippy::too_many_arguments)] // one fact each, and one caller
fn add(
    mapping: &Mapping,
    merged: &mut Merged,
    seen: &Baseline,
    field: &FieldMapping,
    name: &std::sync::Arc<str>,
    now: DetailBase,
    from: Side,
    reason: WriteReason,
    value: String,
) {
    let step = merged.write.get_or_insert_with(|| Step {
        target: match from {
            Side::Salesforce => Target::EngageDetails { details: BTreeMap::new() },
            Side::Engage => Target::Salesforce { fields: Fields::new() },
        },
        seen: seen.clone(),
        rule: Some(Rule { file: mapping.file.clone(), line: field.line }),
        reason,
        overruled: None,
        details: BTreeMap::new(),
    });
    if step.side() == from {
        return;
    }
    let mut then = now;
    match &mut step.target {
        Target::EngageDetails { details } => {
            then.engage = mark(&value);
            details.insert(field.engage, value);
        }
        Target::Salesforce { fields } => {
            then.salesforce = mark(&value);
            let value = if value.is_empty() { FieldValue::Null } else { FieldValue::text(&value) };
            fields.insert(name.clone(), value);
        }
        Target::Engage { .. } => return,
    }
    step.details.insert(field.engage, DetailChange { seen: now, then });
}
