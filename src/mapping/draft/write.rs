//! The text of a drafted file, in the shape of the shipped ones.

use super::{Column, Facts, Row, Status};
use crate::lifecycle::{STAGES, StatusGroup};
use std::fmt::Write as _;

/// Puts the file together.
pub(super) fn text(
    facts: &Facts,
    statuses: &[Status<'_>],
    left_out: &[&super::StatusFacts],
    columns: &[Column<'_>],
    rows: &[Row<'_>],
) -> String {
    let mut text = heading(facts);
    for (index, column) in columns.iter().enumerate() {
        text += &values_left(column, &column.unused(rows, index));
    }
    let some_left = columns.iter().enumerate().any(|(index, column)| !column.unused(rows, index).is_empty());
    text += &table(statuses, columns, rows, some_left);
    for status in left_out {
        let _ = writeln!(
            text,
            "\n# Revenue Engage also has {} (key {}, group {}). It has no row: a mapping file can name a company-made status\n\
             # with a key of small letters, digits and `_`, and the group success or failed.",
            quoted(&status.label),
            quoted(&status.key),
            quoted(&status.group)
        );
    }
    for status in statuses {
        if let Some(group) = status.own {
            text += &custom_status(status, group);
        }
    }
    for column in columns {
        text += &section(column);
    }
    if columns.len() == 1 && columns[0].name == "lead" {
        text += "\n# Contacts are not in sync: no picklist on Contact has \"Status\" in its name. Once there is one:\n\
                 # [salesforce.contact]\n# status = \"Engagement_Status__c\"\n";
    }
    text += "\n[conflict]\n\
             # Who wins when both sides changed is for the company to decide: salesforce | engage | newest | hold.\n\
             # \"hold\" writes nothing, and a person decides each time.\n\
             winner = \"hold\"\n";
    text
}

fn heading(facts: &Facts) -> String {
    format!(
        "#:schema ./schema.json\n\
         # A first draft: rows are paired where the words of both sides say the same. Go through every row, then run\n\
         # `lockstep check --live`. Editors complete and check this file once its schema is beside it:\n\
         # `lockstep mapping schema > schema.json`.\n\
         schema  = 1\n\
         company = {}\n\n",
        quoted(if facts.company.trim().is_empty() { "Your company" } else { &facts.company })
    )
}

/// What is still to be given to a row, and what never can be.
fn values_left(column: &Column<'_>, unused: &[&str]) -> String {
    let place =
        format!("{}.{}", if column.name == "lead" { "Lead" } else { "Contact" }, column.object.status);
    let mut text = String::new();
    if !unused.is_empty() {
        text += &format!("# Values of {place} that no row has yet:\n{}", listed(unused));
    }
    if !column.object.converted.is_empty() {
        let converted: Vec<&str> = column.object.converted.iter().map(String::as_str).collect();
        text += &format!(
            "# Values of {place} that only a conversion may set; no row may write them:\n{}",
            listed(&converted)
        );
    }
    text
}

/// One value a line: a value may have commas in it.
fn listed(values: &[&str]) -> String {
    values.iter().map(|value| format!("#   {}\n", quoted(value))).collect()
}

fn table(statuses: &[Status<'_>], columns: &[Column<'_>], rows: &[Row<'_>], some_left: bool) -> String {
    let stage = |status: &Status<'_>| {
        STAGES
            .iter()
            .find(|(_, _, leads_to)| *leads_to == status.key)
            .map(|(_, label, _)| format!("stage = {},", quoted(label)))
    };
    // As in the shipped files, the keys stand below one another.
    let cells: Vec<[String; 2]> = statuses
        .iter()
        .map(|status| [stage(status).unwrap_or_default(), format!("person = {}", quoted(&status.label))])
        .collect();
    let width = |column: usize| cells.iter().map(|cells| cells[column].chars().count()).max().unwrap_or(0);
    let (stage_width, person_width) = (width(0), width(1) + 1);
    let mut text = "# One row per person status, in the order of the life cycle. `sequences = \"pause\"` in a row pauses the person's\n\
                    # sequences when Salesforce brings somebody there.\nstatus = [\n"
        .to_owned();
    for row in rows {
        let [stage, person] = &cells[row.status];
        let stage = if stage_width == 0 { String::new() } else { format!("{stage:stage_width$} ") };
        let values = values(columns, row);
        let line = match values.is_empty() {
            true => format!("  {{ {stage}{person} }},"),
            false => format!("  {{ {stage}{:person_width$} {} }},", format!("{person},"), values),
        };
        text += &line;
        text += match (values.is_empty(), row.nearly, row.one_way) {
            (true, ..) if some_left => {
                " # no value fits by its name: choose one of those above, or leave it so"
            }
            (true, ..) => " # no value is left for it",
            (_, true, _) => " # nearly the same words: is it meant?",
            (.., true) => " # written only: the value leads back to the other row that has it",
            _ => "",
        };
        text.push('\n');
    }
    text + "]\n"
}

/// `salesforce = "..."` where all objects in sync have the same, else one key an object.
fn values(columns: &[Column<'_>], row: &Row<'_>) -> String {
    let mut keys: Vec<String> = match row.values.split_first() {
        Some((Some(first), rest)) if rest.iter().all(|value| *value == Some(*first)) => {
            vec![format!("salesforce = {}", quoted(first))]
        }
        _ => columns
            .iter()
            .zip(&row.values)
            .filter_map(|(column, value)| value.map(|value| format!("{} = {}", column.name, quoted(value))))
            .collect(),
    };
    if row.one_way {
        keys.push("way = \"to-salesforce\"".to_owned());
    }
    keys.join(", ")
}

fn custom_status(status: &Status<'_>, group: StatusGroup) -> String {
    let group = match group {
        StatusGroup::Success => "success",
        _ => "failed",
    };
    format!(
        "\n[[custom_status]]\nlabel = {}\nkey   = {}\ngroup = \"{group}\"\n",
        quoted(&status.label),
        quoted(status.key)
    )
}

fn section(column: &Column<'_>) -> String {
    let object = column.object;
    let mut text = format!("\n[salesforce.{}]\n", column.name);
    if !object.other_fields.is_empty() {
        let others: Vec<String> = object.other_fields.iter().map(|name| quoted(name)).collect();
        let _ = writeln!(text, "# The status could be in another field: {}.", others.join(", "));
    }
    let _ = writeln!(text, "status  = {}", quoted(&object.status));
    match &object.opt_out {
        Some(name) => _ = writeln!(text, "opt_out = {}", quoted(name)),
        None => {
            text += "# No opt-out checkbox that can be written was found: an opt-out reaches these records by the status alone.\n"
        }
    }
    if let Some(name) = &object.is_converted {
        let _ = writeln!(text, "scope   = {{ {name} = false }}");
    }
    text
}

/// A text in quotes. What a system says must neither end the quotes, break the line of a comment, nor steer a terminal.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        let hidden = matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{061C}' | '\u{FEFF}');
        match c {
            '"' => quoted += "\\\"",
            '\\' => quoted += "\\\\",
            c if c.is_control() || hidden => _ = write!(quoted, "\\u{:04X}", c as u32),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
