//! Salesforce values as a file spells them: a text, or a table of fields.

use super::condition::Condition;
use super::reader::{Reader, Span, Table};
use super::rows::Columns;
use crate::diagnostic::Problem;
use crate::model::{FieldName, FieldValue, Fields, SalesforceObject};
use toml::Spanned;
use toml::de::DeValue;

/// The key under which a file speaks of an object.
pub(super) fn key_of(object: SalesforceObject) -> &'static str {
    match object {
        SalesforceObject::Lead => "lead",
        SalesforceObject::Contact => "contact",
    }
}

/// A value of an object that has no section.
pub(super) fn not_in_sync(reader: &mut Reader, key: &str, object: SalesforceObject, span: Span) {
    reader.push(
        Problem::error("M012", format!("`{key}` has a value, but {object}s are not in sync"))
            .at(span, "")
            .help(format!(
                "add a section `[salesforce.{key}]` with `status = \"...\"`, or take the value out"
            )),
    );
}

/// What a status is on one object.
pub(super) fn value(
    reader: &mut Reader,
    table: &Table<'_>,
    object: SalesforceObject,
    columns: &Columns<'_>,
) -> Option<Fields> {
    let own = key_of(object);
    if columns.broken.contains(&object) {
        return None;
    }
    if table.get(own).is_some() && columns.status(object).is_none() {
        not_in_sync(reader, own, object, table.key_span(own));
        return None;
    }
    let status = columns.status(object)?;
    let (key, value) = match (table.get(own), table.get("salesforce")) {
        (Some(value), _) => (own, value),
        (None, Some(value)) => ("salesforce", value),
        (None, None) => return None,
    };
    // A mistake in `salesforce` is named once, while the first object is read.
    let silent = key == "salesforce" && object == SalesforceObject::Contact && columns.lead.is_some();
    fields(reader, key, value, status, silent)
}

pub(super) fn also_from(
    reader: &mut Reader,
    table: &Table<'_>,
    object: SalesforceObject,
    columns: &Columns<'_>,
) -> Vec<Fields> {
    let Some(status) = columns.status(object) else { return Vec::new() };
    let own = key_of(object);
    let Some(value) = table.get("also_from") else { return Vec::new() };
    let silent = object == SalesforceObject::Contact && columns.lead.is_some();
    let (items, silent) = match value.get_ref() {
        DeValue::Array(items) => (items, silent),
        DeValue::Table(by_object) => {
            let by_object = Table::new(value.span(), by_object);
            if !silent {
                reader.only_keys(&by_object, "`also_from`", &["lead", "contact"]);
            }
            match by_object.get(own).map(|inner| (inner.get_ref(), inner.span())) {
                Some((DeValue::Array(items), _)) => (items, false),
                Some((other, span)) => {
                    reader.wrong_kind(own, other, span, "a list of values");
                    return Vec::new();
                }
                None => return Vec::new(),
            }
        }
        other if !silent => {
            reader.wrong_kind("also_from", other, value.span(), "a list of values");
            return Vec::new();
        }
        _ => return Vec::new(),
    };
    items.iter().filter_map(|item| fields(reader, "also_from", item, status, silent)).collect()
}

/// A text is the status field's value, a table is several fields.
pub(super) fn fields(
    reader: &mut Reader,
    key: &str,
    value: &Spanned<DeValue<'_>>,
    status: &FieldName,
    silent: bool,
) -> Option<Fields> {
    match value.get_ref() {
        DeValue::String(text) => {
            let text = checked_value(reader, text, value.span(), silent)?;
            Some(Fields::from([(status.clone(), text)]))
        }
        DeValue::Table(inner) => {
            let table = Table::new(value.span(), inner);
            let mut fields = Fields::new();
            for (name, span, value) in table.entries() {
                let name = field_name(reader, name, span, silent)?;
                let value = match value.get_ref() {
                    DeValue::String(text) => checked_value(reader, text, value.span(), silent)?,
                    DeValue::Boolean(flag) => FieldValue::Bool(*flag),
                    other => {
                        if !silent {
                            reader.wrong_kind(
                                &name,
                                other,
                                value.span(),
                                "a picklist value in quotes, or true or false",
                            );
                        }
                        return None;
                    }
                };
                fields.insert(name, value);
            }
            if fields.is_empty() {
                if !silent {
                    let problem = Problem::error("M031", format!("`{key}` names no field"));
                    reader.push(
                        problem.at(value.span(), "").help("write `{ Status = \"...\" }`, or take it out"),
                    );
                }
                return None;
            }
            Some(fields)
        }
        other => {
            if !silent {
                reader.wrong_kind(key, other, value.span(), "a value in quotes, or a table of fields");
            }
            None
        }
    }
}

pub(super) fn checked_value(reader: &mut Reader, text: &str, span: Span, silent: bool) -> Option<FieldValue> {
    let problem = if text.trim().is_empty() {
        Some(
            Problem::error("M015", "an empty value is no picklist entry")
                .at(span, "")
                .help("take the value out"),
        )
    } else if text.trim() != text {
        Some(
            Problem::error("M027", format!("\"{text}\" has spaces at its ends"))
                .at(span, "")
                .help(format!("Salesforce keeps values without them: write \"{}\"", text.trim())),
        )
    } else if text.len() > 255 {
        Some(
            Problem::error("M028", "the value is longer than 255 bytes, which no picklist entry can be")
                .at(span, "")
                .help("is a quote missing, so that the value runs on?"),
        )
    } else if super::letters::mixes_alphabets(text) {
        Some(
            Problem::error("M029", format!("\"{text}\" mixes letters of two alphabets that look alike"))
                .at(span, "")
                .help(format!("type the value anew: \"{}\"", super::letters::plain(text))),
        )
    } else {
        None
    };
    match problem {
        None => Some(FieldValue::text(text)),
        Some(problem) => {
            if !silent {
                reader.push(problem);
            }
            None
        }
    }
}

/// A field's API name.
pub(super) fn field_name(reader: &mut Reader, name: &str, span: Span, silent: bool) -> Option<FieldName> {
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.len() <= 80
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_name {
        return Some(FieldName::from(name));
    }
    if !silent {
        reader.push(Problem::error("M030", format!("\"{name}\" is no field's API name")).at(span, "").help(
            "API names have Latin letters, digits and `_`: Status, Engagement_Status__c; labels are not used",
        ));
    }
    None
}

/// Fields of a record, each with one value: a scope, or what a test's record holds.
pub(super) fn plain_fields(reader: &mut Reader, table: &Table<'_>) -> Fields {
    let mut fields = Fields::new();
    for (name, span, value) in table.entries() {
        let Some(name) = field_name(reader, name, span, false) else { continue };
        let value = match value.get_ref() {
            DeValue::Boolean(flag) => Some(FieldValue::Bool(*flag)),
            DeValue::String(text) => checked_value(reader, text, value.span(), false),
            other => {
                reader.wrong_kind(&name, other, value.span(), "a value in quotes, or true or false");
                None
            }
        };
        fields.extend(value.map(|value| (name, value)));
    }
    fields
}

/// `only_if`: fields and the values that meet the condition, or `sequence` and the names of sequences.
pub(super) fn condition(reader: &mut Reader, row: &Table<'_>) -> Condition {
    let mut condition = Condition::default();
    let Some(table) = reader.table(row, "only_if") else { return condition };
    for (name, span, value) in table.entries() {
        let values = one_of(reader, name, value);
        if values.is_empty() {
            continue;
        }
        if name == "sequence" {
            let texts = values.iter().filter_map(FieldValue::as_text).map(Into::into);
            condition.sequences = texts.collect();
        } else if let Some(name) = field_name(reader, name, span, false) {
            condition.fields.insert(name, values);
        }
    }
    if table.entries().next().is_none() {
        never(reader, "`only_if` has no condition", table.span.clone());
    }
    condition
}

/// One value, or a list of which one is enough.
fn one_of(reader: &mut Reader, name: &str, value: &Spanned<DeValue<'_>>) -> Vec<FieldValue> {
    let items = match value.get_ref() {
        DeValue::Array(items) if items.is_empty() => {
            never(reader, "an empty list meets no record", value.span());
            return Vec::new();
        }
        DeValue::Array(items) => items.iter().collect(),
        _ => vec![value],
    };
    let mut values = Vec::new();
    for item in items {
        match item.get_ref() {
            DeValue::String(text) => values.extend(checked_value(reader, text, item.span(), false)),
            DeValue::Boolean(flag) if name != "sequence" => values.push(FieldValue::Bool(*flag)),
            other if name == "sequence" => {
                reader.wrong_kind(name, other, item.span(), "a sequence's name in quotes")
            }
            other => reader.wrong_kind(name, other, item.span(), "a value in quotes, or true or false"),
        }
    }
    values
}

fn never(reader: &mut Reader, message: &str, span: Span) {
    reader.push(
        Problem::error("M037", message)
            .at(span, "")
            .help("write `only_if = { LeadSource = [\"Web\", \"Event\"] }`, or take `only_if` out"),
    );
}
