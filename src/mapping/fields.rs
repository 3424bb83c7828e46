//! `[[field]]`: further fields kept in step.

use super::carry::{FieldMapping, Transform};
use super::reader::{Reader, Span, Table, listed};
use super::rows::{Columns, WINNERS};
use super::table::Way;
use super::values::{field_name, not_in_sync};
use crate::diagnostic::{Problem, nearest};
use crate::model::{Detail, FieldName, SalesforceObject};
use std::collections::BTreeSet;
use std::sync::Arc;
use toml::Spanned;
use toml::de::DeValue;

const KEYS: [&str; 9] =
    ["lead", "contact", "engage", "way", "winner", "blank", "transform", "values", "country_code"];

const WAYS: [(&str, Way); 3] =
    [("both", Way::Both), ("to-salesforce", Way::ToSalesforce), ("to-engage", Way::ToEngage)];

const TRANSFORMS: [&str; 6] = ["trim", "lowercase", "uppercase", "title-case", "phone-e164", "date"];

/// Reads them all; those with a mistake are left out, once it is named. `taken` are the fields that rows write.
pub(super) fn read(
    reader: &mut Reader,
    top: &Table<'_>,
    columns: &Columns<'_>,
    taken: &[(SalesforceObject, BTreeSet<FieldName>)],
) -> Vec<FieldMapping> {
    let mut fields: Vec<FieldMapping> = Vec::new();
    for table in reader.tables(top, "field") {
        let Some(field) = field(reader, &table, columns, taken) else { continue };
        let same = |other: &&FieldMapping| {
            other.engage == field.engage
                || (other.lead.is_some() && other.lead == field.lead)
                || (other.contact.is_some() && other.contact == field.contact)
        };
        if let Some(first) = fields.iter().find(same) {
            reader.push(
                Problem::error("M054", "a field is kept in step twice")
                    .at(table.span.clone(), "here")
                    .at(first.span.clone(), "and here")
                    .help("each field of either side stands in one `[[field]]`"),
            );
            continue;
        }
        fields.push(field);
    }
    fields
}

fn field(
    reader: &mut Reader,
    table: &Table<'_>,
    columns: &Columns<'_>,
    taken: &[(SalesforceObject, BTreeSet<FieldName>)],
) -> Option<FieldMapping> {
    reader.only_keys(table, "a field", &KEYS);
    let lead = name(reader, table, "lead", SalesforceObject::Lead, columns, taken);
    let contact = name(reader, table, "contact", SalesforceObject::Contact, columns, taken);
    if table.get("lead").is_none() && table.get("contact").is_none() {
        let help = "name the field's API name: `lead = \"Title\"`, `contact = \"Title\"`, or both";
        reader.missing(table.span.clone(), "a field", "lead", help);
    }
    let way = reader.choice(table, "way", &WAYS).unwrap_or(Way::Both);
    let winner = reader.choice(table, "winner", &WINNERS);
    let clears = reader.choice(table, "blank", &[("keep", false), ("clear", true)]).unwrap_or(false);
    let transform = transforms(reader, table);
    let values = value_table(reader, table, way);
    let engage = engage(reader, table, way)?;
    (lead.is_some() || contact.is_some()).then(|| FieldMapping {
        engage,
        lead,
        contact,
        way,
        winner,
        clears,
        transform,
        values,
        line: reader.problems.line_column(table.span.start).0,
        span: table.span.clone(),
    })
}

fn engage(reader: &mut Reader, table: &Table<'_>, way: Way) -> Option<Detail> {
    if table.get("engage").is_none() {
        let help = "name the field in Revenue Engage: `engage = \"title\"`";
        reader.missing(table.span.clone(), "a field", "engage", help);
    }
    let (text, span) = reader.text(table, "engage")?;
    let keys: Vec<&str> = Detail::ALL.iter().map(|detail| detail.key()).collect();
    let Some(detail) = Detail::ALL.into_iter().find(|detail| detail.key() == text) else {
        let problem = Problem::error("M055", format!("Revenue Engage has no field \"{text}\"")).at(span, "");
        reader.push(match nearest(text, keys.iter().copied()) {
            Some(meant) => problem.help(format!("did you mean \"{meant}\"?")),
            None => problem.help(format!("it can be {}", listed(&keys))),
        });
        return None;
    };
    if detail == Detail::Email && way != Way::ToSalesforce {
        let problem = Problem::error("M056", "email cannot be written in Revenue Engage").at(span, "");
        reader.push(problem.help("add `way = \"to-salesforce\"`"));
        return None;
    }
    Some(detail)
}

fn name(
    reader: &mut Reader,
    table: &Table<'_>,
    key: &str,
    object: SalesforceObject,
    columns: &Columns<'_>,
    taken: &[(SalesforceObject, BTreeSet<FieldName>)],
) -> Option<FieldName> {
    let (text, span) = reader.text(table, key)?;
    if columns.status(object).is_none() {
        if !columns.broken.contains(&object) {
            not_in_sync(reader, key, object, span);
        }
        return None;
    }
    let name = field_name(reader, text, span.clone(), false)?;
    // Salesforce does not care for capital letters in names.
    let is_taken = |names: &BTreeSet<FieldName>| names.iter().any(|taken| taken.eq_ignore_ascii_case(&name));
    if taken.iter().any(|(of, names)| *of == object && is_taken(names)) {
        let problem =
            Problem::error("M057", format!("{name} is kept in step by the rows already")).at(span, "");
        reader.push(problem.help("a `[[field]]` is for fields that no row, opt-out or condition speaks of"));
        return None;
    }
    Some(name)
}

fn transforms(reader: &mut Reader, table: &Table<'_>) -> Vec<Transform> {
    let country = country(reader, table);
    let Some(value) = table.get("transform") else { return Vec::new() };
    let items: Vec<&Spanned<DeValue<'_>>> = match value.get_ref() {
        DeValue::Array(items) => items.iter().collect(),
        _ => vec![value],
    };
    let mut all = Vec::new();
    for item in items {
        let DeValue::String(text) = item.get_ref() else {
            reader.wrong_kind("transform", item.get_ref(), item.span(), "a text in quotes");
            continue;
        };
        match &**text {
            "trim" => all.push(Transform::Trim),
            "lowercase" => all.push(Transform::Lowercase),
            "uppercase" => all.push(Transform::Uppercase),
            "title-case" => all.push(Transform::TitleCase),
            "phone-e164" => all.push(Transform::Phone { country: country.clone() }),
            "date" => all.push(Transform::Date),
            other => unknown_transform(reader, other, item.span()),
        }
    }
    let cases = all
        .iter()
        .filter(|t| matches!(t, Transform::Lowercase | Transform::Uppercase | Transform::TitleCase));
    if cases.count() > 1 {
        let problem =
            Problem::error("M058", "a value cannot be written in two ways at once").at(value.span(), "");
        reader.push(problem.help("keep one of `lowercase`, `uppercase` and `title-case`"));
    }
    all
}

fn unknown_transform(reader: &mut Reader, text: &str, span: Span) {
    let problem = Problem::error("M009", format!("`transform` cannot be \"{text}\"")).at(span, "");
    reader.push(match nearest(text, TRANSFORMS) {
        Some(meant) => problem.help(format!("did you mean \"{meant}\"? It can be {}", listed(&TRANSFORMS))),
        None => problem.help(format!("it can be {}", listed(&TRANSFORMS))),
    });
}

fn country(reader: &mut Reader, table: &Table<'_>) -> Option<Arc<str>> {
    let (text, span) = reader.text(table, "country_code")?;
    let is_code = text.strip_prefix('+').is_some_and(|digits| {
        (1..=3).contains(&digits.len())
            && digits.chars().all(|c| c.is_ascii_digit())
            && !digits.starts_with('0')
    });
    if !is_code {
        let problem = Problem::error("M060", format!("\"{text}\" is no country code")).at(span, "");
        reader.push(problem.help("write a plus and one to three digits: \"+44\", \"+1\""));
        return None;
    }
    Some(text.into())
}

/// What Engage's values are in Salesforce. Back again is only possible where no two are the same there.
fn value_table(reader: &mut Reader, table: &Table<'_>, way: Way) -> Vec<(Arc<str>, Arc<str>)> {
    let Some(values) = reader.table(table, "values") else { return Vec::new() };
    let mut all: Vec<(Arc<str>, Arc<str>)> = Vec::new();
    for (from, _, value) in values.entries() {
        let DeValue::String(to) = value.get_ref() else {
            reader.wrong_kind(from, value.get_ref(), value.span(), "a value in quotes");
            continue;
        };
        let twice = all.iter().find(|(_, other)| **other == **to).map(|(other, _)| other.clone());
        if let Some(other) = twice.filter(|_| way.to_engage()) {
            let problem =
                Problem::error("M061", format!("\"{to}\" stands for \"{other}\" and for \"{from}\""));
            reader.push(
                problem
                    .at(value.span(), "nobody can tell which of the two it is on the way back")
                    .help("give each value one of its own, or add `way = \"to-salesforce\"`"),
            );
            continue;
        }
        all.push((from.into(), Arc::from(&**to)));
    }
    all
}
