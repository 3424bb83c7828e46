//! Reads a configuration file.

use super::check;
use super::raw::Raw;
use super::reader::Reader;
use super::settings::{Config, SalesforceConfig, TelemetryConfig};
use crate::diagnostic::{Problem, Problems};
use std::io;
use std::path::{Path, PathBuf};

/// A larger file is no configuration: one with every key and its comments has 8 KB.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// A configuration that can be used, and what is odd about it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Where the process sends its traces.
    pub telemetry: TelemetryConfig,
    /// Warnings only.
    pub warnings: Problems,
}

/// Loads the file and what the environment sets over it. Relative paths are from the file's directory, those from the
/// environment too. An empty variable counts as not set.
///
/// # Errors
/// Everything that is wrong, at once, in the order of the file. What is said never holds a secret.
pub fn load(
    path: &Path,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Loaded, Problems> {
    let mut reader = opened(path, environment)?;
    let (config, telemetry) = (check::check(&mut reader), check::telemetry(&mut reader));
    let (config, warnings) = settled(reader, config)?;
    Ok(Loaded { config, telemetry, warnings })
}

/// Loads what a login needs: `[salesforce]` alone, and its refresh token may still be missing.
///
/// # Errors
/// Everything that is wrong with that part, and whatever is no configuration at all; also a flow that uses no refresh
/// token.
pub fn load_for_login(
    path: &Path,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<SalesforceConfig, Problems> {
    let mut reader = opened(path, environment)?;
    let config = check::check_for_login(&mut reader);
    settled(reader, config).map(|(config, _)| config)
}

fn opened(
    path: &Path,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Reader<'_>, Problems> {
    let shown = path.display().to_string();
    let text = text(path).map_err(|why| {
        let mut problems = Problems::new(&shown, "");
        problems.push(
            Problem::error("C001", format!("cannot read the configuration {shown}: {why}"))
                .help("name another with `-c FILE`; `lockstep demo` needs none"),
        );
        problems
    })?;
    let raw = Raw::read(&shown, &text, environment);
    if raw.is_broken {
        return Err(raw.problems);
    }
    Ok(Reader::new(raw, path.parent().unwrap_or(Path::new(""))))
}

/// The file's text. A pipe or a device may have no end, so only what is a file is read.
fn text(path: &Path) -> io::Result<String> {
    let file = std::fs::metadata(path)?;
    if !file.is_file() && !file.is_dir() {
        return Err(io::Error::other("it is no file"));
    }
    if file.len() > FILE_BYTES_MAX {
        return Err(io::Error::other(format!(
            "it has {} bytes; a configuration has at most 1 MiB",
            file.len()
        )));
    }
    std::fs::read_to_string(path)
}

/// What was read, with the warnings, if nothing is wrong with it.
fn settled<T>(reader: Reader<'_>, read: Option<T>) -> Result<(T, Problems), Problems> {
    let mut problems = reader.into_problems();
    problems.sort();
    match read {
        Some(read) if !problems.has_errors() => Ok((read, problems)),
        _ => Err(problems),
    }
}

/// Where the mapping file is, whatever else is wrong with the configuration: so that both can be checked at once.
pub fn mapping_path(path: &Path, environment: impl IntoIterator<Item = (String, String)>) -> Option<PathBuf> {
    let text = text(path).ok()?;
    let raw = Raw::read(&path.display().to_string(), &text, environment);
    Reader::new(raw, path.parent()?).path(("", "mapping"))
}

/// The process's environment, as `load` takes it. What is not Unicode is left out: no key can mean it.
pub fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
