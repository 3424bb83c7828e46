//! Bulk API 2.0: reading an object whole, and writing many rows, by a job that Salesforce works off by itself.
//!
//! A job costs three calls and one more a page; a Collections read costs one for 2,000 records. So jobs are for tens of
//! thousands.

use super::Salesforce;
use super::budget::Purpose;
use super::call::{CSV, Call};
use super::errors::{self, WireError};
use super::wire;
use super::{SalesforceWrite, soql};
use crate::connector::http::bad_answer;
use crate::connector::{CallError, Retry};
use crate::model::{FieldName, FieldValue, SalesforceId, SalesforceObject, SalesforceRecord, Side};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeSet, HashMap};

/// Rows of one page of results: about 4 MB.
const PAGE_ROWS: usize = 20_000;

/// What looking at a job that writes, and ending it, is for: nothing goes on before its end is known, opt-outs neither, so
/// it is done while calls are short too.
const OWN_WRITES: Purpose = Purpose::Poll;

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BulkState {
    /// Not at its end.
    Running {
        /// Rows that are worked off.
        done: u64,
    },
    /// Its results can be read.
    Complete,
    /// It has failed or was ended: there is nothing more to come of it.
    Ended,
}

/// A page of what a job has read.
#[derive(Debug)]
pub struct BulkPage {
    /// The records, deleted ones too.
    pub records: Vec<SalesforceRecord>,
    /// Where the next page begins; none behind the last.
    pub next: Option<String>,
}

/// Which kind of job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BulkKind {
    /// It reads.
    Query,
    /// It writes.
    Ingest,
}

impl BulkKind {
    fn path(self) -> &'static str {
        match self {
            BulkKind::Query => "/jobs/query",
            BulkKind::Ingest => "/jobs/ingest",
        }
    }

    fn purpose(self) -> Purpose {
        match self {
            BulkKind::Query => Purpose::Bulk,
            BulkKind::Ingest => OWN_WRITES,
        }
    }
}

#[derive(Deserialize)]
struct Job {
    id: String,
    state: String,
    #[serde(default, rename = "numberRecordsProcessed")]
    processed: u64,
}

impl Salesforce {
    /// What reading `rows` records by a job costs, in calls: making it, about four looks, and the pages.
    pub fn bulk_query_cost(rows: u64) -> u64 {
        5 + rows.div_ceil(PAGE_ROWS as u64)
    }

    /// How many living records an object has. One call.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn count(&self, object: SalesforceObject) -> Result<u64, CallError> {
        #[derive(Deserialize)]
        struct Counted {
            #[serde(rename = "totalSize")]
            total: u64,
        }
        let call =
            Call::get(self.data("/query"), Purpose::Read).query("q", format!("SELECT COUNT() FROM {object}"));
        self.json::<Counted>(call).await.map(|counted| counted.total)
    }

    /// Makes a job that reads every record of an object, deleted ones too. Returns its id.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn start_bulk_query(
        &self,
        object: SalesforceObject,
        watched: &[FieldName],
    ) -> Result<String, CallError> {
        let query = format!("SELECT {} FROM {object}", soql::columns(object, watched).join(","));
        let body = json!({
            "operation": "queryAll", "query": query, "contentType": "CSV", "columnDelimiter": "COMMA", "lineEnding": "LF",
        });
        let call = Call::get(self.data("/jobs/query"), Purpose::Bulk).body(Method::POST, body);
        self.json::<Job>(call).await.map(|job| job.id)
    }

    /// How far a job is.
    ///
    /// # Errors
    /// When the call fails; [`Retry::Relink`] when there is no such job.
    pub async fn bulk_state(&self, kind: BulkKind, job: &str) -> Result<BulkState, CallError> {
        let call = Call::get(self.data(&format!("{}/{}", kind.path(), segment(job)?)), kind.purpose());
        let job: Job = self.json(call).await?;
        Ok(match job.state.as_str() {
            "JobComplete" => BulkState::Complete,
            "Failed" | "Aborted" => BulkState::Ended,
            _ => BulkState::Running { done: job.processed },
        })
    }

    /// A page of a job's results, from a place that the page before named.
    ///
    /// # Errors
    /// When the call fails or the rows cannot be read.
    pub async fn bulk_page(
        &self,
        job: &str,
        watched: &[FieldName],
        from: Option<&str>,
    ) -> Result<BulkPage, CallError> {
        let path = self.data(&format!("/jobs/query/{}/results", segment(job)?));
        let mut call = Call::get(path, Purpose::Bulk).query("maxRecords", PAGE_ROWS.to_string());
        call.accept = CSV;
        if let Some(from) = from {
            call = call.query("locator", from.to_owned());
        }
        let answer = self.call(call).await?;
        let next = answer.headers.get("sforce-locator").and_then(|value| value.to_str().ok());
        // The end is the literal text "null" (facts 6.3).
        let next = next.filter(|locator| *locator != "null" && !locator.is_empty()).map(str::to_owned);
        if next.is_some() && next.as_deref() == from {
            let message = "the rows of a job go on where this page began, and would never end".to_owned();
            return Err(bad_answer(Side::Salesforce, None, message, false));
        }
        let mut records = Vec::new();
        // One at a time: a page as maps takes ten times what its records take.
        for row in rows(&answer.body).map_err(unreadable)? {
            let row = row.map_err(unreadable)?;
            records.extend(wire::records(std::iter::once(&row), watched)?);
        }
        Ok(BulkPage { records, next })
    }

    /// Makes a job that writes rows, and gives it the rows; nothing is written before [`run_bulk_update`] lets it go.
    /// Returns its id. All rows are of one object.
    ///
    /// # Errors
    /// When a call fails: then nothing will be written.
    ///
    /// [`run_bulk_update`]: Salesforce::run_bulk_update
    pub async fn start_bulk_update(
        &self,
        object: SalesforceObject,
        rows: &[SalesforceWrite],
    ) -> Result<String, CallError> {
        let body = json!({
            "object": object, "operation": "update", "contentType": "CSV", "columnDelimiter": "COMMA", "lineEnding": "LF",
        });
        let call = Call::get(self.data("/jobs/ingest"), Purpose::Bulk).body(Method::POST, body);
        let job: Job = self.json(call).await?;
        let path = self.data(&format!("/jobs/ingest/{}/batches", segment(&job.id)?));
        let mut call = Call::get(path, Purpose::Bulk);
        (call.method, call.csv) = (Method::PUT, Some(written(rows)));
        self.call(call).await?;
        Ok(job.id)
    }

    /// Lets a job that writes go.
    ///
    /// # Errors
    /// When the call fails: the job may run all the same.
    pub async fn run_bulk_update(&self, job: &str) -> Result<(), CallError> {
        self.set_bulk_state(job, "UploadComplete").await
    }

    /// Ends a job that writes. What it has written stays written.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn abort_bulk_update(&self, job: &str) -> Result<(), CallError> {
        self.set_bulk_state(job, "Aborted").await
    }

    async fn set_bulk_state(&self, job: &str, state: &str) -> Result<(), CallError> {
        let path = self.data(&format!("/jobs/ingest/{}", segment(job)?));
        let call = Call::get(path, OWN_WRITES).body(Method::PATCH, json!({ "state": state }));
        self.call(call).await.map(drop)
    }

    /// How the rows of a complete job ended. A record that is in neither list was not tried.
    ///
    /// # Errors
    /// When a call fails or the rows cannot be read.
    pub async fn bulk_outcome(
        &self,
        job: &str,
    ) -> Result<HashMap<SalesforceId, Result<(), CallError>>, CallError> {
        let mut outcome = HashMap::new();
        for what in ["successfulResults", "failedResults"] {
            let path = self.data(&format!("/jobs/ingest/{}/{what}/", segment(job)?));
            let mut call = Call::get(path, OWN_WRITES);
            call.accept = CSV;
            let answer = self.call(call).await?;
            for row in rows(&answer.body).map_err(unreadable)? {
                let row = row.map_err(unreadable)?;
                let Some(id) = wire::id(wire::get(&row, "sf__Id")) else { continue };
                let error = wire::get(&row, "sf__Error").as_str().map(row_error);
                outcome.insert(id, error.map_or(Ok(()), Err));
            }
        }
        Ok(outcome)
    }
}

/// `CODE:the message:the fields--`, as a row of `failedResults` says it.
fn row_error(text: &str) -> CallError {
    let mut parts = text.splitn(2, ':');
    let code = parts.next().unwrap_or_default().to_owned();
    let rest = parts.next().unwrap_or_default().trim_end_matches("--");
    let (message, fields) = rest.rsplit_once(':').unwrap_or((rest, ""));
    let fields = fields.split(',').filter(|field| !field.is_empty()).map(str::to_owned).collect();
    errors::of_wire(WireError { code, message: message.to_owned(), fields }, None, true)
}

/// A job's id goes into a path: nothing else may get in with it.
fn segment(job: &str) -> Result<&str, CallError> {
    if !job.is_empty() && job.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Ok(job);
    }
    Err(CallError {
        retry: Retry::Stop,
        ..bad_answer(Side::Salesforce, None, format!("{job:?} is no id of a job"), false)
    })
}

fn unreadable(error: csv::Error) -> CallError {
    bad_answer(Side::Salesforce, None, format!("the rows of a job cannot be read: {error}"), false)
}

/// Rows in the form that REST gives them, as far as that can be told: an empty cell is no value, and `true` and `false`
/// are truths.
fn rows(csv: &[u8]) -> Result<impl Iterator<Item = Result<Map<String, Value>, csv::Error>>, csv::Error> {
    let mut reader = csv::ReaderBuilder::new().from_reader(csv);
    let names: Vec<String> = reader.headers()?.iter().map(str::to_owned).collect();
    let value = |text: &str| match text {
        "" => Value::Null,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        text => Value::String(text.to_owned()),
    };
    Ok(reader.into_records().map(move |record| {
        record.map(|record| names.iter().cloned().zip(record.iter().map(value)).collect())
    }))
}

/// Rows of an upload: an empty cell is left alone, `#N/A` empties the field.
fn written(rows: &[SalesforceWrite]) -> Vec<u8> {
    let names: BTreeSet<&FieldName> = rows.iter().flat_map(|row| row.fields.keys()).collect();
    let mut writer =
        csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_writer(Vec::new());
    // Into memory, nothing can fail.
    let _ = writer.write_record(std::iter::once("Id").chain(names.iter().map(|name| &***name)));
    for row in rows {
        let cell = |name: &&FieldName| match row.fields.get(*name) {
            None => String::new(),
            Some(FieldValue::Null) => "#N/A".to_owned(),
            Some(FieldValue::Bool(truth)) => truth.to_string(),
            Some(value) => value.as_text().unwrap_or_default().to_owned(),
        };
        let _ = writer.write_record(std::iter::once(row.id.to_string()).chain(names.iter().map(cell)));
    }
    writer.into_inner().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cells_are_read_as_rest_would_have_written_them() {
        let rows =
            rows(b"\"Id\",\"Status\",\"Box\",\"None\"\n\"x\",\"Working, \"\"hard\"\"\",\"false\",\"\"\n")
                .unwrap()
                .map(Result::unwrap)
                .collect::<Vec<_>>();
        assert_eq!(rows[0]["Status"], "Working, \"hard\"");
        assert_eq!((&rows[0]["Box"], &rows[0]["None"]), (&Value::Bool(false), &Value::Null));
    }

    #[test]
    fn an_upload_leaves_alone_what_is_not_written_and_empties_what_is() {
        let id: SalesforceId = "00Q5f000005bwLF".parse().unwrap();
        let row = |fields: &[(&str, FieldValue)]| SalesforceWrite {
            id,
            fields: fields.iter().map(|(name, value)| (FieldName::from(*name), value.clone())).collect(),
        };
        let text = written(&[
            row(&[("Status", FieldValue::text("Not, now"))]),
            row(&[("Box", FieldValue::Bool(true)), ("Status", FieldValue::Null)]),
        ]);
        let text = String::from_utf8(text).unwrap();
        assert_eq!(text, format!("Id,Box,Status\n{id},,\"Not, now\"\n{id},true,#N/A\n"));
    }

    proptest! {
        #[test]
        fn whatever_a_cell_holds_it_is_read_back_as_it_was_written(
            start in prop::sample::select(&["", "=", "+", "-", "@", "\t", "\r", "\0", "\"", "'", "=cmd|' /C calc'!A0"][..]),
            rest in any::<String>(),
        ) {
            let (id, text): (SalesforceId, _) = ("00Q5f000005bwLF".parse().unwrap(), format!("{start}{rest}"));
            let value = FieldValue::text(&text);
            // An empty cell means "leave it alone", and this one "make it empty".
            prop_assume!(!text.is_empty() && text != "#N/A");
            let bytes = written(&[SalesforceWrite { id, fields: [(FieldName::from("Status"), value.clone())].into() }]);
            let mut reader = csv::Reader::from_reader(bytes.as_slice());
            let read: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
            prop_assert_eq!(read.len(), 1);
            prop_assert_eq!(&read[0][0], id.as_str());
            prop_assert_eq!(&read[0][1], value.as_text().unwrap_or("#N/A"));
        }
    }

    #[test]
    fn a_refused_row_has_its_code_its_words_and_its_fields() {
        let error = row_error("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST:Status: bad value: X:Status__c--");
        assert_eq!(error.code, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST");
        assert_eq!((error.message.as_str(), error.retry), ("Status: bad value: X", Retry::Park));
        assert_eq!(error.fields, ["Status__c"]);
    }
}
