//! One record: its values, and what the system keeps about it.

use super::schema::Field;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A record. Times are whole seconds: nothing finer was ever seen of Salesforce.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) id: String,
    pub(super) object: String,
    pub(super) created: i64,
    pub(super) created_by: String,
    pub(super) modified: i64,
    pub(super) modified_by: String,
    /// Moves with system changes too; never before `modified`.
    pub(super) stamp: i64,
    pub(super) deleted: bool,
    pub(super) master: Option<String>,
    pub(super) values: BTreeMap<String, Value>,
}

impl Record {
    /// The value of a field. `field` is of the record's own object.
    pub(super) fn get(&self, field: &Field) -> Value {
        match field.name.as_str() {
            "Id" => json!(self.id),
            "IsDeleted" => json!(self.deleted),
            "MasterRecordId" => json!(self.master),
            "CreatedDate" => json!(time(self.created)),
            "CreatedById" => json!(self.created_by),
            "LastModifiedDate" => json!(time(self.modified)),
            "LastModifiedById" => json!(self.modified_by),
            "SystemModstamp" => json!(time(self.stamp)),
            "Name" if self.object != "Account" && self.object != "Opportunity" => {
                let part = |name: &str| self.values.get(name).and_then(Value::as_str).unwrap_or_default();
                json!(format!("{} {}", part("FirstName"), part("LastName")).trim())
            }
            name => match self.values.get(name) {
                Some(value) => value.clone(),
                None if field.kind == super::FieldKind::Boolean => json!(false),
                None => Value::Null,
            },
        }
    }

    pub(super) fn is(&self, name: &str) -> bool {
        self.values.get(name) == Some(&Value::Bool(true))
    }

    /// `attributes`, as every row of an answer begins.
    pub(super) fn attributes(&self, version: &str) -> Map<String, Value> {
        let url = format!("/services/data/{version}/sobjects/{}/{}", self.object, self.id);
        let mut row = Map::new();
        row.insert("attributes".to_owned(), json!({"type": self.object, "url": url}));
        row
    }
}

/// `2026-11-23T06:01:00.000+0000`: milliseconds that are always zero, and an offset without a colon.
pub(super) fn time(second: i64) -> String {
    let at = Timestamp::from_second(second).unwrap_or_default();
    at.strftime("%Y-%m-%dT%H:%M:%S.000+0000").to_string()
}

/// Reads a time in any of the forms that clients send.
pub(super) fn parse_time(text: &str) -> Option<i64> {
    let with_offset = ["%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%dT%H:%M:%S%.f%:z"];
    let at = with_offset.iter().find_map(|form| Timestamp::strptime(form, text).ok());
    at.or_else(|| text.parse().ok()).map(|at| at.as_second())
}
