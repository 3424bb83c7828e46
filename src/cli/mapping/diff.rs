//! `lockstep mapping diff`: what a new mapping does differently, row by row and, if asked, person by person.

use super::{fields, load, object_line, winner_words};
use crate::cli::access;
use crate::cli::context::{Context, Shown};
use crate::cli::failure::Failure;
use crate::cli::progress::Progress;
use crate::cli::table::{grouped, table};
use crate::mapping::{Context as Record, Mapping, Row, Winner};
use crate::model::{Link, PersonStatus, SalesforceObject};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Everything that differs.
#[derive(Serialize, JsonSchema)]
pub(in crate::cli) struct Difference {
    rows: Vec<Changed>,
    people: Option<People>,
}

/// One person status that is not treated as before.
#[derive(Serialize, JsonSchema)]
struct Changed {
    person: String,
    what: String,
    old: String,
    new: String,
}

/// Linked people whose values the new mapping reads or writes differently.
#[derive(Serialize, JsonSchema)]
struct People {
    looked_at: u64,
    changed: u64,
    by_kind: Vec<(String, u64, Vec<String>)>,
}

/// Compares two files.
pub async fn run(context: &Context, old: &Path, new: &Path, store: bool) -> Result<Shown, Failure> {
    let ((old, _), (new, _)) = (load(old)?, load(new)?);
    let people = if store { Some(people(context, &old, &new).await?) } else { None };
    let difference = Difference { rows: rows(&old, &new), people };
    Ok(Shown::well(context.show(&difference, || text(&difference))))
}

/// Row by row, by person status.
fn rows(old: &Mapping, new: &Mapping) -> Vec<Changed> {
    let mut changed = Vec::new();
    let mut statuses: Vec<&PersonStatus> = Vec::new();
    for row in old.rows.iter().chain(&new.rows) {
        if !statuses.contains(&&row.person) {
            statuses.push(&row.person);
        }
    }
    for status in statuses {
        let of = |mapping: &Mapping| -> Vec<String> {
            mapping.rows.iter().filter(|row| row.person == *status).map(|row| words(mapping, row)).collect()
        };
        let (before, after) = (of(old), of(new));
        if before == after {
            continue;
        }
        let what = match (before.is_empty(), after.is_empty()) {
            (true, _) => "new row",
            (_, true) => "row taken out",
            _ => "row changed",
        };
        changed.push(Changed {
            person: new.label(status).to_owned(),
            what: what.to_owned(),
            old: before.join(" / "),
            new: after.join(" / "),
        });
    }
    let mut setting = |what: &str, before: String, after: String| {
        if before != after {
            changed.push(Changed { person: String::new(), what: what.to_owned(), old: before, new: after });
        }
    };
    setting("who wins", conflict(old), conflict(new));
    setting("a cleared opt-out", value(&old.opt_out_cleared), value(&new.opt_out_cleared));
    setting("a prospect without a record", value(&old.new.prospects), value(&new.new.prospects));
    setting("a Lead without a prospect", value(&old.new.leads), value(&new.new.leads));
    setting("who disagrees at first sight", value(&old.new.disagree), value(&new.new.disagree));
    setting("limits", limits(old), limits(new));
    for object in SalesforceObject::BOTH {
        let line = |mapping: &Mapping| match mapping.object(object) {
            Some(_) => object_line(mapping, object).trim_end().to_owned(),
            None => "not in sync".to_owned(),
        };
        setting(object.as_str(), line(old), line(new));
    }
    setting("further fields", further(old), further(new));
    changed
}

fn conflict(mapping: &Mapping) -> String {
    let winner = winner_words(mapping.conflict.winner);
    match mapping.conflict.winner {
        Winner::Newest => format!("{winner}, if by more than {} s", mapping.conflict.guard_band.as_secs()),
        _ => winner.to_owned(),
    }
}

/// A choice as the file spells it, nearly: `LinkByEmail` is `link-by-email`.
fn value(choice: &impl std::fmt::Debug) -> String {
    let mut words = String::new();
    for c in format!("{choice:?}").chars() {
        if c.is_uppercase() && !words.is_empty() {
            words.push('-');
        }
        words.extend(c.to_lowercase());
    }
    words
}

fn limits(mapping: &Mapping) -> String {
    let limits = &mapping.limits;
    format!(
        "{} writes a record an hour, {} of all unasked, {} at least",
        limits.writes_per_record_per_hour, limits.changed_share, limits.changed_min
    )
}

fn further(mapping: &Mapping) -> String {
    let names = mapping.fields.iter().map(|field| {
        let name = field.lead.as_ref().or(field.contact.as_ref()).map(|name| name.to_string());
        format!("{} = {}", field.engage, name.unwrap_or_default())
    });
    names.collect::<Vec<_>>().join(", ")
}

/// A row in one line.
fn words(mapping: &Mapping, row: &Row) -> String {
    let mut parts = Vec::new();
    for object in SalesforceObject::BOTH.into_iter().filter(|object| mapping.object(*object).is_some()) {
        if let Some(value) = row.fields(object) {
            parts.push(format!("{object}: {}", fields(value)));
        }
        parts.extend(
            row.also_from(object).iter().map(|value| format!("{object} also from {}", fields(value))),
        );
    }
    let way = match (row.way.to_salesforce(), row.way.to_engage()) {
        (true, true) => "both ways",
        (true, false) => "to Salesforce",
        (false, true) => "to Revenue Engage",
        (false, false) => "neither way",
    };
    parts.push(way.to_owned());
    if row.sequences != crate::model::SequenceAction::Leave {
        parts.push(format!("sequences {}", row.sequences.as_str()));
    }
    parts.extend(row.winner.map(|winner| format!("winner {winner:?}").to_lowercase()));
    if !row.only_if.is_always() {
        parts.push(format!("only if {}", row.only_if));
    }
    parts.join(", ")
}

/// What becomes of a linked person's present values.
fn outcome(mapping: &Mapping, link: &Link) -> (String, String) {
    let object = link.salesforce.object();
    let (Some(baseline), true) = (&link.baseline, mapping.object(object).is_some()) else {
        return ("not looked at".to_owned(), "not looked at".to_owned());
    };
    // What conditions ask for is not remembered: only rows for everybody can be judged here.
    let relation = mapping.relation(object, &Record { fields: Some(&baseline.salesforce), sequences: &[] });
    let read = match relation.inbound(&baseline.salesforce) {
        Some(row) => mapping.label(&row.person).to_owned(),
        None => "nothing".to_owned(),
    };
    let written =
        relation.outbound(&baseline.engage).map_or_else(|| "nothing".to_owned(), |(_, value)| fields(value));
    (read, written)
}

async fn people(context: &Context, old: &Mapping, new: &Mapping) -> Result<People, Failure> {
    let progress = Progress::start("looking at everybody who is linked");
    let operations = access::operations(context).await?;
    let mut kinds: BTreeMap<String, (u64, Vec<String>)> = BTreeMap::new();
    let (mut looked_at, mut after) = (0, None);
    let mut changed: BTreeSet<String> = BTreeSet::new();
    loop {
        let page = operations.links(after).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.prospect.to_string());
        for link in &page {
            looked_at += 1;
            let (before, now) = (outcome(old, link), outcome(new, link));
            for (what, before, now) in [
                ("Salesforce's value is read as", before.0, now.0),
                ("the person is written as", before.1, now.1),
            ] {
                if before != now {
                    let kind = kinds.entry(format!("{what} {now}, not {before}")).or_default();
                    kind.0 += 1;
                    if kind.1.len() < 5 {
                        kind.1.push(link.salesforce.to_string());
                    }
                    changed.insert(link.prospect.to_string());
                }
            }
        }
    }
    drop(progress);
    let mut by_kind: Vec<(String, u64, Vec<String>)> =
        kinds.into_iter().map(|(what, (count, samples))| (what, count, samples)).collect();
    by_kind.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    Ok(People { looked_at, changed: changed.len() as u64, by_kind })
}

fn text(difference: &Difference) -> String {
    let mut text = match difference.rows.is_empty() {
        true => "Both files do the same.\n".to_owned(),
        false => table(
            ["person status", "what", "was", "will be"],
            difference
                .rows
                .iter()
                .map(|row| [row.person.clone(), row.what.clone(), row.old.clone(), row.new.clone()]),
        ),
    };
    let Some(people) = &difference.people else { return text };
    text.push_str(&format!(
        "\n{} of {} linked people are treated differently. Nothing is written to them by the new file alone: what is quiet \
         stays quiet until it changes, or until `lockstep resync`.\n",
        grouped(people.changed),
        grouped(people.looked_at)
    ));
    if !people.by_kind.is_empty() {
        text.push('\n');
        let rows = people.by_kind.iter().map(|(what, count, samples)| {
            let more = if *count > samples.len() as u64 { ", ..." } else { "" };
            [grouped(*count), what.clone(), format!("{}{more}", samples.join(", "))]
        });
        text.push_str(&table(["people", "what", "such as"], rows));
    }
    text
}
