//! Single records.

use super::{Asked, Refused, Reply, not_found};
use crate::sandbox::salesforce::drive::Org;
use crate::sandbox::salesforce::writes::{Refusal, Writer};
use crate::sandbox::salesforce::{ids, soql};
use axum::http::StatusCode;
use serde_json::{Map, Value, json};

/// How the API user writes.
pub(super) fn writer<'a>(org: &Org, asked: &'a Asked) -> Writer<'a> {
    let refused = asked.header("sforce-auto-assign").is_some_and(|value| value.eq_ignore_ascii_case("false"));
    Writer { user: ids::API_USER, origin: &asked.origin, auto_assign: !refused, at: org.now() }
}

/// The record of this object, under the long form of the id.
fn known(org: &Org, object: &str, id: &str) -> Result<String, Refused> {
    let id = ids::canonical(id).ok_or_else(|| Refusal::new("MALFORMED_ID", format!("malformed id {id}")))?;
    let state = org.state();
    match state.record(&id) {
        Some(record) if record.object.eq_ignore_ascii_case(object) => Ok(id),
        _ => Err(not_found()),
    }
}

pub(super) fn read(org: &Org, object: &str, id: &str, asked: &Asked) -> Result<Reply, Refused> {
    if let Some(row) = ids::canonical(id).and_then(|id| soql::virtual_record(object, &id)) {
        return Ok(Reply::ok(Value::Object(row)));
    }
    let id = known(org, object, id)?;
    let state = org.state();
    let (Some(record), Some(schema)) = (state.record(&id), state.object(object)) else {
        return Err(not_found());
    };
    if record.deleted {
        return Err(Refusal::new("ENTITY_IS_DELETED", "entity is deleted").into());
    }
    let mut row = record.attributes(&asked.version);
    match asked.query.get("fields") {
        Some(names) => {
            for name in names.split(',') {
                let field = schema.field(name.trim()).ok_or_else(|| {
                    Refusal::new(
                        "INVALID_FIELD",
                        format!("No such column '{name}' on sobject of type {}", schema.name),
                    )
                })?;
                row.insert(field.name.clone(), record.get(field));
            }
            row.insert("Id".to_owned(), json!(record.id));
        }
        None => row.extend(schema.fields.iter().map(|field| (field.name.clone(), record.get(field)))),
    }
    Ok(Reply::ok(Value::Object(row)))
}

pub(super) fn update(org: &Org, object: &str, id: &str, asked: &Asked) -> Result<Reply, Refused> {
    let body = asked.json()?;
    let fields: &Map<String, Value> =
        body.as_object().ok_or_else(|| Refusal::new("JSON_PARSER_ERROR", "an object is expected"))?;
    if fields.keys().any(|name| name.eq_ignore_ascii_case("id")) {
        return Err(Refusal::new(
            "INVALID_FIELD",
            "The Id field should not be specified in the sobject data.",
        )
        .into());
    }
    org.state().writes_tried += 1;
    let id = known(org, object, id)?;
    if let Some(date) = asked.header("if-unmodified-since") {
        let since = httpdate::parse_http_date(date)
            .map_err(|_| Refusal::new("INVALID_HEADER", format!("{date} is no HTTP date")))?;
        let since = since.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs()) as i64;
        let modified = org.state().record(&id).map_or(0, |record| record.modified);
        if modified > since {
            let refusal = Refusal::new("PRECONDITION_FAILED", "the record was modified since");
            return Err(Refused(StatusCode::PRECONDITION_FAILED, refusal));
        }
    }
    let writer = writer(org, asked);
    let mut state = org.state();
    state.update(&id, fields, writer)?;
    state.writes += 1;
    *state.writes_of.entry(id).or_default() += 1;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

pub(super) fn create(org: &Org, object: &str, asked: &Asked) -> Result<Reply, Refused> {
    let body = asked.json()?;
    let fields =
        body.as_object().ok_or_else(|| Refusal::new("JSON_PARSER_ERROR", "an object is expected"))?;
    let writer = writer(org, asked);
    let mut state = org.state();
    state.writes_tried += 1;
    let id = state.create(object, fields, writer)?;
    state.writes += 1;
    Ok(Reply::of(StatusCode::CREATED, json!({"id": id, "success": true, "errors": []})))
}

pub(super) fn delete(org: &Org, object: &str, id: &str, asked: &Asked) -> Result<Reply, Refused> {
    let id = known(org, object, id)?;
    let writer = writer(org, asked);
    let mut state = org.state();
    state.writes_tried += 1;
    if !state.delete(&id, writer) {
        return Err(Refusal::new("ENTITY_IS_DELETED", "entity is deleted").into());
    }
    state.writes += 1;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}
