//! Everything in a mapping file but the rows.

use super::reader::{Reader, Table, listed};
use super::rows::WINNERS;
use super::table::*;
use super::values::{field_name, plain_fields};
use crate::diagnostic::{Problem, nearest};
use crate::model::SalesforceObject;
use std::time::Duration;
use toml::de::DeValue;

/// The keys at the top of a file.
pub(super) const TOP: [&str; 12] = [
    "schema",
    "company",
    "status",
    "salesforce",
    "conflict",
    "opt_out",
    "new",
    "limits",
    "custom_status",
    "field",
    "automation",
    "test",
];

const DEFAULT_OPT_OUT: &str = "HasOptedOutOfEmail";

/// `[salesforce.lead]` or `[salesforce.contact]`.
pub(super) fn object(reader: &mut Reader, salesforce: &Table<'_>, key: &str) -> Option<ObjectMapping> {
    let section = reader.table(salesforce, key)?;
    let place = format!("[salesforce.{key}]");
    strayed(reader, &section, &place);
    reader.only_keys(&without_rows(&section), &place, &["status", "opt_out", "scope"]);
    let status = match section.get("status").map(|value| value.get_ref()) {
        None => {
            let help = match key {
                "contact" => {
                    "Contact has no standard status: name the company's own field, such as Engagement_Status__c"
                }
                _ => "the standard field is `status = \"Status\"`",
            };
            reader.missing(section.span.clone(), &place, "status", help);
            None
        }
        // Rows that strayed in are named already.
        Some(DeValue::Array(_)) => None,
        Some(_) => {
            reader.text(&section, "status").and_then(|(name, span)| field_name(reader, name, span, false))
        }
    };
    let opt_out = opt_out_field(reader, &section);
    let scope = reader.table(&section, "scope").map(|scope| plain_fields(reader, &scope)).unwrap_or_default();
    Some(ObjectMapping { status: status?, opt_out, scope })
}

fn opt_out_field(reader: &mut Reader, section: &Table<'_>) -> OptOutField {
    let default = OptOutField::Default(DEFAULT_OPT_OUT.into());
    let Some(value) = section.get("opt_out") else { return default };
    match value.get_ref() {
        DeValue::Boolean(false) => OptOutField::Off,
        DeValue::String(name) => {
            field_name(reader, name, value.span(), false).map_or(default, OptOutField::Named)
        }
        other => {
            reader.wrong_kind("opt_out", other, value.span(), "a checkbox's API name in quotes, or false");
            default
        }
    }
}

/// In TOML a key below a section belongs to that section: rows that were meant for the top of the file.
pub(super) fn strayed(reader: &mut Reader, section: &Table<'_>, place: &str) {
    for (key, span, value) in section.entries() {
        let rows = matches!(value.get_ref(), DeValue::Array(items)
            if items.iter().any(|item| matches!(item.get_ref(), DeValue::Table(row) if row.iter().any(|(k, _)| k.get_ref() == "person"))));
        if rows {
            reader.push(
                Problem::error("M013", format!("the rows stand inside {place}"))
                    .at(span, format!("in TOML, `{key}` below {place} belongs to {place}"))
                    .help("move the rows above the first section, or write each as a `[[status]]` table"),
            );
        }
    }
}

/// A section without rows that strayed into it: they are named already.
pub(super) fn without_rows<'d>(section: &Table<'d>) -> Table<'d> {
    section.without(|value| matches!(value, DeValue::Array(_)))
}

/// `[conflict]`.
pub(super) fn conflict(reader: &mut Reader, top: &Table<'_>) -> Option<ConflictPolicy> {
    const HELP: &str = "the company decides who wins when both sides changed: \"salesforce\", \"engage\", \"newest\" or \"hold\"";
    let Some(section) = reader.table(top, "conflict") else {
        if top.get("conflict").is_none() {
            reader.missing(0..0, "the file", "[conflict] winner", HELP);
        }
        return None;
    };
    strayed(reader, &section, "[conflict]");
    reader.only_keys(&without_rows(&section), "[conflict]", &["winner", "guard_band"]);
    if section.get("winner").is_none() {
        reader.missing(section.span.clone(), "[conflict]", "winner", HELP);
    }
    let winner = reader.choice(&section, "winner", &WINNERS);
    let guard_band = duration(reader, &section, "guard_band").unwrap_or(Duration::from_secs(120));
    if section.get("guard_band").is_some()
        && winner.is_some_and(|winner| winner != Winner::Newest)
        && !row_newest(top)
    {
        reader.push(
            Problem::warning("M043", "`guard_band` never acts here")
                .at(section.key_span("guard_band"), "only `winner = \"newest\"` compares times"),
        );
    }
    Some(ConflictPolicy { winner: winner?, guard_band })
}

/// Whether a row lets the newest win, whatever the company says.
fn row_newest(top: &Table<'_>) -> bool {
    let newest = |row: &toml::Spanned<DeValue<'_>>| match row.get_ref() {
        DeValue::Table(row) => row.iter().any(|(key, value)| {
            key.get_ref() == "winner" && matches!(value.get_ref(), DeValue::String(text) if text == "newest")
        }),
        _ => false,
    };
    match top.get("status").map(|value| value.get_ref()) {
        Some(DeValue::Array(rows)) => rows.iter().any(newest),
        _ => false,
    }
}

fn duration(reader: &mut Reader, section: &Table<'_>, key: &str) -> Option<Duration> {
    let (text, span) = reader.text(section, key)?;
    let duration = seconds(text).filter(|seconds| *seconds <= 7 * 24 * 3_600).map(Duration::from_secs);
    if duration.is_none() {
        let problem = Problem::error("M032", format!("`{key}` is no duration of up to 7 days: \"{text}\""));
        reader.push(problem.at(span, "").help("write \"120s\", \"10m\" or \"24h\""));
    }
    duration
}

fn seconds(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let unit = match &text[digits..] {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => return None,
    };
    text[..digits].parse::<u64>().ok()?.checked_mul(unit)
}

/// `[opt_out]`.
pub(super) fn opt_out(reader: &mut Reader, top: &Table<'_>) -> OptOutCleared {
    let Some(section) = reader.table(top, "opt_out") else { return OptOutCleared::Hold };
    strayed(reader, &section, "[opt_out]");
    reader.only_keys(&without_rows(&section), "[opt_out]", &["cleared"]);
    let choices = [("hold", OptOutCleared::Hold), ("follow", OptOutCleared::Follow)];
    reader.choice(&section, "cleared", &choices).unwrap_or(OptOutCleared::Hold)
}

/// `[new]`.
pub(super) fn new_people(reader: &mut Reader, top: &Table<'_>) -> NewPolicy {
    let default = NewPolicy {
        prospects: NewProspects::LinkByEmail,
        leads: NewLeads::Ignore,
        disagree: Disagree::Adopt,
    };
    let Some(section) = reader.table(top, "new") else { return default };
    strayed(reader, &section, "[new]");
    reader.only_keys(&without_rows(&section), "[new]", &["prospects", "leads", "disagree"]);
    let prospects = [
        ("ignore", NewProspects::Ignore),
        ("link-by-email", NewProspects::LinkByEmail),
        ("create", NewProspects::Create),
    ];
    let leads = [("ignore", NewLeads::Ignore), ("create", NewLeads::Create)];
    let disagree = [("adopt", Disagree::Adopt), ("apply", Disagree::Apply), ("hold", Disagree::Hold)];
    NewPolicy {
        prospects: reader.choice(&section, "prospects", &prospects).unwrap_or(default.prospects),
        leads: reader.choice(&section, "leads", &leads).unwrap_or(default.leads),
        disagree: reader.choice(&section, "disagree", &disagree).unwrap_or(default.disagree),
    }
}

/// `[limits]`.
pub(super) fn limits(reader: &mut Reader, top: &Table<'_>) -> Limits {
    let default = Limits { writes_per_record_per_hour: 6, changed_share: 0.2, changed_min: 50 };
    let Some(section) = reader.table(top, "limits") else { return default };
    strayed(reader, &section, "[limits]");
    let keys = ["writes_per_record_per_hour", "changed_share", "changed_min"];
    reader.only_keys(&without_rows(&section), "[limits]", &keys);
    let whole = |reader: &mut Reader, key: &str, least: u32| {
        number(reader, &section, key, f64::from(least), 1_000_000.0, true).map(|number| number as u32)
    };
    Limits {
        writes_per_record_per_hour: whole(reader, keys[0], 1).unwrap_or(default.writes_per_record_per_hour),
        changed_share: number(reader, &section, keys[1], 0.0, 1.0, false).unwrap_or(default.changed_share),
        changed_min: whole(reader, keys[2], 0).unwrap_or(default.changed_min),
    }
}

fn number(
    reader: &mut Reader,
    section: &Table<'_>,
    key: &str,
    least: f64,
    most: f64,
    whole: bool,
) -> Option<f64> {
    let value = section.get(key)?;
    let number = match value.get_ref() {
        DeValue::Integer(number) => number.as_str().parse::<f64>().ok(),
        DeValue::Float(number) if !whole => number.as_str().parse::<f64>().ok(),
        other => {
            reader.wrong_kind(key, other, value.span(), if whole { "a whole number" } else { "a number" });
            return None;
        }
    };
    let fits = number.filter(|number| (least..=most).contains(number));
    if fits.is_none() {
        let problem = Problem::error("M016", format!("`{key}` must be between {least} and {most}"));
        let example = if whole { "a whole number without quotes" } else { "a share: 0.2 is a fifth" };
        reader.push(problem.at(value.span(), "").help(format!("write {example}")));
    }
    fits
}

/// `[salesforce]`, which has sections only.
pub(super) fn salesforce(
    reader: &mut Reader,
    top: &Table<'_>,
) -> (Option<ObjectMapping>, Option<ObjectMapping>) {
    const HELP: &str =
        "add `[salesforce.lead]` with `status = \"Status\"`, or `[salesforce.contact]`, or both";
    let Some(section) = reader.table(top, "salesforce") else {
        if top.get("salesforce").is_none() {
            reader.missing(0..0, "the file", "[salesforce.lead]", HELP);
        }
        return (None, None);
    };
    strayed(reader, &section, "[salesforce]");
    reader.only_keys(&without_rows(&section), "[salesforce]", &["lead", "contact"]);
    if section.get("lead").is_none() && section.get("contact").is_none() {
        reader.missing(section.span.clone(), "[salesforce]", "lead", HELP);
    }
    (object(reader, &section, "lead"), object(reader, &section, "contact"))
}

/// The objects whose section is there but could not be read.
pub(super) fn broken(top: &Table<'_>, lead: bool, contact: bool) -> Vec<SalesforceObject> {
    let Some(DeValue::Table(salesforce)) = top.get("salesforce").map(|value| value.get_ref()) else {
        return Vec::new();
    };
    let there = |name: &str| salesforce.iter().any(|(key, _)| key.get_ref() == name);
    [(SalesforceObject::Lead, "lead", lead), (SalesforceObject::Contact, "contact", contact)]
        .into_iter()
        .filter(|(_, name, read)| there(name) && !read)
        .map(|(object, _, _)| object)
        .collect()
}

/// `schema` and `company`.
pub(super) fn heading(reader: &mut Reader, top: &Table<'_>) -> String {
    match top.get("schema").map(|value| (value.get_ref(), value.span())) {
        None => reader.missing(0..0, "the file", "schema", "the first line is `schema = 1`"),
        Some((DeValue::Integer(number), span)) => {
            if number.as_str() != "1" {
                let problem = Problem::error(
                    "M006",
                    format!("schema {} is not known to this version", number.as_str()),
                );
                reader.push(problem.at(span, "").help("this version reads `schema = 1`"));
            }
        }
        Some((other, span)) => reader.wrong_kind("schema", other, span, "the number 1"),
    }
    if top.get("company").is_none() {
        reader.missing(
            0..0,
            "the file",
            "company",
            "write `company = \"...\"`: the name by which it is shown",
        );
    }
    let company = match reader.text(top, "company") {
        Some((name, span)) if name.trim().is_empty() => {
            let problem = Problem::error("M044", "the company has no name").at(span, "");
            reader.push(problem.help("it is shown in logs and tables: `company = \"Example Ltd\"`"));
            String::new()
        }
        Some((name, _)) => name.to_owned(),
        None => String::new(),
    };
    // A misspelt section is more likely than a new one.
    for (key, span, _) in top.entries().filter(|(key, _, _)| !TOP.contains(key)) {
        let problem =
            Problem::error("M003", format!("a mapping file has no `{key}`")).at(span, "unknown key");
        reader.push(match nearest(key, TOP) {
            Some(meant) => problem.help(format!("did you mean `{meant}`?")),
            None => problem.help(format!("it has {}", listed(&TOP))),
        });
    }
    company
}
