//! `lockstep mapping`: `show` and `schema` here, the others in files of their own.

pub(super) mod diff;
pub(super) mod draw;
pub(super) mod init;
pub(super) mod test;

pub use init::facts;

use super::args::MappingCommand;
use super::context::{Context, Shown};
use super::failure::Failure;
use super::table::{or_dash, table};
use crate::config;
use crate::diagnostic::Problems;
use crate::mapping::{Mapping, Row, Way, Winner};
use crate::model::{Fields, PersonStatus, SalesforceObject, SequenceAction};
use schemars::JsonSchema;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Runs one of the commands about mapping files.
pub async fn run(context: &Context, command: MappingCommand) -> Result<Shown, Failure> {
    match command {
        MappingCommand::Show { file } => {
            let (mapping, _) = load(&chosen(context, file)?)?;
            Ok(Shown::well(context.show(&shape(&mapping), || text(&mapping))))
        }
        MappingCommand::Schema => Ok(Shown::well(super::context::json(&crate::mapping::schema()))),
        MappingCommand::Draw(arguments) => draw::run(context, arguments),
        MappingCommand::Init(arguments) => init::run(context, arguments).await,
        MappingCommand::Test { file, junit } => test::run(context, &chosen(context, file)?, junit.as_deref()),
        MappingCommand::Diff { old, new, store } => diff::run(context, &old, &new, store).await,
    }
}

/// The file that was named, else the configuration's. Whoever writes a mapping need not have the daemon's secrets: the
/// rest of the configuration may be wrong.
fn chosen(context: &Context, file: Option<PathBuf>) -> Result<PathBuf, Failure> {
    match file.or_else(|| config::mapping_path(&context.config, config::environment())) {
        Some(file) => Ok(file),
        None => Ok(context.load()?.config.mapping),
    }
}

/// The mapping in `file`, with its warnings.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load(file: &Path) -> Result<(Mapping, Problems), Problems> {
    crate::verify::load(file).map(|loaded| (loaded.mapping, loaded.warnings))
}

fn text(mapping: &Mapping) -> String {
    let mut text = format!("{} ({})\n\n", mapping.company, mapping.file);
    let objects = objects(mapping);
    match objects[..] {
        [object] => {
            let heading = [
                "line",
                "stage",
                "person status",
                object.as_str(),
                "also from",
                "way",
                "sequences",
                "winner",
            ];
            text.push_str(&table(
                heading,
                mapping.rows.iter().map(|row| {
                    let [line, stage, person, way, sequences, winner] = common(mapping, row);
                    [
                        line,
                        stage,
                        person,
                        value(row, object),
                        also_from(row, &objects),
                        way,
                        sequences,
                        winner,
                    ]
                }),
            ));
        }
        _ => {
            let heading = [
                "line",
                "stage",
                "person status",
                "Lead",
                "Contact",
                "also from",
                "way",
                "sequences",
                "winner",
            ];
            text.push_str(&table(
                heading,
                mapping.rows.iter().map(|row| {
                    let [line, stage, person, way, sequences, winner] = common(mapping, row);
                    let [lead, contact] = SalesforceObject::BOTH.map(|object| value(row, object));
                    [line, stage, person, lead, contact, also_from(row, &objects), way, sequences, winner]
                }),
            ));
        }
    }
    text.push('\n');
    for object in objects {
        text.push_str(&object_line(mapping, object));
    }
    for row in mapping.rows.iter().filter(|row| !row.only_if.is_always()) {
        text.push_str(&format!("Line {} holds only if {}.\n", row.line, row.only_if));
    }
    for field in &mapping.fields {
        let names = [("Lead", &field.lead), ("Contact", &field.contact)];
        let names =
            names.into_iter().filter_map(|(object, name)| Some(format!("{object}.{}", name.as_ref()?)));
        let way = match (field.way.to_salesforce(), field.way.to_engage()) {
            (true, false) => "goes to",
            (false, true) => "comes from",
            _ => "goes with",
        };
        text.push_str(&format!("{} {way} {}.\n", field.engage, names.collect::<Vec<_>>().join(" and ")));
    }
    match mapping.conflict.winner {
        Winner::Hold => text.push_str("When both sides changed, a person decides.\n"),
        winner => text.push_str(&format!("When both sides changed, {} wins.\n", winner_words(winner))),
    }
    text
}

/// The objects that take part.
fn objects(mapping: &Mapping) -> Vec<SalesforceObject> {
    let taking_part =
        [(SalesforceObject::Lead, &mapping.lead), (SalesforceObject::Contact, &mapping.contact)];
    taking_part.into_iter().filter(|(_, of)| of.is_some()).map(|(object, _)| object).collect()
}

pub(super) fn object_line(mapping: &Mapping, object: SalesforceObject) -> String {
    let of = match object {
        SalesforceObject::Lead => &mapping.lead,
        SalesforceObject::Contact => &mapping.contact,
    };
    let Some(of) = of else { return String::new() };
    let opt_out = of.opt_out.name().map_or_else(String::new, |name| format!(", the opt-out in {name}"));
    let scope =
        if of.scope.is_empty() { String::new() } else { format!(", only where {}", pairs(&of.scope)) };
    format!("{object}: the status is in {}{opt_out}{scope}.\n", of.status)
}

fn common(mapping: &Mapping, row: &Row) -> [String; 6] {
    let way = match row.way {
        Way::Both => "<->",
        Way::ToSalesforce => "to Salesforce",
        Way::ToEngage => "to Revenue Engage",
        Way::None => "none",
    };
    [
        row.line.to_string(),
        or_dash(row.stage.as_ref()),
        mapping.label(&row.person).to_owned(),
        way.to_owned(),
        row.sequences.as_str().to_owned(),
        or_dash(row.winner.map(winner_words)),
    ]
}

fn value(row: &Row, object: SalesforceObject) -> String {
    or_dash(row.fields(object).map(fields))
}

fn also_from(row: &Row, objects: &[SalesforceObject]) -> String {
    let mut values: Vec<String> =
        objects.iter().flat_map(|object| row.also_from(*object)).map(fields).collect();
    values.sort();
    values.dedup();
    values.join("; ")
}

/// One field by its value, several by name too.
pub(super) fn fields(fields: &Fields) -> String {
    match fields.len() {
        1 => fields.values().map(ToString::to_string).collect(),
        _ => pairs(fields),
    }
}

fn pairs(fields: &Fields) -> String {
    fields.iter().map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>().join(", ")
}

pub(super) fn winner_words(winner: Winner) -> &'static str {
    match winner {
        Winner::Salesforce => "Salesforce",
        Winner::Engage => "Revenue Engage",
        Winner::Newest => "the newest",
        Winner::Hold => "nobody (a person decides)",
    }
}

/// What `mapping show --json` prints.
#[derive(Serialize, JsonSchema)]
pub(super) struct Shape<'a> {
    company: &'a str,
    file: &'a str,
    winner: Winner,
    rows: Vec<ShapeRow<'a>>,
}

/// One row of it.
#[derive(Serialize, JsonSchema)]
struct ShapeRow<'a> {
    line: u32,
    stage: Option<&'a str>,
    person: &'a PersonStatus,
    lead: Option<&'a Fields>,
    contact: Option<&'a Fields>,
    also_from_lead: &'a [Fields],
    also_from_contact: &'a [Fields],
    to_salesforce: bool,
    to_engage: bool,
    sequences: SequenceAction,
    winner: Option<Winner>,
    only_if: Option<String>,
}

fn shape(mapping: &Mapping) -> Shape<'_> {
    let rows = mapping.rows.iter().map(|row| ShapeRow {
        line: row.line,
        stage: row.stage.as_deref(),
        person: &row.person,
        lead: row.lead.as_ref(),
        contact: row.contact.as_ref(),
        also_from_lead: &row.also_from_lead,
        also_from_contact: &row.also_from_contact,
        to_salesforce: row.way.to_salesforce(),
        to_engage: row.way.to_engage(),
        sequences: row.sequences,
        winner: row.winner,
        only_if: (!row.only_if.is_always()).then(|| row.only_if.to_string()),
    });
    Shape {
        company: &mapping.company,
        file: &mapping.file,
        winner: mapping.conflict.winner,
        rows: rows.collect(),
    }
}
