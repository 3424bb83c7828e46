//! Updating and creating records, with everything that can be said against it.

use super::events::Kind;
use super::ids;
use super::record::{Record, time};
use super::schema::FieldKind;
use super::state::State;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// A change of a text of so many characters is told as a difference.
const DIFFERENCE_FROM: usize = 1_000;

/// Why a row is refused: code, message, fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) fields: Vec<String>,
}

impl Refusal {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Refusal {
        Refusal { code, message: message.into(), fields: Vec::new() }
    }

    fn of_field(code: &'static str, message: impl Into<String>, field: &str) -> Refusal {
        Refusal { code, message: message.into(), fields: vec![field.to_owned()] }
    }
}

/// Who writes, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Writer<'a> {
    pub(super) user: &'a str,
    /// What the events say of where the change came from; empty for what people do.
    pub(super) origin: &'a str,
    /// `Sforce-Auto-Assign`: on unless the caller says FALSE.
    pub(super) auto_assign: bool,
    /// The stamp of the transaction.
    pub(super) at: i64,
}

impl State {
    /// Changes a record's fields.
    pub(super) fn update(
        &mut self,
        id: &str,
        fields: &Map<String, Value>,
        writer: Writer<'_>,
    ) -> Result<(), Refusal> {
        let Some(record) = self.record(id) else {
            return Err(Refusal::new("NOT_FOUND", "The requested resource does not exist"));
        };
        if record.deleted {
            return Err(Refusal::new("ENTITY_IS_DELETED", "entity is deleted"));
        }
        if record.is("IsConverted") {
            return Err(Refusal::new("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead"));
        }
        if self.locked.contains(id) {
            let message = format!("unable to obtain exclusive access to this record or 1 records: {id}");
            return Err(Refusal::new("UNABLE_TO_LOCK_ROW", message));
        }
        let object = record.object.clone();
        let values = self.checked(&object, fields)?;
        self.set(id, values, writer);
        if writer.auto_assign && self.assignment_rule && object == "Lead" {
            let queue = Value::String(ids::long(ids::QUEUE));
            self.set(id, BTreeMap::from([("OwnerId".to_owned(), queue)]), writer);
        }
        Ok(())
    }

    /// Makes a record.
    pub(super) fn create(
        &mut self,
        object: &str,
        fields: &Map<String, Value>,
        writer: Writer<'_>,
    ) -> Result<String, Refusal> {
        let Some((name, prefix)) =
            self.object(object).map(|object| (object.name.clone(), object.prefix.clone()))
        else {
            return Err(Refusal::new("NOT_FOUND", "The requested resource does not exist"));
        };
        let mut values = self.checked(&name, fields)?;
        let required: &[&str] = match name.as_str() {
            "Lead" => &["LastName", "Company"],
            "Contact" => &["LastName"],
            _ => &["Name"],
        };
        let missing: Vec<String> = required
            .iter()
            .filter(|field| !values.contains_key(**field))
            .map(|field| (*field).to_owned())
            .collect();
        if !missing.is_empty() {
            let message = format!("Required fields are missing: [{}]", missing.join(", "));
            return Err(Refusal { code: "REQUIRED_FIELD_MISSING", message, fields: missing });
        }
        if name == "Lead" {
            values.entry("Status".to_owned()).or_insert_with(|| Value::String("New".to_owned()));
        }
        let assigned = writer.auto_assign && self.assignment_rule && name == "Lead";
        let owner = if assigned { ids::QUEUE } else { ids::PERSON };
        values.entry("OwnerId".to_owned()).or_insert_with(|| Value::String(ids::long(owner)));
        let id = self.next_id(&prefix);
        let mut told = values.clone();
        for (name, at) in [("CreatedDate", writer.at), ("LastModifiedDate", writer.at)] {
            told.insert(name.to_owned(), Value::String(time(at)));
        }
        for name in ["CreatedById", "LastModifiedById"] {
            told.insert(name.to_owned(), Value::String(ids::long(writer.user)));
        }
        let record = Record {
            id: id.clone(),
            object: name,
            created: writer.at,
            created_by: ids::long(writer.user),
            modified: writer.at,
            modified_by: ids::long(writer.user),
            stamp: writer.at,
            deleted: false,
            master: None,
            values,
        };
        self.note_change(&record, Kind::Create, told, writer);
        self.put(record);
        Ok(id)
    }

    /// The values under their fields' own names, or why one of them cannot be.
    fn checked(&self, object: &str, fields: &Map<String, Value>) -> Result<BTreeMap<String, Value>, Refusal> {
        let Some(schema) = self.object(object) else {
            return Err(Refusal::new("NOT_FOUND", "The requested resource does not exist"));
        };
        let mut values = BTreeMap::new();
        for (name, value) in fields {
            if name.eq_ignore_ascii_case("attributes") || name.eq_ignore_ascii_case("id") {
                continue;
            }
            let Some(field) = schema.field(name) else {
                let message = format!("No such column '{name}' on sobject of type {object}");
                return Err(Refusal::new("INVALID_FIELD", message));
            };
            if !field.updateable {
                let message = format!(
                    "Unable to create/update fields: {}. Please check the security settings of this field and verify \
                     that it is read/write for your profile or permission set.",
                    field.name
                );
                return Err(Refusal::of_field("INVALID_FIELD_FOR_INSERT_UPDATE", message, &field.name));
            }
            let fits = match field.kind {
                FieldKind::Boolean => value.is_boolean(),
                _ => value.is_string() || value.is_null(),
            };
            if !fits {
                let message =
                    format!("Cannot deserialize instance of {} from {value}", object.to_lowercase());
                return Err(Refusal::of_field("JSON_PARSER_ERROR", message, &field.name));
            }
            let text = value.as_str().unwrap_or_default();
            if field.restricted
                && value.is_string()
                && !field.values.iter().any(|(known, active)| *active && known == text)
            {
                let message = format!("{}: bad value for restricted picklist field: {text}", field.label);
                return Err(Refusal::of_field(
                    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
                    message,
                    &field.name,
                ));
            }
            let length = field.kind.length();
            if text.chars().count() > length {
                let message = format!("{}: data value too large: {text} (max length={length})", field.label);
                return Err(Refusal::of_field("STRING_TOO_LONG", message, &field.name));
            }
            values.insert(field.name.clone(), value.clone());
        }
        for rule in self.kept.rules.iter().filter(|rule| rule.object == object) {
            let set = values.get(&rule.field);
            if set.is_some_and(|set| rule.value.as_ref().is_none_or(|refused| refused == set)) {
                return Err(Refusal::of_field(
                    "FIELD_CUSTOM_VALIDATION_EXCEPTION",
                    rule.message.clone(),
                    &rule.field,
                ));
            }
        }
        Ok(values)
    }

    /// Sets values that were checked. A save moves both times even when no value differs, as in a real org.
    pub(super) fn set(&mut self, id: &str, mut values: BTreeMap<String, Value>, writer: Writer<'_>) {
        let Some(mut record) = self.record(id).cloned() else { return };
        for (object, field, from, to) in &self.rewrites {
            if *object == record.object && values.get(field) == Some(from) {
                values.insert(field.clone(), to.clone());
            }
        }
        let user = ids::long(writer.user);
        let mut told = BTreeMap::new();
        for (name, value) in values {
            let old = record.values.get(&name).cloned().unwrap_or(Value::Null);
            let tracked = self
                .object(&record.object)
                .and_then(|object| object.field(&name))
                .is_some_and(|field| field.tracked);
            if old != value {
                told.insert(name.clone(), difference(&old, &value).unwrap_or_else(|| value.clone()));
            }
            if tracked && old != value {
                self.add_history(id, &name, old, value.clone(), &user, writer.at);
            }
            record.values.insert(name, value);
        }
        record.modified = record.modified.max(writer.at);
        told.insert("LastModifiedDate".to_owned(), Value::String(time(record.modified)));
        if record.modified_by != user {
            told.insert("LastModifiedById".to_owned(), Value::String(user.clone()));
        }
        record.modified_by = user;
        // A transaction that commits late is stamped with its own time, behind everybody who was faster.
        record.stamp = if writer.at < record.stamp { record.stamp } else { writer.at };
        self.note_change(&record, Kind::Update, told, writer);
        self.put(record);
    }
}

/// What an event says of a long text instead of the text: an object here, since no field holds one
/// (facts/salesforce-api.md 4.3).
fn difference(old: &Value, new: &Value) -> Option<Value> {
    let (old, new) = (old.as_str()?, new.as_str()?);
    if new.chars().count() < DIFFERENCE_FROM {
        return None;
    }
    let lines =
        |text: &str, sign: char| text.lines().map(|line| format!("{sign}{line}\n")).collect::<String>();
    let (was, is) = (old.lines().count(), new.lines().count());
    let digest = hex::encode(Sha256::digest(new));
    let told = format!("--- \n+++ {digest}\n@@ -1,{was} +1,{is} @@\n{}{}", lines(old, '-'), lines(new, '+'));
    Some(json!({ "difference": told }))
}
