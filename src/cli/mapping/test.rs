//! `lockstep mapping test`: the company's own examples, one by one.

use crate::cli::context::{Context, Exit, Shown};
use crate::cli::failure::{Failure, count};
use crate::event::escape;
use crate::mapping::{Example, Mapping};
use crate::verify::{Outcome, run_example};
use anyhow::Context as _;
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Write;
use std::path::Path;

/// How one test ended.
#[derive(Serialize, JsonSchema)]
pub(in crate::cli) struct Tested<'a> {
    name: &'a str,
    /// Its line in the mapping file.
    line: u32,
    passed: bool,
    /// What came out otherwise than expected.
    differs: &'a [String],
}

/// Runs the tests of a mapping file.
pub fn run(context: &Context, file: &Path, junit: Option<&Path>) -> Result<Shown, Failure> {
    // A test that fails is no reason not to run the others: the file only has to be lawful.
    let mapping = crate::mapping::load(file)?.mapping;
    let results: Vec<(&Example, Outcome)> =
        mapping.examples.iter().map(|example| (example, run_example(&mapping, example))).collect();
    let failed = results.iter().filter(|(_, outcome)| !outcome.differs.is_empty()).count();
    let exit = if failed > 0 { Exit::WrongFile } else { Exit::Well };
    let xml = junit.is_some().then(|| as_junit(&mapping, &results, failed));
    if let (Some(path), Some(xml)) = (junit, &xml) {
        if path == Path::new("-") {
            return Ok(Shown { text: xml.clone(), exit });
        }
        std::fs::write(path, xml).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let values: Vec<_> = results
        .iter()
        .map(|(example, outcome)| Tested {
            name: &example.name,
            line: example.line,
            passed: outcome.differs.is_empty(),
            differs: &outcome.differs,
        })
        .collect();
    let text = context.show(&values, || as_text(&mapping, &results, failed));
    Ok(Shown { text, exit })
}

fn as_text(mapping: &Mapping, results: &[(&Example, Outcome)], failed: usize) -> String {
    if results.is_empty() {
        return format!(
            "{} has no tests. A test reads:\n\n  [[test]]\n  name  = \"a nurtured lead is a success\"\n  given = {{ lead = \"Working\", person = \"Approaching\" }}\n  when  = {{ lead = \"Nurture\" }}\n  then  = {{ person = \"Success\" }}\n",
            mapping.file
        );
    }
    let mut text = String::new();
    for (example, outcome) in results {
        let name = escape(&example.name);
        if outcome.differs.is_empty() {
            let _ = writeln!(text, "well    {name}");
            continue;
        }
        let _ = writeln!(text, "FAILED  {name}  ({}:{})", mapping.file, example.line);
        for line in &outcome.differs {
            let _ = writeln!(text, "        {}", escape(line));
        }
        let by = match outcome.line {
            Some(line) => format!("the row in line {line} decided"),
            None => "no row decided: nothing was written".to_owned(),
        };
        let _ = writeln!(text, "        {by}");
    }
    let _ = match failed {
        0 => writeln!(text, "\n{}, all well.", count(results.len(), "test")),
        _ => writeln!(text, "\n{failed} of {} failed.", count(results.len(), "test")),
    };
    text
}

/// As build servers read it.
fn as_junit(mapping: &Mapping, results: &[(&Example, Outcome)], failed: usize) -> String {
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite name=\"{}\" tests=\"{}\" failures=\"{failed}\">\n",
        attribute(&mapping.file),
        results.len()
    );
    for (example, outcome) in results {
        let _ = write!(
            xml,
            "<testcase name=\"{}\" classname=\"{}\" file=\"{}\" line=\"{}\"",
            attribute(&example.name),
            attribute(&mapping.company),
            attribute(&mapping.file),
            example.line
        );
        match outcome.differs.is_empty() {
            true => xml.push_str("/>\n"),
            false => {
                let _ = writeln!(
                    xml,
                    "><failure message=\"{}\"/></testcase>",
                    attribute(&outcome.differs.join("; "))
                );
            }
        }
    }
    xml.push_str("</testsuite>\n</testsuites>\n");
    xml
}

/// A text inside an XML attribute; what XML cannot hold at all is left out.
fn attribute(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}
