//! What is remembered about the daemon itself, by name.

use super::{Reader, StoreError, Transaction};
use crate::model::SalesforceObject;
use jiff::Timestamp;

/// Set once everybody has been listed and looked at.
pub const FIRST_PASS_DONE: &str = "first_pass_done";

/// When everything linked was last compared.
pub const SWEPT_AT: &str = "swept_at";

/// When a comparison under way was last at work, and behind which link it goes on when it is interrupted.
pub const SWEEP_PLACE: &str = "sweep_place";

/// The fields that are read of every record: `Lead.HasOptedOutOfEmail Lead.Status`.
pub const FIELDS_READ: &str = "fields_read";

/// Set while `lockstep pause` holds.
pub const PAUSED: &str = "paused";

/// Why a plan waits for approval, as it is shown.
pub const PLAN_WAITS: &str = "plan_waits";

/// Set while somebody without a record was seen and not searched for yet; says when.
pub const SOMEBODY_UNLINKED: &str = "somebody_unlinked";

/// Set once an operator was asked about a plan, or there was nothing to ask: what follows is no first run.
pub const FIRST_RUN_DONE: &str = "first_run_done";

/// Set once an org was seen to have the opt-out checkbox of an object, where no mapping names one.
pub fn opt_out_seen(object: SalesforceObject) -> String {
    format!("opt_out_seen.{object}")
}

/// Calls to Salesforce by hour and purpose: the day's use outlives the process.
pub const SALESFORCE_CALLS: &str = "salesforce_calls";

/// Writes to Salesforce that had no precondition, until the field history was asked what they replaced.
pub const UNGUARDED_WRITES: &str = "unguarded_writes";

/// When and from what the store was put back: [`Restored`](super::Restored) as JSON.
pub const RESTORED: &str = "restored";

/// What cursors of bulk jobs that read begin with: what such a job has read is good for hours, not for days.
pub(super) const READING_JOBS: [&str; 2] = ["salesforce.bulk.lead", "salesforce.bulk.contact"];

/// Whether everybody has been listed and looked at once.
pub fn first_pass_done(reader: &Reader<'_>) -> Result<bool, StoreError> {
    Ok(reader.meta(FIRST_PASS_DONE)?.is_some())
}

/// Whether writing is stopped by an operator.
pub fn is_paused(reader: &Reader<'_>) -> Result<bool, StoreError> {
    Ok(reader.meta(PAUSED)?.is_some())
}

/// When everything linked was last compared. A text that is no time counts as never.
pub fn swept_at(reader: &Reader<'_>) -> Result<Option<Timestamp>, StoreError> {
    Ok(reader.meta(SWEPT_AT)?.and_then(|text| text.parse().ok()))
}

/// Has everything linked compared as soon as possible, from the first link on: a comparison under way may have passed by
/// what this one is for.
pub fn ask_for_sweep(tx: &mut Transaction<'_>) -> Result<(), StoreError> {
    tx.remove_meta(SWEEP_PLACE)?;
    tx.set_meta(SWEPT_AT, &Timestamp::UNIX_EPOCH.to_string())
}
