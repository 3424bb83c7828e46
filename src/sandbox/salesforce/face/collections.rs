//! Many records in one call.

use super::rows::writer;
use super::{Asked, Refused, Reply};
use crate::sandbox::salesforce::drive::Org;
use crate::sandbox::salesforce::ids;
use crate::sandbox::salesforce::state::{Savepoint, State};
use crate::sandbox::salesforce::writes::{Refusal, Writer};
use serde_json::{Value, json};
use std::collections::HashSet;

/// Rows of one call that writes (facts/salesforce-api.md 2.5).
const WRITE_ROWS_MAX: usize = 200;
/// Ids of one read by POST.
const READ_IDS_MAX: usize = 2_000;
/// Changes of object within one update.
const RUNS_MAX: usize = 10;

pub(super) fn update(org: &Org, asked: &Asked) -> Result<Reply, Refused> {
    let body = asked.json()?;
    let rows = rows_of(&body)?;
    let is_all_or_none = body["allOrNone"].as_bool().unwrap_or(false);
    let writer = writer(org, asked);
    let mut state = org.state();
    if let Some((id, values)) = state.interloper.take() {
        state.set(&id, values, Writer { user: ids::PERSON, origin: "", ..writer });
    }
    let (mut seen, mut savepoint) = (HashSet::new(), state.savepoint());
    let results = rows
        .iter()
        .map(|row| {
            let id = row["id"].as_str().and_then(ids::canonical);
            savepoint.before(id.as_deref().and_then(|id| state.record(id)));
            update_row(&mut state, id, row, &mut seen, writer)
        })
        .collect();
    Ok(answered(&mut state, results, is_all_or_none.then_some(savepoint)))
}

/// Makes records.
pub(super) fn create(org: &Org, asked: &Asked) -> Result<Reply, Refused> {
    let body = asked.json()?;
    let rows = rows_of(&body)?;
    let writer = writer(org, asked);
    let mut state = org.state();
    let mut savepoint = state.savepoint();
    let results = rows
        .iter()
        .map(|row| {
            let object = row["attributes"]["type"].as_str().unwrap_or_default();
            let id = state.create(object, &row.as_object().cloned().unwrap_or_default(), writer)?;
            savepoint.made(&id);
            Ok(id)
        })
        .collect();
    let is_all_or_none = body["allOrNone"].as_bool().unwrap_or(false);
    Ok(answered(&mut state, results, is_all_or_none.then_some(savepoint)))
}

/// Deletes records: `?ids=&allOrNone=`.
pub(super) fn delete(org: &Org, asked: &Asked) -> Result<Reply, Refused> {
    let named: Vec<&str> =
        asked.query.get("ids").map(|ids| ids.split(',').map(str::trim).collect()).unwrap_or_default();
    no_more_than(named.len())?;
    let writer = writer(org, asked);
    let mut state = org.state();
    let mut savepoint = state.savepoint();
    let results = named
        .iter()
        .map(|id| {
            let id = ids::canonical(id).ok_or_else(|| Refusal::new("MALFORMED_ID", "malformed id"))?;
            let record = state.record(&id);
            if record.is_none() {
                return Err(Refusal::new("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"));
            }
            savepoint.before(record);
            match state.delete(&id, writer) {
                true => Ok(id),
                false => Err(Refusal::new("ENTITY_IS_DELETED", "entity is deleted")),
            }
        })
        .collect();
    let is_all_or_none = asked.query.get("allOrNone").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    Ok(answered(&mut state, results, is_all_or_none.then_some(savepoint)))
}

/// The answer to what was tried; with a savepoint, everything or nothing.
fn answered(
    state: &mut State,
    mut results: Vec<Result<String, Refusal>>,
    savepoint: Option<Savepoint>,
) -> Reply {
    state.writes_tried += results.len() as u64;
    if let Some(savepoint) = savepoint.filter(|_| results.iter().any(Result::is_err)) {
        state.roll_back(savepoint);
        let rolled_back = || {
            Refusal::new(
                "ALL_OR_NONE_OPERATION_ROLLED_BACK",
                "Record rolled back because not all records were valid and the request was using AllOrNone header",
            )
        };
        results = results.into_iter().map(|result| result.and_then(|_| Err(rolled_back()))).collect();
    }
    for id in results.iter().flatten() {
        state.writes += 1;
        *state.writes_of.entry(id.clone()).or_default() += 1;
    }
    Reply::ok(Value::Array(results.iter().map(shown).collect()))
}

/// The records of a body, each with its object, and not too many changes of it.
fn rows_of(body: &Value) -> Result<&Vec<Value>, Refused> {
    let malformed = |message: &str| Refused::from(Refusal::new("JSON_PARSER_ERROR", message));
    let rows = body["records"].as_array().ok_or_else(|| malformed("records is expected"))?;
    no_more_than(rows.len())?;
    let objects: Vec<&str> = rows.iter().filter_map(|row| row["attributes"]["type"].as_str()).collect();
    if objects.len() != rows.len() {
        return Err(malformed("attributes.type is expected in every record"));
    }
    if objects.chunk_by(|a, b| a.eq_ignore_ascii_case(b)).count() > RUNS_MAX {
        let message = format!("Too many chunks: at most {RUNS_MAX} changes of object in one call");
        return Err(Refusal::new("LIMIT_EXCEEDED", message).into());
    }
    Ok(rows)
}

fn no_more_than(rows: usize) -> Result<(), Refused> {
    if rows > WRITE_ROWS_MAX {
        let message =
            format!("record limit reached. cannot submit more than {WRITE_ROWS_MAX} records into this call");
        return Err(Refusal::new("EXCEEDED_ID_LIMIT", message).into());
    }
    Ok(())
}

fn update_row(
    state: &mut State,
    id: Option<String>,
    row: &Value,
    seen: &mut HashSet<String>,
    writer: Writer<'_>,
) -> Result<String, Refusal> {
    let id = id.ok_or_else(|| Refusal::new("MALFORMED_ID", "malformed id"))?;
    if !seen.insert(id.clone()) {
        return Err(Refusal::new("DUPLICATE_VALUE", format!("duplicate id in the request: {id}")));
    }
    let object = row["attributes"]["type"].as_str().unwrap_or_default();
    if state.record(&id).is_some_and(|record| !record.object.eq_ignore_ascii_case(object)) {
        return Err(Refusal::new("INVALID_FIELD", format!("{id} is no {object}")));
    }
    let fields = row.as_object().cloned().unwrap_or_default();
    state.update(&id, &fields, writer)?;
    Ok(id)
}

/// `statusCode` here, not `errorCode`.
fn shown(result: &Result<String, Refusal>) -> Value {
    match result {
        Ok(id) => json!({"id": id, "success": true, "errors": []}),
        Err(refusal) => json!({"success": false, "errors": [
            {"statusCode": refusal.code, "message": refusal.message, "fields": refusal.fields}
        ]}),
    }
}

/// Records by id; `null` for one that is not there, deleted ones among them.
pub(super) fn read(org: &Org, object: &str, asked: &Asked) -> Result<Reply, Refused> {
    let list = |text: Option<&String>| -> Vec<String> {
        text.map(|text| text.split(',').map(|part| part.trim().to_owned()).collect()).unwrap_or_default()
    };
    let (wanted, names) = if asked.method == "GET" {
        (list(asked.query.get("ids")), list(asked.query.get("fields")))
    } else {
        let body = asked.json()?;
        let texts = |name: &str| -> Vec<String> {
            body[name]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|text| text.as_str().map(str::to_owned))
                .collect()
        };
        (texts("ids"), texts("fields"))
    };
    if wanted.len() > READ_IDS_MAX {
        return Err(Refusal::new("EXCEEDED_ID_LIMIT", format!("at most {READ_IDS_MAX} ids")).into());
    }
    let state = org.state();
    let Some(schema) = state.object(object) else { return Err(super::not_found()) };
    let mut fields = Vec::new();
    for name in &names {
        fields.push(schema.field(name).ok_or_else(|| {
            Refusal::new(
                "INVALID_FIELD",
                format!("No such column '{name}' on sobject of type {}", schema.name),
            )
        })?);
    }
    let rows = wanted.iter().map(|id| {
        let record = ids::canonical(id).and_then(|id| state.record(&id).cloned());
        record.filter(|record| !record.deleted && record.object == schema.name).map_or(
            Value::Null,
            |record| {
                let mut row = record.attributes(&asked.version);
                row.extend(fields.iter().map(|field| (field.name.clone(), record.get(field))));
                Value::Object(row)
            },
        )
    });
    Ok(Reply::ok(Value::Array(rows.collect())))
}
