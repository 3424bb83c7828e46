//! Where everything stands.
//!
//! Each row has a strip of its own, as high as the highest of its boxes, in which its person status and the Salesforce
//! values that it is the first to name stand side by side. So no two boxes meet, and most arrows are straight. Arrows
//! keep to the gaps between the columns, where nothing else is.

use super::boxes::{Boxed, Line, Lines, Style, boxed, column_width, paragraph, person_lines, value_lines};
use super::picture::Picture;
use super::routes::{Bundle, Route, assign_lanes, bundles, lanes_width, routes};

pub(super) const MARGIN: f64 = 28.0;
const STRIP_GAP: f64 = 16.0;
const STACK_GAP: f64 = 8.0;
const GAP_LEAST: f64 = 150.0;
/// The footer and the legend need this much to be read.
const INNER_LEAST: f64 = 600.0;

/// All places.
pub(super) struct Layout {
    pub(super) width: f64,
    /// Where the legend begins.
    pub(super) bottom: f64,
    pub(super) texts: Vec<Line>,
    pub(super) people: Vec<Boxed>,
    pub(super) values: Vec<Vec<Boxed>>,
    pub(super) bundles: Vec<Bundle>,
    /// One for each arrow of the picture.
    pub(super) routes: Vec<Route>,
}

/// Finds a place for everything.
pub(super) fn layout(picture: &Picture<'_>, company: &str, file: &str) -> Layout {
    let people: Vec<Lines> = picture.people.iter().map(person_lines).collect();
    let values: Vec<Vec<Lines>> =
        picture.columns.iter().map(|column| column.values.iter().map(value_lines).collect()).collect();
    let columns = picture.columns.iter().zip(&values);
    let widths: Vec<f64> = columns.map(|(column, values)| column_width(values, column.heading)).collect();
    let person_width = column_width(&people, "person status");
    let mut layout = Layout {
        width: 0.0,
        bottom: 0.0,
        texts: Vec::new(),
        people: Vec::new(),
        values: values.iter().map(|_| Vec::new()).collect(),
        bundles: bundles(picture),
        routes: Vec::new(),
    };
    for (row, lines) in people.into_iter().enumerate() {
        layout.add_strip(
            picture,
            row,
            boxed(lines, person_width, layout.ends_at_person(picture, row)),
            |column| (&values[column], widths[column]),
        );
    }

    let lanes = assign_lanes(&mut layout.bundles, picture, &layout.people, &layout.values);
    let boxes = person_width + widths.iter().sum::<f64>();
    let gap = GAP_LEAST.max(lanes_width(lanes)).max((INNER_LEAST - boxes) / widths.len().max(1) as f64);
    let inner = boxes + gap * widths.len() as f64;
    // With two columns Leads stand to the left of the people and Contacts to the right.
    let two = widths.len() == 2;
    let person_x = if two { MARGIN + widths[0] + gap } else { MARGIN };
    let value_x = |column: usize| if two && column == 0 { MARGIN } else { person_x + person_width + gap };

    let mut headings =
        vec![("Revenue Engage".to_owned(), person_x, person_width, vec!["person status".to_owned()])];
    headings.extend(picture.columns.iter().enumerate().map(|(index, column)| {
        (format!("Salesforce {}", column.heading), value_x(index), widths[index], column.notes.clone())
    }));
    let top = layout.add_heads(company, file, inner, headings);
    layout.width = inner + 2.0 * MARGIN;
    layout.bottom += top;
    layout.people.iter_mut().for_each(|person| person.shift(person_x, top));
    for (column, values) in layout.values.iter_mut().enumerate() {
        values.iter_mut().for_each(|value| value.shift(value_x(column), top));
    }
    layout.routes = routes(&layout.bundles, picture, &layout.people, &layout.values);
    layout
}

impl Layout {
    /// The most arrows that end at one side of a person status.
    fn ends_at_person(&self, picture: &Picture<'_>, row: usize) -> usize {
        let at =
            |column| picture.arrows.iter().filter(|arrow| (arrow.row, arrow.column) == (row, column)).count();
        (0..picture.columns.len()).map(at).max().unwrap_or(0)
    }

    /// Puts a row's strip under those that are there; `of` gives the lines of a column's values, and its width.
    fn add_strip<'a>(
        &mut self,
        picture: &Picture<'_>,
        row: usize,
        mut person: Boxed,
        of: impl Fn(usize) -> (&'a Vec<Lines>, f64),
    ) {
        let mut stacks = Vec::new();
        for (column, drawn) in picture.columns.iter().enumerate() {
            let (lines, width) = of(column);
            let new = drawn.values.iter().enumerate().filter(|(_, value)| value.first_row == row);
            let stack = new.map(|(index, _)| {
                let ends = self.bundles.iter().filter(|bundle| bundle.ends_at(column, index)).count();
                boxed(lines[index].clone(), width, ends)
            });
            stacks.push(stack.collect::<Vec<Boxed>>());
        }
        let height =
            |stack: &[Boxed]| stack.iter().map(|one| one.height + STACK_GAP).sum::<f64>() - STACK_GAP;
        let strip = stacks.iter().map(|stack| height(stack)).fold(person.height, f64::max);
        person.shift(0.0, self.bottom + (strip - person.height) / 2.0);
        self.people.push(person);
        for (column, stack) in stacks.into_iter().enumerate() {
            let mut y = self.bottom + (strip - height(&stack)) / 2.0;
            for mut value in stack {
                value.shift(0.0, y);
                y += value.height + STACK_GAP;
                self.values[column].push(value);
            }
        }
        self.bottom += strip + STRIP_GAP;
    }

    /// Writes the company and what heads each column: its heading, where it stands, its width and what else to know of
    /// it. Returns where the strips begin.
    fn add_heads(
        &mut self,
        company: &str,
        file: &str,
        inner: f64,
        headings: Vec<(String, f64, f64, Vec<String>)>,
    ) -> f64 {
        let mut y = MARGIN;
        for (text, style) in [(company, Style::Company), (file, Style::Small)] {
            let (lines, next) = paragraph(text, style, (MARGIN, y), inner);
            self.texts.extend(lines);
            y = next;
        }
        y += 16.0;
        let mut top = y;
        for (heading, x, width, notes) in headings {
            let (lines, mut next) = paragraph(&heading, Style::Heading, (x, y), width);
            self.texts.extend(lines);
            for note in notes {
                let (lines, after) = paragraph(&note, Style::Small, (x, next), width);
                self.texts.extend(lines);
                next = after;
            }
            top = top.max(next);
        }
        top + 14.0
    }
}
