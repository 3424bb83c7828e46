//! The mapping with what moves along it: people by status, and changes carried over each way.

use super::views::{MappingRow, MappingValue, MappingView};
use crate::mapping::{Mapping, Row};
use crate::model::{FieldName, Fields, SalesforceObject, Side};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// What is counted for it.
#[derive(Debug, Clone, Default)]
pub struct MappingCounts {
    /// Linked people by the key of the person status that was last agreed on.
    pub(super) people: BTreeMap<String, u64>,
    /// Writes by line of the mapping and the side that was written.
    pub(super) carried: BTreeMap<(u32, Side), u64>,
    /// The entries of the journal that were looked at.
    pub(super) entries: u64,
    /// When the oldest of them was made.
    pub(super) since: Option<Timestamp>,
}

/// The mapping as it is in use, with these counts.
pub fn mapping_view(mapping: &Mapping, counts: &MappingCounts) -> MappingView {
    let rows: Vec<MappingRow> = mapping.rows.iter().map(|row| drawn(mapping, row, counts)).collect();
    let mapped = |status: &String| rows.iter().any(|row| row.status == *status);
    let people_elsewhere =
        counts.people.iter().filter(|(status, _)| !mapped(status)).map(|(_, count)| count).sum();
    MappingView {
        company: mapping.company.to_string(),
        file: mapping.file.to_string(),
        rows,
        people_elsewhere,
        journal_entries: counts.entries,
        since: counts.since,
    }
}

fn drawn(mapping: &Mapping, row: &Row, counts: &MappingCounts) -> MappingRow {
    let carried = |side| counts.carried.get(&(row.line, side)).copied().unwrap_or(0);
    let values = values(mapping, row);
    MappingRow {
        line: row.line,
        person: mapping.label(&row.person).to_owned(),
        status: row.person.key().to_owned(),
        stage: row.stage.as_deref().map(str::to_owned),
        people: counts.people.get(row.person.key()).copied().unwrap_or(0),
        to_salesforce: row.way.to_salesforce() && values.iter().any(|value| value.is),
        to_engage: row.way.to_engage() && !values.is_empty(),
        sequences: row.sequences.as_str().to_owned(),
        only_if: (!row.only_if.is_always()).then(|| row.only_if.to_string()),
        to_salesforce_count: carried(Side::Salesforce),
        to_engage_count: carried(Side::Engage),
        values,
    }
}

/// The Salesforce values of a row: what it is there, then what else leads to it. The same on both objects is told once.
fn values(mapping: &Mapping, row: &Row) -> Vec<MappingValue> {
    let mut values: Vec<MappingValue> = Vec::new();
    for object in SalesforceObject::BOTH {
        let Some(columns) = mapping.object(object) else { continue };
        let is = row.fields(object).map(|fields| (fields, true));
        let also = row.also_from(object).iter().map(|fields| (fields, false));
        for (fields, is) in is.into_iter().chain(also) {
            let text = shown(&columns.status, fields);
            match values.iter_mut().find(|known| known.text == text && known.is == is) {
                Some(known) => known.objects.push(object.to_string()),
                None => values.push(MappingValue { objects: vec![object.to_string()], text, is }),
            }
        }
    }
    values
}

/// The status alone stands without its field's name.
fn shown(status: &FieldName, fields: &Fields) -> String {
    let one = |(name, value): (&FieldName, &crate::model::FieldValue)| match name == status {
        true => value.to_string(),
        false => format!("{name} = {value}"),
    };
    fields.iter().map(one).collect::<Vec<_>>().join(", ")
}
