//! How values are shown to people: in the journal, in log lines, in `explain`.

use crate::mapping::Mapping;
use crate::model::{ActorKind, Fields, SalesforceRecord};

/// What a Lead or Contact holds: the status alone where that is all there is to say, else field by field.
pub(super) fn salesforce(mapping: &Mapping, record: &SalesforceRecord) -> String {
    if record.is_deleted {
        return "(deleted)".to_owned();
    }
    if record.is_converted {
        return "(converted)".to_owned();
    }
    let object = mapping.object(record.id.object());
    fields(object.map(|object| &*object.status), &mapping.values(record.id.object(), &record.fields))
}

/// Several fields: `Nurture`, or `Attempting to contact, Rating = Warm`. An unticked checkbox says nothing new
/// and is left out.
pub(super) fn fields(status: Option<&str>, fields: &Fields) -> String {
    let mut parts = Vec::new();
    for (name, value) in fields {
        if Some(&**name) == status {
            parts.insert(0, value.to_string());
        } else if *value != crate::model::FieldValue::Bool(false) {
            parts.push(format!("{name} = {value}"));
        }
    }
    if parts.is_empty() { "(empty)".to_owned() } else { parts.join(", ") }
}

/// Who did something in Engage.
pub(super) fn actor(kind: ActorKind) -> &'static str {
    match kind {
        ActorKind::User => "user",
        ActorKind::System => "system",
        ActorKind::Api => "api",
    }
}
