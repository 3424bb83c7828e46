//! How wide a text may come out, where it may be broken, and how it is kept from being taken for markup.

/// More lines than this are cut off: the longest picklist value, 255 letters, stays well below.
const LINES: usize = 14;
/// Nobody reads further, and a text of megabytes must not cost minutes.
const LETTERS: usize = 1_000;

/// How a text is set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Font {
    pub(super) size: f64,
    pub(super) bold: bool,
}

/// The most room a text takes, in pixels. The reader's font is not known, so the widest of the usual ones (Verdana,
/// DejaVu Sans) is assumed, rounded up.
pub(super) fn width(text: &str, font: Font) -> f64 {
    let letters: f64 = text.chars().map(letter).sum();
    letters * font.size * if font.bold { 1.14 } else { 1.0 }
}

/// The share of the font size that a letter takes.
fn letter(c: char) -> f64 {
    match c {
        _ if joins(c) => 0.0,
        'i' | 'j' | 'l' | '\'' => 0.36,
        ' ' | '.' | ',' | 'I' => 0.38,
        'f' | 't' | 'r' | '!' | '(' | ')' | '[' | ']' | '-' | 'J' | '"' | ':' | ';' | '/' | '\\' | '|' => {
            0.46
        }
        'a' | 'c' | 'e' | 'k' | 's' | 'v' | 'x' | 'y' | 'z' => 0.62,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '\u{2026}' => 1.08,
        'D' | 'G' | 'H' | 'N' | 'O' | 'Q' | 'U' | '&' => 0.8,
        '=' | '+' | '<' | '>' | '~' | '^' | '#' => 0.84,
        'A'..='Z' => 0.71,
        ' '..='~' => 0.65,
        // Single signs that are drawn as a whole line of writing.
        '\u{fdf0}'..='\u{fdff}' | '\u{12000}'..='\u{1254f}' => 12.0,
        '\u{1c4}'..='\u{1cc}' | '\u{1f1}'..='\u{1f3}' => 1.5,
        '\u{a0}'..='\u{24f}' | '\u{370}'..='\u{3ff}' => 1.1,
        '\u{400}'..='\u{52f}' => 1.2,
        _ => 1.4,
    }
}

/// Signs that are drawn upon, or melt with, the one before them.
fn joins(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200d}' | '\u{20d0}'..='\u{20ff}' | '\u{fe00}'..='\u{fe0f}')
}

/// The text in lines of at most `most` pixels: broken between words where that is possible, else anywhere.
pub(super) fn wrap(text: &str, font: Font, most: f64) -> Vec<String> {
    let text = clean(text);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut break_at = 0;
    for cluster in clusters(&text) {
        line.push_str(&cluster);
        while width(line.trim_end(), font) > most && line.len() > cluster.len() {
            let at = if break_at > 0 { break_at } else { line.len() - cluster.len() };
            let rest = line.split_off(at);
            lines.push(line.trim_end().to_owned());
            line = rest.trim_start().to_owned();
            break_at = 0;
        }
        if cluster.ends_with([' ', '_', '-', '/', ',']) {
            break_at = line.len();
        }
    }
    if !line.trim().is_empty() || lines.is_empty() {
        lines.push(line.trim_end().to_owned());
    }
    if lines.len() > LINES {
        lines.truncate(LINES - 1);
        lines.push("\u{2026}".to_owned());
    }
    lines
}

/// What must not be torn apart: a letter and what joins it. Of bounded length, so that a heap of accents is torn.
fn clusters(text: &str) -> Vec<String> {
    let mut clusters: Vec<String> = Vec::new();
    for c in text.chars().take(LETTERS) {
        match clusters.last_mut() {
            Some(last) if (joins(c) || last.ends_with('\u{200d}')) && last.chars().count() < 8 => {
                last.push(c)
            }
            _ => clusters.push(c.to_string()),
        }
    }
    clusters
}

/// Without what XML forbids, and without what turns the direction of writing or steers a terminal.
pub(super) fn clean(text: &str) -> String {
    let replaced = |c: char| match c {
        '\t' | '\n' | '\r' => ' ',
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' => '\u{fffd}',
        '\u{fffe}' | '\u{ffff}' | '\u{2028}' | '\u{2029}' => '\u{fffd}',
        c if c.is_control() => '\u{fffd}',
        c => c,
    };
    text.chars().map(replaced).collect()
}

/// A text as it may stand in XML, between tags and in attributes.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in clean(text).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}
