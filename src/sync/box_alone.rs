//! An opt-out whose other values are refused: the ticked box alone keeps the person from being mailed, so it is written by
//! itself, and what was refused stays visible.

use super::breaker::{self, Refusals};
use super::engine::Engine;
use super::failed::park;
use super::gather::Work;
use super::record::Note;
use super::settle::now_held;
use super::write::{Ended, Write};
use crate::connector::{CallError, Retry};
use crate::mapping::Mapping;
use crate::model::{Side, Step, Target};
use crate::store::{StoreError, Transaction};
use jiff::Timestamp;

/// What of a write was refused, and is not written with the rest.
#[derive(Debug, Clone)]
pub(super) struct LeftOut {
    /// The step as it was decided.
    pub(super) whole: Step,
    pub(super) error: CallError,
}

impl Write {
    /// Leaves only the box of an opt-out to be written. `false` where there is none, or nothing else was to be written.
    pub(super) fn leave_out(&mut self, mapping: &Mapping, error: &CallError) -> bool {
        let object = self.work.link.salesforce.object();
        let Some(name) = mapping.object(object).and_then(|columns| columns.opt_out.name()) else {
            return false;
        };
        let refuses_box = error.fields.iter().any(|field| field.eq_ignore_ascii_case(name));
        if !self.is_opt_out() || refuses_box {
            return false;
        }
        let whole = self.intent.step.clone();
        let Target::Salesforce { fields } = &mut self.intent.step.target else { return false };
        if fields.len() < 2 || !fields.contains_key(name) {
            return false;
        }
        fields.retain(|field, _| field == name);
        self.left_out = Some(LeftOut { whole, error: error.clone() });
        true
    }
}

impl Engine {
    /// Writes once more, without what was refused, the opt-outs of which something is left.
    pub(super) async fn write_boxes_alone(
        &self,
        ended: Vec<(Write, Ended)>,
    ) -> Result<Vec<(Write, Ended)>, StoreError> {
        let mapping = self.mapping();
        let (mut boxes, mut others) = (Vec::new(), Vec::with_capacity(ended.len()));
        for (mut write, end) in ended {
            match &end {
                Ended::Failed(error) if error.retry == Retry::Park && write.leave_out(&mapping, error) => {
                    boxes.push(write);
                }
                _ => others.push((write, end)),
            }
        }
        if !boxes.is_empty() {
            self.put_intents(&boxes).await?;
            others.extend(self.write_rows(boxes).await.0);
        }
        Ok(others)
    }
}

/// The box is ticked: what was refused besides is counted, and stays on the list until somebody has seen to it.
pub(super) fn keep_visible(
    tx: &mut Transaction<'_>,
    mapping: &Mapping,
    refusals: &Refusals,
    write: &Write,
    left_out: &LeftOut,
    now: Timestamp,
    notes: &mut Vec<Note>,
) -> Result<(), StoreError> {
    let LeftOut { whole, error } = left_out;
    if breaker::refuse(tx, refusals, write, whole, error, now, notes)? {
        return Ok(());
    }
    let rest = Step { seen: write.step().after(), ..whole.clone() };
    park(tx, mapping, &write.work, &rest, error, now, notes)
}

/// Whether what is parked is the refused part of an opt-out that both sides know of: nothing more can be done about it, and
/// it is not to vanish unseen.
pub(super) fn is_rest_of_opt_out(mapping: &Mapping, work: &Work) -> bool {
    let (Some(parked), Some(record), Some(prospect)) = (&work.parked, &work.record, &work.prospect) else {
        return false;
    };
    parked.side == Side::Salesforce
        && prospect.status.is_opted_out()
        && mapping.is_opted_out(record.id.object(), &record.fields)
        && now_held(mapping, work).as_ref() == Some(&parked.seen)
}
