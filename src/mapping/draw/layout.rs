//! Where everything stands: person statuses in one column, Salesforce's values beside them.

use super::super::table::{Mapping, Row, Way, Winner};
use super::text::{width, wrapped};
use crate::lifecycle;
use crate::model::{FieldValue, Fields, PersonStatus, SalesforceObject, SequenceAction};

/// Font sizes in pixels: of what a box says, and of remarks.
pub(super) const LARGE: f64 = 14.0;
pub(super) const SMALL: f64 = 11.0;
/// Between a text and the edge of its box.
pub(super) const PADDING: f64 = 9.0;
const LEADING: f64 = 1.35;
const GAP: f64 = 14.0;
/// Room for arrows between two columns.
const CHANNEL: f64 = 170.0;
const MARGIN: f64 = 28.0;
const TOP: f64 = 104.0;
const BELOW: f64 = 128.0;

/// How a line of a box is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// What the box is.
    Main,
    /// A remark.
    Remark,
}

/// A box, in pixels from the upper left corner of the picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Its left edge.
    pub x: f64,
    /// Its upper edge.
    pub y: f64,
    /// How wide it is.
    pub width: f64,
    /// How high it is.
    pub height: f64,
    /// What it says, line by line.
    pub lines: Vec<(Tone, String)>,
    /// What it says in full, and where in the file it stands.
    pub title: String,
    /// A status that is not carried over, drawn paler.
    pub pale: bool,
    /// A person status, and not a value of Salesforce.
    pub person: bool,
}

/// A line between a person status and a value.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrow {
    /// Where it leaves the person's box.
    pub from: (f64, f64),
    /// Where it meets the value's box.
    pub to: (f64, f64),
    /// A head at the value: Salesforce is written.
    pub to_salesforce: bool,
    /// A head at the person: Revenue Engage is written.
    pub to_engage: bool,
    /// The row, in words.
    pub title: String,
}

/// The whole picture.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Picture {
    /// In pixels.
    pub width: f64,
    /// In pixels.
    pub height: f64,
    /// The company.
    pub heading: String,
    /// What stands above each column, and its middle.
    pub columns: Vec<(f64, String)>,
    /// Every box.
    pub items: Vec<Item>,
    /// Every line.
    pub arrows: Vec<Arrow>,
    /// What stands below.
    pub footer: String,
}

/// One side of one row before it has a place.
struct Edge {
    person: usize,
    value: usize,
    way: Way,
    also: bool,
    title: String,
}

impl Picture {
    pub(super) fn of(mapping: &Mapping) -> Picture {
        let objects: Vec<SalesforceObject> =
            SalesforceObject::BOTH.into_iter().filter(|object| mapping.object(*object).is_some()).collect();
        let alike = objects.len() == 2 && mapping.rows.iter().all(|row| same_on_both(mapping, row));
        // Leads to the left of the people and Contacts to the right, unless one column says it all.
        let sides: Vec<(SalesforceObject, String)> = match (alike, &objects[..]) {
            (true, _) => vec![(SalesforceObject::Lead, heading(mapping, &objects))],
            (false, objects) => {
                objects.iter().map(|object| (*object, heading(mapping, &[*object]))).collect()
            }
        };
        let mut people = people(mapping, &objects);
        let room: Vec<Vec<f64>> = sides.iter().map(|(object, _)| new_values(mapping, *object)).collect();
        stack(&mut people, &room);
        let mut picture =
            Picture { heading: mapping.company.to_string(), footer: footer(mapping), ..Picture::default() };
        let middle = people.iter().map(|item| item.width).fold(0.0, f64::max);
        let mut columns: Vec<(Vec<Item>, Vec<Edge>, String)> = Vec::new();
        for (object, name) in &sides {
            let (values, edges) = values(mapping, *object, &people);
            columns.push((values, edges, name.clone()));
        }
        let widths: Vec<f64> = columns.iter().map(|(values, ..)| widest(values)).collect();
        let left = if columns.len() == 2 { widths[0] + CHANNEL } else { 0.0 };
        let person_x = MARGIN + left;
        for item in &mut people {
            (item.x, item.width) = (person_x, middle);
        }
        picture.columns.push((person_x + middle / 2.0, "Person status".to_owned()));
        let two = columns.len() == 2;
        for (index, (mut values, edges, heading)) in columns.into_iter().enumerate() {
            let right = !(two && index == 0);
            let x = if right { person_x + middle + CHANNEL } else { MARGIN };
            for item in &mut values {
                (item.x, item.width) = (x, widths[index]);
            }
            picture.columns.push((x + widths[index] / 2.0, heading));
            picture.arrows.extend(arrows(&people, &values, &edges, right));
            picture.items.append(&mut values);
        }
        picture.items.append(&mut people);
        let right = picture.items.iter().map(|item| item.x + item.width).fold(0.0, f64::max);
        let headings =
            picture.columns.iter().map(|(x, text)| x + width(text, SMALL) / 2.0).fold(0.0, f64::max);
        let texts = [width(&picture.heading, 20.0), width(&picture.footer, SMALL), 560.0]
            .into_iter()
            .fold(0.0, f64::max);
        picture.width = right.max(headings).max(MARGIN + texts) + MARGIN;
        picture.height = picture.items.iter().map(|item| item.y + item.height).fold(TOP, f64::max) + BELOW;
        picture
    }
}

/// `Lead: Status`.
fn heading(mapping: &Mapping, objects: &[SalesforceObject]) -> String {
    let of = |object: &SalesforceObject| Some(format!("{object}: {}", mapping.object(*object)?.status));
    objects.iter().filter_map(of).collect::<Vec<_>>().join(", ")
}

fn same_on_both(mapping: &Mapping, row: &Row) -> bool {
    let same_field = mapping.lead.as_ref().map(|c| &c.status) == mapping.contact.as_ref().map(|c| &c.status);
    let texts = |fields: &Fields| fields.values().map(ToString::to_string).collect::<Vec<_>>();
    let single = |fields: &Option<Fields>| fields.as_ref().is_none_or(|fields| fields.len() == 1);
    let alike = row.lead.as_ref().map(texts) == row.contact.as_ref().map(texts)
        && row.also_from_lead.iter().map(texts).eq(row.also_from_contact.iter().map(texts));
    alike && (same_field || (single(&row.lead) && row.also_from_lead.iter().all(|fields| fields.len() == 1)))
}

/// One box a person status, in the order of the rows.
fn people(mapping: &Mapping, objects: &[SalesforceObject]) -> Vec<Item> {
    let mut statuses: Vec<&PersonStatus> = Vec::new();
    for row in &mapping.rows {
        if !statuses.contains(&&row.person) {
            statuses.push(&row.person);
        }
    }
    statuses
        .into_iter()
        .map(|status| {
            let rows: Vec<&Row> = mapping.rows.iter().filter(|row| row.person == *status).collect();
            let mut lines = Vec::new();
            if let Some(stage) = rows.iter().find_map(|row| row.stage.as_deref()) {
                let label = lifecycle::STAGES
                    .iter()
                    .find(|(key, ..)| *key == stage)
                    .map_or(stage, |(_, label, _)| *label);
                lines.push((Tone::Remark, format!("stage {label}")));
            }
            lines.extend(wrapped(mapping.label(status)).into_iter().map(|line| (Tone::Main, line)));
            for row in &rows {
                for remark in remarks(mapping, row, objects) {
                    lines.extend(wrapped(&remark).into_iter().map(|line| (Tone::Remark, line)));
                }
            }
            let carried = rows.iter().any(|row| {
                objects
                    .iter()
                    .any(|object| row.fields(*object).is_some() || !row.also_from(*object).is_empty())
            });
            if !carried && !status.is_opted_out() {
                lines.push((Tone::Remark, "not carried over".to_owned()));
            }
            let places: Vec<String> = rows.iter().map(|row| mapping.rule(row).to_string()).collect();
            let title = format!("{} ({})", mapping.label(status), places.join(", "));
            Item { person: true, pale: !carried && !status.is_opted_out(), ..item(lines, title) }
        })
        .collect()
}

fn remarks(mapping: &Mapping, row: &Row, objects: &[SalesforceObject]) -> Vec<String> {
    let mut remarks = Vec::new();
    if !row.only_if.is_always() {
        remarks.push(format!("only if {}", row.only_if));
    }
    match row.sequences {
        SequenceAction::Leave => {}
        action => remarks.push(format!("sequences: {}", action.as_str())),
    }
    match row.winner {
        None => {}
        Some(Winner::Salesforce) => remarks.push("Salesforce wins".to_owned()),
        Some(Winner::Engage) => remarks.push("Revenue Engage wins".to_owned()),
        Some(Winner::Newest) => remarks.push("the newest wins".to_owned()),
        Some(Winner::Hold) => remarks.push("a person decides".to_owned()),
    }
    if row.person.is_opted_out() {
        let mut boxes: Vec<String> = objects
            .iter()
            .filter_map(|object| mapping.object(*object)?.opt_out.name().map(|name| format!("+ {name}")))
            .collect();
        boxes.dedup();
        remarks.extend(boxes);
    }
    remarks
}

/// One box a value of the object, near the statuses it goes with; and which goes with which.
fn values(mapping: &Mapping, object: SalesforceObject, people: &[Item]) -> (Vec<Item>, Vec<Edge>) {
    let mut known: Vec<&Fields> = Vec::new();
    let mut edges = Vec::new();
    let mut statuses: Vec<&PersonStatus> = Vec::new();
    for row in &mapping.rows {
        if !statuses.contains(&&row.person) {
            statuses.push(&row.person);
        }
        let person = statuses.iter().position(|status| **status == row.person).unwrap_or_default();
        let own = row.fields(object).into_iter().map(|fields| (fields, false));
        let also = row.also_from(object).iter().map(|fields| (fields, true));
        for (fields, also) in own.chain(also) {
            let value = known.iter().position(|other| *other == fields).unwrap_or_else(|| {
                known.push(fields);
                known.len() - 1
            });
            let title = format!(
                "{} – {} ({})",
                mapping.label(&row.person),
                shown(fields).join(", "),
                mapping.rule(row)
            );
            edges.push(Edge { person, value, way: row.way, also, title });
        }
    }
    let middle = |value: usize| {
        let ends: Vec<f64> = edges
            .iter()
            .filter(|edge| edge.value == value)
            .map(|edge| people[edge.person].y + people[edge.person].height / 2.0)
            .collect();
        ends.iter().sum::<f64>() / ends.len().max(1) as f64
    };
    let mut order: Vec<usize> = (0..known.len()).collect();
    order.sort_by(|a, b| middle(*a).total_cmp(&middle(*b)));
    let mut items: Vec<Item> = Vec::new();
    let mut below = TOP;
    for value in &order {
        let mut item = value_item(known[*value]);
        item.y = (middle(*value) - item.height / 2.0).max(below);
        below = item.y + item.height + GAP;
        items.push(item);
    }
    for edge in &mut edges {
        edge.value = order.iter().position(|value| *value == edge.value).unwrap_or_default();
    }
    (items, edges)
}

fn value_item(fields: &Fields) -> Item {
    let lines = shown(fields).iter().flat_map(|line| wrapped(line)).map(|line| (Tone::Main, line)).collect();
    item(lines, shown(fields).join(", "))
}

/// One field by its value, several by name too.
pub(super) fn shown(fields: &Fields) -> Vec<String> {
    match fields.len() {
        1 => fields.values().map(FieldValue::to_string).collect(),
        _ => fields.iter().map(|(name, value)| format!("{name} = {value}")).collect(),
    }
}

fn item(lines: Vec<(Tone, String)>, title: String) -> Item {
    let size = |tone: Tone| if tone == Tone::Main { LARGE } else { SMALL };
    let widest = lines.iter().map(|(tone, line)| width(line, size(*tone))).fold(0.0, f64::max);
    let height: f64 = lines.iter().map(|(tone, _)| size(*tone) * LEADING).sum();
    Item {
        x: 0.0,
        y: 0.0,
        width: widest + 2.0 * PADDING,
        height: height + 2.0 * PADDING * 0.7,
        lines,
        title,
        pale: false,
        person: false,
    }
}

/// The room that the values take which each status is the first to name.
fn new_values(mapping: &Mapping, object: SalesforceObject) -> Vec<f64> {
    let mut known: Vec<&Fields> = Vec::new();
    let mut statuses: Vec<&PersonStatus> = Vec::new();
    let mut room: Vec<f64> = Vec::new();
    for row in &mapping.rows {
        let place = statuses.iter().position(|status| **status == row.person).unwrap_or_else(|| {
            statuses.push(&row.person);
            room.push(0.0);
            statuses.len() - 1
        });
        for fields in row.fields(object).into_iter().chain(row.also_from(object)) {
            if !known.contains(&fields) {
                known.push(fields);
                room[place] += value_item(fields).height + GAP;
            }
        }
    }
    room
}

/// One below the other, each as far from the next as its values need.
fn stack(people: &mut [Item], room: &[Vec<f64>]) {
    let mut y = TOP;
    for (index, item) in people.iter_mut().enumerate() {
        let values = room.iter().filter_map(|room| room.get(index)).copied().fold(0.0, f64::max);
        let slot = values.max(item.height + GAP);
        item.y = y + (slot - GAP - item.height) / 2.0;
        y += slot;
    }
}

fn widest(items: &[Item]) -> f64 {
    items.iter().map(|item| item.width).fold(90.0, f64::max)
}

/// Lines meet a box spread over its edge, in the order of their other ends, so that they cross as little as can be.
fn arrows(people: &[Item], values: &[Item], edges: &[Edge], right: bool) -> Vec<Arrow> {
    let middle = |item: &Item| item.y + item.height / 2.0;
    let place = |of: &dyn Fn(&Edge) -> usize, other: &dyn Fn(&Edge) -> f64, edge: &Edge, item: &Item| {
        let mut here: Vec<&Edge> = edges.iter().filter(|candidate| of(candidate) == of(edge)).collect();
        here.sort_by(|a, b| other(a).total_cmp(&other(b)));
        let index = here.iter().position(|candidate| std::ptr::eq(*candidate, edge)).unwrap_or_default();
        item.y + item.height * (index + 1) as f64 / (here.len() + 1) as f64
    };
    edges
        .iter()
        .map(|edge| {
            let (person, value) = (&people[edge.person], &values[edge.value]);
            let from_y = place(&|e| e.person, &|e| middle(&values[e.value]), edge, person);
            let to_y = place(&|e| e.value, &|e| middle(&people[e.person]), edge, value);
            let (from_x, to_x) =
                if right { (person.x + person.width, value.x) } else { (person.x, value.x + value.width) };
            Arrow {
                from: (from_x, from_y),
                to: (to_x, to_y),
                to_salesforce: edge.way.to_salesforce() && !edge.also,
                to_engage: edge.way.to_engage(),
                title: edge.title.clone(),
            }
        })
        .collect()
}

fn footer(mapping: &Mapping) -> String {
    let winner = match mapping.conflict.winner {
        Winner::Salesforce => "Salesforce wins",
        Winner::Engage => "Revenue Engage wins",
        Winner::Newest => "the newest wins",
        Winner::Hold => "a person decides",
    };
    format!("When both sides changed, {winner}. An opt-out always wins.")
}
