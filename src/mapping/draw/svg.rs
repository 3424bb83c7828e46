//! The picture as SVG: one file that needs nothing else, for light and dark pages, for eyes and for screen readers.

use super::boxes::{Boxed, Line, Style, paragraph, pill_width};
use super::layout::{Layout, MARGIN, layout};
use super::legend::{self, Sample};
use super::picture::Picture;
use super::routes::Route;
use super::text::escape;
use crate::mapping::Mapping;
use std::fmt::Write;

/// The dark colours stand in a media query: a viewer that does not know it shows the light ones, on their own ground.
const STYLE: &str = include_str!("style.css");
/// How long an arrow's head is.
const HEAD: f64 = 9.0;
/// How far a line bends where it turns into its lane.
const BEND: f64 = 9.0;
/// The room for the signs of the legend.
const SAMPLE: f64 = 84.0;

/// The mapping as an SVG document.
pub fn svg(mapping: &Mapping) -> String {
    let picture = Picture::of(mapping);
    let layout = layout(&picture, &mapping.company, &mapping.file);
    let mut body = String::new();
    texts(&mut body, &layout.texts);
    for bundle in &layout.bundles {
        draw_bundle(&mut body, &picture, &layout, &bundle.arrows);
    }
    for (person, drawn) in picture.people.iter().zip(&layout.people) {
        let class = if person.carried { "row" } else { "row quiet" };
        push(&mut body, &format!("<g class=\"{class}\"><title>{}</title>\n", escape(&person.rule)));
        draw_box(&mut body, drawn, "box", "person");
        body.push_str("</g>\n");
    }
    for (column, boxes) in picture.columns.iter().zip(&layout.values) {
        for (value, drawn) in column.values.iter().zip(boxes) {
            push(&mut body, &format!("<g><title>{}</title>", escape(&value.words())));
            draw_box(&mut body, drawn, "value-box", "value");
            body.push_str("</g>\n");
        }
    }
    let height = foot(&mut body, mapping, &picture, &layout);
    let (title, width, height) = (escape(&mapping.company), number(layout.width), number(height));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"mapping-title mapping-desc\" lang=\"en\" \
         xml:space=\"preserve\">\n\
         <title id=\"mapping-title\">{title}: which person status is which Salesforce value</title>\n\
         <desc id=\"mapping-desc\">{}</desc>\n<style>\n{STYLE}</style>\n\
         <rect class=\"ground\" width=\"100%\" height=\"100%\"/>\n{body}</svg>\n",
        escape(&description(mapping, &picture)),
    )
}

/// The whole picture in sentences.
fn description(mapping: &Mapping, picture: &Picture<'_>) -> String {
    let mut sentences: Vec<String> =
        picture.arrows.iter().map(|arrow| picture.sentence(arrow) + ".").collect();
    let quiet = picture.people.iter().filter(|person| !person.carried);
    sentences.extend(quiet.map(|person| format!("{}: not carried.", person.label)));
    sentences.extend(legend::footer(mapping));
    sentences.join(" ")
}

/// Arrows that share a lane. Under them all lies a wider line in the colour of the ground: where lines only cross, one
/// of them is broken, and where they join, none is.
fn draw_bundle(body: &mut String, picture: &Picture<'_>, layout: &Layout, arrows: &[usize]) {
    for index in arrows {
        let arrow = &picture.arrows[*index];
        let path = path(&layout.routes[*index], arrow.to_salesforce, arrow.to_engage);
        push(body, &format!("<path class=\"halo\" d=\"{path}\"/>"));
    }
    body.push('\n');
    for index in arrows {
        let arrow = &picture.arrows[*index];
        let words = format!("{}: {}", picture.people[arrow.row].rule, picture.sentence(arrow));
        push(body, &format!("<g class=\"arrow\"><title>{}</title>", escape(&words)));
        draw_arrow(body, &layout.routes[*index], arrow.to_salesforce, arrow.to_engage);
        body.push_str("</g>\n");
    }
}

/// A line from the person status to the value, with a head where something is written.
fn draw_arrow(body: &mut String, route: &Route, to_salesforce: bool, to_engage: bool) {
    let class = match (to_salesforce, to_engage) {
        (true, true) => "both",
        (true, false) => "out",
        (false, true) => "in",
        (false, false) => "none",
    };
    push(body, &format!("<path class=\"line {class}\" d=\"{}\"/>", path(route, to_salesforce, to_engage)));
    let forth = (route.to.0 - route.from.0).signum();
    if to_salesforce {
        head(body, class, route.to, forth);
    }
    if to_engage {
        head(body, class, route.from, -forth);
    }
}

/// The line stops where a head begins, or it would show at the head's tip.
fn path(route: &Route, to_salesforce: bool, to_engage: bool) -> String {
    let ((x1, y1), (x2, y2)) = (route.from, route.to);
    let forth = (x2 - x1).signum();
    let start = x1 + if to_engage { forth * HEAD } else { 0.0 };
    let end = x2 - if to_salesforce { forth * HEAD } else { 0.0 };
    let Some(lane) = route.lane else {
        let middle = (x1 + x2) / 2.0;
        return commands(&[("M", &[start, y1]), ("C", &[middle, y1, middle, y2, end, y2])]);
    };
    let bend = BEND.min((y2 - y1).abs() / 2.0);
    let down = (y2 - y1).signum();
    commands(&[
        ("M", &[start, y1]),
        ("H", &[lane - forth * bend]),
        ("Q", &[lane, y1, lane, y1 + down * bend]),
        ("V", &[y2 - down * bend]),
        ("Q", &[lane, y2, lane + forth * bend, y2]),
        ("H", &[end]),
    ])
}

fn commands(commands: &[(&str, &[f64])]) -> String {
    let written = |(letter, numbers): &(&str, &[f64])| {
        let numbers: Vec<String> = numbers.iter().map(|value| number(*value)).collect();
        format!("{letter}{}", numbers.join(" "))
    };
    commands.iter().map(written).collect()
}

/// The head is a shape of its own: not every viewer turns markers round.
fn head(body: &mut String, class: &str, (x, y): (f64, f64), forth: f64) {
    let back = number(x - forth * (HEAD + 1.0));
    let (x, y, above, below) = (number(x), number(y), number(y - 4.5), number(y + 4.5));
    push(body, &format!("<path class=\"head-{class}\" d=\"M{x} {y}L{back} {above}L{back} {below}Z\"/>"));
}

fn draw_box(body: &mut String, drawn: &Boxed, class: &str, kind: &str) {
    rect(body, (drawn.x, drawn.y, drawn.width, drawn.height), 6.0, class, kind);
    for line in drawn.lines.iter().filter(|line| line.style.is_pill()) {
        pill(body, line);
    }
    texts(body, &drawn.lines);
}

fn pill(body: &mut String, line: &Line) {
    let class = if line.style == Style::Winner { "winner-pill" } else { "pill" };
    let wide = pill_width(&line.text, line.style);
    rect(body, (line.x - wide / 2.0, line.y - 13.0, wide, 18.0), 9.0, class, "pill");
}

fn rect(body: &mut String, (x, y, wide, high): (f64, f64, f64, f64), round: f64, class: &str, kind: &str) {
    let (x, y, wide, high) = (number(x), number(y), number(wide), number(high));
    push(
        body,
        &format!(
            "<rect data-box=\"{kind}\" class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{wide}\" height=\"{high}\" rx=\"{round}\"/>\n"
        ),
    );
}

fn texts(body: &mut String, lines: &[Line]) {
    for Line { x, y, style, text } in lines {
        let class = match style {
            Style::Company => "company",
            Style::Heading => "heading",
            Style::Label => "label",
            Style::Value => "value",
            Style::Small => "small",
            Style::Sequences => "sequences",
            Style::Winner => "winner",
        };
        let (x, y, text) = (number(*x), number(*y), escape(text));
        push(body, &format!("<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{text}</text>\n"));
    }
}

/// The legend and the footer; returns the height of the whole.
fn foot(body: &mut String, mapping: &Mapping, picture: &Picture<'_>, layout: &Layout) -> f64 {
    let right = layout.width - MARGIN;
    let mut y = layout.bottom + 6.0;
    push(
        body,
        &format!("<path class=\"rule\" d=\"M{} {}H{}\"/>\n", number(MARGIN), number(y), number(right)),
    );
    y += 8.0;
    for (sample, words) in legend::entries(picture) {
        let (lines, next) =
            paragraph(words, Style::Small, (MARGIN + SAMPLE + 12.0, y), right - MARGIN - SAMPLE - 12.0);
        draw_sample(body, sample, y + 12.0);
        texts(body, &lines);
        y = next + 8.0;
    }
    y += 6.0;
    for sentence in legend::footer(mapping) {
        let (lines, next) = paragraph(&sentence, Style::Value, (MARGIN, y), right - MARGIN);
        texts(body, &lines);
        y = next;
    }
    y + MARGIN
}

/// Samples are drawn with the person status on the left.
fn draw_sample(body: &mut String, sample: Sample, y: f64) {
    match sample {
        Sample::Arrow(to_salesforce, to_engage) => {
            let route = Route { from: (MARGIN, y - 4.0), to: (MARGIN + SAMPLE, y - 4.0), lane: None };
            draw_arrow(body, &route, to_salesforce, to_engage);
            body.push('\n');
        }
        Sample::Quiet => {
            body.push_str("<g class=\"quiet\">");
            rect(body, (MARGIN, y - 10.0, 30.0, 13.0), 4.0, "box", "sample");
            body.push_str("</g>\n");
        }
        Sample::Pill(style, text) => {
            let line = Line { x: MARGIN + pill_width(text, style) / 2.0, y, style, text: text.to_owned() };
            pill(body, &line);
            texts(body, &[line]);
        }
        Sample::Plus => texts(body, &[Line { x: MARGIN, y, style: Style::Small, text: "+".to_owned() }]),
    }
}

/// A tenth of a pixel is as fine as anybody sees.
fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

fn push(body: &mut String, text: &str) {
    // Writing to a String cannot fail.
    let _ = body.write_str(text);
}
