//! What is to be drawn, without a place yet: the people's statuses, the columns of Salesforce values, and the arrows.

use super::columns::{Names, Objects, heading, notes, opt_out_lines};
use crate::lifecycle::STAGES;
use crate::mapping::{Mapping, ObjectMapping, Row, Way, Winner};
use crate::model::{Fields, SalesforceObject, SequenceAction};

/// Everything that is drawn of a mapping.
pub(super) struct Picture<'a> {
    pub(super) people: Vec<Person<'a>>,
    pub(super) columns: Vec<Column>,
    pub(super) arrows: Vec<Arrow>,
}

/// The person status of one row.
pub(super) struct Person<'a> {
    pub(super) label: &'a str,
    pub(super) stage: Option<&'a str>,
    pub(super) sequences: Option<&'static str>,
    pub(super) winner: Option<&'static str>,
    pub(super) condition: Option<String>,
    /// Whether anything in Salesforce stands for it.
    pub(super) carried: bool,
    /// The place in the file.
    pub(super) rule: String,
}

/// The values of one object, or of both where they are the same.
pub(super) struct Column {
    pub(super) heading: &'static str,
    /// Which field carries the status, and which records take part.
    pub(super) notes: Vec<String>,
    pub(super) values: Vec<Value>,
}

/// One Salesforce value.
pub(super) struct Value {
    fields: Fields,
    /// One field a line.
    pub(super) lines: Vec<String>,
    /// The checkboxes kept in step with Opted out.
    pub(super) boxes: Vec<String>,
    /// The row that names it first.
    pub(super) first_row: usize,
}

impl Value {
    /// In one line.
    pub(super) fn words(&self) -> String {
        self.lines.iter().chain(&self.boxes).map(String::as_str).collect::<Vec<_>>().join(", ")
    }
}

/// What joins a row's person status and a Salesforce value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Arrow {
    pub(super) row: usize,
    pub(super) column: usize,
    pub(super) value: usize,
    pub(super) to_salesforce: bool,
    pub(super) to_engage: bool,
}

impl Arrow {
    /// The direction in words.
    pub(super) fn words(&self) -> &'static str {
        match (self.to_salesforce, self.to_engage) {
            (true, true) => "both ways",
            (true, false) => "only to Salesforce",
            (false, true) => "only to Revenue Engage",
            (false, false) => "nothing is carried",
        }
    }
}

impl<'a> Picture<'a> {
    /// Gathers what is to be drawn of `mapping`.
    pub(super) fn of(mapping: &'a Mapping) -> Picture<'a> {
        let mut picture = Picture { people: Vec::new(), columns: Vec::new(), arrows: Vec::new() };
        for objects in columns(mapping) {
            picture.add_column(mapping, &objects);
        }
        picture.people = mapping.rows.iter().map(|row| person(mapping, row)).collect();
        for arrow in &picture.arrows {
            picture.people[arrow.row].carried = true;
        }
        picture
    }

    /// An arrow in a sentence, for those who cannot see it and for whoever points at it.
    pub(super) fn sentence(&self, arrow: &Arrow) -> String {
        let column = &self.columns[arrow.column];
        let value = column.values[arrow.value].words();
        format!("{} and {} {value}: {}", self.people[arrow.row].label, column.heading, arrow.words())
    }

    fn add_column(&mut self, mapping: &Mapping, objects: Objects<'_>) {
        let Some((object, _)) = objects.first().copied() else { return };
        let index = self.columns.len();
        let names = Names::of(mapping, objects);
        let mut column = Column { heading: heading(objects), notes: Vec::new(), values: Vec::new() };
        let mut opt_out_shown = false;
        for (row_index, row) in mapping.rows.iter().enumerate() {
            let mut add = |column: &mut Column, fields: &Fields, to_salesforce, to_engage| {
                let value = column.value(fields, row_index, &names);
                let arrow = Arrow { row: row_index, column: index, value, to_salesforce, to_engage };
                let same =
                    |other: &Arrow| (other.row, other.column, other.value) == (row_index, index, value);
                // A further value that is the row's own as well says nothing new.
                if !self.arrows.iter().any(same) {
                    self.arrows.push(arrow);
                }
                value
            };
            // An opt-out wins from whichever side it comes, so this row leads to Engage whatever its way; its value
            // is written unless the way is none, and the checkbox always.
            let opted_out = row.person.is_opted_out();
            let written = if opted_out { row.way != Way::None } else { row.way.to_salesforce() };
            let leads_back = opted_out || row.way.to_engage();
            let mut boxes = if opted_out { opt_out_lines(objects) } else { Vec::new() };
            if let Some(fields) = row.fields(object) {
                let value = add(&mut column, fields, written, leads_back);
                // In the box of a value that other rows write too, the checkbox would seem to be ticked by them.
                let shared =
                    mapping.rows.iter().any(|other| other != row && other.fields(object) == Some(fields));
                if opted_out && written && !shared {
                    column.values[value].boxes = std::mem::take(&mut boxes);
                }
            }
            if !boxes.is_empty() {
                let value = add(&mut column, &Fields::new(), true, true);
                column.values[value].boxes = boxes;
            }
            opt_out_shown |= opted_out;
            for fields in row.also_from(object) {
                add(&mut column, fields, false, leads_back);
            }
        }
        column.notes = notes(objects, !opt_out_shown);
        self.columns.push(column);
    }
}

impl Column {
    /// The index of a value, which is added if this row is the first to name it.
    fn value(&mut self, fields: &Fields, row: usize, names: &Names) -> usize {
        if let Some(known) = self.values.iter().position(|value| value.fields == *fields) {
            return known;
        }
        // The status comes first: it is what the eye looks for.
        let status = fields.iter().filter(|(name, _)| ***name == *names.status);
        let others = fields.iter().filter(|(name, _)| ***name != *names.status);
        let lines = status.chain(others).map(|(name, value)| names.line(name, &value.to_string())).collect();
        self.values.push(Value { fields: fields.clone(), lines, boxes: Vec::new(), first_row: row });
        self.values.len() - 1
    }
}

/// The objects of each column: Lead and Contact share one where they say the same.
fn columns(mapping: &Mapping) -> Vec<Vec<(SalesforceObject, &ObjectMapping)>> {
    let objects: Vec<_> = SalesforceObject::BOTH
        .into_iter()
        .filter_map(|object| mapping.object(object).map(|columns| (object, columns)))
        .collect();
    match (&mapping.lead, &mapping.contact) {
        (Some(lead), Some(contact)) if mapping.rows.iter().all(|row| same(row, lead, contact)) => {
            vec![objects]
        }
        _ => objects.into_iter().map(|one| vec![one]).collect(),
    }
}

/// Whether a row says of Contacts what it says of Leads, each in its own status field.
fn same(row: &Row, lead: &ObjectMapping, contact: &ObjectMapping) -> bool {
    let told = |fields: &Fields, of: &ObjectMapping| {
        let mut told: Vec<_> = fields
            .iter()
            .map(|(name, value)| ((*name != of.status).then(|| name.clone()), value.clone()))
            .collect();
        told.sort();
        told
    };
    row.lead.as_ref().map(|fields| told(fields, lead))
        == row.contact.as_ref().map(|fields| told(fields, contact))
        && row.also_from_lead.iter().map(|fields| told(fields, lead)).collect::<Vec<_>>()
            == row.also_from_contact.iter().map(|fields| told(fields, contact)).collect::<Vec<_>>()
}

fn person<'a>(mapping: &'a Mapping, row: &'a Row) -> Person<'a> {
    let stage = row.stage.as_deref();
    let stage =
        stage.map(|key| STAGES.iter().find(|(known, ..)| *known == key).map_or(key, |(_, label, _)| label));
    Person {
        label: mapping.label(&row.person),
        stage,
        sequences: match row.sequences {
            SequenceAction::Leave => None,
            SequenceAction::Pause => Some("pauses sequences"),
            SequenceAction::Resume => Some("resumes sequences"),
            SequenceAction::Finish => Some("finishes sequences"),
        },
        winner: row.winner.map(|winner| match winner {
            Winner::Salesforce => "Salesforce wins",
            Winner::Engage => "Revenue Engage wins",
            Winner::Newest => "the newest wins",
            Winner::Hold => "a person decides",
        }),
        condition: super::note(row),
        carried: false,
        rule: mapping.rule(row).to_string(),
    }
}
