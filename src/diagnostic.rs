//! What is wrong in a file a person wrote: where, which words, what to write instead, and all of it at once.
//!
//! The mapping and the configuration both report through this room, so that both look alike and both can be
//! read by programs. Drawn by rustc's own renderer (annotate-snippets).

mod not_toml;
mod pages;

pub use not_toml::not_toml;
pub use pages::{PAGES, page, title};

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde::Serialize;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// Problems that are drawn. Each is looked for in the whole text, so a file of 4 MiB in which every line is wrong would take
/// days; and nobody reads further.
const DRAWN_MAX: usize = 500;

/// How much a problem matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// The file can be used; something in it is probably not what was meant.
    Warning,
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Stable, with a page of its own in the docs: `M012`, `C003`.
    pub code: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong, in lower case and without a full stop.
    pub message: String,
    /// The words concerned. The first mark is the place of the problem; without any it concerns the whole file
    /// (or the environment).
    pub marks: Vec<Mark>,
    /// What to do instead, one remark each.
    pub help: Vec<String>,
}

/// Words of the source, and what to say under them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Bytes of the source.
    pub span: Range<usize>,
    /// What stands under the underlined words; may be empty.
    pub label: String,
}

impl Problem {
    /// An error without a place yet.
    pub fn error(code: &'static str, message: impl Into<String>) -> Problem {
        Problem { code, severity: Severity::Error, message: message.into(), marks: vec![], help: vec![] }
    }

    /// A warning without a place yet.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Problem {
        Problem { severity: Severity::Warning, ..Problem::error(code, message) }
    }

    /// Underlines these bytes. The first call names the place, later ones what else matters.
    pub fn at(mut self, span: Range<usize>, label: impl Into<String>) -> Problem {
        self.marks.push(Mark { span, label: label.into() });
        self
    }

    /// Adds what to write or do instead.
    pub fn help(mut self, text: impl Into<String>) -> Problem {
        self.help.push(text.into());
        self
    }
}

/// All problems of one file, with its text, ready to be drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    /// The file as it is shown.
    pub path: Arc<str>,
    /// Its text. Whoever has secrets in it masks them first: lines of it are printed.
    pub source: Arc<str>,
    /// The problems; `sort` puts them in the order of the file.
    pub found: Vec<Problem>,
}

impl Problems {
    /// No problems yet.
    pub fn new(path: &str, source: &str) -> Problems {
        Problems { path: path.into(), source: source.into(), found: vec![] }
    }

    /// Adds a problem.
    pub fn push(&mut self, problem: Problem) {
        self.found.push(problem);
    }

    /// Whether the file cannot be used.
    pub fn has_errors(&self) -> bool {
        self.found.iter().any(|problem| problem.severity == Severity::Error)
    }

    /// How many errors, and how many warnings.
    pub fn counts(&self) -> (usize, usize) {
        let errors = self.found.iter().filter(|p| p.severity == Severity::Error).count();
        (errors, self.found.len() - errors)
    }

    /// Puts the problems in the order in which they stand in the file.
    pub fn sort(&mut self) {
        self.found.sort_by_key(|p| (p.marks.first().map_or(0, |mark| mark.span.start), p.code));
    }

    /// Draws every problem as rustc does: the line, the words underlined, what to write instead.
    pub fn render(&self, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let mut out = String::new();
        for problem in self.found.iter().take(DRAWN_MAX) {
            out.push_str(&renderer.render(&[self.group(problem)]));
            out.push_str("\n\n");
        }
        if let Some(more) = self.found.len().checked_sub(DRAWN_MAX).filter(|more| *more > 0) {
            out.push_str(&format!("and {more} more\n\n"));
        }
        out
    }

    /// For programs: one value a problem, with line and column; as many as are drawn.
    pub fn records(&self) -> Vec<ProblemRecord> {
        self.found.iter().take(DRAWN_MAX).map(|problem| self.record(problem)).collect()
    }

    /// The line and column, both from 1 and the column in characters, of a byte of the source.
    pub fn line_column(&self, offset: usize) -> (u32, u32) {
        let before = &self.source[..self.floor(offset)];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (line as u32, column as u32)
    }

    fn record(&self, problem: &Problem) -> ProblemRecord {
        let place = problem.marks.first().map(|mark| self.line_column(mark.span.start));
        ProblemRecord {
            code: problem.code,
            severity: problem.severity,
            message: problem.message.clone(),
            file: self.path.clone(),
            line: place.map(|(line, _)| line),
            column: place.map(|(_, column)| column),
            help: problem.help.clone(),
        }
    }

    fn group<'a>(&'a self, problem: &'a Problem) -> Group<'a> {
        let level = match problem.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = level.primary_title(&*problem.message).id(problem.code);
        let mut group = if problem.marks.is_empty() {
            title.element(Level::NOTE.message(format!("in {}", self.path)))
        } else {
            let mut snippet = Snippet::source(&*self.source).path(&*self.path);
            for (index, mark) in problem.marks.iter().enumerate() {
                let kind = if index == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
                let start = self.floor(mark.span.start);
                let span = start..self.floor(mark.span.end).max(start);
                let label = (!mark.label.is_empty()).then_some(&*mark.label);
                snippet = snippet.annotation(kind.span(span).label(label));
            }
            title.element(snippet)
        };
        for help in &problem.help {
            group = group.element(Level::HELP.message(&**help));
        }
        group
    }

    /// The nearest place at or before `offset` at which the source may be cut, so that a wrong span cannot panic.
    fn floor(&self, offset: usize) -> usize {
        self.source.floor_char_boundary(offset)
    }
}

/// The problems as plain text.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Problems {}

/// One problem, for `--json`.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct ProblemRecord {
    /// The stable code.
    pub code: &'static str,
    /// `error` or `warning`.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// The file as it is shown.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: Option<u32>,
    /// The column, from 1, in characters.
    pub column: Option<u32>,
    /// What to do instead.
    pub help: Vec<String>,
}

/// The known word that `word` is one slip away from: a typing error, a wrong case, `-` for `_`.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Below this likeness a guess confuses more than it helps: "city" is not a slip of "company".
    const LIKE_ENOUGH: f64 = 0.8;
    let plain = |text: &str| text.to_lowercase().replace(['-', '_', ' '], "");
    let wanted = plain(word);
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&wanted, &plain(candidate)), candidate))
        .filter(|(likeness, _)| *likeness >= LIKE_ENOUGH)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Problems {
        let source = "tenant = \"é\"\n[store]\npth = \"x\"\n";
        let start = source.find("pth").unwrap();
        let mut problems = Problems::new("config/x.toml", source);
        problems.push(
            Problem::error("C001", "unknown key `pth`")
                .at(start..start + 3, "not a key of [store]")
                .help("did you mean `path`?"),
        );
        problems
    }

    #[test]
    fn a_problem_is_drawn_with_its_line_underlined_and_what_to_write_instead() {
        let text = sample().render(false);
        for part in [
            "error[C001]: unknown key `pth`",
            "config/x.toml:3:1",
            "^^^ not a key of [store]",
            "help: did you",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
    }

    #[test]
    fn programs_get_line_and_column_in_characters() {
        let mut problems = sample();
        problems.push(Problem::warning("C002", "odd").at(12..13, ""));
        let records = problems.records();
        assert_eq!((records[0].line, records[0].column), (Some(3), Some(1)));
        assert_eq!((records[1].line, records[1].column), (Some(1), Some(12)), "é is one character");
    }

    #[test]
    fn a_span_that_is_out_of_the_file_or_inside_a_character_does_not_panic() {
        let mut problems = sample();
        problems.push(Problem::error("C003", "odd").at(11..5000, "here"));
        problems.push(Problem::error("C003", "odd").at(5000..6000, ""));
        assert!(problems.render(true).contains("C003"));
    }

    #[test]
    fn of_very_many_problems_the_first_are_drawn_and_the_others_counted() {
        let mut problems = Problems::new("x.toml", &"k\n".repeat(2_000));
        for line in 0..2_000 {
            problems.push(Problem::error("C001", "unknown key").at(line * 2..line * 2 + 1, ""));
        }
        let text = problems.render(false);
        assert_eq!((text.matches("unknown key").count(), problems.records().len()), (500, 500));
        assert!(text.trim_end().ends_with("and 1500 more"), "the others are not passed over in silence");
        assert_eq!(problems.counts(), (2_000, 0));
    }

    #[test]
    fn a_slip_finds_the_word_that_was_meant_and_another_word_finds_none() {
        let known = ["poll_every", "keep_free", "login_url"];
        assert_eq!(nearest("poll-evry", known), Some("poll_every"));
        assert_eq!(nearest("KeepFree", known), Some("keep_free"));
        assert_eq!(nearest("tenant", known), None);
    }
}
