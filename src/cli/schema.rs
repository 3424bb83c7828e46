//! `lockstep schema`: the JSON Schema of what each command prints with `--json`, from the types themselves.

use super::context::{Shown, json};
use super::failure::Failure;
use super::mapping::{Shape, diff::Difference, draw::Drawing, init::Drafted, test::Tested};
use super::{check, events, help, login, pause, plan, sandbox, store};
use crate::admin::{Conflict, Count, Explanation, ParkedRecord, Plan, Status};
use crate::diagnostic::nearest;
use crate::metrics::Metric;
use crate::store::{Integrity, Restored};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value};

type SchemaOf = fn() -> Schema;

/// Every command that prints JSON, as it is written after `lockstep`.
const OUTPUTS: [(&str, SchemaOf); 25] = [
    ("check", of::<check::Report>),
    ("conflicts", of::<Vec<Conflict>>),
    ("conflicts resolve", of::<Vec<Conflict>>),
    ("events", of::<Vec<events::EventLine>>),
    ("explain", of::<Vec<Explanation>>),
    ("help", of::<Either<Vec<help::CodeLine>, help::CodePage>>),
    ("login", of::<Either<login::Asked, login::SignedIn>>),
    ("mapping diff", of::<Difference>),
    ("mapping draw", of::<Drawing>),
    ("mapping init", of::<Drafted<'static>>),
    ("mapping show", of::<Shape<'static>>),
    ("mapping test", of::<Vec<Tested<'static>>>),
    ("metrics", of::<Vec<Metric>>),
    ("parked", of::<Vec<ParkedRecord>>),
    ("parked drop", of::<Count>),
    ("parked retry", of::<Count>),
    ("pause", of::<pause::Paused>),
    ("plan", of::<Either<Plan, plan::Applied>>),
    ("resume", of::<pause::Paused>),
    ("resync", of::<Count>),
    ("sandbox", of::<sandbox::Served>),
    ("status", of::<Status>),
    ("store export", of::<store::Exported>),
    ("store import", of::<Restored>),
    ("store verify", of::<Integrity>),
];

/// A command that prints one thing or another, by its options.
#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code)] // only its schema is asked for
enum Either<A, B> {
    One(A),
    Other(B),
}

fn of<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>()
}

/// Prints the schema of one command's answer, or all of them by name.
pub fn run(command: &[String]) -> Result<Shown, Failure> {
    if command.is_empty() {
        let all: Map<String, Value> =
            OUTPUTS.iter().map(|(name, schema)| ((*name).to_owned(), schema().to_value())).collect();
        return Ok(Shown::well(json(&all)));
    }
    let asked = command.join(" ");
    if let Some((_, schema)) = OUTPUTS.iter().find(|(name, _)| *name == asked) {
        return Ok(Shown::well(json(&schema())));
    }
    let names = OUTPUTS.iter().map(|(name, _)| *name);
    let meant = nearest(&asked, names.clone()).map(|meant| format!(": did you mean {meant}?"));
    let meant = meant.unwrap_or_else(|| format!("; these do: {}", names.collect::<Vec<_>>().join(", ")));
    Err(Failure::WrongLine(format!("\"{asked}\" prints no JSON{meant}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Arguments;
    use clap::{Command, CommandFactory};

    /// What takes `--json` and has nothing to say in it: a service, a picture, a page, a schema that is JSON anyway.
    const NO_JSON: [&str; 7] = ["completions", "demo", "man", "mapping", "mapping schema", "run", "schema"];

    fn names(command: &Command, above: &str, all: &mut Vec<String>) {
        for command in command.get_subcommands() {
            let name = format!("{above}{}", command.get_name());
            names(command, &format!("{name} "), all);
            all.push(name);
        }
    }

    #[test]
    fn every_command_has_a_schema_or_is_known_to_print_no_json() {
        let mut all = vec![];
        names(&Arguments::command(), "", &mut all);
        all.retain(|name| name != "store");
        all.sort();
        let known = OUTPUTS.iter().map(|(name, _)| *name).chain(NO_JSON);
        let mut known: Vec<String> = known.map(str::to_owned).collect();
        known.sort();
        assert_eq!(all, known);
    }
}
