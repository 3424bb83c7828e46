//! How much room a text takes, told conservatively: a picture is drawn without knowing the reader's fonts.

/// The widest line of a box, in letters of average width.
const LINE: f64 = 30.0;

/// Lines of one text at most; what is left over is named by the box's title.
const LINES_MAX: usize = 3;

/// The width of a text in pixels at a font size.
pub(super) fn width(text: &str, size: f64) -> f64 {
    text.chars().map(em).sum::<f64>() * size
}

fn em(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | 't' | 'f' | 'r' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | ' ' => 0.42,
        'm' | 'w' | 'M' | 'W' | '@' | '%' => 0.98,
        c if c.is_ascii_uppercase() => 0.78,
        c if c.is_ascii() => 0.62,
        // Cyrillic and Greek are a little wider than Latin; ideographs and pictures are as wide as they are high.
        c if (c as u32) < 0x1100 => 0.75,
        _ => 1.25,
    }
}

/// A text in lines that fit a box.
pub(super) fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut room = LINE * 0.62;
    for word in text.split_inclusive(' ') {
        let needed: f64 = word.trim_end().chars().map(em).sum();
        if needed > room && !lines.last().is_some_and(String::is_empty) {
            lines.push(String::new());
            room = LINE * 0.62;
        }
        for c in word.chars() {
            if em(c) > room && c != ' ' {
                lines.push(String::new());
                room = LINE * 0.62;
            }
            room -= em(c);
            if let Some(line) = lines.last_mut() {
                line.push(c);
            }
        }
    }
    if lines.len() > LINES_MAX {
        lines.truncate(LINES_MAX);
        if let Some(last) = lines.last_mut() {
            last.pop();
            last.push('…');
        }
    }
    lines.into_iter().map(|line| line.trim_end().to_owned()).collect()
}

/// A text inside XML. What XML cannot hold at all becomes a mark that something stood there.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}
