//! `lockstep events`.

use super::context::{Context, Shown};
use super::failure::Failure;
use super::table::table;
use crate::event::ALL;
use serde_json::json;

/// Prints the catalogue of log events.
pub fn run(context: &Context) -> Result<Shown, Failure> {
    let level = |event: &crate::event::Event| event.level.as_str().to_lowercase();
    let values: Vec<_> = ALL
        .iter()
        .map(|event| json!({"event": event.name, "level": level(event), "when": event.what}))
        .collect();
    let rows = ALL.iter().map(|event| [event.name.to_owned(), level(event), event.what.to_owned()]);
    Ok(Shown::well(context.show(&values, || table(["event", "level", "when"], rows))))
}
