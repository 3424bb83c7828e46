//! Everything a person can be, as far as a mapping can tell it apart.

use super::World;
use crate::lifecycle;
use crate::mapping::{Condition, Mapping, Row, SideValue};
use crate::model::{FieldName, FieldValue, Fields, PersonStatus, SalesforceObject};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// More combinations of several fields than this are not looked at one by one: then it is every value that a row
/// names, alone and with every other.
const COMBINATIONS_MAX: usize = 4_096;

/// A value that no row names.
pub(super) const OTHER: &str = "(another value)";

/// The values of both sides for one object.
#[derive(Debug, Clone)]
pub struct Domain {
    /// Every Salesforce value, without the opt-out box: those that rows name, another one, and none.
    pub salesforce: Vec<Fields>,
    /// Every person status, and one that nobody declared.
    pub engage: Vec<PersonStatus>,
    /// The opt-out box, where there is one.
    pub opt_out: Option<FieldName>,
}

/// What conditions can tell of a record: its other fields, and its sequences.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Person {
    /// Fields that conditions ask for.
    pub record: Fields,
    /// The sequences the person is in.
    pub sequences: Vec<Arc<str>>,
}

impl Domain {
    /// What one object's values can be.
    pub fn of(mapping: &Mapping, object: SalesforceObject) -> Domain {
        let columns = mapping.object(object);
        let opt_out = columns.and_then(|columns| columns.opt_out.name()).cloned();
        let in_rows =
            mapping.rows.iter().flat_map(|row| row.fields(object).into_iter().chain(row.also_from(object)));
        let flows = mapping.automations.iter().flat_map(|automation| [&automation.on, &automation.then]);
        let in_flows = flows.filter_map(|value| match value {
            SideValue::Salesforce(of, fields) => Some(fields).filter(|_| *of == object),
            SideValue::Engage(_) => None,
        });
        let patterns: Vec<&Fields> = in_rows.chain(in_flows).collect();
        let mut named: BTreeMap<FieldName, BTreeSet<FieldValue>> = BTreeMap::new();
        let mut names = mapping.watched(object);
        names.extend(patterns.iter().flat_map(|pattern| pattern.keys().cloned()));
        for name in names.into_iter().filter(|name| Some(name) != opt_out.as_ref()) {
            let values = patterns.iter().filter_map(|pattern| pattern.get(&name)).cloned();
            let mut values: BTreeSet<FieldValue> = values.collect();
            if values.iter().any(|value| matches!(value, FieldValue::Bool(_))) {
                values.extend([FieldValue::Bool(true), FieldValue::Bool(false)]);
            } else {
                values.extend([FieldValue::text(OTHER), FieldValue::Null]);
            }
            named.insert(name, values);
        }
        let count = named.values().try_fold(1usize, |count, values| count.checked_mul(values.len()));
        let salesforce = match count {
            Some(count) if count <= COMBINATIONS_MAX => combinations(&named),
            _ => patterns_together(&patterns, &named),
        };
        let mut engage: Vec<PersonStatus> =
            lifecycle::BUILT_IN.iter().map(|known| PersonStatus::new(known.key)).collect();
        engage.extend(mapping.custom_statuses.iter().map(|own| own.status.clone()));
        engage.push(PersonStatus::new("nobody_declared_this"));
        Domain { salesforce, engage, opt_out }
    }
}

fn combinations(named: &BTreeMap<FieldName, BTreeSet<FieldValue>>) -> Vec<Fields> {
    named.iter().fold(vec![Fields::new()], |so_far, (name, values)| {
        let with = |fields: &Fields, value: &FieldValue| {
            let mut fields = fields.clone();
            fields.insert(name.clone(), value.clone());
            fields
        };
        so_far.iter().flat_map(|fields| values.iter().map(|value| with(fields, value))).collect()
    })
}

/// Every pattern on an otherwise empty record, and every pattern written over every other.
fn patterns_together(patterns: &[&Fields], named: &BTreeMap<FieldName, BTreeSet<FieldValue>>) -> Vec<Fields> {
    let empty: Fields = named
        .iter()
        .map(|(name, values)| (name.clone(), values.first().cloned().unwrap_or(FieldValue::Null)))
        .collect();
    let over = |base: &Fields, pattern: &Fields| {
        let mut fields = base.clone();
        fields.extend(pattern.iter().map(|(name, value)| (name.clone(), value.clone())));
        fields
    };
    let mut all: BTreeSet<Fields> = BTreeSet::from([empty.clone()]);
    for first in patterns {
        let base = over(&empty, first);
        all.extend(patterns.iter().map(|second| over(&base, second)));
        all.insert(base);
    }
    all.into_iter().collect()
}

/// More combinations of conditions than this: then every two rows together.
const PEOPLE_MAX: usize = 4_096;

impl Person {
    /// Every kind of record that the conditions of one object's rows tell apart.
    ///
    /// A broken law needs no more than two rows that hold at once (`mapping::violations`), so where there are too many
    /// combinations, each two rows together are looked at instead.
    pub fn kinds(mapping: &Mapping, object: SalesforceObject) -> Vec<Person> {
        let speaks = |row: &&Row| row.fields(object).is_some() || !row.also_from(object).is_empty();
        let conditions: Vec<&Condition> = mapping
            .rows
            .iter()
            .filter(speaks)
            .map(|row| &row.only_if)
            .filter(|condition| !condition.is_always())
            .collect();
        let mut fields: BTreeMap<FieldName, BTreeSet<FieldValue>> = BTreeMap::new();
        let mut sequences: BTreeSet<Arc<str>> = BTreeSet::new();
        for condition in &conditions {
            for (name, values) in &condition.fields {
                let all = fields.entry(name.clone()).or_insert_with(|| BTreeSet::from([FieldValue::Null]));
                all.extend(values.iter().cloned());
            }
            sequences.extend(condition.sequences.iter().cloned());
        }
        let of_fields = fields.values().try_fold(1usize, |count, values| count.checked_mul(values.len()));
        let of_sequences = 1usize.checked_shl(u32::try_from(sequences.len()).unwrap_or(u32::MAX));
        let count = of_fields.zip(of_sequences).and_then(|(fields, sequences)| fields.checked_mul(sequences));
        if count.is_none_or(|count| count > PEOPLE_MAX) {
            return two_at_once(&conditions);
        }
        let sequences: Vec<Arc<str>> = sequences.into_iter().collect();
        let mut people = Vec::new();
        for record in combinations(&fields) {
            for bits in 0..1usize << sequences.len() {
                let of = sequences.iter().enumerate().filter(|(bit, _)| bits & (1 << bit) != 0);
                people.push(Person {
                    record: record.clone(),
                    sequences: of.map(|(_, name)| name.clone()).collect(),
                });
            }
        }
        people
    }

    /// The world of such a person.
    pub fn world<'m>(&self, mapping: &'m Mapping, object: SalesforceObject) -> World<'m> {
        let mut world = World::new(mapping, object);
        world.record.extend(self.record.iter().map(|(name, value)| (name.clone(), value.clone())));
        world.sequences = self.sequences.clone();
        world
    }
}

fn two_at_once(conditions: &[&Condition]) -> Vec<Person> {
    let mut people = BTreeSet::from([Person { record: Fields::new(), sequences: Vec::new() }]);
    for (index, first) in conditions.iter().enumerate() {
        let pairs = conditions[index..].iter().filter_map(|second| first.both(second));
        people.extend(pairs.map(|(record, sequences)| Person { record, sequences }));
    }
    people.into_iter().collect()
}
