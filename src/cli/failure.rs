//! Why a command did not do its work, as it is told on standard error.

use super::context::Exit;
use crate::admin::{Refusal, RefusalKind};
use crate::diagnostic::Problems;
use crate::event::escape;

/// Why a command did not do its work.
#[derive(Debug)]
pub enum Failure {
    /// The configuration or the mapping is wrong.
    Files(Vec<Problems>),
    /// The daemon or the store refused.
    Refused(Refusal),
    /// Something was not said, or not confirmed.
    WrongLine(String),
    /// It failed.
    Failed(anyhow::Error),
}

impl Failure {
    /// How the process ends.
    pub fn exit(&self) -> Exit {
        match self {
            Failure::Files(_) => Exit::WrongFile,
            Failure::Refused(refusal) if refusal.kind == RefusalKind::InvalidRequest => Exit::WrongLine,
            Failure::Refused(_) | Failure::Failed(_) => Exit::Failed,
            Failure::WrongLine(_) => Exit::WrongLine,
        }
    }

    /// The text for standard error.
    pub fn render(&self, color: bool) -> String {
        match self {
            Failure::Files(files) => {
                let mut text: String = files.iter().map(|problems| problems.render(color)).collect();
                let errors: usize = files.iter().map(|problems| problems.counts().0).sum();
                text.push_str(&format!("{} must be mended first\n", count(errors, "mistake")));
                text
            }
            // What is refused may carry words of a system, which must not steer the terminal.
            Failure::Refused(refusal) => format!("error: {}\n", escape(&refusal.message)),
            Failure::WrongLine(message) => format!("error: {}\n", escape(message)),
            Failure::Failed(error) => format!("error: {}\n", escape(&format!("{error:#}"))),
        }
    }
}

/// `1 mistake`, `2 mistakes`.
pub fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Failure {
        Failure::Files(vec![problems])
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Failure {
        Failure::Refused(refusal)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Failure {
        Failure::Failed(error)
    }
}
