//! Asks the raw values one by one, and notes what is wrong with each.

use super::keys;
use super::raw::{Found, Origin, Raw, Value};
use super::{secret, value};
use crate::diagnostic::{Problem, nearest};
use secrecy::SecretString;
use std::ops::RangeInclusive;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

/// A key by its section and name.
pub type At = (&'static str, &'static str);

/// Reads values for the checks. `None` always means: not there, or wrong and already noted.
pub struct Reader<'a> {
    raw: Raw,
    folder: &'a Path,
}

impl<'a> Reader<'a> {
    /// Relative paths are from `folder`, where the file is.
    pub fn new(raw: Raw, folder: &'a Path) -> Reader<'a> {
        Reader { raw, folder }
    }

    /// The file, as it is shown.
    pub fn file(&self) -> &str {
        &self.raw.problems.path
    }

    /// What was found wrong.
    pub fn into_problems(self) -> crate::diagnostic::Problems {
        self.raw.problems
    }

    /// Whether the key was set at all.
    pub fn is_set(&self, at: At) -> bool {
        self.raw.is_set(at.0, at.1)
    }

    /// Notes a problem with a key, where it was set.
    pub fn note(&mut self, at: At, problem: Problem) {
        let origin = self.raw.get(at.0, at.1).map(|found| found.origin.clone());
        self.note_from(origin.as_ref(), problem);
    }

    /// Notes that a key is missing, at the section that should have it.
    pub fn missing(&mut self, at: At, help: &str) {
        let shown = keys::find(at.0, at.1).map_or_else(|| at.1.to_owned(), keys::Key::shown);
        let mut problem = Problem::error("C005", format!("{shown} is missing")).help(help);
        if let Some(span) = self.raw.section(at.0) {
            problem = problem.at(span, "");
        }
        self.raw.problems.push(problem);
    }

    /// A text that may be missing.
    pub fn text(&mut self, at: At) -> Option<String> {
        match self.raw.get(at.0, at.1) {
            Some(Found { value: Value::Text(text), .. }) => Some(text.clone()),
            _ => None,
        }
    }

    /// A text that must be there and must not be empty.
    pub fn required(&mut self, at: At, help: &str) -> Option<String> {
        if !self.is_set(at) {
            self.missing(at, help);
            return None;
        }
        self.parsed(at, |text| match text.trim() {
            "" => Err("it is empty".to_owned()),
            text => Ok(text.to_owned()),
        })
    }

    /// A truth.
    pub fn truth(&mut self, at: At, default: bool) -> bool {
        match self.raw.get(at.0, at.1) {
            Some(Found { value: Value::Bool(truth), .. }) => *truth,
            _ => default,
        }
    }

    /// A text that `parse` understands.
    pub fn parsed<T>(&mut self, at: At, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let text = self.text(at)?;
        self.keep(at, parse(&text))
    }

    /// One of a few words.
    pub fn one_of<T: Copy>(&mut self, at: At, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(at)?;
        let origin = self.raw.get(at.0, at.1).map(|found| found.origin.clone());
        self.word(origin.as_ref(), &text, words)
    }

    /// A list of words.
    pub fn words<T: Copy>(&mut self, at: At, words: &[(&str, T)], default: &[T]) -> Vec<T> {
        match self.list(at) {
            Some(items) => {
                items.iter().filter_map(|(text, origin)| self.word(Some(origin), text, words)).collect()
            }
            None => default.to_vec(),
        }
    }

    /// A duration within bounds.
    pub fn duration(&mut self, at: At, default: Duration, bounds: RangeInclusive<Duration>) -> Duration {
        self.parsed(at, |text| within(value::duration(text)?, &bounds)).unwrap_or(default)
    }

    /// Durations within bounds, at least one.
    pub fn durations(
        &mut self,
        at: At,
        default: &[Duration],
        bounds: RangeInclusive<Duration>,
    ) -> Vec<Duration> {
        let Some(items) = self.list(at) else { return default.to_vec() };
        if items.is_empty() {
            let problem = Problem::error("C006", format!("{} must name at least one wait", shown(at)));
            self.note(at, problem);
        }
        let mut durations = Vec::new();
        for (text, origin) in items {
            match value::duration(&text).and_then(|duration| within(duration, &bounds)) {
                Ok(duration) => durations.push(duration),
                Err(why) => {
                    self.note_from(Some(&origin), Problem::error("C006", format!("{}: {why}", shown(at))));
                }
            }
        }
        durations
    }

    /// A path, taken from where the file is.
    pub fn path(&mut self, at: At) -> Option<PathBuf> {
        match self.text(at)?.trim() {
            "" => {
                self.note(at, Problem::error("C006", format!("{} is empty", shown(at))));
                None
            }
            path => Some(tidy(self.folder, Path::new(path))),
        }
    }

    /// A secret, from the environment or from the file that `file` names.
    pub fn secret(&mut self, at: At, file: At) -> Option<SecretString> {
        if let Some(secret) = self.raw.secret(at.0, at.1) {
            return Some(secret.clone());
        }
        let path = self.path(file)?;
        match secret::read(&path) {
            Ok(secret) => Some(secret),
            Err(why) => {
                self.note(file, Problem::error("C008", format!("{}: {why}", shown(file))));
                None
            }
        }
    }

    /// A secret that must be there.
    pub fn required_secret(&mut self, at: At, file: At) -> Option<SecretString> {
        if !self.is_set(at) && !self.is_set(file) {
            let variable = keys::find(at.0, at.1).map(keys::Key::variable).unwrap_or_default();
            self.missing(file, &format!("name a file that holds it, or set {variable}"));
        }
        self.secret(at, file)
    }

    fn list(&self, at: At) -> Option<Vec<(String, Origin)>> {
        match self.raw.get(at.0, at.1) {
            Some(Found { value: Value::List(items), .. }) => Some(items.clone()),
            _ => None,
        }
    }

    fn word<T: Copy>(&mut self, origin: Option<&Origin>, text: &str, words: &[(&str, T)]) -> Option<T> {
        if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*meaning);
        }
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let problem = Problem::error("C006", format!("`{text}` is not one of {}", known.join(", ")));
        let problem = match nearest(text, known.iter().copied()) {
            Some(meant) => problem.help(format!("did you mean `{meant}`?")),
            None => problem,
        };
        self.note_from(origin, problem);
        None
    }

    fn keep<T>(&mut self, at: At, result: Result<T, String>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(why) => {
                self.note(at, Problem::error("C006", format!("{}: {why}", shown(at))));
                None
            }
        }
    }

    fn note_from(&mut self, origin: Option<&Origin>, problem: Problem) {
        self.raw.problems.push(match origin {
            Some(Origin::File(span)) => problem.at(span.clone(), ""),
            Some(Origin::Variable(variable)) => problem.help(format!("it was set by {variable}")),
            None => problem,
        });
    }
}

/// `config` and `../mapping/a.toml` as `mapping/a.toml`, the way people name the file, and logs and rules show it. What
/// follows a symbolic link stays as it is: its parent is another directory.
fn tidy(folder: &Path, path: &Path) -> PathBuf {
    let mut tidied = folder.to_owned();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(tidied.components().next_back(), Some(Component::Normal(_)))
                    && !tidied.is_symlink() =>
            {
                tidied.pop();
            }
            part => tidied.push(part),
        }
    }
    if tidied.as_os_str().is_empty() { PathBuf::from(".") } else { tidied }
}

fn shown(at: At) -> String {
    keys::find(at.0, at.1).map_or_else(|| at.1.to_owned(), keys::Key::shown)
}

fn within(duration: Duration, bounds: &RangeInclusive<Duration>) -> Result<Duration, String> {
    if bounds.contains(&duration) {
        return Ok(duration);
    }
    let [least, most] = [bounds.start(), bounds.end()].map(|bound| value::show_duration(*bound));
    Err(format!("{} is not between {least} and {most}", value::show_duration(duration)))
}
