//! Reading a mapping file: everything that is wrong with it at once, or the mapping.

use super::reader::{Reader, Table};
use super::rows::{self, Columns};
use super::sections;
use super::table::Mapping;
use super::{automations, custom, examples, fields, law, odd};
use crate::diagnostic::{Problem, Problems, not_toml};
use crate::model::SalesforceObject;
use std::path::Path;
use toml::de::DeTable;

/// A larger file is no mapping: 10,000 rows are about one megabyte.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// More rows than this were never meant: there is one a person status.
const ROWS_MAX: usize = 500;

/// A mapping that can be used, and what is odd about it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The mapping.
    pub mapping: Mapping,
    /// Warnings only.
    pub warnings: Problems,
}

/// What stands in a mapping file. A pipe or a device may have no end, so only what is a file is read, and no more of it than
/// a mapping can have.
///
/// # Errors
/// Says why it cannot be read.
pub fn read(path: &Path) -> Result<Vec<u8>, Problems> {
    let refuse = |message: String, help: &str| {
        let mut problems = Problems::new(&path.display().to_string(), "");
        problems.push(Problem::error("M002", message).help(help));
        problems
    };
    let meta = std::fs::metadata(path).map_err(|error| {
        refuse(format!("cannot read the mapping: {error}"), "`mapping` in the configuration names the file")
    })?;
    if !meta.is_file() {
        return Err(refuse(
            "this is no file".to_owned(),
            "name the mapping file itself, such as mapping/example.toml",
        ));
    }
    if meta.len() > FILE_BYTES_MAX {
        let message = format!("the file has {} MiB; a mapping has at most 4", meta.len() / (1024 * 1024));
        return Err(refuse(message, "is this the file you meant?"));
    }
    std::fs::read(path)
        .map_err(|error| refuse(format!("cannot read the mapping: {error}"), "is it readable for this user?"))
}

/// Reads a file.
///
/// # Errors
/// Everything that is wrong with it, in the order of the file.
pub fn load(path: &Path) -> Result<Loaded, Problems> {
    let (shown, bytes) = (path.display().to_string(), read(path)?);
    match String::from_utf8(bytes) {
        Ok(text) => parse(&shown, &text),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let good = String::from_utf8_lossy(&error.as_bytes()[..at]).into_owned();
            let mut problems = Problems::new(&shown, &good);
            let problem = Problem::error("M019", "the file is not UTF-8 text from here on");
            problems.push(
                problem
                    .at(at.saturating_sub(1)..at, "the last letter that can be read")
                    .help("save it as UTF-8"),
            );
            Err(problems)
        }
    }
}

/// Reads a text. `file` is how it is shown.
///
/// # Errors
/// Everything that is wrong with it, in the order of the text.
pub fn parse(file: &str, text: &str) -> Result<Loaded, Problems> {
    let mut reader = Reader { problems: Problems::new(file, text) };
    let (document, errors) = DeTable::parse_recoverable(text);
    not_toml("M001", &errors).into_iter().for_each(|problem| reader.push(problem));
    if !errors.is_empty() {
        // What a broken file says about its keys is guesswork: it would bury the mistake that matters.
        return Err(reader.problems);
    }
    let top = Table::new(0..0, document.get_ref());
    let company = sections::heading(&mut reader, &top);
    let custom_statuses = custom::custom_statuses(&mut reader, &top);
    let (lead, contact) = sections::salesforce(&mut reader, &top);
    let conflict = sections::conflict(&mut reader, &top);
    let opt_out_cleared = sections::opt_out(&mut reader, &top);
    let new = sections::new_people(&mut reader, &top);
    let limits = sections::limits(&mut reader, &top);
    let mut tables = reader.tables(&top, "status");
    if tables.len() > ROWS_MAX {
        let message = format!("the mapping has {} rows; it can have {ROWS_MAX}", tables.len());
        reader.push(
            Problem::error("M026", message).at(top.key_span("status"), "").help("one row a person status"),
        );
        tables.truncate(1);
    }
    // Without its section an object's rows cannot be judged; that it is missing is said already.
    let known = lead.is_some() || contact.is_some();
    let broken = sections::broken(&top, lead.is_some(), contact.is_some());
    let columns =
        Columns { lead: lead.as_ref(), contact: contact.as_ref(), custom: &custom_statuses, broken: &broken };
    let placed = rows::read(&mut reader, &tables, &columns);
    let strayed = reader.problems.found.iter().any(|problem| problem.code == "M013");
    if tables.is_empty() && !strayed {
        reader.push(Problem::error("M014", "the mapping has no rows").at(top.key_span("status"), "").help(
            "write `status = [ { person = \"Success\", salesforce = \"Nurture\" } ]` above the first section",
        ));
    }
    let mut mapping = Mapping {
        company: company.into(),
        file: file.into(),
        rows: placed.iter().map(|placed| placed.row.clone()).collect(),
        lead: lead.clone(),
        contact: contact.clone(),
        // A missing one is an error already, so the value is never used.
        conflict: conflict.unwrap_or(super::ConflictPolicy {
            winner: super::Winner::Hold,
            guard_band: std::time::Duration::ZERO,
        }),
        opt_out_cleared,
        new,
        limits,
        fields: Vec::new(),
        automations: automations::read(&mut reader, &top, &columns),
        examples: examples::read(&mut reader, &top, &columns),
        custom_statuses: custom_statuses.clone(),
        sorted: Default::default(),
    }
    .grouped();
    let taken =
        SalesforceObject::BOTH.map(|object| (object, mapping.fields_read(object).into_iter().collect()));
    mapping.fields = fields::read(&mut reader, &top, &columns, &taken);
    if known && !placed.is_empty() {
        law::check(&mut reader, &mapping);
        if !reader.problems.has_errors() {
            odd::check(&mut reader, &mapping, &top);
        }
    }
    reader.problems.sort();
    match reader.problems.has_errors() {
        true => Err(reader.problems),
        false => Ok(Loaded { mapping, warnings: reader.problems }),
    }
}
