//! Rows as Salesforce writes them.

use crate::connector::{CallError, Effect, Retry};
use crate::model::{FieldName, FieldValue, Fields, SalesforceId, SalesforceRecord, SetAt, Side};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

/// One page of a query.
#[derive(Debug, Deserialize)]
pub(super) struct QueryPage {
    pub(super) done: bool,
    #[serde(rename = "nextRecordsUrl")]
    pub(super) next: Option<String>,
    pub(super) records: Vec<Map<String, Value>>,
}

/// Reads `2026-11-23T06:01:00.000+0000`: an offset without a colon, which RFC 3339 does not know.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    Timestamp::strptime("%Y-%m-%dT%H:%M:%S%.f%z", text).ok().or_else(|| text.parse().ok())
}

/// Names are compared without regard to case, as Salesforce does.
pub(super) fn get<'a>(row: &'a Map<String, Value>, name: &str) -> &'a Value {
    row.get(name)
        .or_else(|| row.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
        .unwrap_or(&Value::Null)
}

pub(super) fn id(value: &Value) -> Option<SalesforceId> {
    value.as_str()?.parse().ok()
}

/// Rows that are there. A column that a row does not have at all is hidden from us, which is not the same as empty: such
/// an answer is not to be used.
pub(super) fn records<'a>(
    rows: impl Iterator<Item = &'a Map<String, Value>>,
    watched: &[FieldName],
) -> Result<Vec<SalesforceRecord>, CallError> {
    let mut records = Vec::new();
    for row in rows {
        if let Some(hidden) = watched.iter().find(|name| super::soql::is_name(name) && !has(row, name)) {
            return Err(CallError {
                side: Side::Salesforce,
                status: None,
                code: "field-not-visible".to_owned(),
                message: format!("an answer does not have {hidden}, which was asked for"),
                fields: vec![hidden.to_string()],
                retry: Retry::Stop,
                effect: Effect::None,
            });
        }
        records.extend(record(row, watched));
    }
    Ok(records)
}

fn has(row: &Map<String, Value>, name: &str) -> bool {
    row.contains_key(name) || row.keys().any(|key| key.eq_ignore_ascii_case(name))
}

/// One row. `None` when it lacks its id or its times, without which nothing can be said about it.
fn record(row: &Map<String, Value>, watched: &[FieldName]) -> Option<SalesforceRecord> {
    let at = |name: &str| get(row, name).as_str().and_then(time);
    let flag = |name: &str| get(row, name).as_bool().unwrap_or(false);
    let last_modified = at("LastModifiedDate")?;
    Some(SalesforceRecord {
        id: id(get(row, "Id"))?,
        fields: fields(row, watched),
        is_converted: flag("IsConverted"),
        converted_contact: id(get(row, "ConvertedContactId")),
        is_deleted: flag("IsDeleted"),
        master_record: id(get(row, "MasterRecordId")),
        email: get(row, "Email").as_str().map(str::to_owned),
        last_modified,
        last_modified_by: get(row, "LastModifiedById").as_str().map(str::to_owned),
        system_modstamp: at("SystemModstamp")?,
        status_set_at: SetAt::NotAfter(last_modified),
    })
}

/// The watched fields, under the names that the mapping gives them. A number or a compound value is no picklist
/// entry; it is kept as its text, which no row can match.
fn fields(row: &Map<String, Value>, watched: &[FieldName]) -> Fields {
    let value = |name: &str| match get(row, name) {
        Value::Null => FieldValue::Null,
        Value::Bool(value) => FieldValue::Bool(*value),
        Value::String(text) => FieldValue::text(text),
        other => FieldValue::text(&other.to_string()),
    };
    watched.iter().map(|name| (name.clone(), value(name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_with_an_offset_without_a_colon_is_read() {
        let read = time("2026-11-23T06:01:00.000+0000").unwrap();
        assert_eq!(read, "2026-11-23T06:01:00Z".parse().unwrap());
        assert_eq!(time("2026-11-23T06:01:00Z"), Some(read));
        assert_eq!(time("yesterday"), None);
    }
}
