//! What a change event looks like: the Avro schema of an object, made of the fields it has now. A new field makes a new
//! schema with a new id, in the middle of a stream too (facts/salesforce-api.md 5.5).

use crate::sandbox::salesforce::FieldKind;
use crate::sandbox::salesforce::schema::Object;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The kinds of change, in the order of the schema's enum.
pub(super) const CHANGE_TYPES: [&str; 10] = [
    "CREATE",
    "UPDATE",
    "DELETE",
    "UNDELETE",
    "GAP_CREATE",
    "GAP_UPDATE",
    "GAP_DELETE",
    "GAP_UNDELETE",
    "GAP_OVERFLOW",
    "SNAPSHOT",
];

/// Fields that no event carries, and `Name`, which is compound for people.
const NEVER: [&str; 4] = ["Id", "IsDeleted", "MasterRecordId", "SystemModstamp"];

/// The parts of a person's name.
const NAME_PARTS: [&str; 3] = ["Salutation", "FirstName", "LastName"];

/// The order in which standard fields were seen; others follow as the object has them.
const ORDER: [&str; 16] = [
    "Title",
    "Company",
    "Phone",
    "Email",
    "LeadSource",
    "Status",
    "Rating",
    "OwnerId",
    "HasOptedOutOfEmail",
    "IsConverted",
    "ConvertedDate",
    "ConvertedAccountId",
    "ConvertedContactId",
    "ConvertedOpportunityId",
    "CreatedDate",
    "LastModifiedDate",
];

/// A field of an event.
#[derive(Debug, Clone)]
pub(super) enum Part {
    /// A person's name: a record of its parts.
    Name,
    /// A field of its own.
    Field(String, FieldKind),
}

impl Part {
    pub(super) fn name(&self) -> &str {
        match self {
            Part::Name => "Name",
            Part::Field(name, _) => name,
        }
    }
}

/// The schema of one object's events.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    pub(super) id: String,
    pub(super) json: String,
    pub(super) schema: apache_avro::Schema,
    /// Behind the header, which is field 0.
    pub(super) parts: Vec<Part>,
}

impl Shape {
    /// The shape of an object's events as its fields stand now.
    pub(super) fn of(object: &Object) -> Shape {
        let is_person = object.field("LastName").is_some();
        let mut parts: Vec<Part> = if is_person { vec![Part::Name] } else { Vec::new() };
        let mut fields: Vec<_> = object
            .fields
            .iter()
            .filter(|field| !NEVER.contains(&field.name.as_str()))
            .filter(|field| {
                !is_person || (field.name != "Name" && !NAME_PARTS.contains(&field.name.as_str()))
            })
            .collect();
        // A stable sort: what is not in the list keeps the object's own order, at the end.
        fields.sort_by_key(|field| ORDER.iter().position(|name| *name == field.name).unwrap_or(ORDER.len()));
        parts.extend(fields.into_iter().map(|field| Part::Field(field.name.clone(), field.kind)));
        let name = format!("{}ChangeEvent", object.name);
        let mut columns = vec![header()];
        columns.extend(parts.iter().map(column));
        let mut json = json!({
            "type": "record", "name": name, "namespace": "com.sforce.eventbus", "fields": columns,
        });
        let id = URL_SAFE_NO_PAD.encode(&Sha256::digest(json.to_string())[..16]);
        json["uuid"] = json!(id);
        let json = json.to_string();
        // Made of names and types that Avro knows; a field whose name Avro refuses cannot be made in an org either.
        let schema = apache_avro::Schema::parse_str(&json).unwrap_or(apache_avro::Schema::Null);
        Shape { id, json, schema, parts }
    }
}

fn header() -> Value {
    let strings = json!({"type": "array", "items": "string"});
    json!({"name": "ChangeEventHeader", "type": {"type": "record", "name": "ChangeEventHeader", "fields": [
        {"name": "entityName", "type": "string"},
        {"name": "recordIds", "type": strings},
        {"name": "changeType", "type": {"type": "enum", "name": "ChangeType", "symbols": CHANGE_TYPES}},
        {"name": "changeOrigin", "type": "string"},
        {"name": "transactionKey", "type": "string"},
        {"name": "sequenceNumber", "type": "int"},
        {"name": "commitTimestamp", "type": "long"},
        {"name": "commitNumber", "type": "long"},
        {"name": "commitUser", "type": "string"},
        {"name": "nulledFields", "type": strings},
        {"name": "diffFields", "type": strings},
        {"name": "changedFields", "type": strings},
    ]}, "doc": "Data:ComplexValueType"})
}

fn column(part: &Part) -> Value {
    let optional = |kind: Value| json!(["null", kind]);
    let (kind, doc) = match part {
        Part::Name => {
            let parts = NAME_PARTS.map(|name| {
                json!({"name": name, "type": optional(json!("string")), "default": null, "doc": "Data:Text"})
            });
            (json!({"type": "record", "name": "PersonName", "fields": parts}), "Data:PersonName")
        }
        Part::Field(name, FieldKind::DateTime) if name == "CreatedDate" => {
            (json!("long"), "CreatedDate:DateTime")
        }
        Part::Field(_, kind) => match kind {
            FieldKind::Boolean => (json!("boolean"), "Data:Boolean"),
            FieldKind::DateTime => (json!("long"), "Data:DateTime"),
            FieldKind::Date => (json!("long"), "Data:DateOnly"),
            FieldKind::Id | FieldKind::Reference => (json!("string"), "ForeignKey:EntityId"),
            FieldKind::Email => (json!("string"), "Data:Email"),
            FieldKind::Picklist => (json!("string"), "Data:DynamicEnum"),
            FieldKind::Text => (json!("string"), "Data:Text"),
            FieldKind::LongText => (json!("string"), "Data:StringPlusClob"),
        },
    };
    json!({"name": part.name(), "type": optional(kind), "default": null, "doc": doc})
}

/// The parts of a person's name, by their place in the schema.
pub(super) fn name_parts() -> [&'static str; 3] {
    NAME_PARTS
}
