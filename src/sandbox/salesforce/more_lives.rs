//! More of what people and admins do to records and fields: converting into somebody who is there already, renaming and
//! retiring values, taking a field out of sight, handing records on, emptying the recycle bin.

use super::drive::Org;
use super::events::{Change, Kind};
use super::ids;
use super::state::State;
use super::writes::Writer;
use crate::model::SalesforceId;
use serde_json::{Value, json};
use std::collections::BTreeMap;

impl Org {
    /// A person converts a Lead into a Contact that is there already. The Contact keeps what it holds.
    pub fn convert_to(&self, lead: SalesforceId, contact: SalesforceId) {
        self.state().convert_to(lead.as_str(), contact.as_str(), self.person());
    }

    /// A Contact's fields, for seeding.
    pub fn create_contact(&self, last: &str, email: &str, status: &str) -> Option<SalesforceId> {
        let company = json!({"Name": "Acme"});
        let account = self.state().create("Account", company.as_object()?, self.person()).ok()?;
        self.create(
            "Contact",
            &[
                ("LastName", json!(last)),
                ("Email", json!(email)),
                ("AccountId", json!(account)),
                ("Engagement_Status__c", json!(status)),
            ],
        )
    }

    /// Time goes by that nobody has to wait for: every record is this many seconds older, as in an org that has been used
    /// for a while.
    pub fn age(&self, seconds: u32) {
        let mut state = self.state();
        let records: Vec<_> = state.kept.records.values().cloned().collect();
        for mut record in records {
            for at in [&mut record.created, &mut record.modified, &mut record.stamp] {
                *at -= i64::from(seconds);
            }
            state.put(record);
        }
    }

    /// An admin renames a value: every record that holds it holds the new name at once. That is no save, so that
    /// only `SystemModstamp` moves.
    pub fn rename_picklist_value(&self, object: &str, field: &str, from: &str, to: &str) {
        self.state().rename_value(object, field, from, to, self.person());
    }

    /// An admin retires a value, or brings it back. Records keep it; a restricted field takes it no more.
    pub fn retire_picklist_value(&self, object: &str, field: &str, value: &str, retired: bool) {
        if let Some(field) = self.state().object_mut(object).and_then(|object| object.field_mut(field)) {
            let values = field.values.iter_mut().filter(|(known, _)| known == value);
            values.for_each(|(_, active)| *active = !retired);
        }
    }

    /// Field-level security takes a field out of the API user's sight, or gives it back. Whatever names it is answered
    /// as if there were none, and nothing shows what it holds.
    pub fn withdraw_field(&self, object: &str, name: &str, withdrawn: bool) {
        let mut state = self.state();
        let Some(object) = state.object_mut(object) else { return };
        let (from, to) = match withdrawn {
            true => (&mut object.fields, &mut object.withdrawn),
            false => (&mut object.withdrawn, &mut object.fields),
        };
        if let Some(index) = from.iter().position(|field| field.name.eq_ignore_ascii_case(name)) {
            let field = from.remove(index);
            to.push(field);
        }
    }

    /// A record is handed to somebody else.
    pub fn change_owner(&self, id: SalesforceId) {
        self.edit(id, &[("OwnerId", json!(ids::long(ids::QUEUE)))]);
    }

    /// A record becomes one of another type.
    pub fn change_record_type(&self, id: SalesforceId) {
        self.edit(id, &[("RecordTypeId", json!(ids::long("0125f000000TYPE")))]);
    }

    /// The recycle bin is emptied of a record: no call finds it any more, and no event tells.
    pub fn purge(&self, id: SalesforceId) {
        self.state().take_out(id.as_str());
    }
}

impl State {
    fn convert_to(&mut self, lead: &str, contact: &str, writer: Writer<'_>) {
        let Some(account) = self.record(contact).and_then(|record| record.values.get("AccountId")) else {
            return;
        };
        let account = account.as_str().unwrap_or_default().to_owned();
        let company = self.record(lead).and_then(|record| record.values.get("Company")).cloned();
        let company = json!({"Name": company.as_ref().and_then(Value::as_str).unwrap_or("Household")});
        self.set(contact, BTreeMap::new(), writer);
        self.converted_into(lead, &account, contact, company, writer);
    }

    fn rename_value(&mut self, object: &str, field: &str, from: &str, to: &str, writer: Writer<'_>) {
        if let Some(field) = self.object_mut(object).and_then(|object| object.field_mut(field)) {
            let values = field.values.iter_mut().filter(|(known, _)| known == from);
            values.for_each(|(known, _)| *known = to.to_owned());
        }
        let holds = |record: &&super::record::Record| {
            record.object.eq_ignore_ascii_case(object) && record.values.get(field) == Some(&json!(from))
        };
        let renamed: Vec<_> = self.kept.records.values().filter(holds).cloned().collect();
        let Some(object) = renamed.first().map(|record| record.object.clone()) else { return };
        // One event for all of them: events of one change are merged (facts/salesforce-api.md 3.5).
        self.changes.push(Change {
            object,
            ids: renamed.iter().map(|record| record.id.clone()).collect(),
            kind: Kind::Update,
            values: BTreeMap::from([(field.to_owned(), json!(to))]),
            user: ids::long(writer.user),
            origin: writer.origin.to_owned(),
        });
        for mut record in renamed {
            record.values.insert(field.to_owned(), json!(to));
            record.stamp = record.stamp.max(writer.at);
            self.put(record);
        }
    }
}
