//! A mapping file as a tree of words with places, and the mistakes found in it so far. Reading goes on after each, so
//! that one bad value never hides the next.

use crate::diagnostic::{Problem, Problems, nearest};
use std::collections::BTreeMap;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Bytes of the file.
pub(super) type Span = Range<usize>;

/// A table of the file.
#[derive(Clone)]
pub(super) struct Table<'d> {
    pub(super) span: Span,
    entries: BTreeMap<&'d str, (Span, &'d Spanned<DeValue<'d>>)>,
}

impl<'d> Table<'d> {
    pub(super) fn new(span: Span, table: &'d DeTable<'d>) -> Table<'d> {
        let entries = table.iter().map(|(key, value)| (&**key.get_ref(), (key.span(), value))).collect();
        Table { span, entries }
    }

    pub(super) fn get(&self, key: &str) -> Option<&'d Spanned<DeValue<'d>>> {
        self.entries.get(key).map(|(_, value)| *value)
    }

    /// The table without the values of a kind.
    pub(super) fn without(&self, dropped: impl Fn(&DeValue<'_>) -> bool) -> Table<'d> {
        let mut table = self.clone();
        table.entries.retain(|_, (_, value)| !dropped(value.get_ref()));
        table
    }

    pub(super) fn key_span(&self, key: &str) -> Span {
        self.entries.get(key).map_or_else(|| self.span.clone(), |(span, _)| span.clone())
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (&'d str, Span, &'d Spanned<DeValue<'d>>)> + '_ {
        self.entries.iter().map(|(key, (span, value))| (*key, span.clone(), *value))
    }
}

/// Reads, and collects what is wrong.
pub(super) struct Reader {
    pub(super) problems: Problems,
}

impl Reader {
    pub(super) fn push(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Names every key that is not one of these.
    pub(super) fn only_keys(&mut self, table: &Table<'_>, place: &str, known: &[&str]) {
        for (key, span, _) in table.entries() {
            if known.contains(&key) {
                continue;
            }
            let problem =
                Problem::error("M003", format!("{place} has no key `{key}`")).at(span, "unknown key");
            self.push(match nearest(key, known.iter().copied()) {
                Some(meant) => problem.help(format!("did you mean `{meant}`?")),
                None => problem.help(format!("the keys are {}", listed(known))),
            });
        }
    }

    pub(super) fn text<'d>(&mut self, table: &Table<'d>, key: &str) -> Option<(&'d str, Span)> {
        let value = table.get(key)?;
        match value.get_ref() {
            DeValue::String(text) => Some((&**text, value.span())),
            other => {
                self.wrong_kind(key, other, value.span(), "a text in quotes");
                None
            }
        }
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(
        &mut self,
        table: &Table<'_>,
        key: &str,
        choices: &[(&str, T)],
    ) -> Option<T> {
        let (text, span) = self.text(table, key)?;
        if let Some((_, chosen)) = choices.iter().find(|(name, _)| *name == text) {
            return Some(*chosen);
        }
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let problem = Problem::error("M009", format!("`{key}` cannot be \"{text}\"")).at(span, "");
        self.push(match nearest(text, names.iter().copied()) {
            Some(meant) => problem.help(format!("did you mean \"{meant}\"? It can be {}", listed(&names))),
            None => problem.help(format!("it can be {}", listed(&names))),
        });
        None
    }

    pub(super) fn table<'d>(&mut self, table: &Table<'d>, key: &str) -> Option<Table<'d>> {
        let value = table.get(key)?;
        match value.get_ref() {
            DeValue::Table(inner) => Some(Table::new(section_span(table.key_span(key), value), inner)),
            other => {
                self.wrong_kind(key, other, value.span(), "a table");
                None
            }
        }
    }

    /// A list of tables: `key = [ { ... } ]` or `[[key]]`.
    pub(super) fn tables<'d>(&mut self, table: &Table<'d>, key: &str) -> Vec<Table<'d>> {
        let Some(value) = table.get(key) else { return Vec::new() };
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong_kind(key, value.get_ref(), value.span(), "a list of tables");
            return Vec::new();
        };
        let mut tables = Vec::new();
        for item in items.iter() {
            match item.get_ref() {
                DeValue::Table(inner) => tables.push(Table::new(item.span(), inner)),
                other => self.wrong_kind(key, other, item.span(), "a table in braces"),
            }
        }
        tables
    }

    pub(super) fn wrong_kind(&mut self, key: &str, value: &DeValue<'_>, span: Span, wanted: &str) {
        let problem = Problem::error("M004", format!("`{key}` is {}, not {wanted}", kind(value)));
        self.push(problem.at(span, format!("{wanted} is expected here")));
    }

    pub(super) fn missing(&mut self, span: Span, place: &str, key: &str, help: &str) {
        let problem = Problem::error("M005", format!("{place} has no `{key}`"));
        self.push(problem.at(span, format!("`{key}` is missing")).help(help));
    }
}

/// The span of a section is that of its name where the parser gives the whole block.
fn section_span(name: Span, value: &Spanned<DeValue<'_>>) -> Span {
    if value.span().len() > 200 { name } else { value.span() }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// `` `a`, `b` and `c` ``.
pub(super) fn listed(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => format!("`{one}`"),
        [first @ .., last] => {
            let first: Vec<String> = first.iter().map(|word| format!("`{word}`")).collect();
            format!("{} and `{last}`", first.join(", "))
        }
    }
}
