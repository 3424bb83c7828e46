//! A first mapping file out of what the two systems have: facts in, text out.
//!
//! It proposes only what the words themselves say. Where no value fits, the row stays without one and the file says so:
//! a wrong pair would be carried into every record before anybody looked.

mod matching;
mod write;

use crate::lifecycle::{self, StatusGroup};
use crate::model::PersonStatus;
use std::collections::BTreeSet;

/// What is known of the company.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// Its name.
    pub company: String,
    /// What was found on Lead; `None` when no status field was found.
    pub lead: Option<ObjectFacts>,
    /// What was found on Contact.
    pub contact: Option<ObjectFacts>,
    /// The person statuses that Revenue Engage has.
    pub statuses: Vec<StatusFacts>,
}

/// What was found on one Salesforce object.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ObjectFacts {
    /// The field that carries the status.
    pub status: String,
    /// Other fields that could be the one.
    pub other_fields: Vec<String>,
    /// Its active values, in Salesforce's order.
    pub values: Vec<String>,
    /// Those that only a conversion may set.
    pub converted: Vec<String>,
    /// The opt-out checkbox, if there is one.
    pub opt_out: Option<String>,
    /// The field that says whether a Lead is converted, if there is one.
    pub is_converted: Option<String>,
}

/// A person status of Revenue Engage.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StatusFacts {
    /// Its key.
    pub key: String,
    /// Its label.
    pub label: String,
    /// Its group, as Revenue Engage says it.
    pub group: String,
}

/// A mapping file that was drafted.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// The file.
    pub text: String,
    /// How many rows it has.
    pub rows: usize,
    /// How many of them have no Salesforce value.
    pub without_value: usize,
}

/// Drafts a mapping file.
pub fn draft(facts: &Facts) -> Draft {
    let (statuses, left_out) = statuses(&facts.statuses);
    let columns: Vec<Column<'_>> = [("lead", &facts.lead), ("contact", &facts.contact)]
        .into_iter()
        .filter_map(|(name, object)| object.as_ref().map(|object| Column::new(name, object, &statuses)))
        .collect();
    let rows = rows(&statuses, &columns);
    let without_value = rows.iter().filter(|row| row.values.iter().all(Option::is_none)).count();
    Draft { text: write::text(facts, &statuses, &left_out, &columns, &rows), rows: rows.len(), without_value }
}

/// A status that gets a row.
struct Status<'a> {
    key: &'a str,
    label: String,
    /// `None` for a built-in one.
    own: Option<StatusGroup>,
}

/// The built-in statuses that Revenue Engage has and the company's own, in the order of the life cycle; and those that a
/// mapping file cannot name.
fn statuses(facts: &[StatusFacts]) -> (Vec<Status<'_>>, Vec<&StatusFacts>) {
    let mut statuses: Vec<Status<'_>> = lifecycle::BUILT_IN
        .iter()
        .filter(|known| facts.iter().any(|status| status.key == known.key))
        .map(|known| Status { key: known.key, label: known.label.to_owned(), own: None })
        .collect();
    let mut left_out = Vec::new();
    for status in facts {
        if lifecycle::built_in_status(&PersonStatus::new(&status.key)).is_some() {
            continue;
        }
        let group = match status.group.as_str() {
            "success" => Some(StatusGroup::Success),
            "failed" => Some(StatusGroup::Failed),
            _ => None,
        };
        // Two statuses may bear one label, or the label of a built-in one: then the key makes the difference.
        let labels = [status.label.clone(), format!("{} ({})", status.label, status.key), status.key.clone()];
        let own: Vec<(&str, &str)> = statuses.iter().map(|known| (known.key, &*known.label)).collect();
        let free =
            |text: &str| !text.trim().is_empty() && lifecycle::find(text, own.iter().copied()).is_none();
        let label = labels.into_iter().find(|label| label.trim() == label && free(label));
        match (group, label) {
            (Some(group), Some(label)) if is_key(&status.key) && free(&status.key) => {
                statuses.push(Status { key: &status.key, label, own: Some(group) });
            }
            _ => left_out.push(status),
        }
    }
    let rank = |status: &Status<'_>| match status.own {
        Some(group) => group as u8,
        None => {
            lifecycle::built_in_status(&PersonStatus::new(status.key)).map_or(0, |known| known.group as u8)
        }
    };
    statuses.sort_by_key(rank);
    (statuses, left_out)
}

/// As `[[custom_status]] key` wants it.
fn is_key(key: &str) -> bool {
    key.starts_with(|c: char| c.is_ascii_lowercase())
        && key.len() <= 64
        && key.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// One object, and which of its values each status gets.
struct Column<'a> {
    /// `lead` or `contact`.
    name: &'static str,
    object: &'a ObjectFacts,
    /// For each status, the value that is its own.
    chosen: Vec<Option<Chosen<'a>>>,
    /// The value that Unresponsive may share with Approaching, one way.
    shared: Option<&'a str>,
}

/// A value that fits a status.
#[derive(Clone, Copy)]
struct Chosen<'a> {
    value: &'a str,
    /// The words are not quite the same: somebody has to look.
    nearly: bool,
}

impl<'a> Column<'a> {
    fn new(name: &'static str, object: &'a ObjectFacts, statuses: &[Status<'_>]) -> Column<'a> {
        let values: Vec<&str> =
            object.values.iter().map(String::as_str).filter(|value| can_be_written(object, value)).collect();
        let chosen = matching::choose(statuses, &values);
        let shared = matching::shared_by_unresponsive(statuses, &chosen);
        Column { name, object, chosen, shared }
    }

    /// The values that no row has, each once.
    fn unused(&self, rows: &[Row<'_>], column: usize) -> Vec<&'a str> {
        let used: BTreeSet<&str> = rows.iter().filter_map(|row| row.values[column]).collect();
        let mut told = BTreeSet::new();
        let values = self.object.values.iter().map(String::as_str);
        values
            .filter(|value| !used.contains(value) && !self.object.converted.iter().any(|c| c == value))
            .filter(|value| told.insert(*value))
            .collect()
    }
}

/// Whether a row may have this value: it would load, and no conversion is needed to set it.
fn can_be_written(object: &ObjectFacts, value: &str) -> bool {
    let loads = !value.is_empty()
        && value.trim() == value
        && value.len() <= 255
        && !super::letters::mixes_alphabets(value);
    loads && !object.converted.iter().any(|converted| converted.eq_ignore_ascii_case(value))
}

/// One line of the table.
struct Row<'a> {
    status: usize,
    /// By column.
    values: Vec<Option<&'a str>>,
    nearly: bool,
    /// Written only: another row has the same value both ways.
    one_way: bool,
}

fn rows<'a>(statuses: &[Status<'_>], columns: &[Column<'a>]) -> Vec<Row<'a>> {
    let row = |(index, _): (usize, &Status<'_>)| {
        let own: Vec<Option<Chosen<'a>>> = columns.iter().map(|column| column.chosen[index]).collect();
        let has_own = own.iter().any(Option::is_some);
        // `way` is for the whole row: a value of its own on one object would lose its way back.
        let shares = statuses[index].key == "unresponsive" && !has_own;
        let values = columns
            .iter()
            .zip(&own)
            .map(|(column, own)| if shares { column.shared } else { own.map(|own| own.value) })
            .collect::<Vec<_>>();
        let one_way = shares && values.iter().any(Option::is_some);
        Row { status: index, values, nearly: own.iter().flatten().any(|own| own.nearly), one_way }
    };
    statuses.iter().enumerate().map(row).collect()
}
