//! The same in Mermaid's words, for a wiki or a repository that draws them.

use super::picture::{Arrow, Picture};
use super::text::clean;
use crate::mapping::Mapping;
use std::fmt::Write;

/// The mapping as the text of a Mermaid flow chart.
pub fn mermaid(mapping: &Mapping) -> String {
    let picture = Picture::of(mapping);
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "---\ntitle: {}\n---\nflowchart LR", yaml(&mapping.company));
    // Leads to the left of the people, where Contacts stand to the right: in the order in which they are named.
    let left = picture.columns.len() == 2;
    if left {
        column(&mut text, &picture, 0);
    }
    people(&mut text, &picture);
    for index in usize::from(left)..picture.columns.len() {
        column(&mut text, &picture, index);
    }
    for arrow in &picture.arrows {
        let (person, value) = (format!("p{}", arrow.row), format!("s{}_{}", arrow.column, arrow.value));
        let in_order = match (arrow.to_salesforce, arrow.to_engage) {
            (true, false) => true,
            (false, true) => false,
            _ => !(left && arrow.column == 0),
        };
        let (first, second) = if in_order { (person, value) } else { (value, person) };
        let _ = writeln!(text, "  {first} {}|\"{}\"| {second}", line(arrow), arrow.words());
    }
    text.push_str("  classDef quiet stroke-dasharray: 4 3, opacity: 0.7\n");
    text
}

/// The line of an arrow. Mermaid has none that points only backwards: whoever is written stands last.
fn line(arrow: &Arrow) -> &'static str {
    match (arrow.to_salesforce, arrow.to_engage) {
        (true, true) => "<-->",
        (false, false) => "-.-",
        _ => "-->",
    }
}

fn people(text: &mut String, picture: &Picture<'_>) {
    let _ = writeln!(text, "  subgraph engage[\"Revenue Engage person status\"]");
    for (index, person) in picture.people.iter().enumerate() {
        let mut lines = vec![escape(person.label)];
        lines.extend(person.stage.map(|stage| escape(&format!("stage {stage}"))));
        lines.extend(person.condition.as_deref().map(escape));
        lines.extend(person.sequences.map(escape));
        lines.extend(person.winner.map(escape));
        let quiet = if person.carried { "" } else { ":::quiet" };
        if !person.carried {
            lines.push("not carried".to_owned());
        }
        let _ = writeln!(text, "    p{index}[\"{}\"]{quiet}", lines.join("<br/>"));
    }
    text.push_str("  end\n");
}

fn column(text: &mut String, picture: &Picture<'_>, index: usize) {
    let column = &picture.columns[index];
    let mut heading = vec![format!("Salesforce {}", column.heading)];
    heading.extend(column.notes.iter().map(|note| escape(note)));
    let _ = writeln!(text, "  subgraph sf{index}[\"{}\"]", heading.join("<br/>"));
    for (number, value) in column.values.iter().enumerate() {
        let lines: Vec<String> = value.lines.iter().chain(&value.boxes).map(|line| escape(line)).collect();
        let _ = writeln!(text, "    s{index}_{number}[\"{}\"]", lines.join("<br/>"));
    }
    text.push_str("  end\n");
}

/// A text as it may stand between Mermaid's quotes: its own signs, and those of HTML and Markdown, by number.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for (index, c) in clean(text).chars().enumerate() {
        let list = matches!(c, '-' | '+') && index == 0;
        // "1." at the start would be taken for the first item of a list.
        let number = matches!(c, '.' | ')') && text.chars().take(index).all(|c| c.is_ascii_digit());
        match c {
            '"' | '#' | '&' | '<' | '>' | '`' | '\\' | '*' | '%' | '{' | '}' | '[' | ']' | '|' | ';' => {
                let _ = write!(escaped, "#{};", u32::from(c));
            }
            c if list || number => {
                let _ = write!(escaped, "#{};", u32::from(c));
            }
            c => escaped.push(c),
        }
    }
    escaped
}

/// A text between YAML's double quotes.
fn yaml(text: &str) -> String {
    format!("\"{}\"", clean(text).replace('\\', "\\\\").replace('"', "\\\""))
}
