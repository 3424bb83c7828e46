//! Writing Leads and Contacts: one row with a precondition, several by one Collections call.

use super::engine::{Engine, lock};
use super::vanished::INVALID_FIELD;
use super::write::{Ended, Write, purpose};
use crate::connector::salesforce::{Purpose, SalesforceWrite};
use crate::connector::{CallError, Retry};
use crate::model::{Side, Target};
use crate::store::StoreError;
use jiff::SignedDuration;

/// What is said of a side without an HTTP status: our own codes, and those by which a row is told that nobody's row is
/// written just now. Any other code of a row is about this row.
const OF_THE_SIDE: [&str; 10] = [
    "timed-out",
    "not-reachable",
    "bad-answer",
    "job-not-ended",
    "rate_limited",
    "unavailable",
    "SERVER_UNAVAILABLE",
    "API_CURRENTLY_DISABLED",
    "ORG_IN_MAINTENANCE",
    "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE",
];

impl Engine {
    /// Writes up to 200 rows of one object. The second part tells of trouble that concerns the side as a whole.
    ///
    /// A Collections call has no precondition a row: between the read just before it and the call lies the
    /// declared window of `sync.md` part 3.
    pub(super) async fn write_salesforce(
        &self,
        writes: Vec<Write>,
    ) -> Result<(Vec<(Write, Ended)>, Option<CallError>), StoreError> {
        let ended = self.write_rows(writes).await;
        let (ended, trouble) = self.without_vanished(ended).await;
        let ended = (self.write_boxes_alone(ended).await?, trouble);
        // From here on we know what these records hold; what was committed before is not news.
        let ids = ended.0.iter().map(|(write, _)| write.work.link.salesforce);
        lock(&self.live).wrote(ids, self.salesforce.server_now());
        Ok(ended)
    }

    /// A field that vanished between the read and the write is no fault of the rows: they are not parked for it, and go on
    /// once the field is back. Where it is back already, they are tried again, like after any trouble that passes.
    async fn without_vanished(
        &self,
        (mut ended, trouble): (Vec<(Write, Ended)>, Option<CallError>),
    ) -> (Vec<(Write, Ended)>, Option<CallError>) {
        if !ended.iter_mut().any(|(_, end)| unseen(end).is_some()) {
            return (ended, trouble);
        }
        let why = self.why_not_seen().await;
        for error in ended.iter_mut().filter_map(|(_, end)| unseen(end)) {
            match &why {
                Some(why) => *error = why.clone(),
                None => error.retry = Retry::Soon,
            }
        }
        (ended, trouble.or_else(|| side_trouble_of(why.as_ref())))
    }

    pub(super) async fn write_rows(&self, writes: Vec<Write>) -> (Vec<(Write, Ended)>, Option<CallError>) {
        let purpose = purpose(writes.iter());
        if let [write] = writes.as_slice() {
            let end = self.write_one(write, purpose).await;
            let trouble = match &end {
                Ended::Failed(error) => side_trouble_of(Some(error)),
                _ => None,
            };
            return (writes.into_iter().map(|write| (write, end.clone())).collect(), trouble);
        }
        let rows: Vec<SalesforceWrite> = writes.iter().filter_map(row).collect();
        if rows.is_empty() {
            return (Vec::new(), None);
        }
        let answers = self.salesforce.update_many(&rows, purpose).await;
        let trouble = side_trouble(answers.iter().map(|answer| answer.as_ref().err()));
        let ended = writes.into_iter().zip(answers).map(|(write, answer)| match answer {
            Ok(()) => (write, Ended::Written { shows: None }),
            Err(error) => (write, Ended::Failed(error)),
        });
        (ended.collect(), trouble)
    }

    /// One row. `If-Unmodified-Since` counts whole seconds, so it protects only when the second of the record's last change
    /// was over when the record was read: else somebody may have changed it once more behind our look, and the write waits.
    async fn write_one(&self, write: &Write, purpose: Purpose) -> Ended {
        let (Some(row), Some(record), Some(asked_at)) =
            (row(write), write.work.record.as_ref(), write.asked_at)
        else {
            return Ended::Stale("the record could not be read any more".to_owned());
        };
        let (asked_at, changed_at) = (asked_at.as_second(), record.last_modified.as_second());
        if changed_at >= asked_at {
            return Ended::Later(SignedDuration::from_secs((changed_at - asked_at + 1).min(5)));
        }
        match self.salesforce.update_one(&row, Some(record.last_modified), purpose).await {
            Ok(()) => Ended::Written { shows: None },
            Err(error) => Ended::Failed(error),
        }
    }
}

/// The refusal of a row that names a field which Salesforce does not know.
fn unseen(end: &mut Ended) -> Option<&mut CallError> {
    match end {
        Ended::Failed(error) if error.code == INVALID_FIELD => Some(error),
        _ => None,
    }
}

/// Trouble that concerns a side as a whole: every row of a call failed by something that is not the row's.
pub(super) fn side_trouble<'a>(errors: impl Iterator<Item = Option<&'a CallError>>) -> Option<CallError> {
    let mut first = None;
    for error in errors {
        first = Some(side_trouble_of(error)?);
    }
    first
}

pub(super) fn side_trouble_of(error: Option<&CallError>) -> Option<CallError> {
    let error = error?;
    match error.retry {
        Retry::Quota | Retry::SignIn | Retry::Stop => Some(error.clone()),
        // A row's own lock is no trouble of the side, however many rows of a call are locked; an answer that never came is.
        Retry::Soon | Retry::After(_) => {
            let of_side = match error.status {
                Some(status) => status == 429 || status >= 500,
                None => OF_THE_SIDE.contains(&error.code.as_str()),
            };
            of_side.then(|| error.clone())
        }
        _ => None,
    }
}

pub(super) fn row(write: &Write) -> Option<SalesforceWrite> {
    debug_assert_eq!(write.step().side(), Side::Salesforce);
    let Target::Salesforce { fields } = &write.step().target else { return None };
    Some(SalesforceWrite { id: write.work.link.salesforce, fields: fields.clone() })
}
