//! What the org is: asked once at the start.

use super::Salesforce;
use super::budget::Purpose;
use super::call::Call;
use crate::connector::{CallError, Effect, Retry};
use crate::model::{SalesforceObject, Side};
use jiff::Timestamp;
use serde::Deserialize;
use std::sync::Arc;

/// The versions that an org serves.
pub(super) const VERSIONS: &str = "/services/data";

/// What was learnt of an org.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OrgInfo {
    /// The fields this user can see, by object.
    pub fields: Vec<(SalesforceObject, Vec<Field>)>,
    /// What this user may do with whole records, by object.
    pub rights: Vec<(SalesforceObject, Rights)>,
    /// The values of Lead.Status that mean "converted".
    pub converted_statuses: Vec<Arc<str>>,
    /// Our own user: who `LastModifiedById` names after our writes.
    pub user: Option<String>,
    /// When this was learnt, by our own clock.
    pub described_at: Timestamp,
}

impl OrgInfo {
    /// A field, if this user can see it. Names are compared without regard to case.
    pub fn field(&self, object: SalesforceObject, name: &str) -> Option<&Field> {
        let (_, fields) = self.fields.iter().find(|(described, _)| *described == object)?;
        fields.iter().find(|field| field.name.eq_ignore_ascii_case(name))
    }

    /// Whether this user can see a field.
    pub fn has_field(&self, object: SalesforceObject, name: &str) -> bool {
        self.field(object, name).is_some()
    }
}

/// What a user may do with an object's records, as describe tells it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct Rights {
    /// Make new ones.
    #[serde(default, rename = "createable")]
    pub create: bool,
    /// Delete them.
    #[serde(default, rename = "deletable")]
    pub delete: bool,
}

/// A field, as describe tells it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Field {
    /// Its API name.
    pub name: String,
    /// `picklist`, `boolean`, ...
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether this user may write it.
    #[serde(default)]
    pub updateable: bool,
    /// Whether only listed values are taken.
    #[serde(default)]
    pub restricted_picklist: bool,
    /// The picklist's entries.
    #[serde(default)]
    pub picklist_values: Vec<PicklistValue>,
}

/// An entry of a picklist.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct PicklistValue {
    /// What is written.
    pub value: String,
    /// What people see; it may be translated.
    #[serde(default)]
    pub label: String,
    /// Whether it may still be chosen.
    pub active: bool,
}

#[derive(Deserialize)]
struct Version {
    version: String,
}

#[derive(Deserialize)]
struct Describe {
    #[serde(flatten)]
    rights: Rights,
    fields: Vec<Field>,
}

impl Salesforce {
    /// Signs in, makes sure that the org has the pinned version, and describes the objects that are in sync.
    /// One call an object and one for the converted statuses; the list of versions is free.
    ///
    /// # Errors
    /// When a call fails, or the pinned version is not there.
    pub async fn connect(&self, objects: &[SalesforceObject]) -> Result<OrgInfo, CallError> {
        let versions: Vec<Version> = self.json(Call::get(VERSIONS.to_owned(), Purpose::Describe)).await?;
        let pinned = &self.0.config.api_version;
        if !versions.iter().any(|version| version.version == *pinned) {
            let newest = versions.last().map_or("none", |version| version.version.as_str());
            return Err(CallError {
                side: Side::Salesforce,
                status: None,
                code: "no-such-version".to_owned(),
                message: format!(
                    "[salesforce] api_version = \"{pinned}\" is not served by this org; the newest is {newest}"
                ),
                fields: Vec::new(),
                retry: Retry::Stop,
                effect: Effect::None,
            });
        }
        let mut org = OrgInfo { described_at: self.now(), ..OrgInfo::default() };
        for &object in objects {
            let describe = Call::get(self.data(&format!("/sobjects/{object}/describe")), Purpose::Describe);
            let describe: Describe = self.json(describe).await?;
            org.rights.push((object, describe.rights));
            org.fields.push((object, describe.fields));
        }
        if objects.contains(&SalesforceObject::Lead) {
            let query = "SELECT ApiName,MasterLabel FROM LeadStatus WHERE IsConverted = true".to_owned();
            for row in self.query_all(query, Purpose::Describe).await? {
                let named = ["ApiName", "MasterLabel"].map(|name| super::wire::get(&row, name).as_str());
                org.converted_statuses.extend(named.into_iter().flatten().next().map(Arc::from));
            }
        }
        // .../id/{organisation}/{user}
        let session = self.session(None).await?;
        org.user = session.identity.as_deref().and_then(|url| url.rsplit('/').next()).map(str::to_owned);
        Ok(org)
    }
}
