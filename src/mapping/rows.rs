//! The rows: what each person status is in Salesforce.

use super::reader::{Reader, Span, Table};
use super::table::{CustomStatus, ObjectMapping, Row, Way, Winner};
use crate::diagnostic::{Problem, nearest};
use crate::lifecycle;
use crate::model::{FieldName, FieldValue, Fields, PersonStatus, SalesforceObject, SequenceAction};
use toml::Spanned;
use toml::de::DeValue;

/// The keys of a row.
pub(super) const KEYS: [&str; 10] = [
    "person",
    "stage",
    "salesforce",
    "lead",
    "contact",
    "also_from",
    "way",
    "sequences",
    "winner",
    "only_if",
];

pub(super) const WINNERS: [(&str, Winner); 4] = [
    ("salesforce", Winner::Salesforce),
    ("engage", Winner::Engage),
    ("newest", Winner::Newest),
    ("hold", Winner::Hold),
];

const WAYS: [(&str, Way); 4] = [
    ("both", Way::Both),
    ("to-salesforce", Way::ToSalesforce),
    ("to-engage", Way::ToEngage),
    ("none", Way::None),
];

const SEQUENCES: [(&str, SequenceAction); 4] = [
    ("leave", SequenceAction::Leave),
    ("pause", SequenceAction::Pause),
    ("resume", SequenceAction::Resume),
    ("finish", SequenceAction::Finish),
];

/// What the rows are read against.
pub(super) struct Columns<'a> {
    pub(super) lead: Option<&'a ObjectMapping>,
    pub(super) contact: Option<&'a ObjectMapping>,
    pub(super) custom: &'a [CustomStatus],
    /// Objects whose section is there and has a mistake: what is said of them cannot be judged.
    pub(super) broken: &'a [SalesforceObject],
}

impl Columns<'_> {
    fn status(&self, object: SalesforceObject) -> Option<&FieldName> {
        match object {
            SalesforceObject::Lead => self.lead.map(|columns| &columns.status),
            SalesforceObject::Contact => self.contact.map(|columns| &columns.status),
        }
    }
}

/// A row, and where it stands.
pub(super) struct Placed {
    pub(super) row: Row,
    pub(super) span: Span,
    pub(super) person: Span,
}

/// Reads every row; those with a mistake are left out, once it is named.
pub(super) fn read(reader: &mut Reader, tables: &[Table<'_>], columns: &Columns<'_>) -> Vec<Placed> {
    let mut rows: Vec<Placed> = Vec::new();
    for table in tables {
        let Some(placed) = row(reader, table, columns) else { continue };
        if let Some(first) = rows.iter().find(|other| other.row.person == placed.row.person) {
            let label = label(&placed.row.person, columns.custom);
            reader.push(
                Problem::error("M010", format!("{label} has two rows"))
                    .at(placed.person, "the second one")
                    .at(first.person.clone(), "the first one")
                    .help("one row a person status: further Salesforce values that lead to it go into `also_from`"),
            );
            continue;
        }
        rows.push(placed);
    }
    rows
}

fn row(reader: &mut Reader, table: &Table<'_>, columns: &Columns<'_>) -> Option<Placed> {
    reader.only_keys(table, "a row", &KEYS);
    if table.get("only_if").is_some() {
        reader.push(
            Problem::error("M018", "`only_if` is not built yet").at(table.key_span("only_if"), "").help(
                "without it the row would hold for every record, which is not what it says: take the row out",
            ),
        );
    }
    let way = reader.choice(table, "way", &WAYS).unwrap_or(Way::Both);
    let sequences = reader.choice(table, "sequences", &SEQUENCES);
    let winner = reader.choice(table, "winner", &WINNERS);
    let stage = reader.text(table, "stage").and_then(|(text, span)| stage(reader, text, span));
    let lead = value(reader, table, SalesforceObject::Lead, columns);
    let contact = value(reader, table, SalesforceObject::Contact, columns);
    let also_from_lead = also_from(reader, table, SalesforceObject::Lead, columns);
    let also_from_contact = also_from(reader, table, SalesforceObject::Contact, columns);
    both_ways_of_saying(reader, table);
    let Some((text, span)) = reader.text(table, "person") else {
        if table.get("person").is_none() {
            reader.missing(table.span.clone(), "a row", "person", "every row begins with a person status");
        }
        return None;
    };
    let person = person(reader, text, span.clone(), columns.custom)?;
    let row = Row {
        person,
        stage: stage.map(Into::into),
        lead,
        contact,
        also_from_lead,
        also_from_contact,
        way,
        sequences: sequences.unwrap_or(SequenceAction::Leave),
        winner,
        line: reader.problems.line_column(table.span.start).0,
    };
    if columns.broken.is_empty() {
        odd(reader, table, &row);
    }
    Some(Placed { row, span: table.span.clone(), person: span })
}

/// What is allowed, and cannot have been meant.
fn odd(reader: &mut Reader, table: &Table<'_>, row: &Row) {
    let from_salesforce = row.lead.is_some()
        || row.contact.is_some()
        || !row.also_from_lead.is_empty()
        || !row.also_from_contact.is_empty();
    let acts_inbound = row.way.to_engage() && from_salesforce;
    if row.sequences != SequenceAction::Leave && !acts_inbound {
        reader.push(
            Problem::warning("M023", "`sequences` never acts in this row")
                .at(table.key_span("sequences"), "nothing in Salesforce leads to this person status")
                .help("give the row a Salesforce value and a `way` that leads to Engage, or take `sequences` out"),
        );
    }
    let also = !row.also_from_lead.is_empty() || !row.also_from_contact.is_empty();
    if also && !row.way.to_engage() {
        reader.push(
            Problem::warning("M025", "`also_from` never acts in this row")
                .at(table.key_span("also_from"), "the row does not lead to Engage")
                .help("use `way = \"both\"` or `way = \"to-engage\"`, or take `also_from` out"),
        );
    }
    if table.get("way").is_some() && !from_salesforce {
        reader.push(
            Problem::warning("M024", "`way` says nothing in a row without a Salesforce value")
                .at(table.key_span("way"), "there is nothing to carry either way"),
        );
    }
}

fn both_ways_of_saying(reader: &mut Reader, table: &Table<'_>) {
    for other in ["lead", "contact"] {
        if table.get("salesforce").is_some() && table.get(other).is_some() {
            reader.push(
                Problem::error("M011", format!("a row has `salesforce` or `{other}`, not both"))
                    .at(table.key_span(other), "")
                    .at(table.key_span("salesforce"), "")
                    .help("`salesforce` is for Leads and Contacts alike; else write `lead = ...` and `contact = ...`"),
            );
        }
    }
}

fn stage(reader: &mut Reader, text: &str, span: Span) -> Option<&'static str> {
    let found = lifecycle::find_stage(text);
    if found.is_none() {
        let labels: Vec<&str> = lifecycle::STAGES.iter().map(|(_, label, _)| *label).collect();
        let problem = Problem::error("M008", format!("there is no sequence stage \"{text}\"")).at(span, "");
        reader.push(match nearest(text, labels.iter().copied()) {
            Some(meant) => problem.help(format!("did you mean \"{meant}\"?")),
            None => problem.help(format!("the stages are {}", super::reader::listed(&labels))),
        });
    }
    found
}

fn person(reader: &mut Reader, text: &str, span: Span, custom: &[CustomStatus]) -> Option<PersonStatus> {
    let own = custom.iter().map(|status| (status.status.key(), &*status.label));
    if let Some(found) = lifecycle::find(text, own) {
        return Some(found);
    }
    let mut names: Vec<&str> = lifecycle::BUILT_IN
        .iter()
        .flat_map(|s| [s.label].into_iter().chain(s.aliases.iter().copied()))
        .collect();
    names.extend(custom.iter().map(|status| &*status.label));
    let plain = super::letters::plain(text);
    let problem = Problem::error("M007", format!("there is no person status \"{text}\"")).at(span, "");
    reader.push(match nearest(&plain, names.iter().copied()) {
        Some(meant) if plain != text => problem.help(format!(
            "did you mean \"{meant}\"? Some letters here only look like Latin ones: type the word anew"
        )),
        Some(meant) => problem.help(format!("did you mean \"{meant}\"?")),
        None => problem
            .help(format!("the statuses are {}", super::reader::listed(&names)))
            .help("a status that the company made itself is declared in `[[custom_status]]`"),
    });
    None
}

/// What a status is on one object.
fn value(
    reader: &mut Reader,
    table: &Table<'_>,
    object: SalesforceObject,
    columns: &Columns<'_>,
) -> Option<Fields> {
    let own = match object {
        SalesforceObject::Lead => "lead",
        SalesforceObject::Contact => "contact",
    };
    if columns.broken.contains(&object) {
        return None;
    }
    if table.get(own).is_some() && columns.status(object).is_none() {
        reader.push(
            Problem::error("M012", format!("`{own}` has a value, but {object}s are not in sync"))
                .at(table.key_span(own), "")
                .help(format!(
                    "add a section `[salesforce.{own}]` with `status = \"...\"`, or take the value out"
                )),
        );
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

fn also_from(
    reader: &mut Reader,
    table: &Table<'_>,
    object: SalesforceObject,
    columns: &Columns<'_>,
) -> Vec<Fields> {
    let Some(status) = columns.status(object) else { return Vec::new() };
    let own = match object {
        SalesforceObject::Lead => "lead",
        SalesforceObject::Contact => "contact",
    };
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
fn fields(
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
                    let problem = Problem::error("M015", format!("`{key}` names no field"));
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

fn checked_value(reader: &mut Reader, text: &str, span: Span, silent: bool) -> Option<FieldValue> {
    let problem = if text.trim().is_empty() {
        Some(
            Problem::error("M015", "an empty value is no picklist entry")
                .at(span, "")
                .help("take the value out"),
        )
    } else if text.trim() != text {
        Some(
            Problem::error("M015", format!("\"{text}\" has spaces at its ends"))
                .at(span, "")
                .help(format!("Salesforce keeps values without them: write \"{}\"", text.trim())),
        )
    } else if text.len() > 255 {
        Some(
            Problem::error("M015", "the value is longer than 255 bytes, which no picklist entry can be")
                .at(span, ""),
        )
    } else if super::letters::mixes_alphabets(text) {
        Some(
            Problem::error("M015", format!("\"{text}\" mixes letters of two alphabets that look alike"))
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
        reader.push(Problem::error("M015", format!("\"{name}\" is no field's API name")).at(span, "").help(
            "API names have Latin letters, digits and `_`: Status, Engagement_Status__c; labels are not used",
        ));
    }
    None
}

/// A status as people read it.
pub(super) fn label(status: &PersonStatus, custom: &[CustomStatus]) -> String {
    let own = custom.iter().find(|known| known.status == *status).map(|known| known.label.to_string());
    let built_in = lifecycle::built_in_status(status).map(|known| known.label.to_owned());
    own.or(built_in).unwrap_or_else(|| status.key().to_owned())
}
