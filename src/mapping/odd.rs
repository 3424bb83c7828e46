//! What is allowed in a file, and cannot have been meant: warnings.

use super::reader::{Reader, Span, Table};
use super::relation::patterns;
use super::rows::label;
use super::table::{Mapping, Row};
use crate::diagnostic::Problem;
use crate::lifecycle;
use crate::model::{FieldValue, Fields, SalesforceObject};
use std::collections::{BTreeMap, BTreeSet};

/// Points out everything odd about a whole mapping.
pub(super) fn check(reader: &mut Reader, mapping: &Mapping, top: &Table<'_>) {
    stages(reader, mapping);
    values(reader, mapping);
    unused(reader, mapping, top);
}

/// A stage leads to one status, by the life cycle of the product.
fn stages(reader: &mut Reader, mapping: &Mapping) {
    let mut first: BTreeMap<&str, &Row> = BTreeMap::new();
    for row in &mapping.rows {
        let Some(stage) = &row.stage else { continue };
        if let Some(first) = first.get(&**stage) {
            // Rows of one status for different records may all name its stage.
            if first.person == row.person {
                continue;
            }
            reader.push(
                Problem::warning("M040", "two rows name this stage")
                    .at(row.span.clone(), "the second one")
                    .at(first.span.clone(), "the first one")
                    .help("a stage leads to one person status: take it out of one of the rows"),
            );
            continue;
        }
        first.insert(stage, row);
        let leads_to = lifecycle::status_of_stage(stage).map(crate::model::PersonStatus::new);
        if let Some(leads_to) = leads_to.filter(|status| *status != row.person) {
            let (said, is) =
                (label(&row.person, &mapping.custom_statuses), label(&leads_to, &mapping.custom_statuses));
            reader.push(
                Problem::warning(
                    "M039",
                    format!("in Revenue Engage this stage leads to {is}, not to {said}"),
                )
                .at(row.span.clone(), "")
                .help(format!(
                    "move `stage` to the row of {is}, or take it out: it is only a note to readers"
                )),
            );
        }
    }
}

/// Values that say the same twice, or nearly.
fn values(reader: &mut Reader, mapping: &Mapping) {
    let mut told = BTreeSet::new();
    for object in SalesforceObject::BOTH.into_iter().filter(|object| mapping.object(*object).is_some()) {
        let mut spelled: BTreeMap<String, (&Fields, Span)> = BTreeMap::new();
        for row in &mapping.rows {
            let own: Vec<&Fields> = patterns(row, object).collect();
            let twice = own.iter().enumerate().any(|(index, value)| own[..index].contains(value));
            if twice && told.insert(row.span.start) {
                let problem = Problem::warning("M041", "a value stands twice in this row");
                reader.push(problem.at(row.span.clone(), "").help("once is enough"));
            }
            for value in own {
                let folded = shown(value).to_lowercase();
                match spelled.get(&folded) {
                    Some((other, span)) if *other != value => {
                        if told.insert(row.span.start) {
                            reader.push(
                                Problem::warning(
                                    "M042",
                                    format!("\"{}\" and \"{}\" differ only in capital letters", shown(value), shown(other)),
                                )
                                .at(row.span.clone(), "here")
                                .at(span.clone(), "and here")
                                .help("Salesforce keeps the spelling of the picklist entry: write it as it stands there"),
                            );
                        }
                    }
                    Some(_) => {}
                    None => _ = spelled.insert(folded, (value, row.span.clone())),
                }
            }
        }
    }
}

fn shown(fields: &Fields) -> String {
    let texts: Vec<&str> = fields.values().filter_map(FieldValue::as_text).collect();
    texts.join(", ")
}

/// What is declared and never used.
fn unused(reader: &mut Reader, mapping: &Mapping, top: &Table<'_>) {
    let declared = reader.tables(top, "custom_status");
    for (status, table) in mapping.custom_statuses.iter().zip(&declared) {
        if !mapping.rows.iter().any(|row| row.person == status.status) {
            reader.push(
                Problem::warning("M038", format!("{} is declared and has no row", status.label))
                    .at(table.span.clone(), "")
                    .help("give it a row, or take the declaration out: without a row it is skipped like any unmapped status"),
            );
        }
    }
    for object in SalesforceObject::BOTH.into_iter().filter(|object| mapping.object(*object).is_some()) {
        if mapping.rows.iter().all(|row| patterns(row, object).next().is_none()) {
            reader.push(
                Problem::warning("M048", format!("{object}s are in sync, and no row has a value for them"))
                    .at(top.key_span("salesforce"), "")
                    .help("give the rows values, or leave the section out"),
            );
        }
    }
}
