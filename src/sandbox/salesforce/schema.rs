//! Objects and fields: what describe tells, and what writes are held against.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FieldKind {
    /// A record id.
    Id,
    /// A reference to another record.
    Reference,
    /// A short text, up to 255 characters.
    Text,
    /// A text of many lines, up to 32,000 characters.
    LongText,
    /// An email address.
    Email,
    /// A checkbox.
    Boolean,
    /// A choice.
    Picklist,
    /// A time.
    DateTime,
    /// A day.
    Date,
}

impl FieldKind {
    fn soap(self) -> &'static str {
        match self {
            FieldKind::Id | FieldKind::Reference => "tns:ID",
            FieldKind::Boolean => "xsd:boolean",
            FieldKind::DateTime => "xsd:dateTime",
            FieldKind::Date => "xsd:date",
            _ => "xsd:string",
        }
    }

    /// The most characters a value may have.
    pub(super) fn length(self) -> usize {
        match self {
            FieldKind::Id | FieldKind::Reference => 18,
            FieldKind::LongText => 32_000,
            _ => 255,
        }
    }

    fn describe(self) -> &'static str {
        match self {
            FieldKind::Id => "id",
            FieldKind::Reference => "reference",
            FieldKind::Text => "string",
            FieldKind::LongText => "textarea",
            FieldKind::Email => "email",
            FieldKind::Boolean => "boolean",
            FieldKind::Picklist => "picklist",
            FieldKind::DateTime => "datetime",
            FieldKind::Date => "date",
        }
    }
}

/// A field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) label: String,
    pub(super) kind: FieldKind,
    pub(super) updateable: bool,
    pub(super) restricted: bool,
    /// Value and whether it is active.
    pub(super) values: Vec<(String, bool)>,
    /// Whether field history keeps its changes.
    pub(super) tracked: bool,
}

/// An object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Object {
    pub(super) name: String,
    pub(super) prefix: String,
    pub(super) fields: Vec<Field>,
    /// Whether describe says that the API user may make and delete records.
    #[serde(default = "yes")]
    pub(super) is_open: bool,
    /// Fields that are there and that the API user may not see.
    #[serde(default)]
    pub(super) withdrawn: Vec<Field>,
}

/// What an org kept that was saved before it could be otherwise.
fn yes() -> bool {
    true
}

impl Object {
    pub(super) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name))
    }

    pub(super) fn field_mut(&mut self, name: &str) -> Option<&mut Field> {
        self.fields.iter_mut().find(|field| field.name.eq_ignore_ascii_case(name))
    }

    pub(super) fn describe(&self) -> Value {
        let plural = match self.name.strip_suffix('y') {
            Some(stem) => format!("{stem}ies"),
            None => format!("{}s", self.name),
        };
        json!({
            "name": self.name, "label": self.name, "labelPlural": plural, "keyPrefix": self.prefix,
            "queryable": true, "updateable": true, "createable": self.is_open, "deletable": self.is_open, "undeletable": self.is_open,
            "replicateable": true, "retrieveable": true, "searchable": true, "mergeable": true, "layoutable": true,
            "triggerable": true, "feedEnabled": true, "mruEnabled": true, "custom": false, "customSetting": false,
            "deprecatedAndHidden": false, "activateable": false, "hasSubtypes": false, "isSubtype": false,
            "childRelationships": [], "recordTypeInfos": [],
            "urls": {"sobject": format!("/services/data/sobjects/{}", self.name)},
            "fields": self.fields.iter().map(Field::describe).collect::<Vec<_>>(),
        })
    }
}

impl Field {
    fn new(name: &str, kind: FieldKind, updateable: bool) -> Field {
        Field {
            name: name.to_owned(),
            label: label(name),
            kind,
            updateable,
            restricted: false,
            values: Vec::new(),
            tracked: false,
        }
    }

    pub(super) fn picklist(name: &str, values: &[&str], restricted: bool) -> Field {
        let values = values.iter().map(|value| ((*value).to_owned(), true)).collect();
        Field { restricted, values, tracked: true, ..Field::new(name, FieldKind::Picklist, true) }
    }

    pub(super) fn of_kind(name: &str, kind: FieldKind) -> Field {
        Field::new(name, kind, true)
    }

    /// Whether a record may hold nothing here.
    fn is_nillable(&self) -> bool {
        let is_system = SYSTEM_FIELDS.iter().any(|(name, _)| *name == self.name);
        self.name == "MasterRecordId"
            || !is_system
                && self.kind != FieldKind::Boolean
                && !["LastName", "Company", "Status", "OwnerId", "Name"].contains(&self.name.as_str())
    }

    fn describe(&self) -> Value {
        let values: Vec<Value> = self
            .values
            .iter()
            .map(|(value, active)| {
                json!({"active": active, "defaultValue": false, "label": value, "validFor": null, "value": value})
            })
            .collect();
        json!({
            "name": self.name, "label": self.label, "type": self.kind.describe(), "length": self.kind.length(),
            "nillable": self.is_nillable(), "createable": self.updateable, "updateable": self.updateable,
            "filterable": self.kind != FieldKind::LongText, "sortable": self.kind != FieldKind::LongText,
            "groupable": self.kind != FieldKind::LongText, "calculated": false,
            "defaultedOnCreate": self.kind == FieldKind::Boolean, "custom": self.name.ends_with("__c"),
            "restrictedPicklist": self.restricted, "dependentPicklist": false, "controllerName": null,
            "externalId": false, "idLookup": self.kind == FieldKind::Id, "unique": false, "referenceTo": [],
            "relationshipName": null, "defaultValue": null, "inlineHelpText": null, "caseSensitive": false,
            "autoNumber": false, "encrypted": false, "permissionable": self.updateable, "precision": 0, "scale": 0,
            "digits": 0, "byteLength": self.kind.length() * 3, "soapType": self.kind.soap(), "nameField": self.name == "Name",
            "picklistValues": values,
        })
    }
}

/// `HasOptedOutOfEmail` as people see it: `Has Opted Out Of Email`.
fn label(name: &str) -> String {
    let mut label = String::new();
    for c in name.trim_end_matches("__c").chars() {
        match c {
            '_' => label.push(' '),
            c if c.is_uppercase() && !label.is_empty() && !label.ends_with(' ') => label.extend([' ', c]),
            c => label.push(c),
        }
    }
    label
}

/// What every record has, kept beside its other values.
pub(super) const SYSTEM_FIELDS: [(&str, FieldKind); 8] = [
    ("Id", FieldKind::Id),
    ("IsDeleted", FieldKind::Boolean),
    ("MasterRecordId", FieldKind::Reference),
    ("CreatedDate", FieldKind::DateTime),
    ("CreatedById", FieldKind::Reference),
    ("LastModifiedDate", FieldKind::DateTime),
    ("LastModifiedById", FieldKind::Reference),
    ("SystemModstamp", FieldKind::DateTime),
];

/// The statuses of a new org, as the specification document's example has them, and two that mean "converted".
const LEAD_STATUSES: [&str; 9] = [
    "New",
    "In progress",
    "Attempting to contact",
    "Junk lead",
    "Unsubscribed",
    "Not interested",
    "Nurture",
    "Closed - Converted",
    "Qualified - Converted",
];

/// The statuses that mean "converted".
pub(super) const CONVERTED: [&str; 2] = ["Closed - Converted", "Qualified - Converted"];

/// Lead, Contact, and what a conversion makes besides.
pub(super) fn objects() -> Vec<Object> {
    let person = ["FirstName", "LastName", "Title", "Phone"];
    let common = |own: Vec<Field>| {
        let mut fields: Vec<Field> =
            SYSTEM_FIELDS.iter().map(|(name, kind)| Field::new(name, *kind, false)).collect();
        fields.push(Field::new("OwnerId", FieldKind::Reference, true));
        fields.push(Field::new("RecordTypeId", FieldKind::Reference, true));
        fields.extend(own);
        fields
    };
    let human = || {
        let mut fields: Vec<Field> =
            person.iter().map(|name| Field::of_kind(name, FieldKind::Text)).collect();
        fields.push(Field::new("Name", FieldKind::Text, false));
        fields.push(Field::of_kind("Email", FieldKind::Email));
        fields.push(Field::picklist("LeadSource", &["Web", "Event", "Phone Inquiry", "Other"], false));
        fields.push(Field { tracked: true, ..Field::of_kind("HasOptedOutOfEmail", FieldKind::Boolean) });
        fields.push(Field::of_kind("Description", FieldKind::LongText));
        fields.push(Field::of_kind("DoNotCall", FieldKind::Boolean));
        fields.push(Field::of_kind("EmailBouncedReason", FieldKind::Text));
        fields.push(Field::of_kind("EmailBouncedDate", FieldKind::DateTime));
        fields
    };
    let mut lead = human();
    lead.push(Field::of_kind("Company", FieldKind::Text));
    // Lead.Status is not restricted: Salesforce stores a typo without a word (facts/salesforce-api.md 3.2).
    lead.push(Field::picklist("Status", &LEAD_STATUSES, false));
    lead.push(Field::picklist("Rating", &["Hot", "Warm", "Cold"], false));
    lead.push(Field::new("IsConverted", FieldKind::Boolean, false));
    lead.push(Field::new("ConvertedDate", FieldKind::Date, false));
    for name in ["ConvertedAccountId", "ConvertedContactId", "ConvertedOpportunityId"] {
        lead.push(Field::new(name, FieldKind::Reference, false));
    }
    let mut contact = human();
    contact.push(Field::of_kind("AccountId", FieldKind::Reference));
    let statuses: Vec<&str> =
        LEAD_STATUSES.iter().copied().filter(|status| !CONVERTED.contains(status)).collect();
    // A custom picklist, as an admin makes it by default: restricted.
    contact.push(Field::picklist("Engagement_Status__c", &statuses, true));
    let named = |own: &str| vec![Field::of_kind(own, FieldKind::Text)];
    let object = |name: &str, prefix: &str, own| Object {
        name: name.to_owned(),
        prefix: prefix.to_owned(),
        fields: common(own),
        is_open: true,
        withdrawn: Vec::new(),
    };
    vec![
        object("Lead", "00Q", lead),
        object("Contact", "003", contact),
        object("Account", "001", named("Name")),
        object("Opportunity", "006", named("Name")),
    ]
}
