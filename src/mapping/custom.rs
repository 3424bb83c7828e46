//! `[[custom_status]]`: the statuses a company made itself.

use super::reader::{Reader, Span, Table};
use super::table::CustomStatus;
use crate::diagnostic::Problem;
use crate::lifecycle::{self, StatusGroup};
use crate::model::PersonStatus;

/// Reads them all; those with a mistake are left out, once it is named.
pub(super) fn custom_statuses(reader: &mut Reader, top: &Table<'_>) -> Vec<CustomStatus> {
    let mut statuses: Vec<CustomStatus> = Vec::new();
    for table in reader.tables(top, "custom_status") {
        reader.only_keys(&table, "a custom status", &["label", "key", "group"]);
        for key in ["label", "key", "group"] {
            if table.get(key).is_none() {
                let help = "a company-made status has `label`, `key` and `group = \"success\"` or \"failed\"";
                reader.missing(table.span.clone(), "a custom status", key, help);
            }
        }
        let label = reader.text(&table, "label");
        let key = reader.text(&table, "key");
        // A company may add to Success and Failed, never to General.
        let groups = [("success", StatusGroup::Success), ("failed", StatusGroup::Failed)];
        let group = reader.choice(&table, "group", &groups);
        let (Some((label, label_span)), Some((key, key_span)), Some(group)) = (label, key, group) else {
            continue;
        };
        if !is_snake_case(key) {
            let problem = Problem::error("M017", format!("\"{key}\" is no status key"));
            reader.push(
                problem.at(key_span, "").help("keys are lower-case letters, digits and `_`: demo_booked"),
            );
            continue;
        }
        let own = statuses.iter().map(|status| (status.status.key(), &*status.label)).collect::<Vec<_>>();
        let taken: Option<Span> = [(key, key_span), (label, label_span)]
            .into_iter()
            .find(|(text, _)| lifecycle::find(text, own.iter().copied()).is_some())
            .map(|(_, span)| span);
        if let Some(span) = taken {
            let problem = Problem::error("M033", "there is a status of this name already");
            reader.push(problem.at(span, "").help("a company-made status has a label and a key of its own"));
            continue;
        }
        statuses.push(CustomStatus { status: PersonStatus::new(key), label: label.into(), group });
    }
    statuses
}

fn is_snake_case(key: &str) -> bool {
    key.starts_with(|c: char| c.is_ascii_lowercase())
        && key.len() <= 64
        && key.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}
