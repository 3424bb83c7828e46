//! The file and the environment, read but not yet understood: which key has which text, and where it stands.

use super::keys::{self, KEYS, Key, Kind, PREFIX, SECTIONS};
use super::mask::mask_secrets;
use crate::diagnostic::{Problem, Problems, nearest, not_toml};
use secrecy::SecretString;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// Everything that was said.
pub struct Raw {
    /// What was found wrong so far.
    pub problems: Problems,
    /// The file is no TOML: nothing more can be said about it.
    pub is_broken: bool,
    values: BTreeMap<(&'static str, &'static str), Found>,
    secrets: BTreeMap<(&'static str, &'static str), SecretString>,
    sections: BTreeMap<&'static str, Range<usize>>,
    /// Keys that were set to something that is noted as wrong: they are not missing too.
    wrong: BTreeSet<(&'static str, &'static str)>,
}

/// One value, and where it came from.
#[derive(Debug, Clone)]
pub struct Found {
    /// The value.
    pub value: Value,
    /// Where.
    pub origin: Origin,
}

/// A value of the right kind for its key.
#[derive(Debug, Clone)]
pub enum Value {
    /// A text.
    Text(String),
    /// Texts, each with where it stands.
    List(Vec<(String, Origin)>),
    /// A truth.
    Bool(bool),
}

/// Where a value came from.
#[derive(Debug, Clone)]
pub enum Origin {
    /// These bytes of the file.
    File(Range<usize>),
    /// This variable.
    Variable(String),
}

impl Raw {
    /// Reads the file's text and the environment, which wins. An empty variable counts as not set.
    pub fn read(path: &str, text: &str, environment: impl IntoIterator<Item = (String, String)>) -> Raw {
        let mut raw = Raw {
            problems: Problems::new(path, &mask_secrets(text)),
            is_broken: false,
            values: BTreeMap::new(),
            secrets: BTreeMap::new(),
            sections: BTreeMap::new(),
            wrong: BTreeSet::new(),
        };
        raw.read_file(text);
        raw.read_environment(environment);
        raw
    }

    /// What was said for a key.
    pub fn get(&self, section: &'static str, name: &'static str) -> Option<&Found> {
        self.values.get(&(section, name))
    }

    /// The secret the environment holds for a key.
    pub fn secret(&self, section: &'static str, name: &'static str) -> Option<&SecretString> {
        self.secrets.get(&(section, name))
    }

    /// Whether the key was set, rightly or wrongly.
    pub fn is_set(&self, section: &'static str, name: &'static str) -> bool {
        let at = (section, name);
        self.values.contains_key(&at) || self.secrets.contains_key(&at) || self.wrong.contains(&at)
    }

    /// Where a section is opened.
    pub fn section(&self, section: &str) -> Option<Range<usize>> {
        self.sections.get(section).cloned()
    }

    fn read_file(&mut self, text: &str) {
        let (document, errors) = DeTable::parse_recoverable(text);
        not_toml("C002", &errors).into_iter().for_each(|problem| self.problems.push(problem));
        if !errors.is_empty() {
            // What a broken file says about its keys is guesswork: it would bury the mistake that matters.
            self.is_broken = true;
            return;
        }
        for (name, value) in document.get_ref() {
            let section = SECTIONS.iter().copied().find(|section| *section == name.get_ref());
            match (section, value.get_ref()) {
                (Some(section), DeValue::Table(table)) => {
                    self.sections.insert(section, name.span());
                    for (name, value) in table {
                        self.take(section, name.get_ref(), name.span(), value.get_ref(), value.span());
                    }
                }
                (Some(section), _) => self.problems.push(
                    Problem::error("C004", format!("`{section}` is a section, not a value"))
                        .at(value.span(), "")
                        .help(format!("open it as `[{section}]` on a line of its own")),
                ),
                (None, DeValue::Table(_)) => self.unknown_section(name.get_ref(), name.span()),
                (None, _) => self.take("", name.get_ref(), name.span(), value.get_ref(), value.span()),
            }
        }
    }

    fn take(&mut self, section: &str, name: &str, at: Range<usize>, value: &DeValue<'_>, span: Range<usize>) {
        let Some(key) = keys::find(section, name) else {
            return self.unknown_key(section, name, at);
        };
        self.wrong.insert((key.section, key.name));
        let wrong = |span: Range<usize>, wanted: &str| {
            Problem::error("C004", format!("{} must be {wanted}", key.shown())).at(span, "")
        };
        let value = match (key.kind, value) {
            (Kind::Secret, _) => return self.secret_in_file(key, at),
            (Kind::Text, DeValue::String(text)) => Value::Text(text.to_string()),
            (Kind::Bool, DeValue::Boolean(truth)) => Value::Bool(*truth),
            (Kind::List, DeValue::Array(items)) => {
                let mut texts = Vec::new();
                for item in items {
                    match item.get_ref() {
                        DeValue::String(text) => texts.push((text.to_string(), Origin::File(item.span()))),
                        _ => self.problems.push(wrong(item.span(), "a list of texts in quotes")),
                    }
                }
                Value::List(texts)
            }
            (Kind::Text, _) => return self.problems.push(wrong(span, "a text in quotes")),
            (Kind::Bool, _) => return self.problems.push(wrong(span, "true or false, without quotes")),
            (Kind::List, _) => {
                return self.problems.push(wrong(span, "a list of texts, such as [\"a\", \"b\"]"));
            }
        };
        self.wrong.remove(&(key.section, key.name));
        self.values.insert((key.section, key.name), Found { value, origin: Origin::File(span) });
    }

    fn secret_in_file(&mut self, key: &Key, at: Range<usize>) {
        self.problems.push(
            Problem::error("C007", format!("the secret {} stands in the file", key.shown()))
                .at(at, "secrets are never kept here")
                .help(format!(
                    "put it into a file of its own and name that with `{}_file`, or set {}",
                    key.name,
                    key.variable()
                ))
                .help("whoever has read this file knows it now: make a new one"),
        );
    }

    fn unknown_key(&mut self, section: &str, name: &str, at: Range<usize>) {
        let shown = if section.is_empty() { "the top of the file".into() } else { format!("[{section}]") };
        let mut problem = Problem::error("C003", format!("unknown key `{name}` in {shown}")).at(at, "");
        let here = KEYS.iter().filter(|key| key.section == section && key.kind != Kind::Secret);
        if let Some(meant) = nearest(name, here.map(|key| key.name)) {
            problem = problem.help(format!("did you mean `{meant}`?"));
        } else if let Some(key) = KEYS.iter().find(|key| key.name == name) {
            problem = problem.help(match key.section {
                "" => format!("`{name}` belongs to the top of the file, before the first [section]"),
                section => format!("`{name}` belongs to [{section}]"),
            });
        }
        self.problems.push(problem);
    }

    fn unknown_section(&mut self, name: &str, at: Range<usize>) {
        let problem = Problem::error("C003", format!("unknown section [{name}]")).at(at, "");
        self.problems.push(match nearest(name, SECTIONS) {
            Some(meant) => problem.help(format!("did you mean [{meant}]?")),
            None => problem.help(format!("the sections are {}", SECTIONS.join(", "))),
        });
    }

    fn read_environment(&mut self, environment: impl IntoIterator<Item = (String, String)>) {
        let known: BTreeMap<String, &'static Key> = KEYS.iter().map(|key| (key.variable(), key)).collect();
        for (variable, text) in environment {
            if !variable.starts_with(PREFIX) || text.is_empty() {
                continue;
            }
            let Some(key) = known.get(&variable) else {
                // Kubernetes sets LOCKSTEP_PORT and the like for a service named lockstep: only names with the
                // double underscore can be meant for us.
                if variable.contains("__") {
                    let problem = Problem::error("C003", format!("unknown variable {variable}"));
                    self.problems.push(match nearest(&variable, known.keys().map(String::as_str)) {
                        Some(meant) => problem.help(format!("did you mean {meant}?")),
                        None => problem,
                    });
                }
                continue;
            };
            let at = (key.section, key.name);
            let origin = Origin::Variable(variable.clone());
            let value = match key.kind {
                Kind::Secret => {
                    self.secrets.insert(at, text.trim_end_matches(['\r', '\n']).into());
                    continue;
                }
                Kind::Text => Value::Text(text),
                Kind::List => {
                    let items = text.split(',').map(|item| (item.trim().to_owned(), origin.clone()));
                    Value::List(items.filter(|(item, _)| !item.is_empty()).collect())
                }
                Kind::Bool => match text.as_str() {
                    "true" | "1" => Value::Bool(true),
                    "false" | "0" => Value::Bool(false),
                    _ => {
                        self.problems
                            .push(Problem::error("C004", format!("{variable} must be true or false")));
                        continue;
                    }
                },
            };
            self.values.insert(at, Found { value, origin });
        }
    }
}
