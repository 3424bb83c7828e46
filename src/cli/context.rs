//! What every command is given, and what it gives back.

use super::args::Arguments;
use super::failure::Failure;
use crate::config::{self, Loaded};
use serde::Serialize;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use url::Url;

/// How a command ended. Wrong command lines (2) are answered by clap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Well.
    Well = 0,
    /// It failed.
    Failed = 1,
    /// The command line is wrong.
    WrongLine = 2,
    /// The configuration or the mapping is wrong.
    WrongFile = 3,
    /// It worked, and something waits for a person.
    Waiting = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// What a command prints on standard output, and how it ended.
#[derive(Debug)]
pub struct Shown {
    /// The text, line breaks included.
    pub text: String,
    /// How it ended.
    pub exit: Exit,
}

impl Shown {
    /// It went well.
    pub fn well(text: impl Into<String>) -> Shown {
        Shown { text: text.into(), exit: Exit::Well }
    }

    /// It went well; something waits for a person if `waits`.
    pub fn waiting(text: impl Into<String>, waits: bool) -> Shown {
        Shown { text: text.into(), exit: if waits { Exit::Waiting } else { Exit::Well } }
    }
}

/// The global options, and what is known of the terminal.
#[derive(Debug, Clone)]
pub struct Context {
    /// `-c FILE`.
    pub config: PathBuf,
    /// `--admin URL`.
    pub admin: Option<Url>,
    /// `--json`.
    pub json: bool,
    /// Standard output may have colours.
    pub color: bool,
    /// Standard error may have colours.
    pub error_color: bool,
}

impl Context {
    /// From the command line and the environment (`NO_COLOR`).
    pub fn new(arguments: &Arguments) -> Context {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Context {
            config: arguments.config.clone(),
            admin: arguments.admin.clone(),
            json: arguments.json,
            color: wanted && !arguments.json && std::io::stdout().is_terminal(),
            error_color: wanted && std::io::stderr().is_terminal(),
        }
    }

    /// The configuration.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn load(&self) -> Result<Loaded, Failure> {
        Ok(config::load(&self.config, config::environment())?)
    }

    /// The value as JSON when `--json` is given, else the text.
    pub fn show<T: Serialize>(&self, value: &T, text: impl FnOnce() -> String) -> String {
        if self.json { json(value) } else { text() }
    }
}

/// A value as JSON for people and programs.
pub fn json<T: Serialize>(value: &T) -> String {
    // What is shown are plain values with text keys, which always can be written.
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    // Line by line: the line breaks between them are ours.
    text.lines().map(|line| crate::event::escape_json(line) + "\n").collect()
}
