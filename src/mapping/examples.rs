//! `[[test]]`: what the company expects, in its own words.

use super::reader::{Reader, Table};
use super::rows::{self, Columns, SEQUENCES};
use super::table::{Example, Expected, Pair};
use super::values::{fields, key_of, not_in_sync, plain_fields};
use crate::diagnostic::Problem;
use crate::model::{SalesforceObject, Side};
use std::sync::Arc;
use toml::de::DeValue;

const SHAPE: &str = "a test reads: `given = { lead = \"A\", person = \"B\" }`, `when = { lead = \"C\" }`, `then = { person = \"D\" }`";

/// Reads them all; those with a mistake are left out, once it is named.
pub(super) fn read(reader: &mut Reader, top: &Table<'_>, columns: &Columns<'_>) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    for table in reader.tables(top, "test") {
        let Some(example) = example(reader, &table, columns) else { continue };
        if let Some(first) = examples.iter().find(|other| other.name == example.name) {
            let problem = Problem::error("M047", format!("two tests are called \"{}\"", example.name));
            reader.push(
                problem
                    .at(table.span.clone(), "the second one")
                    .at(first.span.clone(), "the first one")
                    .help("a test's name says what it expects: give each its own"),
            );
            continue;
        }
        examples.push(example);
    }
    examples
}

fn example(reader: &mut Reader, table: &Table<'_>, columns: &Columns<'_>) -> Option<Example> {
    reader.only_keys(table, "a test", &["name", "given", "when", "then"]);
    for key in ["name", "given", "when", "then"] {
        if table.get(key).is_none() {
            reader.missing(table.span.clone(), "a test", key, SHAPE);
        }
    }
    let (name, _) = reader.text(table, "name")?;
    let (given, when, then) =
        (reader.table(table, "given")?, reader.table(table, "when")?, reader.table(table, "then")?);
    reader.only_keys(&given, "`given`", &["lead", "contact", "salesforce", "person", "record", "sequence"]);
    reader.only_keys(&when, "`when`", &["lead", "contact", "salesforce", "person", "newer"]);
    let then_keys = ["lead", "contact", "salesforce", "person", "sequences", "held"];
    reader.only_keys(&then, "`then`", &then_keys);
    let object = object(reader, [&given, &when, &then], columns)?;
    let newer = reader.choice(&when, "newer", &[("salesforce", Side::Salesforce), ("engage", Side::Engage)]);
    let expected = Expected {
        pair: pair(reader, &then, object, columns)?,
        sequences: reader.choice(&then, "sequences", &SEQUENCES),
        held: flag(reader, &then, "held"),
    };
    let example = Example {
        name: name.into(),
        object,
        given: pair(reader, &given, object, columns)?,
        record: reader.table(&given, "record").map(|table| plain_fields(reader, &table)).unwrap_or_default(),
        sequences: names(reader, &given),
        when: pair(reader, &when, object, columns)?,
        newer,
        then: expected,
        span: table.span.clone(),
        then_span: then.span.clone(),
        line: reader.problems.line_column(table.span.start).0,
    };
    says_something(reader, &example, &when, &then).then_some(example)
}

/// The one object that a test speaks of.
fn object(reader: &mut Reader, parts: [&Table<'_>; 3], columns: &Columns<'_>) -> Option<SalesforceObject> {
    let mut named: Option<SalesforceObject> = None;
    for table in parts {
        for object in SalesforceObject::BOTH {
            let key = key_of(object);
            if table.get(key).is_none() {
                continue;
            }
            if columns.status(object).is_none() {
                if !columns.broken.contains(&object) {
                    not_in_sync(reader, key, object, table.key_span(key));
                }
                return None;
            }
            if named.is_some_and(|other| other != object) {
                let problem = Problem::error("M052", "a test speaks of a Lead or of a Contact, not of both");
                reader.push(problem.at(table.key_span(key), "").help("write two tests"));
                return None;
            }
            named = Some(object);
        }
    }
    named.or_else(|| SalesforceObject::BOTH.into_iter().find(|object| columns.status(*object).is_some()))
}

/// `None` when there is a mistake in it, which is named.
fn pair(
    reader: &mut Reader,
    table: &Table<'_>,
    object: SalesforceObject,
    columns: &Columns<'_>,
) -> Option<Pair> {
    let own = key_of(object);
    let mut pair = Pair::default();
    for key in [own, "salesforce"] {
        if let (Some(value), Some(status)) = (table.get(key), columns.status(object)) {
            pair.salesforce = Some(fields(reader, key, value, status, false)?);
        }
    }
    if table.get("person").is_some() {
        let (text, span) = reader.text(table, "person")?;
        pair.engage = Some(rows::person(reader, text, span, columns.custom)?);
    }
    Some(pair)
}

fn names(reader: &mut Reader, given: &Table<'_>) -> Vec<Arc<str>> {
    let Some(value) = given.get("sequence") else { return Vec::new() };
    let items = match value.get_ref() {
        DeValue::Array(items) => items.iter().collect(),
        _ => vec![value],
    };
    let mut names = Vec::new();
    for item in items {
        match item.get_ref() {
            DeValue::String(text) => names.push(Arc::from(&**text)),
            other => reader.wrong_kind("sequence", other, item.span(), "a sequence's name in quotes"),
        }
    }
    names
}

fn flag(reader: &mut Reader, table: &Table<'_>, key: &str) -> Option<bool> {
    let value = table.get(key)?;
    match value.get_ref() {
        DeValue::Boolean(flag) => Some(*flag),
        other => {
            reader.wrong_kind(key, other, value.span(), "true or false");
            None
        }
    }
}

fn says_something(reader: &mut Reader, example: &Example, when: &Table<'_>, then: &Table<'_>) -> bool {
    let silent = |pair: &Pair| pair.salesforce.is_none() && pair.engage.is_none();
    let expected = &example.then;
    let nothing_done = silent(&example.when);
    let nothing_expected = silent(&expected.pair) && expected.sequences.is_none() && expected.held.is_none();
    for (wrong, table, what) in
        [(nothing_done, when, "`when` sets nothing"), (nothing_expected, then, "`then` expects nothing")]
    {
        if wrong {
            let problem = Problem::error("M045", format!("this test cannot fail: {what}"));
            reader.push(problem.at(table.span.clone(), "").help(SHAPE));
        }
    }
    !nothing_done && !nothing_expected
}
