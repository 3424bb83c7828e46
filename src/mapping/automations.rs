//! `[[automation]]`: what the company's own flows do, told so that the verifier can take them into account.

use super::reader::{Reader, Span, Table};
use super::rows::{self, Columns};
use super::table::{Automation, SideValue};
use super::values::{fields, not_in_sync};
use crate::diagnostic::Problem;
use crate::model::SalesforceObject;

/// Reads them all; those with a mistake are left out, once it is named.
pub(super) fn read(reader: &mut Reader, top: &Table<'_>, columns: &Columns<'_>) -> Vec<Automation> {
    let mut automations = Vec::new();
    for table in reader.tables(top, "automation") {
        reader.only_keys(&table, "an automation", &["on", "then"]);
        for key in ["on", "then"] {
            if table.get(key).is_none() {
                let help = "write `on = { lead = \"X\" }` and `then = { lead = \"Y\" }`";
                reader.missing(table.span.clone(), "an automation", key, help);
            }
        }
        let on = side_value(reader, &table, "on", columns);
        let then = side_value(reader, &table, "then", columns);
        let (Some(on), Some(then)) = (on, then) else { continue };
        if on == then {
            let problem =
                Problem::error("M049", "this automation changes nothing").at(table.span.clone(), "");
            reader.push(problem.help("`then` names another value than `on`, or the automation is taken out"));
            continue;
        }
        let line = reader.problems.line_column(table.span.start).0;
        automations.push(Automation { on, then, line, span: table.span.clone() });
    }
    automations
}

fn side_value(reader: &mut Reader, table: &Table<'_>, key: &str, columns: &Columns<'_>) -> Option<SideValue> {
    let inner = reader.table(table, key)?;
    let place = format!("`{key}`");
    reader.only_keys(&inner, &place, &["lead", "contact", "person"]);
    let named: Vec<&str> =
        ["lead", "contact", "person"].into_iter().filter(|key| inner.get(key).is_some()).collect();
    let [named] = named[..] else {
        one_of_three(reader, key, inner.span.clone());
        return None;
    };
    let object = match named {
        "lead" => SalesforceObject::Lead,
        "contact" => SalesforceObject::Contact,
        _ => {
            let (text, span) = reader.text(&inner, named)?;
            return rows::person(reader, text, span, columns.custom).map(SideValue::Engage);
        }
    };
    let Some(status) = columns.status(object) else {
        not_in_sync(reader, named, object, inner.key_span(named));
        return None;
    };
    let value = fields(reader, named, inner.get(named)?, status, false)?;
    Some(SideValue::Salesforce(object, value))
}

fn one_of_three(reader: &mut Reader, key: &str, span: Span) {
    reader.push(
        Problem::error(
            "M049",
            format!("`{key}` names one value: of a Lead, of a Contact, or a person status"),
        )
        .at(span, "")
        .help(format!("write `{key} = {{ lead = \"...\" }}` or `{key} = {{ person = \"...\" }}`")),
    );
}
