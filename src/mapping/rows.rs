//! The rows: what each person status is in Salesforce.

use super::reader::{Reader, Span, Table};
use super::table::{CustomStatus, ObjectMapping, Row, Way, Winner};
use super::values::{also_from, condition, value};
use crate::diagnostic::{Problem, nearest};
use crate::lifecycle;
use crate::model::{FieldName, PersonStatus, SalesforceObject, SequenceAction};

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

pub(super) const SEQUENCES: [(&str, SequenceAction); 4] = [
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
    pub(super) fn status(&self, object: SalesforceObject) -> Option<&FieldName> {
        match object {
            SalesforceObject::Lead => self.lead.map(|columns| &columns.status),
            SalesforceObject::Contact => self.contact.map(|columns| &columns.status),
        }
    }
}

/// A row, and where it stands.
pub(super) struct Placed {
    pub(super) row: Row,
    pub(super) person: Span,
}

/// Reads every row; those with a mistake are left out, once it is named.
pub(super) fn read(reader: &mut Reader, tables: &[Table<'_>], columns: &Columns<'_>) -> Vec<Placed> {
    let mut rows: Vec<Placed> = Vec::new();
    for table in tables {
        let Some(placed) = row(reader, table, columns) else { continue };
        let same = |other: &&Placed| {
            other.row.person == placed.row.person && other.row.only_if.both(&placed.row.only_if).is_some()
        };
        if let Some(first) = rows.iter().find(same) {
            let label = label(&placed.row.person, columns.custom);
            reader.push(
                Problem::error("M010", format!("{label} has two rows that can hold at once"))
                    .at(placed.person, "the second one")
                    .at(first.person.clone(), "the first one")
                    .help("one row a person status: further Salesforce values that lead to it go into `also_from`")
                    .help("rows for different records need `only_if` conditions that cannot both be met"),
            );
            continue;
        }
        rows.push(placed);
    }
    rows
}

fn row(reader: &mut Reader, table: &Table<'_>, columns: &Columns<'_>) -> Option<Placed> {
    reader.only_keys(table, "a row", &KEYS);
    let only_if = condition(reader, table);
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
    if person.is_opted_out() && !only_if.is_always() {
        reader.push(
            Problem::error("M035", "an opt-out holds for everybody")
                .at(table.key_span("only_if"), "the Opted out row cannot have a condition")
                .help("take `only_if` out: whoever opted out must not be mailed, whatever else their record says"),
        );
    }
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
        only_if,
        span: table.span.clone(),
        line: reader.problems.line_column(table.span.start).0,
    };
    if columns.broken.is_empty() {
        odd(reader, table, &row);
    }
    Some(Placed { row, person: span })
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
                .help("give the row a Salesforce value and a `way` that leads to Revenue Engage, or take `sequences` out"),
        );
    }
    let also = !row.also_from_lead.is_empty() || !row.also_from_contact.is_empty();
    if also && !row.way.to_engage() {
        reader.push(
            Problem::warning("M025", "`also_from` never acts in this row")
                .at(table.key_span("also_from"), "the row does not lead to Revenue Engage")
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

pub(super) fn person(
    reader: &mut Reader,
    text: &str,
    span: Span,
    custom: &[CustomStatus],
) -> Option<PersonStatus> {
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

/// A status as people read it.
pub(super) fn label(status: &PersonStatus, custom: &[CustomStatus]) -> String {
    let own = custom.iter().find(|known| known.status == *status).map(|known| known.label.to_string());
    let built_in = lifecycle::built_in_status(status).map(|known| known.label.to_owned());
    own.or(built_in).unwrap_or_else(|| status.key().to_owned())
}
