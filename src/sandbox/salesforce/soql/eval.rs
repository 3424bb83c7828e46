//! Answers a query from the state.

use super::parser::{Comparison, Condition, Literal, Query};
use crate::sandbox::salesforce::ids;
use crate::sandbox::salesforce::record::{Record, parse_time};
use crate::sandbox::salesforce::schema::{CONVERTED, Field, Object};
use crate::sandbox::salesforce::state::State;
use crate::sandbox::salesforce::writes::Refusal;
use serde_json::{Map, Value, json};
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

fn fields_of<'a>(condition: &'a Condition, names: &mut Vec<&'a str>) {
    match condition {
        Condition::And(parts) | Condition::Or(parts) => {
            parts.iter().for_each(|part| fields_of(part, names));
        }
        Condition::Not(inner) => fields_of(inner, names),
        Condition::Compare(field, ..) | Condition::In(field, ..) => names.push(field),
    }
}

fn value(object: &Object, record: &Record, name: &str) -> Value {
    object.field(name).map_or(Value::Null, |field| record.get(field))
}

/// The ids that a condition allows, where it names them: then no other row need be looked at.
fn some_ids(condition: &Condition) -> Option<Vec<String>> {
    match condition {
        Condition::And(all) => all.iter().find_map(some_ids),
        Condition::In(field, true, values) if field.eq_ignore_ascii_case("Id") => values
            .iter()
            .map(|value| if let Literal::Text(text) = value { Some(text.clone()) } else { None })
            .collect(),
        Condition::Compare(field, Comparison::Equal, Literal::Text(id))
            if field.eq_ignore_ascii_case("Id") =>
        {
            Some(vec![id.clone()])
        }
        _ => None,
    }
}

/// The earliest stamp that a condition allows.
fn stamped_from(condition: &Condition) -> Option<i64> {
    match condition {
        Condition::And(all) => all.iter().filter_map(stamped_from).max(),
        Condition::Or(any) => any.iter().map(stamped_from).min().flatten(),
        Condition::Compare(field, comparison, Literal::Time(at))
            if field.eq_ignore_ascii_case("SystemModstamp") =>
        {
            matches!(comparison, Comparison::Equal | Comparison::Greater | Comparison::GreaterOrEqual)
                .then_some(*at)
        }
        _ => None,
    }
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
fn order(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Less,
        (_, Value::Null) => Ordering::Greater,
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (a, b) => a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(Ordering::Equal),
    }
}

fn holds(condition: &Condition, value: &dyn Fn(&str) -> Value) -> bool {
    match condition {
        Condition::And(all) => all.iter().all(|part| holds(part, value)),
        Condition::Or(any) => any.iter().any(|part| holds(part, value)),
        Condition::Not(inner) => !holds(inner, value),
        Condition::In(field, wanted, values) => {
            let held = value(field);
            values.iter().any(|literal| compare(&held, literal) == Some(Ordering::Equal)) == *wanted
        }
        Condition::Compare(field, Comparison::Like, Literal::Text(pattern)) => {
            value(field).as_str().is_some_and(|text| like(&text.to_lowercase(), &pattern.to_lowercase()))
        }
        Condition::Compare(field, comparison, literal) => {
            let ordering = compare(&value(field), literal);
            match comparison {
                Comparison::Equal => ordering == Some(Ordering::Equal),
                Comparison::Unequal => ordering != Some(Ordering::Equal),
                Comparison::Less => ordering == Some(Ordering::Less),
                Comparison::LessOrEqual => matches!(ordering, Some(Ordering::Less | Ordering::Equal)),
                Comparison::Greater => ordering == Some(Ordering::Greater),
                Comparison::GreaterOrEqual => matches!(ordering, Some(Ordering::Greater | Ordering::Equal)),
                Comparison::Like => false,
            }
        }
    }
}

/// Texts are compared without regard to case, times as times.
fn compare(held: &Value, literal: &Literal) -> Option<Ordering> {
    match (held, literal) {
        (Value::Null, Literal::Null) => Some(Ordering::Equal),
        (Value::Bool(held), Literal::Bool(wanted)) => Some(held.cmp(wanted)),
        (Value::String(held), Literal::Time(at)) => Some(parse_time(held)?.cmp(at)),
        (Value::String(held), Literal::Date(day)) => Some(held.as_str().cmp(day)),
        (Value::String(held), Literal::Text(wanted)) => {
            // An id may be given in its short form.
            if held.len() == 18 && wanted.len() == 15 && ids::canonical(wanted).as_deref() == Some(held) {
                return Some(Ordering::Equal);
            }
            Some(held.to_lowercase().cmp(&wanted.to_lowercase()))
        }
        (held, Literal::Number(wanted)) => held.as_f64()?.partial_cmp(wanted),
        _ => None,
    }
}

/// `%` stands for anything, `_` for one character. Only the last `%` is ever gone back to, so that no pattern takes more
/// than its length times that of the text.
fn like(text: &str, pattern: &str) -> bool {
    let (mut text, mut pattern) = (text.chars(), pattern.chars());
    let mut last: Option<(std::str::Chars<'_>, std::str::Chars<'_>)> = None;
    loop {
        let (mut rest, mut behind) = (text.clone(), pattern.clone());
        let fits = match (rest.next(), behind.next()) {
            (None, None) => return true,
            (_, Some('%')) => {
                pattern = behind;
                last = Some((text.clone(), pattern.clone()));
                continue;
            }
            (Some(_), Some('_')) => true,
            (one, other) => one.is_some() && one == other,
        };
        if fits {
            (text, pattern) = (rest, behind);
            continue;
        }
        // The last `%` takes one more character.
        let Some((from, then)) = &mut last else { return false };
        if from.next().is_none() {
            return false;
        }
        (text, pattern) = (from.clone(), then.clone());
    }
}

fn history(state: &State, query: &Query, parent: &str) -> Result<Vec<Value>, Refusal> {
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

fn parents(condition: &Condition, key: &str) -> Option<Vec<String>> {
    match condition {
        Condition::And(all) => all.iter().find_map(|part| parents(part, key)),
        Condition::In(field, true, values) if field.eq_ignore_ascii_case(key) => values
            .iter()
            .map(|value| if let Literal::Text(text) = value { Some(text.clone()) } else { None })
            .collect(),
        _ => None,
    }
}

fn lead_statuses(state: &State) -> Vec<Map<String, Value>> {
    let statuses =
        state.object("Lead").and_then(|lead| lead.field("Status")).map(|field| field.values.clone());
    let rows = statuses.unwrap_or_default().into_iter().enumerate().map(|(order, (value, _))| {
        let id = ids::numbered("01J", order as u64 + 1);
        let converted = CONVERTED.contains(&value.as_str());
        json!({"Id": id, "ApiName": value, "MasterLabel": value, "IsConverted": converted, "IsDefault": order == 0, "SortOrder": order + 1})
    });
    rows.filter_map(|row| row.as_object().cloned()).collect()
}

fn organization() -> Vec<Map<String, Value>> {
    let row = json!({"Id": ids::long(ids::ORG), "Name": "Sandbox", "OrganizationType": "Developer Edition", "IsSandbox": true,
        "InstanceName": "SAND1", "NamespacePrefix": null, "TrialExpirationDate": null, "CreatedDate": "2020-01-01T00:00:00.000+0000"});
    row.as_object().cloned().into_iter().collect()
}

fn users() -> Vec<Map<String, Value>> {
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
fn virtual_rows(query: &Query, name: &str, mut rows: Vec<Map<String, Value>>) -> Result<Vec<Value>, Refusal> {
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

#[cfg(test)]
mod tests {
    use super::like;

    #[test]
    fn a_pattern_stands_for_what_it_says() {
        for (text, pattern) in [
            ("", ""),
            ("", "%"),
            ("abc", "a%"),
            ("abc", "%c"),
            ("abc", "%b%"),
            ("abc", "a_c"),
            ("äbc", "_bc"),
            ("aab", "%ab"),
            ("abab", "%ab"),
        ] {
            assert!(like(text, pattern), "{text} like {pattern}");
        }
        for (text, pattern) in [
            ("", "_"),
            ("abc", ""),
            ("abc", "ab"),
            ("abc", "b%"),
            ("abc", "%b"),
            ("abc", "a_"),
            ("ab", "a_b%"),
        ] {
            assert!(!like(text, pattern), "{text} like {pattern}");
        }
    }

    #[test]
    fn a_pattern_of_many_wildcards_is_answered_all_the_same() {
        assert!(!like(&"a".repeat(255), &("%a".repeat(120) + "%b")));
    }
}
