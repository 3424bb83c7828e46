//! Writing records: many by one Collections call, one with a precondition.

use super::Salesforce;
use super::budget::Purpose;
use super::call::Call;
use super::errors::{self, WireError};
use crate::connector::http::bad_answer;
use crate::connector::{CallError, Effect};
use crate::model::{Fields, SalesforceId, SalesforceObject, Side};
use crate::mutant;
use jiff::Timestamp;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Rows of one Collections call.
const WRITE_ROWS: usize = 200;

/// One record's new values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SalesforceWrite {
    /// The Lead or Contact.
    pub id: SalesforceId,
    /// The fields to set, and no others.
    pub fields: Fields,
}

#[derive(Debug, Deserialize)]
struct RowAnswer {
    success: bool,
    #[serde(default)]
    errors: Vec<WireError>,
}

#[derive(Debug, Deserialize)]
struct Created {
    id: SalesforceId,
}

impl Salesforce {
    /// Creates a record and returns its id. Without an answer it may have been created.
    ///
    /// # Errors
    /// With Salesforce's own code and words.
    pub async fn create(&self, object: SalesforceObject, fields: &Fields) -> Result<SalesforceId, CallError> {
        let mut call = Call::get(self.data(&format!("/sobjects/{object}")), Purpose::Write)
            .body(Method::POST, json!(fields));
        call.creates = true;
        self.json::<Created>(call).await.map(|created| created.id)
    }

    /// Writes rows, 200 a call, sorted by object: more than ten changes of object break a call. The answers are in
    /// the order of the rows. A row without an answer may have been written.
    pub async fn update_many(
        &self,
        rows: &[SalesforceWrite],
        purpose: Purpose,
    ) -> Vec<Result<(), CallError>> {
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by_key(|&row| rows[row].id.object());
        let mut answers: Vec<Option<Result<(), CallError>>> = rows.iter().map(|_| None).collect();
        for chunk in order.chunks(WRITE_ROWS) {
            let chunk_rows: Vec<&SalesforceWrite> = chunk.iter().map(|&row| &rows[row]).collect();
            let results = self.update_chunk(&chunk_rows, purpose).await;
            for (&row, result) in chunk.iter().zip(results) {
                answers[row] = Some(result);
            }
        }
        answers.into_iter().map(|answer| answer.unwrap_or_else(|| Err(no_answer()))).collect()
    }

    async fn update_chunk(&self, rows: &[&SalesforceWrite], purpose: Purpose) -> Vec<Result<(), CallError>> {
        let records: Vec<Value> = rows.iter().map(|row| body(row)).collect();
        let call = Call::get(self.data("/composite/sobjects"), purpose)
            .body(Method::PATCH, json!({ "allOrNone": false, "records": records }));
        match self.json::<Vec<Value>>(call).await {
            Ok(answers) => {
                let mut answers = answers.into_iter().map(row_answer);
                rows.iter().map(|_| answers.next().unwrap_or_else(|| Err(no_answer()))).collect()
            }
            Err(error) => rows.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    /// Writes one row, if it was not modified after `unmodified_since`. The header counts whole seconds: the caller
    /// makes sure that this second is over (see [`Salesforce::server_told`]).
    ///
    /// # Errors
    /// [`Retry::ReRead`](crate::connector::Retry::ReRead) when the record was modified since.
    pub async fn update_one(
        &self,
        row: &SalesforceWrite,
        unmodified_since: Option<Timestamp>,
        purpose: Purpose,
    ) -> Result<(), CallError> {
        let path = self.data(&format!("/sobjects/{}/{}", row.id.object(), row.id));
        let mut call = Call::get(path, purpose).body(Method::PATCH, json!(row.fields));
        let unmodified_since = unmodified_since.filter(|_| !mutant::is("no-precondition"));
        call.unmodified_since =
            unmodified_since.map(|at| at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string());
        self.call(call).await.map(drop)
    }
}

fn body(row: &SalesforceWrite) -> Value {
    let mut body = Map::new();
    body.insert("attributes".to_owned(), json!({ "type": row.id.object() }));
    body.insert("id".to_owned(), json!(row.id));
    body.extend(row.fields.iter().map(|(name, value)| (name.to_string(), json!(value))));
    Value::Object(body)
}

/// One row's answer. One that cannot be read says nothing of its own row, and is no harm to the others.
fn row_answer(answer: Value) -> Result<(), CallError> {
    let Ok(RowAnswer { success, errors }) = serde_json::from_value(answer) else { return Err(no_answer()) };
    if success || mutant::is("rows-of-200-are-well") {
        return Ok(());
    }
    Err(errors::of_wire(errors.into_iter().next().unwrap_or_default(), None, true))
}

fn no_answer() -> CallError {
    let error = bad_answer(Side::Salesforce, None, "the answer says nothing about this row".to_owned(), true);
    CallError { effect: Effect::Unknown, ..error }
}
