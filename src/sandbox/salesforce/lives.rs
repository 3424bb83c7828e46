//! What becomes of records: converted, merged, deleted, brought back.

use super::events::Kind;
use super::ids;
use super::record::{Record, time};
use super::schema::CONVERTED;
use super::state::State;
use super::writes::Writer;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

impl State {
    /// Converts a Lead: an Account, a Contact and an Opportunity, and a Lead that points at them. The Contact gets the
    /// standard fields; a custom status starts empty, since nothing maps it.
    pub(super) fn convert(&mut self, lead: &str, writer: Writer<'_>) -> Option<String> {
        let record = self.record(lead)?.clone();
        let value = |name: &str| record.values.get(name).cloned().unwrap_or(Value::Null);
        let company = json!({"Name": value("Company").as_str().unwrap_or("Household")});
        let account = self.create("Account", company.as_object()?, writer).ok()?;
        let mut contact: Map<String, Value> =
            ["FirstName", "LastName", "Email", "Phone", "Title", "LeadSource"]
                .iter()
                .map(|name| ((*name).to_owned(), value(name)))
                .filter(|(_, value)| !value.is_null())
                .collect();
        contact.insert("HasOptedOutOfEmail".to_owned(), json!(record.is("HasOptedOutOfEmail")));
        contact.insert("AccountId".to_owned(), json!(account));
        let contact = self.create("Contact", &contact, writer).ok()?;
        self.converted_into(lead, &account, &contact, company, writer)?;
        Some(contact)
    }

    /// The end of every conversion: an Opportunity, and a Lead that points at all three.
    pub(super) fn converted_into(
        &mut self,
        lead: &str,
        account: &str,
        contact: &str,
        company: Value,
        writer: Writer<'_>,
    ) -> Option<()> {
        let opportunity = self.create("Opportunity", company.as_object()?, writer).ok()?;
        let values = BTreeMap::from([
            ("Status".to_owned(), json!(CONVERTED[0])),
            ("IsConverted".to_owned(), json!(true)),
            ("ConvertedDate".to_owned(), json!(time(writer.at)[..10])),
            ("ConvertedAccountId".to_owned(), json!(account)),
            ("ConvertedContactId".to_owned(), json!(contact)),
            ("ConvertedOpportunityId".to_owned(), json!(opportunity)),
        ]);
        self.set(lead, values, writer);
        Some(())
    }

    /// Merges records of one object: the losers are deleted and name their winner.
    pub(super) fn merge(&mut self, winner: &str, loser: &str, writer: Writer<'_>) {
        let Some(mut record) = self.record(loser).cloned() else { return };
        record.master = Some(winner.to_owned());
        self.bin(&mut record, true, writer);
        self.set(winner, BTreeMap::new(), writer);
    }

    /// Moves a record to the recycle bin. Says whether there was one to move.
    pub(super) fn delete(&mut self, id: &str, writer: Writer<'_>) -> bool {
        match self.record(id).filter(|record| !record.deleted).cloned() {
            Some(mut record) => {
                self.bin(&mut record, true, writer);
                true
            }
            None => false,
        }
    }

    /// Takes a record out of the recycle bin.
    pub(super) fn undelete(&mut self, id: &str, writer: Writer<'_>) {
        if let Some(mut record) = self.record(id).cloned() {
            record.master = None;
            self.bin(&mut record, false, writer);
        }
    }

    fn bin(&mut self, record: &mut Record, deleted: bool, writer: Writer<'_>) {
        record.deleted = deleted;
        record.modified = writer.at;
        record.modified_by = ids::long(writer.user);
        record.stamp = writer.at;
        // A record that comes back is told whole, one that goes not at all.
        let (kind, values) = match deleted {
            true => (Kind::Delete, BTreeMap::new()),
            false => (Kind::Undelete, record.values.clone()),
        };
        self.note_change(record, kind, values, writer);
        self.put(record.clone());
    }
}
