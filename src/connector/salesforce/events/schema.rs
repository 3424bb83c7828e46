//! What an event schema says: where each field stands, and whether its value can be told from the event alone.

use apache_avro::Schema;
use apache_avro::schema::{RecordSchema, UnionSchema};
use std::collections::HashMap;

/// One version of an object's event schema. Immutable: an org's change of fields makes another with another id.
#[derive(Debug)]
pub(in crate::connector::salesforce) struct EventSchema {
    pub(super) schema: Schema,
    /// Top-level fields in their order, with the names of their parts where they are compound.
    pub(super) fields: Vec<(String, Vec<String>)>,
    /// By name in lower case.
    places: HashMap<String, Place>,
}

/// Where a field stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Its place at the top.
    pub(super) field: usize,
    /// Its place within a compound field.
    pub(super) part: Option<usize>,
    /// A text or a checkbox, which an event carries as REST does. Numbers, times and compounds it writes differently.
    pub(super) is_plain: bool,
}

impl EventSchema {
    /// Reads a schema as the service gives it.
    pub(super) fn parse(json: &str) -> Result<EventSchema, String> {
        let schema = Schema::parse_str(json).map_err(|error| error.to_string())?;
        super::bounds::check(&schema)?;
        let Schema::Record(record) = &schema else { return Err("the schema is no record".to_owned()) };
        let (mut fields, mut places) = (Vec::new(), HashMap::new());
        for (index, field) in record.fields.iter().enumerate() {
            let inner = inner(&field.schema);
            let parts = parts(inner);
            for (part, name) in parts.iter().enumerate() {
                // A part may share its name with a field of its own, which then counts.
                places.entry(name.to_ascii_lowercase()).or_insert(Place {
                    field: index,
                    part: Some(part),
                    is_plain: true,
                });
            }
            let is_plain = matches!(inner, Schema::String | Schema::Boolean);
            let place = Place { field: index, part: None, is_plain };
            places.insert(field.name.to_ascii_lowercase(), place);
            fields.push((field.name.clone(), parts));
        }
        Ok(EventSchema { schema, fields, places })
    }

    /// Where a field stands, if events of this schema have it. Names are compared without regard to case.
    pub(super) fn place(&self, name: &str) -> Option<Place> {
        self.places.get(&name.to_ascii_lowercase()).copied()
    }
}

/// What a field is besides null.
fn inner(schema: &Schema) -> &Schema {
    match schema {
        Schema::Union(union) => not_null(union).unwrap_or(schema),
        other => other,
    }
}

fn not_null(union: &UnionSchema) -> Option<&Schema> {
    union.variants().iter().find(|variant| !matches!(variant, Schema::Null))
}

/// Only names of people are taken apart: their parts have the names that REST gives them. Parts of addresses do not.
fn parts(schema: &Schema) -> Vec<String> {
    match schema {
        Schema::Record(RecordSchema { name, fields, .. }) if name.name() == "PersonName" => {
            fields.iter().map(|field| field.name.clone()).collect()
        }
        _ => Vec::new(),
    }
}
