//! The picture in the words of Mermaid, for wikis that draw those.

use super::super::table::Mapping;
use super::layout::shown;
use crate::model::{FieldValue, Fields, PersonStatus, SalesforceObject};
use std::fmt::Write;

/// A mapping as a Mermaid flowchart.
pub fn mermaid(mapping: &Mapping) -> String {
    let mut out = "flowchart LR\n".to_owned();
    let mut statuses: Vec<&PersonStatus> = Vec::new();
    for row in &mapping.rows {
        if !statuses.contains(&&row.person) {
            let _ = writeln!(out, "  p{}([\"{}\"])", statuses.len(), quoted(mapping.label(&row.person)));
            statuses.push(&row.person);
        }
    }
    for object in SalesforceObject::BOTH.into_iter().filter(|object| mapping.object(*object).is_some()) {
        let mut values: Vec<&Fields> = Vec::new();
        let mut arrows = String::new();
        for row in &mapping.rows {
            let person = statuses.iter().position(|status| **status == row.person).unwrap_or_default();
            let own = row.fields(object).into_iter().map(|fields| (fields, false));
            for (fields, also) in own.chain(row.also_from(object).iter().map(|fields| (fields, true))) {
                let value = values.iter().position(|other| *other == fields).unwrap_or_else(|| {
                    values.push(fields);
                    values.len() - 1
                });
                let arrow = match (row.way.to_salesforce() && !also, row.way.to_engage()) {
                    (true, true) => "<-->",
                    (true, false) => "-->",
                    (false, true) => "x---",
                    (false, false) => "-.-",
                };
                let value = format!("{}{value}", object.as_str().to_lowercase());
                let condition = match row.only_if.is_always() {
                    true => String::new(),
                    false => format!("|\"only if {}\"|", quoted(&row.only_if.to_string())),
                };
                // Mermaid draws no arrow backwards: what Salesforce alone says begins at its value.
                let _ = match arrow {
                    "x---" => writeln!(arrows, "  {value} -->{condition} p{person}"),
                    arrow => writeln!(arrows, "  p{person} {arrow}{condition} {value}"),
                };
            }
        }
        let _ = writeln!(out, "  subgraph {object}");
        for (index, fields) in values.iter().enumerate() {
            let label = quoted(&shown(fields).join(", "));
            let _ = writeln!(out, "    {}{index}[\"{label}\"]", object.as_str().to_lowercase());
        }
        let _ = writeln!(out, "  end");
        out.push_str(&arrows);
    }
    let opt_out = |object: SalesforceObject| mapping.object(object)?.opt_out.name();
    for object in SalesforceObject::BOTH {
        if let Some(name) = opt_out(object) {
            let _ = writeln!(
                out,
                "  %% {object}.{name} = {} is kept in step with Opted out",
                FieldValue::Bool(true)
            );
        }
    }
    out
}

/// A text between quotes: Mermaid takes entities, and no quotes or line breaks.
fn quoted(text: &str) -> String {
    let mut safe = String::new();
    for c in text.chars() {
        match c {
            '"' => safe.push_str("#quot;"),
            '#' => safe.push_str("#35;"),
            '<' => safe.push_str("#lt;"),
            '>' => safe.push_str("#gt;"),
            '`' => safe.push_str("#96;"),
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}
