//! Reading known records, finding people by email, and asking when a status was set.

use super::Salesforce;
use super::budget::Purpose;
use super::call::Call;
use super::{soql, wire};
use crate::connector::CallError;
use crate::model::{FieldName, SalesforceId, SalesforceObject, SalesforceRecord, SetAt};
use reqwest::Method;
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// Ids a Collections read takes by POST.
const READ_IDS: usize = 2_000;

/// Ids a query takes: 27 characters each once encoded, below the 16,384 bytes a URI may have.
const QUERY_IDS: usize = 400;

/// Bytes of email literals a query takes: each may be encoded threefold.
const QUERY_EMAIL_BYTES: usize = 4_000;

impl Salesforce {
    /// Reads records by id: one call for 2,000, and one more for those that are not simply there, since a deleted
    /// or merged record is told from a missing one only by a query of deleted rows too. Missing ones are absent.
    ///
    /// # Errors
    /// When a call fails.
    pub async fn read(
        &self,
        object: SalesforceObject,
        ids: &[SalesforceId],
        watched: &[FieldName],
        purpose: Purpose,
    ) -> Result<Vec<SalesforceRecord>, CallError> {
        let columns = soql::columns(object, watched);
        let mut found = Vec::with_capacity(ids.len());
        for ids in ids.chunks(READ_IDS) {
            let body = json!({ "ids": ids, "fields": columns });
            let call = Call::get(self.data(&format!("/composite/sobjects/{object}")), purpose);
            let rows: Vec<Option<Map<String, Value>>> = self.json(call.body(Method::POST, body)).await?;
            found.extend(rows.iter().flatten().filter_map(|row| wire::record(row, watched)));
        }
        let there: std::collections::HashSet<SalesforceId> = found.iter().map(|record| record.id).collect();
        let missing: Vec<SalesforceId> = ids.iter().copied().filter(|id| !there.contains(id)).collect();
        for ids in missing.chunks(QUERY_IDS) {
            let query =
                format!("SELECT {} FROM {object} WHERE Id IN ({})", columns.join(","), soql::ids(ids));
            let rows = self.query_all(query, purpose).await?;
            found.extend(rows.iter().filter_map(|row| wire::record(row, watched)));
        }
        Ok(found)
    }

    /// Living, unconverted records with one of these email addresses, each with the address as Salesforce has it.
    ///
    /// # Errors
    /// When a call fails.
    pub async fn find_by_email(
        &self,
        object: SalesforceObject,
        emails: &[String],
    ) -> Result<Vec<(String, SalesforceId)>, CallError> {
        let living = match object {
            SalesforceObject::Lead => " AND IsConverted = false",
            SalesforceObject::Contact => "",
        };
        let mut found = Vec::new();
        let literals: Vec<String> = emails.iter().map(|email| soql::literal(email)).collect();
        let mut emails = literals.into_iter().peekable();
        while emails.peek().is_some() {
            let (mut chunk, mut bytes) = (Vec::new(), 0);
            while let Some(email) =
                emails.next_if(|email| bytes + email.len() < QUERY_EMAIL_BYTES || bytes == 0)
            {
                bytes += email.len();
                chunk.push(email);
            }
            let query = format!(
                "SELECT Id,Email FROM {object} WHERE Email IN ({}) AND IsDeleted = false{living}",
                chunk.join(",")
            );
            for row in self.query_all(query, Purpose::Read).await? {
                let email = wire::get(&row, "Email").as_str().map(str::to_owned);
                found.extend(email.zip(wire::id(wire::get(&row, "Id"))));
            }
        }
        Ok(found)
    }

    /// When each record's `field` was last set, from the field history. A record without a row there (the field is not
    /// tracked, or was not when it was set) is absent: its `LastModifiedDate` stays the upper bound.
    ///
    /// # Errors
    /// When a call fails. An org without field history is no failure.
    pub async fn status_set_at(
        &self,
        object: SalesforceObject,
        ids: &[SalesforceId],
        field: &str,
    ) -> Result<HashMap<SalesforceId, SetAt>, CallError> {
        let parent = format!("{object}Id");
        let mut found = HashMap::new();
        for ids in ids.chunks(QUERY_IDS) {
            let query = format!(
                "SELECT {parent},CreatedDate FROM {object}History WHERE {parent} IN ({}) AND Field = {} \
                 ORDER BY CreatedDate DESC",
                soql::ids(ids),
                soql::literal(field)
            );
            let rows = match self.query_all(query, Purpose::Read).await {
                Ok(rows) => rows,
                Err(error) if error.code.starts_with("INVALID_TYPE") || error.code == "INVALID_FIELD" => {
                    break;
                }
                Err(error) => return Err(error),
            };
            for row in rows {
                let at = wire::get(&row, "CreatedDate").as_str().and_then(wire::time);
                if let Some((id, at)) = wire::id(wire::get(&row, &parent)).zip(at) {
                    found.entry(id).or_insert(SetAt::At(at));
                }
            }
        }
        Ok(found)
    }
}
