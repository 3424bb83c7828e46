//! What the integration user may do and never has to: whoever steals its token may do it too.

use super::Finding;
use crate::connector::salesforce::{OrgInfo, Rights};
use crate::mapping::{Mapping, NewProspects};
use crate::model::{SalesforceObject, Side};
use std::collections::BTreeSet;

/// So many fields are named; the rest is counted.
const NAMED: usize = 5;

/// A warning for an object on which the user may do more than this mapping ever does.
pub(super) fn excess(mapping: &Mapping, org: &OrgInfo, object: SalesforceObject) -> Option<Finding> {
    let mut more = Vec::new();
    let rights = org.rights.iter().find(|(described, _)| *described == object);
    let rights = rights.map_or_else(Rights::default, |(_, rights)| *rights);
    if rights.delete {
        more.push(format!("delete {object}s"));
    }
    let makes_leads = object == SalesforceObject::Lead && mapping.new.prospects == NewProspects::Create;
    if rights.create && !makes_leads {
        more.push(format!("create {object}s"));
    }
    let written = written(mapping, object);
    let fields =
        org.fields.iter().filter(|(described, _)| *described == object).flat_map(|(_, fields)| fields);
    let needless: Vec<&str> = fields
        .filter(|field| field.updateable && !written.contains(&field.name.to_ascii_lowercase()))
        .map(|field| field.name.as_str())
        .collect();
    if !needless.is_empty() {
        let named = needless.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
        let rest = if needless.len() > NAMED { ", ..." } else { "" };
        let count = crate::cli::failure::count(needless.len(), "field");
        more.push(format!("edit {count} of {object} that the mapping never writes ({named}{rest})"));
    }
    if more.is_empty() {
        return None;
    }
    let message = format!("this user has more rights than are used here: it may {}", more.join("; "));
    Some(Finding::warning(Side::Salesforce, message).help(
        "whoever steals its token has them too: give the integration user edit access to the mapped fields only",
    ))
}

/// The fields that some row or entry writes, in lower case.
fn written(mapping: &Mapping, object: SalesforceObject) -> BTreeSet<String> {
    let Some(columns) = mapping.object(object) else { return BTreeSet::new() };
    let of_rows = mapping.rows.iter().filter(|row| row.way.to_salesforce());
    let of_rows = of_rows.filter_map(|row| row.fields(object)).flat_map(|fields| fields.keys());
    let further = mapping.fields.iter().filter(|field| field.way.to_salesforce());
    let further = further.filter_map(|field| field.name(object));
    of_rows
        .map(|name| &**name)
        .chain(further.map(|name| &**name))
        .chain(columns.opt_out.name().map(|name| &**name))
        .map(str::to_ascii_lowercase)
        .collect()
}
