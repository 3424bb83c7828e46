//! How a column of Salesforce values is headed, and how its fields are named.

use crate::mapping::{Mapping, ObjectMapping, OptOutField};
use crate::model::{Fields, SalesforceObject};

/// The objects that share a column.
pub(super) type Objects<'a> = &'a [(SalesforceObject, &'a ObjectMapping)];

/// How fields are named in a column.
pub(super) struct Names {
    /// The field that carries the status, as the values name it.
    pub(super) status: String,
    shown_as: String,
    always: bool,
}

impl Names {
    /// How they are named in the column of these objects.
    pub(super) fn of(mapping: &Mapping, objects: Objects<'_>) -> Names {
        let mut statuses: Vec<&str> = objects.iter().map(|(_, of)| &*of.status).collect();
        statuses.dedup();
        let (object, of) = objects[0];
        let plain = |fields: &Fields| fields.len() == 1 && fields.contains_key(&of.status);
        let always =
            mapping.rows.iter().flat_map(|row| row.fields(object).into_iter().chain(row.also_from(object)));
        Names {
            status: of.status.to_string(),
            shown_as: statuses.join(" / "),
            // Where one value names its fields all do, or it were left to guess which field a bare one is of.
            always: !always.clone().all(plain),
        }
    }

    /// A field and its value in words.
    pub(super) fn line(&self, name: &str, value: &str) -> String {
        match (name == self.status, self.always) {
            (true, false) => value.to_owned(),
            (true, true) => format!("{} = {value}", self.shown_as),
            (false, _) => format!("{name} = {value}"),
        }
    }
}

/// What heads the column.
pub(super) fn heading(objects: Objects<'_>) -> &'static str {
    match objects {
        [(SalesforceObject::Lead, _)] => "Lead",
        [(SalesforceObject::Contact, _)] => "Contact",
        _ => "Lead and Contact",
    }
}

/// What else is to be known of the column; the checkboxes too where no row shows them.
pub(super) fn notes(objects: Objects<'_>, opt_out: bool) -> Vec<String> {
    let mut notes = Vec::new();
    for (object, of) in objects {
        let whose = if objects.len() > 1 { format!("{object}: ") } else { String::new() };
        notes.push(format!("{whose}field {}", of.status));
        notes.extend(of.scope.iter().map(|(name, value)| format!("{whose}only where {name} = {value}")));
    }
    if opt_out {
        notes.extend(opt_out_lines(objects));
    }
    notes
}

/// The checkboxes that are kept in step with Opted out.
pub(super) fn opt_out_lines(objects: Objects<'_>) -> Vec<String> {
    let named = objects.iter().filter_map(|(object, of)| Some((object, of.opt_out.name()?, &of.opt_out)));
    let named: Vec<_> = named.collect();
    let same = named.len() == objects.len() && named.iter().all(|(_, name, _)| *name == named[0].1);
    let all_default = named.iter().all(|(.., of)| matches!(of, OptOutField::Default(_)));
    let line = |whose: String, name: &str, default: bool| {
        format!("+ {name}{whose}{}", if default { ", where it exists" } else { "" })
    };
    if same && !named.is_empty() {
        return vec![line(String::new(), named[0].1, all_default)];
    }
    named
        .iter()
        .map(|(object, name, of)| {
            let whose = if objects.len() > 1 { format!(" ({object})") } else { String::new() };
            line(whose, name, matches!(of, OptOutField::Default(_)))
        })
        .collect()
}
