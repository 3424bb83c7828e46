//! Bulk jobs: made, begun by the first look at them, and done by a later one.

use super::drive::Org;
use super::schema::FieldKind;
use super::state::State;
use super::writes::{Refusal, Writer};
use super::{ids, soql};
use serde_json::{Map, Value};

/// Rows of one transaction of an ingest job: what triggers see at a time.
const TRANSACTION_ROWS: usize = 200;

/// What kind of job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Query,
    Ingest,
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JobState {
    Open,
    UploadComplete,
    InProgress,
    JobComplete,
    Failed,
    Aborted,
}

impl JobState {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            JobState::Open => "Open",
            JobState::UploadComplete => "UploadComplete",
            JobState::InProgress => "InProgress",
            JobState::JobComplete => "JobComplete",
            JobState::Failed => "Failed",
            JobState::Aborted => "Aborted",
        }
    }
}

/// Columns and rows, as text.
pub(super) type Given = (Vec<String>, Vec<Vec<String>>);

/// A job.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) id: String,
    pub(super) kind: Kind,
    pub(super) operation: String,
    pub(super) object: String,
    pub(super) version: String,
    pub(super) made: i64,
    pub(super) state: JobState,
    pub(super) line_ending: String,
    pub(super) query: Option<String>,
    pub(super) external_id: Option<String>,
    pub(super) origin: String,
    pub(super) given: Option<Given>,
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
    pub(super) succeeded: Vec<Vec<String>>,
    pub(super) failed: Vec<Vec<String>>,
    pub(super) error: Option<String>,
}

impl Job {
    pub(super) fn new(kind: Kind, operation: &str, object: &str, version: &str, made: i64) -> Job {
        Job {
            id: String::new(),
            kind,
            operation: operation.to_owned(),
            object: object.to_owned(),
            version: version.to_owned(),
            made,
            state: JobState::Open,
            line_ending: "LF".to_owned(),
            query: None,
            external_id: None,
            origin: String::new(),
            given: None,
            columns: Vec::new(),
            rows: Vec::new(),
            succeeded: Vec::new(),
            failed: Vec::new(),
            error: None,
        }
    }
}

impl Org {
    /// A look at a job moves it on by one state.
    pub(super) fn advance_job(&self, id: &str) {
        let Some(job) = self.state().jobs.get(id).cloned() else { return };
        let next = match job.state {
            JobState::UploadComplete => Job { state: JobState::InProgress, ..job },
            JobState::InProgress if job.kind == Kind::Query => self.run_query(job),
            JobState::InProgress => self.run_ingest(job),
            _ => return,
        };
        self.state().jobs.insert(id.to_owned(), next);
    }

    fn run_query(&self, mut job: Job) -> Job {
        let state = self.state();
        let query = job.query.as_deref().and_then(|text| soql::parse(text).ok());
        let Some(query) = query else { return Job { state: JobState::Failed, ..job } };
        let deleted = job.operation == "queryAll";
        match soql::run(&state, &query, deleted, &job.version) {
            Ok(rows) => {
                job.columns.clone_from(&query.fields);
                job.rows = rows
                    .iter()
                    .map(|row| query.fields.iter().map(|name| cell(find(row, name))).collect())
                    .collect();
                job.state = JobState::JobComplete;
            }
            Err(refusal) => {
                (job.state, job.error) =
                    (JobState::Failed, Some(format!("{}: {}", refusal.code, refusal.message)));
            }
        }
        job
    }

    fn run_ingest(&self, mut job: Job) -> Job {
        let (columns, rows) = job.given.clone().unwrap_or_default();
        for rows in rows.chunks(TRANSACTION_ROWS) {
            let writer =
                Writer { user: ids::API_USER, origin: &job.origin, auto_assign: false, at: self.now() };
            let mut state = self.state();
            for row in rows {
                state.writes_tried += 1;
                match ingest_row(&mut state, &job, &columns, row, writer) {
                    Ok((id, created)) => {
                        state.writes += 1;
                        *state.writes_of.entry(id.clone()).or_default() += 1;
                        let told = [id, created.to_string()].into_iter().chain(row.iter().cloned());
                        job.succeeded.push(told.collect());
                    }
                    Err(refusal) => {
                        let known = id_in(&columns, row).unwrap_or_default();
                        let why =
                            format!("{}:{}:{}--", refusal.code, refusal.message, refusal.fields.join(","));
                        job.failed.push([known, why].into_iter().chain(row.iter().cloned()).collect());
                    }
                }
            }
        }
        job.state = JobState::JobComplete;
        job
    }
}

fn id_in(columns: &[String], row: &[String]) -> Option<String> {
    let place = columns.iter().position(|name| name.eq_ignore_ascii_case("id"))?;
    row.get(place).and_then(|text| ids::canonical(text))
}

fn ingest_row(
    state: &mut State,
    job: &Job,
    columns: &[String],
    row: &[String],
    writer: Writer<'_>,
) -> Result<(String, bool), Refusal> {
    let id = id_in(columns, row);
    let of_object = |state: &State, id: &str| state.record(id).is_some_and(|r| r.object == job.object);
    let missing = || Refusal::new("MISSING_ARGUMENT", "Id not specified in an update call");
    match job.operation.as_str() {
        "delete" => {
            let id = id.ok_or_else(missing)?;
            match of_object(state, &id) && state.delete(&id, writer) {
                true => Ok((id, false)),
                false => Err(Refusal::new("ENTITY_IS_DELETED", "entity is deleted")),
            }
        }
        "update" => {
            let id = id.ok_or_else(missing)?;
            if !of_object(state, &id) {
                return Err(Refusal::new("NOT_FOUND", "invalid cross reference id"));
            }
            let fields = fields(state, job, columns, row);
            state.update(&id, &fields, writer)?;
            Ok((id, false))
        }
        "upsert" => {
            let name = job.external_id.clone().unwrap_or_default();
            let place = columns.iter().position(|column| column.eq_ignore_ascii_case(&name));
            let value = place.and_then(|place| row.get(place)).cloned().unwrap_or_default();
            let found = match name.eq_ignore_ascii_case("id") {
                true => id,
                false => state
                    .kept
                    .records
                    .values()
                    .find(|r| {
                        r.object == job.object
                            && !r.deleted
                            && r.values.get(&name) == Some(&value.clone().into())
                    })
                    .map(|record| record.id.clone()),
            };
            let fields = fields(state, job, columns, row);
            match found {
                Some(id) => state.update(&id, &fields, writer).map(|()| (id, false)),
                None => state.create(&job.object, &fields, writer).map(|id| (id, true)),
            }
        }
        _ => {
            let fields = fields(state, job, columns, row);
            state.create(&job.object, &fields, writer).map(|id| (id, true))
        }
    }
}

/// An empty cell is left aside, `#N/A` empties the field.
fn fields(state: &State, job: &Job, columns: &[String], row: &[String]) -> Map<String, Value> {
    let schema = state.object(&job.object);
    let mut fields = Map::new();
    for (name, text) in columns.iter().zip(row) {
        let kind = schema.and_then(|schema| schema.field(name)).map(|field| field.kind);
        let value = match (kind, text.as_str()) {
            (_, "") => continue,
            (_, "#N/A") => Value::Null,
            (Some(FieldKind::Boolean), text) => Value::Bool(text.eq_ignore_ascii_case("true")),
            (_, text) => Value::String(text.to_owned()),
        };
        fields.insert(name.clone(), value);
    }
    fields
}

fn find<'a>(row: &'a Value, name: &str) -> &'a Value {
    let found = row.as_object().and_then(|row| row.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)));
    found.map_or(&Value::Null, |(_, value)| value)
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
