//! How many of each kind wait for a person, and for how long something has been due.

use crate::model::{BySide, ProspectId};
use crate::store::{Held, Parked, Reader, StoreError};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Rows that are looked at, at most: whoever has more has other worries than their exact number.
const ROWS_MAX: usize = 10_000;

pub fn held_by_kind(reader: &Reader<'_>) -> Result<BTreeMap<String, u64>, StoreError> {
    let held: Vec<Held> = reader.held_after(None::<&ProspectId>, ROWS_MAX)?;
    let mut counts = BTreeMap::new();
    held.iter().for_each(|held| *counts.entry(held.reason.kind().to_owned()).or_default() += 1);
    Ok(counts)
}

pub fn parked_by_side(reader: &Reader<'_>) -> Result<BySide<u64>, StoreError> {
    let parked: Vec<Parked> = reader.parked_after(None::<&ProspectId>, ROWS_MAX)?;
    let mut counts = BySide::default();
    parked.iter().for_each(|parked| *counts.get_mut(parked.side) += 1);
    Ok(counts)
}

/// How long the longest ready link has been due.
pub fn oldest_due_ms(reader: &Reader<'_>, now: Timestamp) -> Result<Option<u64>, StoreError> {
    let oldest = reader.due_ready(now, 1)?;
    Ok(oldest.first().map(|due| now.duration_since(due.since).as_millis().max(0) as u64))
}
