//! Reading and writing prospects.

use super::Engage;
use super::call::Call;
use super::errors::{self, WireError};
use super::wire::WireProspect;
use crate::connector::http::bad_answer;
use crate::connector::{CallError, Effect};
use crate::emit;
use crate::model::{Detail, Details, PersonStatus, Prospect, ProspectId, SalesforceId, Side};
use crate::mutant;
use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Prospects a page: the most that may be asked for.
const PAGE_ROWS: usize = 500;

/// Ids and updates a call.
const BATCH_ROWS: usize = 200;

/// Reads side by side.
const READS_AT_ONCE: usize = 4;

/// One page of prospects.
#[derive(Debug)]
pub struct Page {
    /// The prospects, deleted ones too.
    pub prospects: Vec<Prospect>,
    /// Where to go on: kept in the same transaction as what these make due.
    pub cursor: String,
    /// Whether this was the last page of this poll.
    pub done: bool,
}

/// One prospect's new status, or new further fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngageWrite {
    /// The prospect.
    pub id: ProspectId,
    /// Only if it still has this version.
    pub if_version: Option<u64>,
    /// The status, if it is to be set.
    pub status: Option<PersonStatus>,
    /// Further fields; an empty text empties the field.
    pub details: BTreeMap<Detail, String>,
}

/// A person to be made known to Revenue Engage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewProspect {
    /// Email, name, company, title.
    pub details: Details,
    /// The status; Revenue Engage's own first one without.
    pub status: Option<PersonStatus>,
    /// The Lead that the person is.
    pub salesforce: SalesforceId,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Cursor {
    /// Prospects updated from here on; none lists everybody.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    since: Option<Timestamp>,
    /// The server's own place inside a listing.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    after: Option<String>,
    /// What the first page of this listing said of the server's time: the next poll begins there.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    as_of: Option<Timestamp>,
}

#[derive(Deserialize)]
struct WirePage {
    prospects: Vec<Value>,
    #[serde(default)]
    next: Option<String>,
    #[serde(default)]
    as_of: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Results {
    results: Vec<Value>,
}

#[derive(Deserialize)]
struct RowAnswer {
    ok: bool,
    #[serde(default)]
    prospect: Option<WireProspect>,
    #[serde(default)]
    error: Option<WireError>,
}

impl Engage {
    /// A cursor that begins at a time.
    pub fn cursor_at(&self, since: Timestamp) -> String {
        serde_json::to_string(&Cursor { since: Some(since), ..Cursor::default() }).unwrap_or_default()
    }

    /// The next page of changes behind `cursor`; `None` begins with everybody. Each poll looks back by the overlap,
    /// so that an update that was stamped before it was seen is not passed by.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn changes(&self, cursor: Option<&str>) -> Result<Page, CallError> {
        let overlap =
            SignedDuration::try_from(self.0.config.overlap).unwrap_or(SignedDuration::from_mins(10));
        self.page(cursor, |as_of| as_of.checked_sub(overlap).ok()).await
    }

    /// The next page of everybody; `None` begins.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn list(&self, cursor: Option<&str>) -> Result<Page, CallError> {
        self.page(cursor, |_| None).await
    }

    async fn page(
        &self,
        cursor: Option<&str>,
        next_since: impl Fn(Timestamp) -> Option<Timestamp>,
    ) -> Result<Page, CallError> {
        let mut cursor: Cursor = cursor.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let mut call = Call::get("list", "/api/v1/prospects").query("limit", PAGE_ROWS.to_string());
        if let Some(since) = cursor.since {
            call = call.query("updated_since", since.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string());
        }
        if let Some(after) = &cursor.after {
            call = call.query("after", after.clone());
        }
        let page: WirePage = self.json(call).await?;
        if page.next.is_some() && page.next == cursor.after {
            let message = "a listing goes on where this page began, and would never end".to_owned();
            return Err(bad_answer(Side::Engage, None, message, false));
        }
        let as_of = *cursor.as_of.get_or_insert(page.as_of.unwrap_or_else(|| self.now()));
        let done = page.next.is_none();
        match page.next {
            Some(next) => cursor.after = Some(next),
            None => cursor = Cursor { since: next_since(as_of), after: None, as_of: None },
        }
        let cursor = serde_json::to_string(&cursor).unwrap_or_default();
        Ok(Page { prospects: readable(page.prospects), cursor, done })
    }

    /// Reads prospects by id, 200 a call. Unknown ids are absent; deleted ones are there and say so.
    ///
    /// # Errors
    /// When a call fails.
    pub async fn read(&self, ids: &[ProspectId]) -> Result<Vec<Prospect>, CallError> {
        let calls: Vec<_> = ids.chunks(BATCH_ROWS).map(|ids| self.read_chunk(ids).boxed()).collect();
        let pages: Vec<Vec<Prospect>> = stream::iter(calls).buffered(READS_AT_ONCE).try_collect().await?;
        Ok(pages.into_iter().flatten().collect())
    }

    async fn read_chunk(&self, ids: &[ProspectId]) -> Result<Vec<Prospect>, CallError> {
        let ids = ids.iter().map(ProspectId::as_str).collect::<Vec<_>>().join(",");
        let page: WirePage = self.json(Call::get("read", "/api/v1/prospects").query("ids", ids)).await?;
        Ok(readable(page.prospects))
    }

    /// Sets statuses, 200 a call. The answers are in the order of the rows. A row without an answer may have been
    /// written.
    pub async fn set_status_many(&self, rows: &[EngageWrite]) -> Vec<Result<Prospect, CallError>> {
        let mut answers = Vec::with_capacity(rows.len());
        for rows in rows.chunks(BATCH_ROWS) {
            answers.extend(self.set_chunk(rows).await);
        }
        answers
    }

    /// Creates a prospect. Without an answer it may have been created.
    ///
    /// # Errors
    /// With Revenue Engage's own code and words.
    pub async fn create(&self, new: &NewProspect) -> Result<Prospect, CallError> {
        let mut body = json!({
            "salesforce": { "object": new.salesforce.object().as_str(), "id": new.salesforce },
        });
        if let Some(status) = &new.status {
            body["status"] = status.key().into();
        }
        for (detail, value) in &new.details {
            body[detail.key()] = (&**value).into();
        }
        let call = Call::post("create", "/api/v1/prospects".to_owned(), body);
        self.json::<WireProspect>(call).await.map(Prospect::from)
    }

    async fn set_chunk(&self, rows: &[EngageWrite]) -> Vec<Result<Prospect, CallError>> {
        let updates: Vec<Value> = rows
            .iter()
            .map(|row| {
                let mut update = json!({ "id": row.id });
                if let Some(version) = row.if_version.filter(|_| !mutant::is("no-precondition")) {
                    update["if_version"] = version.into();
                }
                if let Some(status) = &row.status {
                    update["status"] = status.key().into();
                    if mutant::is("label-for-key") {
                        update["status"] = status.key().replace('_', " ").into();
                    }
                }
                for (detail, value) in &row.details {
                    update[detail.key()] = value.as_str().into();
                }
                update
            })
            .collect();
        let call = Call::post("write", "/api/v1/prospects/batch".to_owned(), json!({ "updates": updates }));
        match self.json::<Results>(call).await {
            Ok(answer) => {
                let mut answers = answer.results.into_iter().map(row_answer);
                rows.iter().map(|_| answers.next().unwrap_or_else(|| Err(no_answer()))).collect()
            }
            Err(error) => rows.iter().map(|_| Err(error.clone())).collect(),
        }
    }
}

/// One row's answer. One that cannot be read says nothing of its own row, and is no harm to the others.
fn row_answer(answer: Value) -> Result<Prospect, CallError> {
    let Ok(answer) = serde_json::from_value::<RowAnswer>(answer) else { return Err(no_answer()) };
    match (answer.ok, answer.prospect, answer.error) {
        (true, Some(prospect), _) => Ok(prospect.into()),
        (true, None, _) => Err(no_answer()),
        (false, _, error) => Err(errors::of_wire(error.unwrap_or_default(), None, true)),
    }
}

fn no_answer() -> CallError {
    let error = bad_answer(Side::Engage, None, "the answer says nothing about this row".to_owned(), true);
    CallError { effect: Effect::Unknown, ..error }
}

/// One prospect that cannot be read must not hide the others of its page.
fn readable(prospects: Vec<Value>) -> Vec<Prospect> {
    let mut read = Vec::with_capacity(prospects.len());
    for value in prospects {
        let id = value.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        match serde_json::from_value::<WireProspect>(value) {
            Ok(prospect) => read.push(prospect.into()),
            Err(error) => emit!(
                CALL_FAILED,
                side = Side::Engage.as_str(),
                prospect = id,
                code = "bad-answer",
                reason = %error,
                "a prospect in the answer cannot be read and is left out: {error}"
            ),
        }
    }
    read
}
