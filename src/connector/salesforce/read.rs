//! Reading known records, finding people by email, and asking when a status was set.

use super::Salesforce;
use super::budget::Purpose;
use super::call::Call;
use super::{soql, wire};
use crate::connector::CallError;
use crate::model::{FieldName, SalesforceId, SalesforceObject, SalesforceRecord, SetAt};
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// Ids a Collections read takes by POST.
const READ_IDS: usize = 2_000;

/// Ids a query takes: 27 characters each once encoded, below the 16,384 bytes a URI may have.
const QUERY_IDS: usize = 400;

/// Bytes of email literals a query takes: each may be encoded threefold.
const QUERY_EMAIL_BYTES: usize = 4_000;

/// A value that was replaced, by the field history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// The record.
    pub id: SalesforceId,
    /// What stood there.
    pub old: Option<String>,
    /// What was set.
    pub new: Option<String>,
    /// When, in whole seconds.
    pub at: Timestamp,
}

/// The org does not keep this object's history, or this user does not see it.
fn is_untracked(error: &CallError) -> bool {
    error.code.starts_with("INVALID_TYPE") || error.code == "INVALID_FIELD"
}

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
            found.extend(wire::records(rows.iter().flatten(), watched)?);
        }
        let there: std::collections::HashSet<SalesforceId> = found.iter().map(|record| record.id).collect();
        let missing: Vec<SalesforceId> = ids.iter().copied().filter(|id| !there.contains(id)).collect();
        for ids in missing.chunks(QUERY_IDS) {
            let query =
                format!("SELECT {} FROM {object} WHERE Id IN ({})", columns.join(","), soql::ids(ids));
            let rows = self.query_all(query, purpose).await?;
            found.extend(wire::records(rows.iter(), watched)?);
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
        let mut literals: Vec<String> = emails.iter().map(|email| soql::literal(email)).collect();
        while !literals.is_empty() {
            let mut bytes = 0;
            let fits = literals.iter().take_while(|email| {
                bytes += email.len();
                bytes < QUERY_EMAIL_BYTES
            });
            let fits = fits.count().max(1);
            let rest = literals.split_off(fits);
            let chunk = std::mem::replace(&mut literals, rest);
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

    /// What the field history says that a user set `field` from, since a time: nothing where it is not tracked.
    ///
    /// # Errors
    /// When a call fails. An org without field history is no failure.
    pub async fn set_by(
        &self,
        user: &str,
        object: SalesforceObject,
        field: &str,
        since: Timestamp,
    ) -> Result<Vec<Replaced>, CallError> {
        let parent = format!("{object}Id");
        let query = format!(
            "SELECT {parent},OldValue,NewValue,CreatedDate FROM {object}History WHERE Field = {} AND CreatedById = {} \
             AND CreatedDate >= {}",
            soql::literal(field),
            soql::literal(user),
            soql::time(since)
        );
        let rows = match self.query_all(query, Purpose::Read).await {
            Ok(rows) => rows,
            Err(error) if is_untracked(&error) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let text = |row: &Map<String, Value>, name: &str| wire::get(row, name).as_str().map(str::to_owned);
        let replaced = |row: &Map<String, Value>| {
            let id = wire::id(wire::get(row, &parent))?;
            let at = wire::get(row, "CreatedDate").as_str().and_then(wire::time)?;
            Some(Replaced { id, old: text(row, "OldValue"), new: text(row, "NewValue"), at })
        };
        Ok(rows.iter().filter_map(replaced).collect())
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
        purpose: Purpose,
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
            let rows = match self.query_all(query, purpose).await {
                Ok(rows) => rows,
                Err(error) if is_untracked(&error) => break,
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
