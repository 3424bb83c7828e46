//! What has become of a person, by name: in step, or one of the ends that `docs/lives.md` lists.

use super::world::{Person, World};
use lockstep::mapping::Context;
use lockstep::model::{FieldName, FieldValue, Fields, PersonStatus, SalesforceId};
use serde_json::Value;

impl World {
    fn agree_by_mapping(&self, id: SalesforceId, status: &str) -> bool {
        let (mapping, object) = (self.engine.mapping(), id.object());
        let fields: Fields =
            mapping.fields_read(object).into_iter().map(|name| self.field(id, name)).collect();
        let status = PersonStatus::new(status);
        let relation = mapping.relation(object, &Context { fields: Some(&fields), sequences: &[] });
        let both_out = status.is_opted_out() && mapping.is_opted_out(object, &fields);
        let unmapped = !relation.knows_fields(&fields) && !relation.knows_status(&status);
        both_out || unmapped || relation.agree(&fields, &status)
    }

    fn field(&self, id: SalesforceId, name: FieldName) -> (FieldName, FieldValue) {
        let value = match self.org.get(id, &name) {
            Value::Bool(value) => FieldValue::Bool(value),
            Value::String(text) => FieldValue::text(&text),
            _ => FieldValue::Null,
        };
        (name, value)
    }

    /// The name of what has become of a person: every one has one.
    pub async fn outcome(&self, person: &Person) -> Option<String> {
        if let Some(held) = self.held().await.into_iter().find(|held| held.prospect == person.prospect) {
            return Some(format!("held: {}", held.reason));
        }
        if self.parked().await.iter().any(|parked| parked.prospect == person.prospect) {
            return Some("parked".to_owned());
        }
        let last = self.journal(person).await.pop().map(|entry| (entry.what, entry.reason));
        let named = |what: &str| last.as_ref().is_some_and(|(last, _)| last == what);
        let Some(link) = self.link(person).await else {
            return named("unlinked").then(|| "unlinked".to_owned());
        };
        if self.agree_by_mapping(link.salesforce, &self.person_status(person)) {
            return Some("in sync".to_owned());
        }
        let left_at_first_sight = last.as_ref().is_some_and(|(_, reason)| reason.contains("they disagree"));
        (named("skipped") || named("left") || left_at_first_sight).then(|| format!("{last:?}"))
    }
}
