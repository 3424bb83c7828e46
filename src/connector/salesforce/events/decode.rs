//! One event, from its bytes to what it says.

use super::bitmap;
use super::bounds::PAYLOAD_BYTES_MAX;
use super::schema::EventSchema;
use crate::model::{FieldValue, SalesforceId, SalesforceObject};
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::{Arc, Once};

/// The most that one decoded value may ask for: an event is at most 1 MB. The library's own cap is 512 MB.
const ALLOCATION_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What happened to records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Made: the event carries all that they have.
    Created,
    /// Changed: the event carries what changed.
    Updated,
    /// Moved to the recycle bin, or lost a merge.
    Deleted,
    /// Taken out of the recycle bin.
    Undeleted,
    /// Something happened that the event cannot tell.
    Gap,
}

/// Which records an event is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whom {
    /// These.
    Records(Vec<SalesforceId>),
    /// Every record of the object: a field of it was converted.
    All,
    /// Nobody can say which: too much changed in one transaction, or the event cannot be read.
    Unknown,
}

/// A change of Leads or Contacts.
#[derive(Debug, Clone)]
pub struct ChangeEvent {
    /// Which object.
    pub object: SalesforceObject,
    /// Which records.
    pub whom: Whom,
    /// What happened.
    pub what: What,
    /// Whether our own writing brought it about: its origin names us. A Flow may have altered the values all the same.
    pub is_ours: bool,
    /// When it was committed, by Salesforce's clock, in whole seconds.
    pub committed_at: Timestamp,
    /// Who did it: a User id.
    pub user: Option<String>,
    schema: Option<Arc<EventSchema>>,
    /// What is told of fields that changed, by name in lower case; `None` where the event does not tell the value.
    told: HashMap<String, Option<FieldValue>>,
}

impl ChangeEvent {
    /// Whether the event says that a field changed.
    pub fn mentions(&self, field: &str) -> bool {
        match self.what {
            What::Created | What::Undeleted => true,
            What::Updated => self.told.contains_key(&field.to_ascii_lowercase()),
            What::Deleted | What::Gap => false,
        }
    }

    /// The new value of a field that is mentioned; `None` where only a read can tell it.
    pub fn value(&self, field: &str) -> Option<FieldValue> {
        self.told.get(&field.to_ascii_lowercase()).cloned().flatten()
    }

    /// Whether events of this kind would tell if a field changed: it is among their fields, in a form that they carry as
    /// REST does.
    pub fn covers(&self, field: &str) -> bool {
        let place = self.schema.as_ref().and_then(|schema| schema.place(field));
        place.is_some_and(|place| place.is_plain)
    }

    /// Reads one event by itself: its schema as the service gives it, and its bytes. `None` for one of an object that
    /// holds no people.
    ///
    /// # Errors
    /// Says why it cannot be read. Never panics, whatever the bytes are.
    pub fn read(schema: &str, payload: &[u8]) -> Result<Option<ChangeEvent>, String> {
        decode(&Arc::new(EventSchema::parse(schema)?), payload, super::CLIENT)
    }

    /// An event that says nothing but that something was missed.
    pub(super) fn unreadable(object: SalesforceObject, at: Timestamp) -> ChangeEvent {
        ChangeEvent {
            object,
            whom: Whom::Unknown,
            what: What::Gap,
            is_ours: false,
            committed_at: at,
            user: None,
            schema: None,
            told: HashMap::new(),
        }
    }
}

/// Reads an event. `Ok(None)` for one of an object that holds no people.
///
/// # Errors
/// Says why it cannot be read. Never panics, whatever the bytes are.
pub(super) fn decode(
    schema: &Arc<EventSchema>,
    mut payload: &[u8],
    client: &str,
) -> Result<Option<ChangeEvent>, String> {
    if payload.len() > PAYLOAD_BYTES_MAX {
        return Err(format!("no event has {} bytes", payload.len()));
    }
    static CAP: Once = Once::new();
    CAP.call_once(|| {
        apache_avro::util::max_allocation_bytes(ALLOCATION_BYTES_MAX);
    });
    let reader = GenericDatumReader::builder(&schema.schema).build().map_err(|error| error.to_string())?;
    let Value::Record(fields) = reader.read_value(&mut payload).map_err(|error| error.to_string())? else {
        return Err("the event is no record".to_owned());
    };
    let header = fields.iter().find(|(name, _)| name == "ChangeEventHeader").map(|(_, value)| value);
    let Some(Value::Record(header)) = header else { return Err("the event has no header".to_owned()) };
    let header = Header(header);
    let object = match header.text("entityName")? {
        "Lead" => SalesforceObject::Lead,
        "Contact" => SalesforceObject::Contact,
        _ => return Ok(None),
    };
    let change_type = header.symbol("changeType")?;
    let what = match change_type {
        "CREATE" => What::Created,
        "UPDATE" => What::Updated,
        "DELETE" => What::Deleted,
        "UNDELETE" => What::Undeleted,
        // GAP_*, SNAPSHOT, and whatever is added: something happened, and only a read tells what.
        _ => What::Gap,
    };
    let whom = whom(&header.texts("recordIds")?, object, change_type);
    let told = match what {
        What::Created | What::Undeleted => all_values(schema, &fields),
        What::Updated => changed_values(schema, &fields, &header)?,
        What::Deleted | What::Gap => HashMap::new(),
    };
    Ok(Some(ChangeEvent {
        object,
        whom,
        what,
        is_ours: names(header.text("changeOrigin")?, client),
        committed_at: Timestamp::from_millisecond(header.long("commitTimestamp")?)
            .map_err(|error| error.to_string())?,
        user: Some(header.text("commitUser")?.to_owned()).filter(|user| !user.is_empty()),
        schema: Some(schema.clone()),
        told,
    }))
}

fn whom(ids: &[&str], object: SalesforceObject, change_type: &str) -> Whom {
    if change_type == "GAP_OVERFLOW" {
        return Whom::Unknown;
    }
    if ids.iter().any(|id| id.ends_with('*')) {
        return Whom::All;
    }
    let known: Vec<SalesforceId> = ids
        .iter()
        .filter_map(|id| id.parse().ok())
        .filter(|id: &SalesforceId| id.object() == object)
        .collect();
    // An id that is none cannot be looked up, and must not be passed over.
    if known.len() == ids.len() && !ids.is_empty() { Whom::Records(known) } else { Whom::Unknown }
}

/// `com/salesforce/api/rest/67.0;client=lockstep`, perhaps with a slash at the end.
fn names(origin: &str, client: &str) -> bool {
    let named = origin.split(';').find_map(|part| part.strip_prefix("client="));
    named.is_some_and(|named| named.trim_end_matches('/') == client)
}

fn all_values(schema: &EventSchema, fields: &[(String, Value)]) -> HashMap<String, Option<FieldValue>> {
    let mut told = HashMap::new();
    for (index, (name, parts)) in schema.fields.iter().enumerate() {
        let value = fields.get(index).map(|(_, value)| value);
        for (part, part_name) in parts.iter().enumerate() {
            told.insert(part_name.to_ascii_lowercase(), part_value(value, part));
        }
        told.insert(name.to_ascii_lowercase(), value.and_then(plain));
    }
    told
}

fn changed_values(
    schema: &EventSchema,
    fields: &[(String, Value)],
    header: &Header<'_>,
) -> Result<HashMap<String, Option<FieldValue>>, String> {
    let bitmaps = |name: &str| bitmap::decode(&header.texts(name)?, schema.fields.len());
    // A long text may come as a difference, which only a read can make whole.
    let differences = bitmaps("diffFields")?;
    let mut told = HashMap::new();
    // An emptied field is a changed one; that both lists name it is nowhere promised.
    let mut changed = bitmaps("changedFields")?;
    changed.append(&mut bitmaps("nulledFields")?);
    for (field, part) in changed {
        // No bitmap names what the schema does not have.
        let Some((name, parts)) = schema.fields.get(field) else { continue };
        let value = fields.get(field).map(|(_, value)| value);
        let is_difference = differences.contains(&(field, part));
        match part {
            Some(part) => {
                if let Some(name) = parts.get(part) {
                    let value = part_value(value, part).filter(|_| !is_difference);
                    told.insert(name.to_ascii_lowercase(), value);
                }
                told.insert(name.to_ascii_lowercase(), None);
            }
            None => {
                for (part, name) in parts.iter().enumerate() {
                    told.insert(name.to_ascii_lowercase(), part_value(value, part));
                }
                told.insert(name.to_ascii_lowercase(), value.and_then(plain).filter(|_| !is_difference));
            }
        }
    }
    Ok(told)
}

fn part_value(compound: Option<&Value>, part: usize) -> Option<FieldValue> {
    match within(compound?) {
        Value::Null => Some(FieldValue::Null),
        Value::Record(parts) => plain(&parts.get(part)?.1),
        _ => None,
    }
}

/// A value that the event carries as REST does.
fn plain(value: &Value) -> Option<FieldValue> {
    match within(value) {
        Value::Null => Some(FieldValue::Null),
        Value::Boolean(truth) => Some(FieldValue::Bool(*truth)),
        Value::String(text) => Some(FieldValue::text(text)),
        _ => None,
    }
}

fn within(value: &Value) -> &Value {
    match value {
        Value::Union(_, value) => value,
        other => other,
    }
}

struct Header<'a>(&'a [(String, Value)]);

impl<'a> Header<'a> {
    fn get(&self, name: &str) -> Result<&'a Value, String> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| within(value)).ok_or_else(|| format!("the header has no {name}"))
    }

    fn text(&self, name: &str) -> Result<&'a str, String> {
        match self.get(name)? {
            Value::String(text) => Ok(text),
            Value::Null => Ok(""),
            _ => Err(format!("{name} is no text")),
        }
    }

    fn symbol(&self, name: &str) -> Result<&'a str, String> {
        match self.get(name)? {
            Value::Enum(_, symbol) => Ok(symbol),
            _ => self.text(name),
        }
    }

    fn long(&self, name: &str) -> Result<i64, String> {
        match self.get(name)? {
            Value::Long(number) => Ok(*number),
            Value::Int(number) => Ok(i64::from(*number)),
            _ => Err(format!("{name} is no number")),
        }
    }

    fn texts(&self, name: &str) -> Result<Vec<&'a str>, String> {
        let Value::Array(items) = self.get(name)? else { return Err(format!("{name} is no list")) };
        let text = |item: &'a Value| match within(item) {
            Value::String(text) => Ok(text.as_str()),
            _ => Err(format!("{name} holds something that is no text")),
        };
        items.iter().map(text).collect()
    }
}
