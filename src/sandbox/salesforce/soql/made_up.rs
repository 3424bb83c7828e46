//! Rows that are no records: made for a query, out of what the org is.

use super::condition::{holds, parents};
use super::eval::order;
use super::parser::Query;
use crate::sandbox::salesforce::ids;
use crate::sandbox::salesforce::schema::CONVERTED;
use crate::sandbox::salesforce::state::State;
use crate::sandbox::salesforce::writes::Refusal;
use serde_json::{Map, Value, json};
use std::cmp::Ordering;

pub(super) fn history(state: &State, query: &Query, parent: &str) -> Result<Vec<Value>, Refusal> {
    let name = format!("{parent}History");
    let key = format!("{parent}Id");
    let row = |index: usize| -> Option<Map<String, Value>> {
        let row = state.kept.history.get(index)?;
        let fields = [
            ("Id", json!(row.id)),
            (key.as_str(), json!(row.parent)),
            ("Field", json!(row.field)),
            ("OldValue", row.old.clone()),
            ("NewValue", row.new.clone()),
            ("CreatedDate", json!(crate::sandbox::salesforce::record::time(row.created))),
            ("CreatedById", json!(row.by)),
            ("IsDeleted", json!(false)),
        ];
        Some(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    };
    let parents = query.condition.as_ref().and_then(|condition| parents(condition, &key));
    let rows: Vec<Map<String, Value>> = match parents {
        Some(parents) => {
            let known = parents.iter().filter_map(|id| state.history_of.get(&ids::canonical(id)?));
            known.flatten().filter_map(|index| row(*index)).collect()
        }
        None => {
            let own = |index: &usize| {
                state
                    .kept
                    .history
                    .get(*index)
                    .and_then(|row| state.record(&row.parent))
                    .is_some_and(|r| r.object == parent)
            };
            (0..state.kept.history.len()).filter(own).filter_map(row).collect()
        }
    };
    virtual_rows(query, &name, rows)
}

pub(super) fn lead_statuses(state: &State) -> Vec<Map<String, Value>> {
    let statuses =
        state.object("Lead").and_then(|lead| lead.field("Status")).map(|field| field.values.clone());
    let rows = statuses.unwrap_or_default().into_iter().enumerate().map(|(order, (value, _))| {
        let id = ids::numbered("01J", order as u64 + 1);
        let converted = CONVERTED.contains(&value.as_str());
        json!({"Id": id, "ApiName": value, "MasterLabel": value, "IsConverted": converted, "IsDefault": order == 0, "SortOrder": order + 1})
    });
    rows.filter_map(|row| row.as_object().cloned()).collect()
}

pub(super) fn organization() -> Vec<Map<String, Value>> {
    let row = json!({"Id": ids::long(ids::ORG), "Name": "Sandbox", "OrganizationType": "Developer Edition", "IsSandbox": true,
        "InstanceName": "SAND1", "NamespacePrefix": null, "TrialExpirationDate": null, "CreatedDate": "2020-01-01T00:00:00.000+0000"});
    row.as_object().cloned().into_iter().collect()
}

pub(super) fn users() -> Vec<Map<String, Value>> {
    let user = |id: &str, name: &str| json!({"Id": ids::long(id), "Name": name, "Username": format!("{}@sandbox.example", name.to_lowercase()), "IsActive": true});
    let rows = [user(ids::API_USER, "Lockstep"), user(ids::PERSON, "Ana")];
    rows.into_iter().filter_map(|row| row.as_object().cloned()).collect()
}

/// A user or the organisation, by its id.
pub(in super::super) fn virtual_record(object: &str, id: &str) -> Option<Map<String, Value>> {
    let (name, rows) = match object.to_ascii_lowercase().as_str() {
        "user" => ("User", users()),
        "organization" => ("Organization", organization()),
        _ => return None,
    };
    let mut found = rows.into_iter().find(|row| row.get("Id").and_then(Value::as_str) == Some(id))?;
    found.insert("attributes".to_owned(), json!({"type": name}));
    Some(found)
}

/// Rows that are no records.
pub(super) fn virtual_rows(
    query: &Query,
    name: &str,
    mut rows: Vec<Map<String, Value>>,
) -> Result<Vec<Value>, Refusal> {
    let get = |row: &Map<String, Value>, field: &str| {
        row.iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(field))
            .map_or(Value::Null, |(_, value)| value.clone())
    };
    rows.retain(|row| {
        query.condition.as_ref().is_none_or(|condition| holds(condition, &|field| get(row, field)))
    });
    rows.sort_by(|a, b| {
        let mut orderings = query.order.iter().map(|(field, descends)| {
            let ordering = order(&get(a, field), &get(b, field));
            if *descends { ordering.reverse() } else { ordering }
        });
        orderings.find(|ordering| *ordering != Ordering::Equal).unwrap_or(Ordering::Equal)
    });
    let take = query.limit.unwrap_or(usize::MAX);
    Ok(rows
        .iter()
        .skip(query.offset)
        .take(take)
        .map(|row| {
            let mut shown = Map::new();
            shown.insert("attributes".to_owned(), json!({"type": name}));
            shown.extend(query.fields.iter().map(|field| (field.clone(), get(row, field))));
            Value::Object(shown)
        })
        .collect())
}
