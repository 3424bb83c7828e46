//! Lines of text, and the boxes that are made to fit them.

use super::picture::{Person, Value};
use super::text::{Font, width, wrap};

const PAD: f64 = 10.0;
/// Between the ends of two arrows at one box: their heads must not touch.
pub(super) const PORT: f64 = 13.0;
/// The widest a line within a box becomes before it is broken.
const LINE_MOST: f64 = 250.0;
const LINE_LEAST: f64 = 120.0;

/// What a piece of text is, which decides how it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Company,
    Heading,
    Label,
    Value,
    Small,
    Sequences,
    Winner,
}

impl Style {
    pub(super) fn font(self) -> Font {
        let (size, bold) = match self {
            Style::Company => (20.0, true),
            Style::Heading => (14.0, true),
            Style::Label => (13.0, true),
            Style::Value => (13.0, false),
            Style::Small | Style::Sequences | Style::Winner => (11.0, false),
        };
        Font { size, bold }
    }

    pub(super) fn is_pill(self) -> bool {
        matches!(self, Style::Sequences | Style::Winner)
    }

    pub(super) fn line(self) -> f64 {
        if self.is_pill() { 24.0 } else { self.font().size + 5.0 }
    }
}

/// A line of text and its place: the left end of its base line, or its middle in a pill.
pub(super) struct Line {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) style: Style,
    pub(super) text: String,
}

/// A box and what stands in it.
#[derive(Default)]
pub(super) struct Boxed {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) lines: Vec<Line>,
}

/// Lines one below the other from `(x, y)`; and where the next one would begin.
pub(super) fn paragraph(text: &str, style: Style, (x, y): (f64, f64), most: f64) -> (Vec<Line>, f64) {
    let mut y = y;
    let lines = wrap(text, style.font(), most).into_iter().map(|text| {
        y += style.line();
        Line { x, y: y - 5.0, style, text }
    });
    (lines.collect(), y)
}

/// What is to stand in a box.
pub(super) type Lines = Vec<(Style, String)>;

/// What is said of a person status.
pub(super) fn person_lines(person: &Person<'_>) -> Lines {
    let mut lines = Lines::new();
    let mut add = |style: Style, text: &str| {
        lines.extend(wrap(text, style.font(), LINE_MOST).into_iter().map(|line| (style, line)));
    };
    if let Some(stage) = person.stage {
        add(Style::Small, &format!("stage {stage}"));
    }
    add(Style::Label, person.label);
    if let Some(condition) = &person.condition {
        add(Style::Small, condition);
    }
    if !person.carried {
        add(Style::Small, "not carried");
    }
    lines.extend(person.sequences.map(|text| (Style::Sequences, text.to_owned())));
    lines.extend(person.winner.map(|text| (Style::Winner, text.to_owned())));
    lines
}

/// What is said of a Salesforce value.
pub(super) fn value_lines(value: &Value) -> Lines {
    let of = |style: Style, texts: &[String]| -> Lines {
        let wrapped = texts.iter().flat_map(|text| wrap(text, style.font(), LINE_MOST));
        wrapped.map(|line| (style, line)).collect()
    };
    let mut lines = of(Style::Value, &value.lines);
    lines.extend(of(Style::Small, &value.boxes));
    lines
}

/// As wide as its widest line, pills with their rounded ends.
pub(super) fn column_width(boxes: &[Lines], heading: &str) -> f64 {
    let line = |(style, text): &(Style, String)| {
        if style.is_pill() { pill_width(text, *style) } else { width(text, style.font()) }
    };
    let heading = width(&format!("Salesforce {heading}"), Style::Heading.font()) - 2.0 * PAD;
    let widest = boxes.iter().flatten().map(line).fold(LINE_LEAST.max(heading), f64::max);
    widest + 2.0 * PAD
}

/// How wide a pill is, with its rounded ends.
pub(super) fn pill_width(text: &str, style: Style) -> f64 {
    width(text, style.font()) + 16.0
}

/// A box in the corner of the picture, high enough for its lines and for the ends of its arrows.
pub(super) fn boxed(lines: Lines, width: f64, ends: usize) -> Boxed {
    let text: f64 = lines.iter().map(|(style, _)| style.line()).sum();
    let height = (text + 14.0).max(ends as f64 * PORT + 6.0).max(34.0);
    let mut y = (height - text) / 2.0;
    let mut placed = Vec::new();
    for (style, text) in lines {
        y += style.line();
        let (x, y) = match style.is_pill() {
            true => (PAD + pill_width(&text, style) / 2.0, y - 7.0),
            false => (PAD, y - 5.0),
        };
        placed.push(Line { x, y, style, text });
    }
    Boxed { x: 0.0, y: 0.0, width, height, lines: placed }
}

impl Boxed {
    pub(super) fn shift(&mut self, right: f64, down: f64) {
        (self.x, self.y) = (self.x + right, self.y + down);
        for line in &mut self.lines {
            (line.x, line.y) = (line.x + right, line.y + down);
        }
    }

    pub(super) fn middle(&self) -> f64 {
        self.y + self.height / 2.0
    }
}
