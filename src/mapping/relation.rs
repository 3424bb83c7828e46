//! The relation that a mapping stands for: `out`, `in` and `agree` of `sync.md` part 1.

use super::table::{Mapping, ObjectMapping, OptOutField, Row, Winner};
use crate::model::{FieldName, FieldValue, Fields, PersonStatus, Rule, SalesforceObject};

/// Which rows belong together, for one object: two rows are of one group when they share a person status or a
/// Salesforce value, directly or through others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Groups(Vec<usize>);

impl Groups {
    pub(super) fn of(rows: &[Row], object: SalesforceObject) -> Groups {
        let mut group: Vec<usize> = (0..rows.len()).collect();
        // The lowest row of a group names it; a file has a few dozen rows, so going round until nothing moves is cheap.
        loop {
            let before = group.clone();
            for a in 0..rows.len() {
                for b in 0..a {
                    if related(&rows[a], &rows[b], object) {
                        let lowest = group[a].min(group[b]);
                        (group[a], group[b]) = (lowest, lowest);
                    }
                }
            }
            if group == before {
                return Groups(group);
            }
        }
    }
}

fn related(a: &Row, b: &Row, object: SalesforceObject) -> bool {
    a.person == b.person || patterns(a, object).any(|left| patterns(b, object).any(|right| left == right))
}

/// Every Salesforce value that a row speaks of.
pub(super) fn patterns(row: &Row, object: SalesforceObject) -> impl Iterator<Item = &Fields> {
    row.fields(object).into_iter().chain(row.also_from(object))
}

/// All fields must match: a partly matching tuple is an unknown value.
fn matches(pattern: &Fields, fields: &Fields) -> bool {
    pattern.iter().all(|(name, value)| fields.get(name) == Some(value))
}

impl Mapping {
    /// The same mapping with its rows sorted into groups. To be called whenever the rows have changed.
    pub fn grouped(mut self) -> Mapping {
        self.groups = super::table::GroupsByObject {
            salesforce_lead: Groups::of(&self.rows, SalesforceObject::Lead),
            salesforce_contact: Groups::of(&self.rows, SalesforceObject::Contact),
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

    /// `out`: the row that writes this status to Salesforce, and what it writes.
    pub fn outbound(&self, object: SalesforceObject, status: &PersonStatus) -> Option<(&Row, &Fields)> {
        self.rows
            .iter()
            .filter(|row| row.person == *status && row.way.to_salesforce())
            .find_map(|row| Some((row, row.fields(object)?)))
    }

    /// `in`: the row whose person status these Salesforce values lead to.
    pub fn inbound(&self, object: SalesforceObject, fields: &Fields) -> Option<&Row> {
        self.rows
            .iter()
            .find(|row| row.way.to_engage() && patterns(row, object).any(|pattern| matches(pattern, fields)))
    }

    /// The rows that speak of these Salesforce values, whatever their direction.
    fn rows_of<'a>(
        &'a self,
        object: SalesforceObject,
        fields: &'a Fields,
    ) -> impl Iterator<Item = usize> + 'a {
        let speaks = move |row: &Row| patterns(row, object).any(|pattern| matches(pattern, fields));
        self.rows.iter().enumerate().filter(move |(_, row)| speaks(row)).map(|(index, _)| index)
    }

    /// Whether any row speaks of these Salesforce values.
    pub fn knows_fields(&self, object: SalesforceObject, fields: &Fields) -> bool {
        self.rows_of(object, fields).next().is_some()
    }

    /// Whether any row pairs this status with a value of `object`.
    pub fn knows_status(&self, object: SalesforceObject, status: &PersonStatus) -> bool {
        self.rows.iter().any(|row| row.person == *status && patterns(row, object).next().is_some())
    }

    /// Whether the two are in one group.
    pub fn agree(&self, object: SalesforceObject, fields: &Fields, status: &PersonStatus) -> bool {
        let Groups(group) = self.groups(object);
        self.rows_of(object, fields).any(|value| {
            let same = |other: usize| group.get(value) == group.get(other);
            self.rows.iter().enumerate().any(|(other, row)| row.person == *status && same(other))
        })
    }

    /// Whether Salesforce says that this person must not be mailed: the box is ticked, or the status is the one of
    /// the Opted out row (rulings.md 13).
    pub fn is_opted_out(&self, object: SalesforceObject, fields: &Fields) -> bool {
        let ticked = self
            .object(object)
            .and_then(|object| object.opt_out.name())
            .is_some_and(|name| fields.get(name) == Some(&FieldValue::Bool(true)));
        ticked || self.rows_of(object, fields).any(|row| self.rows[row].person.is_opted_out())
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

    /// The fields that are read of every record of `object`, each once, in the order of their names.
    pub fn watched(&self, object: SalesforceObject) -> Vec<FieldName> {
        let Some(columns) = self.object(object) else { return Vec::new() };
        let in_rows = self.rows.iter().flat_map(|row| patterns(row, object)).flat_map(Fields::keys);
        let all = in_rows.chain([&columns.status]).chain(columns.opt_out.name()).chain(columns.scope.keys());
        all.cloned().collect::<std::collections::BTreeSet<_>>().into_iter().collect()
    }

    /// Whether a record is one of those that the company wants in sync.
    pub fn in_scope(&self, object: SalesforceObject, fields: &Fields) -> bool {
        self.object(object).is_some_and(|columns| matches(&columns.scope, fields))
    }

    /// The place of a row in the file.
    pub fn rule(&self, row: &Row) -> Rule {
        Rule { file: self.file.clone(), line: row.line }
    }

    /// Who wins when both changed: what the rows of the two values say, else the company. `None` when the two rows
    /// name different winners.
    pub fn winner(&self, object: SalesforceObject, fields: &Fields, status: &PersonStatus) -> Option<Winner> {
        let from_salesforce = self.rows_of(object, fields).find_map(|row| self.rows[row].winner);
        let from_engage = self.rows.iter().filter(|row| row.person == *status).find_map(|row| row.winner);
        match (from_salesforce, from_engage) {
            (Some(left), Some(right)) if left != right => None,
            (Some(winner), _) | (None, Some(winner)) => Some(winner),
            (None, None) => Some(self.conflict.winner),
        }
    }

    /// A status as people know it: the company's own label, the product's, or the key of one nobody declared.
    pub fn label<'a>(&'a self, status: &'a PersonStatus) -> &'a str {
        let own =
            self.custom_statuses.iter().find(|known| known.status == *status).map(|known| &*known.label);
        own.or_else(|| crate::lifecycle::built_in_status(status).map(|known| known.label))
            .unwrap_or(status.key())
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

    fn groups(&self, object: SalesforceObject) -> &Groups {
        match object {
            SalesforceObject::Lead => &self.groups.salesforce_lead,
            SalesforceObject::Contact => &self.groups.salesforce_contact,
        }
    }
}
