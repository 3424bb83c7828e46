//! `lockstep events`.

use super::context::{Context, Shown};
use super::failure::Failure;
use super::table::table;
use crate::event::{ALL, Event};
use schemars::JsonSchema;
use serde::Serialize;

/// One event of the catalogue.
#[derive(Serialize, JsonSchema)]
pub(super) struct EventLine {
    event: &'static str,
    level: String,
    /// When it happens, in one sentence.
    when: &'static str,
}

/// What stands above the table on the page.
const PAGE: &str = "\
# Log events

Made by `lockstep events --markdown`; a test fails when the two differ. What the fields of a line mean, and how to read a
person's story out of the log, stands in [logs.md](logs.md).

| event | level | when |
|---|---|---|
";

/// Prints the catalogue of log events, as a page with `markdown`.
pub fn run(context: &Context, markdown: bool) -> Result<Shown, Failure> {
    if markdown {
        let rows =
            ALL.iter().map(|event| format!("| `{}` | {} | {} |\n", event.name, level(event), event.what));
        return Ok(Shown::well(PAGE.to_owned() + &rows.collect::<String>()));
    }
    let values: Vec<_> = ALL
        .iter()
        .map(|event| EventLine { event: event.name, level: level(event), when: event.what })
        .collect();
    let rows = ALL.iter().map(|event| [event.name.to_owned(), level(event), event.what.to_owned()]);
    Ok(Shown::well(context.show(&values, || table(["event", "level", "when"], rows))))
}

fn level(event: &Event) -> String {
    event.level.as_str().to_lowercase()
}
