//! What a schema may ask of memory and time.
//!
//! The library decodes whatever a schema says, and a schema can say much in a few bytes: a record within itself has no end,
//! a fixed of 2^60 bytes is asked for at once, and lists of lists of nothing make a million values of every byte. Events
//! have none of these, so a schema that has them is refused, and a poll finds out what happened.

use apache_avro::Schema;
use apache_avro::schema::{
    DecimalSchema, EnumSchema, FixedSchema, InnerDecimalSchema, NamespaceRef, ResolvedSchema, UuidSchema,
};

/// The most bytes of one event (facts/salesforce-api.md 5.3): 1 MB, and some more.
pub(super) const PAYLOAD_BYTES_MAX: usize = 1024 * 1024;

/// The most values of one event, without those in lists: an object has at most 800 fields, and some have parts.
const VALUES_MAX: usize = 10_000;

/// The most bytes of names that a decoded event repeats.
const NAMES_BYTES_MAX: usize = 1024 * 1024;

/// The longest symbol of an enum: each value is a copy of one.
const SYMBOL_BYTES_MAX: usize = 255;

/// Records within records: an event has three.
const DEPTH_MAX: usize = 16;

/// Refuses a schema that lets a few bytes become many values.
///
/// # Errors
/// Says what no event has.
pub(super) fn check(schema: &Schema) -> Result<(), String> {
    let resolved = ResolvedSchema::try_from(schema).map_err(|error| error.to_string())?;
    Walk { resolved, values: 0, names: 0 }.value(schema, None, 0)
}

struct Walk<'s> {
    resolved: ResolvedSchema<'s>,
    values: usize,
    names: usize,
}

impl<'s> Walk<'s> {
    fn value(&mut self, schema: &Schema, within: NamespaceRef<'_>, depth: usize) -> Result<(), String> {
        self.values += 1;
        if depth > DEPTH_MAX {
            return Err(format!("the schema has a record within itself, or {DEPTH_MAX} within each other"));
        }
        if self.values > VALUES_MAX || self.names > NAMES_BYTES_MAX {
            return Err("no event has so many fields".to_owned());
        }
        match schema {
            Schema::Record(record) => {
                let name = record.name.fully_qualified_name(within);
                record.fields.iter().try_for_each(|field| {
                    self.names += field.name.len();
                    self.value(&field.schema, name.namespace(), depth + 1)
                })
            }
            Schema::Union(union) => {
                union.variants().iter().try_for_each(|variant| self.value(variant, within, depth))
            }
            Schema::Array(array) => item(&array.items),
            Schema::Map(map) => item(&map.types),
            Schema::Ref { name } => {
                let name = name.fully_qualified_name(within);
                match self.resolved.get_names().get(&*name).copied() {
                    Some(named) => self.value(named, name.namespace(), depth + 1),
                    None => Err("the schema names a type that it does not have".to_owned()),
                }
            }
            other => plain(other),
        }
    }
}

/// What lists hold takes at least one byte of the payload, and is one value: an event's lists are of texts.
fn item(schema: &Schema) -> Result<(), String> {
    let of_nothing = || Err("the schema has a list of nothing".to_owned());
    let variants = match schema {
        Schema::Union(union) => union.variants(),
        Schema::Null => return of_nothing(),
        other => std::slice::from_ref(other),
    };
    variants.iter().try_for_each(|variant| match variant {
        Schema::Array(_) | Schema::Map(_) | Schema::Record(_) | Schema::Union(_) | Schema::Ref { .. } => {
            Err("the schema has a list of what is no plain value".to_owned())
        }
        Schema::Fixed(FixedSchema { size: 0, .. }) => of_nothing(),
        other => plain(other),
    })
}

fn plain(schema: &Schema) -> Result<(), String> {
    let longest = match schema {
        Schema::Fixed(fixed)
        | Schema::Duration(fixed)
        | Schema::Uuid(UuidSchema::Fixed(fixed))
        | Schema::Decimal(DecimalSchema { inner: InnerDecimalSchema::Fixed(fixed), .. }) => fixed.size,
        Schema::Enum(EnumSchema { symbols, .. })
            if symbols.iter().any(|name| name.len() > SYMBOL_BYTES_MAX) =>
        {
            return Err(format!("the schema has a symbol of more than {SYMBOL_BYTES_MAX} bytes"));
        }
        _ => 0,
    };
    match longest {
        0..=PAYLOAD_BYTES_MAX => Ok(()),
        bytes => Err(format!("no event has {bytes} bytes in one field")),
    }
}
