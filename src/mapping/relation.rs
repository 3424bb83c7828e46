//! The relation that a mapping stands for: `out`, `in` and `agree` of `sync.md` part 1.

use super::condition::Context;
use super::index::Index;
use super::table::{Mapping, ObjectMapping, OptOutField, Row, Way, Winner};
use crate::model::{FieldName, FieldValue, Fields, PersonStatus, Rule, SalesforceObject};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Which rows belong together, for one object: two rows are of one group when they share a person status or a
/// Salesforce value, directly or through others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Groups(Vec<usize>);

impl Groups {
    /// The groups of the rows that are `active`; the others stand alone. `pairs` are the related rows.
    fn of(rows: usize, pairs: &[(usize, usize)], active: impl Fn(usize) -> bool) -> Groups {
        let mut group: Vec<usize> = (0..rows).collect();
        // The lowest row of a group names it; a file has a few dozen pairs, so going round until nothing moves is cheap.
        loop {
            let mut moved = false;
            for &(a, b) in pairs.iter().filter(|(a, b)| active(*a) && active(*b)) {
                if group[a] != group[b] {
                    let lowest = group[a].min(group[b]);
                    (group[a], group[b]) = (lowest, lowest);
                    moved = true;
                }
            }
            if !moved {
                return Groups(group);
            }
        }
    }
}

/// Every two rows that share a person status or a Salesforce value.
fn related_rows(rows: &[Row], object: SalesforceObject) -> Vec<(usize, usize)> {
    let pairs = (0..rows.len()).flat_map(|a| (0..a).map(move |b| (b, a)));
    pairs.filter(|(a, b)| related(&rows[*a], &rows[*b], object)).collect()
}

fn related(a: &Row, b: &Row, object: SalesforceObject) -> bool {
    a.person == b.person || joining(a, object).any(|left| joining(b, object).any(|right| left == right))
}

/// The Salesforce values that a row joins to its person status: those it reads, and the one it writes.
pub(super) fn joining(row: &Row, object: SalesforceObject) -> impl Iterator<Item = &Fields> {
    let own = row.fields(object).filter(|_| row.way != Way::None);
    let also = if row.way.to_engage() { row.also_from(object) } else { &[] };
    own.into_iter().chain(also)
}

/// Every Salesforce value that a row speaks of.
pub(super) fn patterns(row: &Row, object: SalesforceObject) -> impl Iterator<Item = &Fields> {
    row.fields(object).into_iter().chain(row.also_from(object))
}

/// All fields must match: a partly matching tuple is an unknown value.
fn matches(pattern: &Fields, fields: &Fields) -> bool {
    pattern.iter().all(|(name, value)| fields.get(name) == Some(value))
}

/// The relation for one record: of the rows, those that hold for it.
#[derive(Debug, Clone)]
pub struct Relation<'m> {
    mapping: &'m Mapping,
    object: SalesforceObject,
    /// `None` when every row holds, as it does where no row has a condition.
    active: Option<Vec<bool>>,
    groups: Cow<'m, Groups>,
}

impl<'m> Relation<'m> {
    fn rows(&self) -> impl Iterator<Item = (usize, &'m Row)> {
        let active = self.active.as_deref();
        let holds = move |index: usize| active.is_none_or(|active| active[index]);
        self.mapping.rows.iter().enumerate().filter(move |(index, _)| holds(*index))
    }

    fn holds(&self, row: usize) -> bool {
        self.active.as_deref().is_none_or(|active| active[row])
    }

    /// The rows of a person status.
    fn of_person(&self, status: &PersonStatus) -> impl Iterator<Item = (usize, &'m Row)> {
        let rows = self.mapping.sorted(self.object).index.of_person(status);
        rows.iter().filter(|row| self.holds(**row)).map(|row| (*row, &self.mapping.rows[*row]))
    }

    /// The rows that speak of these Salesforce values, whatever their direction.
    pub fn rows_of(&self, fields: &Fields) -> impl Iterator<Item = usize> {
        let near = match self.mapping.object(self.object) {
            Some(columns) => self.mapping.sorted(self.object).index.near(fields, &columns.status),
            None => Cow::Borrowed(&[][..]),
        };
        let speaks = |row: &usize| {
            self.holds(*row)
                && patterns(&self.mapping.rows[*row], self.object).any(|pattern| matches(pattern, fields))
        };
        near.iter().copied().filter(speaks).collect::<Vec<_>>().into_iter()
    }

    /// `out`: the row that writes this status to Salesforce, and what it writes.
    pub fn outbound(&self, status: &PersonStatus) -> Option<(&'m Row, &'m Fields)> {
        self.of_person(status)
            .filter(|(_, row)| row.way.to_salesforce())
            .find_map(|(_, row)| Some((row, row.fields(self.object)?)))
    }

    /// `in`: the row whose person status these Salesforce values lead to.
    pub fn inbound(&self, fields: &Fields) -> Option<&'m Row> {
        self.rows_of(fields).map(|row| &self.mapping.rows[row]).find(|row| row.way.to_engage())
    }

    /// Whether any row speaks of these Salesforce values.
    pub fn knows_fields(&self, fields: &Fields) -> bool {
        self.rows_of(fields).next().is_some()
    }

    /// Whether any row pairs this status with a value of the object.
    pub fn knows_status(&self, status: &PersonStatus) -> bool {
        self.of_person(status).any(|(_, row)| patterns(row, self.object).next().is_some())
    }

    /// Whether the two are in one group.
    pub fn agree(&self, fields: &Fields, status: &PersonStatus) -> bool {
        let object = self.object;
        let joins = |row: usize| {
            joining(&self.mapping.rows[row], object).any(|pattern| matches(pattern, fields))
                && self.of_person(status).any(|(other, _)| self.group(row) == self.group(other))
        };
        if self.rows_of(fields).any(joins) {
            return true;
        }
        // A row that leads nowhere only says that its own two values agree; where another row leads somewhere, that counts.
        let said = |row: usize| {
            let row = &self.mapping.rows[row];
            row.way == Way::None && row.person == *status
        };
        self.rows_of(fields).any(said) && self.inbound(fields).is_none() && self.outbound(status).is_none()
    }

    /// The number of a row's group; rows with the same one belong together.
    pub fn group(&self, row: usize) -> usize {
        self.groups.0.get(row).copied().unwrap_or(row)
    }

    /// Every row that has a say when somebody holds this status: its own, and those of their groups.
    pub fn around_status(&self, status: &PersonStatus) -> Vec<usize> {
        self.around(self.of_person(status).map(|(row, _)| row))
    }

    /// Every row that has a say when a record holds these values.
    pub fn around_fields(&self, fields: &Fields) -> Vec<usize> {
        self.around(self.rows_of(fields))
    }

    fn around(&self, rows: impl Iterator<Item = usize>) -> Vec<usize> {
        let groups: BTreeSet<usize> = rows.map(|row| self.group(row)).collect();
        if groups.is_empty() {
            return Vec::new();
        }
        self.rows().map(|(index, _)| index).filter(|index| groups.contains(&self.group(*index))).collect()
    }

    /// Who wins when both changed: what the rows of the two values say, else the company. `None` when the two rows
    /// name different winners.
    pub fn winner(&self, fields: &Fields, status: &PersonStatus) -> Option<Winner> {
        let from_salesforce = self.rows_of(fields).find_map(|row| self.mapping.rows[row].winner);
        let from_engage = self.of_person(status).find_map(|(_, row)| row.winner);
        match (from_salesforce, from_engage) {
            (Some(left), Some(right)) if left != right => None,
            (Some(winner), _) | (None, Some(winner)) => Some(winner),
            (None, None) => Some(self.mapping.conflict.winner),
        }
    }
}

impl Mapping {
    /// The same mapping with its rows sorted into groups. To be called whenever the rows have changed.
    pub fn grouped(mut self) -> Mapping {
        let sorted = |object| {
            let pairs = related_rows(&self.rows, object);
            let groups = Groups::of(self.rows.len(), &pairs, |_| true);
            let columns = self.object(object);
            let index =
                columns.map_or_else(Index::default, |columns| Index::of(&self.rows, object, &columns.status));
            super::table::Sorted { pairs, groups, watched: self.watched(object), index }
        };
        self.sorted = super::table::ByObject {
            lead: sorted(SalesforceObject::Lead),
            contact: sorted(SalesforceObject::Contact),
            conditional: self.rows.iter().any(|row| !row.only_if.is_always()),
            opted_out: self.rows.iter().position(|row| row.person.is_opted_out()),
        };
        self
    }

    /// How an object takes part; `None` when it is not in sync.
    pub fn object(&self, object: SalesforceObject) -> Option<&ObjectMapping> {
        match object {
            SalesforceObject::Lead => self.lead.as_ref(),
            SalesforceObject::Contact => self.contact.as_ref(),
        }
    }

    /// The rows that hold for one record.
    pub fn relation(&self, object: SalesforceObject, context: &Context<'_>) -> Relation<'_> {
        if !self.sorted.conditional {
            return Relation {
                mapping: self,
                object,
                active: None,
                groups: Cow::Borrowed(&self.sorted(object).groups),
            };
        }
        let active: Vec<bool> = self.rows.iter().map(|row| row.only_if.holds(context)).collect();
        let groups = Groups::of(self.rows.len(), &self.sorted(object).pairs, |row| active[row]);
        Relation { mapping: self, object, active: Some(active), groups: Cow::Owned(groups) }
    }

    /// Whether conditions ask in which sequences a person is.
    pub fn asks_for_sequences(&self) -> bool {
        self.rows.iter().any(|row| !row.only_if.sequences.is_empty())
    }

    /// Whether Salesforce says that this person must not be mailed: the box is ticked, or the status is the one of
    /// the Opted out row (rulings.md 13).
    pub fn is_opted_out(&self, object: SalesforceObject, fields: &Fields) -> bool {
        let ticked = self
            .object(object)
            .and_then(|object| object.opt_out.name())
            .is_some_and(|name| fields.get(name) == Some(&FieldValue::Bool(true)));
        // The Opted out row never has a condition.
        let row = self.sorted.opted_out.map(|row| &self.rows[row]);
        ticked || row.is_some_and(|row| patterns(row, object).any(|pattern| matches(pattern, fields)))
    }

    /// What an opt-out is in Salesforce: the ticked box and the value of the Opted out row (rulings.md 13).
    pub fn opt_out_target(&self, object: SalesforceObject) -> Fields {
        let row = self.rows.iter().find(|row| row.person.is_opted_out() && row.way != super::Way::None);
        let mut fields = row.and_then(|row| row.fields(object)).cloned().unwrap_or_default();
        if let Some(name) = self.object(object).and_then(|object| object.opt_out.name()) {
            fields.insert(name.clone(), FieldValue::Bool(true));
        }
        fields
    }

    /// The fields whose values are kept in step: what counts as a change when it moves.
    pub fn watched(&self, object: SalesforceObject) -> BTreeSet<FieldName> {
        let Some(columns) = self.object(object) else { return BTreeSet::new() };
        let in_rows = self.rows.iter().flat_map(|row| patterns(row, object)).flat_map(Fields::keys);
        in_rows.chain([&columns.status]).chain(columns.opt_out.name()).cloned().collect()
    }

    /// The fields that are read of every record of `object`, each once, in the order of their names: the watched ones,
    /// and those that scope and conditions ask for.
    pub fn fields_read(&self, object: SalesforceObject) -> Vec<FieldName> {
        let Some(columns) = self.object(object) else { return Vec::new() };
        let mut all = self.watched(object);
        all.extend(columns.scope.keys().cloned());
        let speaks = |row: &&Row| patterns(row, object).next().is_some();
        all.extend(self.rows.iter().filter(speaks).flat_map(|row| row.only_if.fields.keys()).cloned());
        all.extend(self.fields.iter().filter_map(|field| field.name(object)).cloned());
        all.into_iter().collect()
    }

    /// The watched ones of a record's fields.
    pub fn values(&self, object: SalesforceObject, fields: &Fields) -> Fields {
        let watched = |name: &FieldName| self.is_watched(object, name);
        fields.iter().filter(|(name, _)| watched(name)).map(|(n, v)| (n.clone(), v.clone())).collect()
    }

    /// Whether a field's value is kept in step.
    pub fn is_watched(&self, object: SalesforceObject, field: &FieldName) -> bool {
        self.sorted(object).watched.contains(field)
    }

    /// Whether a record is one of those that the company wants in sync.
    pub fn in_scope(&self, object: SalesforceObject, fields: &Fields) -> bool {
        self.object(object).is_some_and(|columns| matches(&columns.scope, fields))
    }

    /// The place of a row in the file.
    pub fn rule(&self, row: &Row) -> Rule {
        Rule { file: self.file.clone(), line: row.line }
    }

    /// A status as people know it: the company's own label, the product's, or the key of one nobody declared.
    pub fn label<'a>(&'a self, status: &'a PersonStatus) -> &'a str {
        let own =
            self.custom_statuses.iter().find(|known| known.status == *status).map(|known| &*known.label);
        own.or_else(|| crate::lifecycle::built_in_status(status).map(|known| known.label))
            .unwrap_or(status.key())
    }

    /// The opt-out checkbox that an object has without its being named.
    pub fn default_opt_out(&self, object: SalesforceObject) -> Option<&FieldName> {
        match &self.object(object)?.opt_out {
            OptOutField::Default(name) => Some(name),
            OptOutField::Named(_) | OptOutField::Off => None,
        }
    }

    /// Turns the default opt-out checkbox off where the org does not have it (rulings.md 14).
    pub fn drop_missing_defaults(&mut self, has_field: impl Fn(SalesforceObject, &str) -> bool) {
        for (object, columns) in
            [(SalesforceObject::Lead, &mut self.lead), (SalesforceObject::Contact, &mut self.contact)]
        {
            if let Some(columns) = columns
                && matches!(&columns.opt_out, OptOutField::Default(name) if !has_field(object, name))
            {
                columns.opt_out = OptOutField::Off;
            }
        }
    }

    fn sorted(&self, object: SalesforceObject) -> &super::table::Sorted {
        match object {
            SalesforceObject::Lead => &self.sorted.lead,
            SalesforceObject::Contact => &self.sorted.contact,
        }
    }
}
