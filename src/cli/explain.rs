//! `lockstep explain ID`.

use super::access;
use super::context::{Context, Shown};
use super::failure::Failure;
use super::table::{or_dash, table, time};
use crate::admin::Explanation;
use crate::event::escape;
use crate::store::{JournalEntry, Seen};

/// Shows everything known of one person.
pub async fn run(context: &Context, id: String) -> Result<Shown, Failure> {
    let found = access::operations(context).await?.explain(id).await?;
    Ok(Shown::well(context.show(&found, || found.iter().map(story).collect::<Vec<_>>().join("\n"))))
}

fn story(person: &Explanation) -> String {
    let mut text = format!("prospect {} and {}\n", person.prospect, or_dash(person.record.as_ref()));
    if let Some(due) = &person.due {
        text.push_str(&format!("due since {} (change {})\n", time(due.since), due.change));
    }
    if let Some(held) = &person.held {
        text.push_str(&format!("waits for a decision ({}): {}\n", held.id, escape(&held.reason)));
    }
    if let Some(parked) = &person.parked {
        text.push_str(&format!("parked: {}: {}\n", escape(&parked.code), escape(&parked.message)));
    }
    text.push_str(&because(&person.journal));
    text.push('\n');
    if person.journal.is_empty() {
        text.push_str("Nothing has happened yet.\n");
        return text;
    }
    text.push_str(&table(["time (UTC)", "change", "what", "why", "rule"], person.journal.iter().map(line)));
    text
}

/// The answer to "why is it this?", in a sentence: the last write, with the change that it followed.
fn because(journal: &[JournalEntry]) -> String {
    let Some(last) = journal.iter().rev().find(|entry| entry.what == "written") else { return String::new() };
    let side = last.side.map(|side| side.to_string()).unwrap_or_default();
    let mut text = format!("{side} says {} because {}", or_dash(last.to.as_ref()), last.reason);
    let other = |seen: &&Seen| seen.side.is_some() && seen.side != last.side;
    // The last of them that says what was seen: a mere hint came before it.
    let others = || last.seen.iter().rev().filter(other);
    if let Some(seen) = others().find(|seen| seen.value.is_some()).or_else(|| others().next()) {
        text.push_str(&format!(" ({} at {})", observation(seen), time(seen.at)));
    }
    text.push_str(&format!(", written at {} UTC", time(last.at)));
    if let Some(rule) = &last.rule {
        text.push_str(&format!(" by line {rule}"));
    }
    format!("{}.\n", escape(&text))
}

/// What was seen where, how it was learnt, and who did it, where the system tells.
fn observation(seen: &Seen) -> String {
    let side = seen.side.map_or_else(|| "both sides".to_owned(), |side| side.to_string());
    let value = seen.value.as_ref().map(|value| format!(": {value}")).unwrap_or_default();
    let by = seen.by.as_ref().map(|by| format!(", made by {by}")).unwrap_or_default();
    format!("seen in {side} by {}{value}{by}", seen.source.as_str())
}

fn line(entry: &JournalEntry) -> [String; 5] {
    let mut what = entry.what.clone();
    if let Some(side) = entry.side {
        what.push_str(&format!(" in {side}"));
    }
    if entry.from.is_some() || entry.to.is_some() {
        what.push_str(&format!(": {} -> {}", or_dash(entry.from.as_ref()), or_dash(entry.to.as_ref())));
    }
    let mut why = entry.reason.clone();
    if let Some(overruled) = &entry.overruled {
        why.push_str(&format!("; {overruled} was overruled"));
    }
    if let Some(by) = &entry.by {
        why.push_str(&format!("; by {by}"));
    }
    for seen in &entry.seen {
        why.push_str(&format!("; {}", observation(seen)));
    }
    [time(entry.at), or_dash(entry.change), what, why, or_dash(entry.rule.as_ref())]
}
