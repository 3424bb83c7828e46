//! Answers a query from the state.

use super::condition::{fields_of, holds, some_ids, stamped_from};
use super::made_up::{history, lead_statuses, organization, users, virtual_rows};
use super::parser::Query;
use crate::sandbox::salesforce::ids;
use crate::sandbox::salesforce::record::Record;
use crate::sandbox::salesforce::schema::{Field, Object};
use crate::sandbox::salesforce::state::State;
use crate::sandbox::salesforce::writes::Refusal;
use serde_json::Value;
use std::cmp::Ordering;

/// All rows of an answer. `deleted` is `queryAll`.
pub(in super::super) fn run(
    state: &State,
    query: &Query,
    deleted: bool,
    version: &str,
) -> Result<Vec<Value>, Refusal> {
    let lower = query.object.to_ascii_lowercase();
    if let Some(parent) = lower.strip_suffix("history").and_then(|parent| state.object(parent)) {
        return history(state, query, &parent.name.clone());
    }
    match lower.as_str() {
        "leadstatus" => return virtual_rows(query, "LeadStatus", lead_statuses(state)),
        "organization" => return virtual_rows(query, "Organization", organization()),
        "user" => return virtual_rows(query, "User", users()),
        _ => {}
    }
    let Some(object) = state.object(&query.object) else {
        return Err(Refusal::new(
            "INVALID_TYPE",
            format!("sObject type '{}' is not supported.", query.object),
        ));
    };
    let columns = columns(object, query)?;
    let mut rows: Vec<&Record> = Vec::new();
    let wanted = |record: &Record| {
        (deleted || !record.deleted)
            && query
                .condition
                .as_ref()
                .is_none_or(|condition| holds(condition, &|name| value(object, record, name)))
    };
    let by_stamp = query.order.len() == 2
        && query.order[0] == ("SystemModstamp".to_owned(), false)
        && query.order[1] == ("Id".to_owned(), false);
    let take = query.limit.unwrap_or(usize::MAX).saturating_add(query.offset);
    match query.condition.as_ref().and_then(some_ids) {
        Some(found) => {
            let known = found.iter().filter_map(|id| state.record(&ids::canonical(id)?));
            rows.extend(known.filter(|record| record.object == object.name && wanted(record)));
            rows.sort_by(|a, b| a.id.cmp(&b.id));
            rows.dedup_by(|a, b| a.id == b.id);
        }
        None => {
            let from = query.condition.as_ref().and_then(stamped_from).unwrap_or(i64::MIN);
            let index = state.by_stamp.get(&object.name);
            for (_, id) in index.into_iter().flat_map(|index| index.range((from, String::new())..)) {
                rows.extend(state.record(id).filter(|record| wanted(record)));
                if by_stamp && rows.len() == take {
                    break;
                }
            }
        }
    }
    if !by_stamp || query.condition.as_ref().and_then(some_ids).is_some() {
        sort(&mut rows, object, query);
    }
    if query.count {
        return Ok(vec![Value::Null; rows.len()]);
    }
    let page = rows.into_iter().skip(query.offset).take(query.limit.unwrap_or(usize::MAX));
    Ok(page
        .map(|record| {
            let mut row = record.attributes(version);
            row.extend(columns.iter().map(|field| (field.name.clone(), record.get(field))));
            Value::Object(row)
        })
        .collect())
}

fn columns<'a>(object: &'a Object, query: &Query) -> Result<Vec<&'a Field>, Refusal> {
    let no_such = |name: &str| {
        let message = format!(
            "No such column '{name}' on entity '{}'. If you are attempting to use a custom field, be sure to append the '__c' after the custom field name.",
            object.name
        );
        Refusal::new("INVALID_FIELD", message)
    };
    for (name, _) in &query.order {
        object.field(name).ok_or_else(|| no_such(name))?;
    }
    if let Some(condition) = &query.condition {
        let mut names = Vec::new();
        fields_of(condition, &mut names);
        for name in names {
            object.field(name).ok_or_else(|| no_such(name))?;
        }
    }
    query.fields.iter().map(|name| object.field(name).ok_or_else(|| no_such(name))).collect()
}

fn value(object: &Object, record: &Record, name: &str) -> Value {
    object.field(name).map_or(Value::Null, |field| record.get(field))
}

fn sort(rows: &mut [&Record], object: &Object, query: &Query) {
    if query.order.is_empty() {
        return;
    }
    rows.sort_by(|a, b| {
        for (name, descends) in &query.order {
            let ordering = order(&value(object, a, name), &value(object, b, name));
            if ordering != Ordering::Equal {
                return if *descends { ordering.reverse() } else { ordering };
            }
        }
        a.id.cmp(&b.id)
    });
}

/// Nulls first, as by default.
pub(super) fn order(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Less,
        (_, Value::Null) => Ordering::Greater,
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (a, b) => a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(Ordering::Equal),
    }
}
