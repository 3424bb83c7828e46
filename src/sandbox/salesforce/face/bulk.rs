//! Bulk API 2.0: jobs, what they read and what they write (facts/salesforce-api.md 6.3).

use super::csv_text::{self, Table};
use super::{Asked, Refused, Reply, not_found};
use crate::sandbox::salesforce::bulk_jobs::{Job, JobState, Kind};
use crate::sandbox::salesforce::drive::Org;
use crate::sandbox::salesforce::record::time;
use crate::sandbox::salesforce::soql;
use crate::sandbox::salesforce::writes::Refusal;
use axum::http::StatusCode;
use serde_json::{Value, json};

/// What a job may be given: 150 MB once encoded in base64, so 100 MB as it stands.
const UPLOAD_BYTES_MAX: usize = 100 * 1_000 * 1_000;

/// Routes what begins with `/jobs`.
pub(super) fn route(org: &Org, asked: &Asked) -> Result<Reply, Refused> {
    let lower: Vec<String> = asked.parts.iter().map(|part| part.to_ascii_lowercase()).collect();
    let own = |index: usize| asked.parts.get(index).map(String::as_str).unwrap_or_default();
    let kind = match lower.get(1).map(String::as_str) {
        Some("query") => Kind::Query,
        Some("ingest") => Kind::Ingest,
        _ => return Err(not_found()),
    };
    let rest: Vec<&str> = lower.iter().skip(2).map(String::as_str).collect();
    match (asked.method.as_str(), rest.as_slice()) {
        ("POST", []) if kind == Kind::Query => create_query(org, asked),
        ("POST", []) => create_ingest(org, asked),
        ("GET", []) => Ok(list(org, kind)),
        ("GET", [_]) => look(org, kind, own(2)),
        ("PATCH", [_]) => set_state(org, kind, own(2), asked),
        ("DELETE", [_]) => delete(org, kind, own(2)),
        ("GET", [_, "results"]) if kind == Kind::Query => results(org, own(2), asked),
        ("PUT", [_, "batches"]) if kind == Kind::Ingest => upload(org, own(2), asked),
        ("GET", [_, what @ ("successfulresults" | "failedresults" | "unprocessedrecords")])
            if kind == Kind::Ingest =>
        {
            outcome(org, own(2), what)
        }
        _ => Err(not_found()),
    }
}

fn invalid(message: impl Into<String>) -> Refused {
    Refusal::new("INVALIDJOB", message).into()
}

fn create_query(org: &Org, asked: &Asked) -> Result<Reply, Refused> {
    let body = asked.json()?;
    let text = body["query"].as_str().ok_or_else(|| invalid("query is expected"))?;
    let operation = body["operation"].as_str().unwrap_or("query");
    if !matches!(operation, "query" | "queryAll") {
        return Err(invalid(format!("{operation} is no operation of a query job")));
    }
    let query = soql::parse(text)
        .map_err(|why| Refused::from(Refusal::new("MALFORMED_QUERY", format!("{text}\n{}", why.0))))?;
    if query.count || query.offset > 0 {
        let refusal = Refusal::new("INVALIDJOB", "aggregates and OFFSET are not supported by Bulk API 2.0");
        return Err(refusal.into());
    }
    let mut job = Job::new(Kind::Query, operation, &query.object, &asked.version, org.now());
    (job.state, job.query) = (JobState::UploadComplete, Some(text.to_owned()));
    job.line_ending = body["lineEnding"].as_str().unwrap_or("LF").to_owned();
    // A query that cannot be run is refused at once, as a field that is not there.
    soql::run(&org.state(), &query, operation == "queryAll", &asked.version)?;
    let mut state = org.state();
    let id = state.next_id("750");
    job.id.clone_from(&id);
    let shown = shown(&job);
    state.jobs.insert(id, job);
    Ok(Reply::ok(shown))
}

fn create_ingest(org: &Org, asked: &Asked) -> Result<Reply, Refused> {
    let body = asked.json()?;
    let object = body["object"].as_str().ok_or_else(|| invalid("object is expected"))?;
    let operation = body["operation"].as_str().unwrap_or_default();
    if !matches!(operation, "insert" | "update" | "upsert" | "delete") {
        return Err(invalid(format!("{operation:?} is no operation of an ingest job")));
    }
    let mut state = org.state();
    let Some(object) = state.object(object).map(|object| object.name.clone()) else {
        return Err(Refusal::new("INVALIDENTITY", format!("{object} is not supported")).into());
    };
    let mut job = Job::new(Kind::Ingest, operation, &object, &asked.version, org.now());
    job.external_id = body["externalIdFieldName"].as_str().map(str::to_owned);
    job.line_ending = body["lineEnding"].as_str().unwrap_or("LF").to_owned();
    job.origin =
        super::origin("bulkapi", asked.version.trim_start_matches('v'), asked.header("sforce-call-options"));
    if operation == "upsert" && job.external_id.is_none() {
        return Err(invalid("externalIdFieldName is expected"));
    }
    let id = state.next_id("750");
    job.id.clone_from(&id);
    let shown = shown(&job);
    state.jobs.insert(id, job);
    Ok(Reply::ok(shown))
}

fn list(org: &Org, kind: Kind) -> Reply {
    let state = org.state();
    let records: Vec<Value> = state.jobs.values().filter(|job| job.kind == kind).map(shown).collect();
    Reply::ok(json!({"done": true, "records": records, "nextRecordsUrl": null}))
}

fn look(org: &Org, kind: Kind, id: &str) -> Result<Reply, Refused> {
    org.advance_job(id);
    let state = org.state();
    let job = state.jobs.get(id).filter(|job| job.kind == kind).ok_or_else(not_found)?;
    Ok(Reply::ok(shown(job)))
}

fn set_state(org: &Org, kind: Kind, id: &str, asked: &Asked) -> Result<Reply, Refused> {
    let wanted = asked.json()?["state"].as_str().unwrap_or_default().to_owned();
    let mut state = org.state();
    let job = state.jobs.get_mut(id).filter(|job| job.kind == kind).ok_or_else(not_found)?;
    job.state = match (job.state, wanted.as_str()) {
        (JobState::Open, "UploadComplete") => JobState::UploadComplete,
        (JobState::Open | JobState::UploadComplete | JobState::InProgress, "Aborted") => JobState::Aborted,
        (now, _) => {
            let message = format!("Job state change from {} to {wanted} is not allowed", now.as_str());
            return Err(Refusal::new("INVALIDJOBSTATE", message).into());
        }
    };
    Ok(Reply::ok(shown(job)))
}

fn delete(org: &Org, kind: Kind, id: &str) -> Result<Reply, Refused> {
    let mut state = org.state();
    let job = state.jobs.get(id).filter(|job| job.kind == kind).ok_or_else(not_found)?;
    if matches!(job.state, JobState::Open | JobState::UploadComplete | JobState::InProgress) {
        let refusal = Refusal::new("INVALIDJOBSTATE", "a job can be deleted once it has ended");
        return Err(refusal.into());
    }
    state.jobs.remove(id);
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

fn results(org: &Org, id: &str, asked: &Asked) -> Result<Reply, Refused> {
    let state = org.state();
    let job = state.jobs.get(id).filter(|job| job.kind == Kind::Query).ok_or_else(not_found)?;
    if job.version != asked.version {
        let refusal = Refusal::new("API_ERROR", "results are read with the version that made the job");
        return Err(Refused(StatusCode::CONFLICT, refusal));
    }
    if job.state != JobState::JobComplete {
        return Err(Refusal::new("INVALIDJOBSTATE", "the job has no results yet").into());
    }
    let rows_max = asked.query.get("maxRecords").and_then(|n| n.parse().ok()).unwrap_or(50_000usize).max(1);
    let start = match asked.query.get("locator").map(String::as_str) {
        None => 0,
        Some(locator) => locator
            .strip_prefix("bG9j")
            .and_then(|place| place.parse::<usize>().ok())
            .filter(|start| *start < job.rows.len().max(1))
            .ok_or_else(|| Refused::from(Refusal::new("INVALIDLOCATOR", "the locator is not valid")))?,
    };
    let end = (start + rows_max).min(job.rows.len());
    // The end is the literal text "null".
    let locator = if end < job.rows.len() { format!("bG9j{end}") } else { "null".to_owned() };
    let page = &job.rows[start.min(end)..end];
    Ok(Reply::csv(
        csv_text::write(&job.columns, page, job.line_ending == "CRLF"),
        vec![("sforce-numberofrecords", page.len().to_string()), ("sforce-locator", locator)],
    ))
}

fn upload(org: &Org, id: &str, asked: &Asked) -> Result<Reply, Refused> {
    let mut state = org.state();
    let job = state.jobs.get_mut(id).filter(|job| job.kind == Kind::Ingest).ok_or_else(not_found)?;
    if job.state != JobState::Open || job.given.is_some() {
        return Err(Refusal::new("INVALIDJOBSTATE", "the job takes one upload while it is open").into());
    }
    if asked.body.len() > UPLOAD_BYTES_MAX {
        let refusal = Refusal::new("CONTENT_SIZE_EXCEEDED", "more than 100 MB");
        return Err(Refused(StatusCode::PAYLOAD_TOO_LARGE, refusal));
    }
    let table = Table::read(&asked.body, &job.line_ending).map_err(invalid)?;
    job.given = Some((table.columns, table.rows));
    Ok(Reply::empty(StatusCode::CREATED))
}

fn outcome(org: &Org, id: &str, what: &str) -> Result<Reply, Refused> {
    let state = org.state();
    let job = state.jobs.get(id).filter(|job| job.kind == Kind::Ingest).ok_or_else(not_found)?;
    let given: Vec<String> = job.given.iter().flat_map(|(columns, _)| columns.clone()).collect();
    let headed = |first: &[&str]| -> Vec<String> {
        first.iter().map(|name| (*name).to_owned()).chain(given.iter().cloned()).collect()
    };
    let (columns, rows) = match what {
        "successfulresults" => (headed(&["sf__Id", "sf__Created"]), job.succeeded.clone()),
        "failedresults" => (headed(&["sf__Id", "sf__Error"]), job.failed.clone()),
        _ => {
            let done = job.succeeded.len() + job.failed.len();
            let left = job.given.iter().flat_map(|(_, rows)| rows.iter().skip(done).cloned()).collect();
            (given.clone(), left)
        }
    };
    Ok(Reply::csv(csv_text::write(&columns, &rows, job.line_ending == "CRLF"), Vec::new()))
}

fn shown(job: &Job) -> Value {
    let api: f64 = job.version.trim_start_matches('v').parse().unwrap_or_default();
    let mut shown = json!({
        "id": job.id, "operation": job.operation, "object": job.object,
        "createdById": crate::sandbox::salesforce::ids::long(crate::sandbox::salesforce::ids::API_USER),
        "createdDate": time(job.made), "systemModstamp": time(job.made), "state": job.state.as_str(),
        "concurrencyMode": "Parallel", "contentType": "CSV", "apiVersion": api,
        "lineEnding": job.line_ending, "columnDelimiter": "COMMA", "retries": 0, "totalProcessingTime": 1,
    });
    match job.kind {
        Kind::Query => {
            shown["jobType"] = json!("V2Query");
            shown["numberRecordsProcessed"] = json!(job.rows.len());
        }
        Kind::Ingest => {
            shown["jobType"] = json!("V2Ingest");
            let path = format!("services/data/{}/jobs/ingest/{}/batches", job.version, job.id);
            shown["contentUrl"] = json!(path);
            shown["numberRecordsProcessed"] = json!(job.succeeded.len() + job.failed.len());
            shown["numberRecordsFailed"] = json!(job.failed.len());
            if let Some(name) = &job.external_id {
                shown["externalIdFieldName"] = json!(name);
            }
        }
    }
    if let Some(why) = &job.error {
        shown["errorMessage"] = json!(why);
    }
    shown
}
