//! `lockstep check --live`: what only the two systems can tell. Writes nothing.

mod excess;

use super::run::system_clock;
use crate::config::{Config, SalesforceChanges, SalesforceConfig, SalesforceFlow};
use crate::connector::CallError;
use crate::connector::engage::Engage;
use crate::connector::salesforce::{Field, OrgInfo, Salesforce, Topic};
use crate::diagnostic::{Severity, nearest};
use crate::lifecycle;
use crate::mapping::{Mapping, OptOutField, Row};
use crate::model::{FieldValue, Fields, SalesforceObject, Side};
use serde::Serialize;

/// Something a system said that does not go with the configuration or the mapping.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Finding {
    /// Which system.
    pub side: Side,
    /// Whether the daemon can work all the same.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// The line of the mapping file it concerns.
    pub line: Option<u32>,
}

impl Finding {
    fn error(side: Side, message: impl Into<String>) -> Finding {
        Finding { side, severity: Severity::Error, message: message.into(), help: None, line: None }
    }

    fn warning(side: Side, message: impl Into<String>) -> Finding {
        Finding { severity: Severity::Warning, ..Finding::error(side, message) }
    }

    fn help(self, help: impl Into<String>) -> Finding {
        Finding { help: Some(help.into()), ..self }
    }

    fn of(self, row: &Row) -> Finding {
        Finding { line: Some(row.line), ..self }
    }
}

/// Asks both systems, side by side: credentials, version, fields, values, permissions, statuses.
pub async fn check_live(config: &Config, mapping: &Mapping) -> Vec<Finding> {
    let (mut salesforce, engage) = tokio::join!(salesforce(config, mapping), engage(config, mapping));
    salesforce.extend(engage);
    salesforce
}

async fn salesforce(config: &Config, mapping: &Mapping) -> Vec<Finding> {
    let objects: Vec<SalesforceObject> =
        SalesforceObject::BOTH.into_iter().filter(|object| mapping.object(*object).is_some()).collect();
    let asked = async {
        let salesforce = Salesforce::new(&config.salesforce, system_clock())?;
        let org = salesforce.connect(&objects).await?;
        let topics = topic_findings(&salesforce, &config.salesforce, &objects).await;
        Ok::<_, CallError>((org, salesforce.budget(), topics))
    };
    let (org, budget, topics) = match asked.await {
        Ok(asked) => asked,
        Err(error) if error.code == "invalid_grant" && uses_refresh_token(config) => {
            return vec![no_answer(&error).help("the refresh token is dead: `lockstep login` gets another")];
        }
        Err(error) => return vec![no_answer(&error)],
    };
    let mut findings: Vec<Finding> =
        objects.iter().flat_map(|object| object_findings(mapping, &org, *object)).collect();
    findings.extend(objects.iter().filter_map(|object| excess::excess(mapping, &org, *object)));
    findings.extend(topics);
    if budget.is_short() {
        let left = "what is left of the day's API calls is kept free for others";
        findings.push(
            Finding::warning(Side::Salesforce, left)
                .help("the daemon waits until calls come free; see keep_free"),
        );
    }
    findings
}

/// Whether the topics that are to be listened to are there. What a custom channel holds back for want of a permission is
/// not told by anybody.
async fn topic_findings(
    salesforce: &Salesforce,
    config: &SalesforceConfig,
    objects: &[SalesforceObject],
) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !config.changes.contains(&SalesforceChanges::PubSub) {
        return findings;
    }
    for topic in Topic::of(objects, config.pubsub_channel.as_deref()) {
        if let Err(error) = salesforce.check_topic(&topic).await {
            let message = format!("cannot listen to {}: {}: {}", topic.name, error.code, error.message);
            findings.push(Finding::error(Side::Salesforce, message).help(
                "select the object for Change Data Capture in Setup, give the user View All Records on it, and see \
                 docs/salesforce-events.md",
            ));
        }
    }
    findings
}

fn uses_refresh_token(config: &Config) -> bool {
    matches!(config.salesforce.flow, SalesforceFlow::RefreshToken { .. })
}

fn no_answer(error: &CallError) -> Finding {
    Finding::error(error.side, format!("cannot work with {}: {}: {}", error.side, error.code, error.message))
        .help("check the address and the credentials in the configuration, and the app's permissions over there")
}

/// What is wrong with one object's columns and values.
fn object_findings(mapping: &Mapping, org: &OrgInfo, object: SalesforceObject) -> Vec<Finding> {
    let Some(columns) = mapping.object(object) else { return Vec::new() };
    let mut findings = Vec::new();
    let mut named: Vec<&str> = vec![&columns.status];
    named.extend(columns.scope.keys().map(|name| &**name));
    let asked = mapping.rows.iter().flat_map(|row| row.only_if.fields.keys());
    named.extend(asked.map(|name| &**name));
    named.sort_unstable();
    named.dedup();
    if let OptOutField::Named(name) = &columns.opt_out {
        named.push(name);
    }
    for name in named {
        if org.field(object, name).is_none() {
            findings.push(no_field(org, object, name));
        }
    }
    for row in &mapping.rows {
        let written = row.fields(object).filter(|_| row.way.to_salesforce());
        for fields in row.fields(object).into_iter().chain(row.also_from(object)) {
            let writes = written == Some(fields);
            findings.extend(
                value_findings(org, object, fields, writes).into_iter().map(|finding| finding.of(row)),
            );
        }
    }
    for field in &mapping.fields {
        let Some(name) = field.name(object) else { continue };
        match org.field(object, name) {
            None => findings.push(Finding { line: Some(field.line), ..no_field(org, object, name) }),
            Some(known) if field.way.to_salesforce() && !known.updateable => {
                let message = format!("{object}.{name} cannot be written by this user");
                let finding = Finding::error(Side::Salesforce, message)
                    .help("give the integration user edit access to it, or add `way = \"to-engage\"`");
                findings.push(Finding { line: Some(field.line), ..finding });
            }
            Some(_) => {}
        }
    }
    findings.dedup();
    findings
}

fn no_field(org: &OrgInfo, object: SalesforceObject, name: &str) -> Finding {
    let known =
        org.fields.iter().filter(|(described, _)| *described == object).flat_map(|(_, fields)| fields);
    let finding =
        Finding::error(Side::Salesforce, format!("{object} has no field {name} that this user can see"));
    match nearest(name, known.map(|field| field.name.as_str())) {
        Some(meant) => finding.help(format!("did you mean {meant}? Labels are not used, API names are")),
        None => finding
            .help("is the name its API name, and may the integration user read it (field-level security)?"),
    }
}

fn value_findings(org: &OrgInfo, object: SalesforceObject, fields: &Fields, writes: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, value) in fields {
        let Some(field) = org.field(object, name) else {
            findings.push(no_field(org, object, name));
            continue;
        };
        if writes && !field.updateable {
            let message = format!("{object}.{name} cannot be written by this user");
            findings.push(
                Finding::error(Side::Salesforce, message).help("give the integration user edit access to it"),
            );
        }
        findings.extend(wrong_value(org, object, field, value, writes));
    }
    findings
}

fn wrong_value(
    org: &OrgInfo,
    object: SalesforceObject,
    field: &Field,
    value: &FieldValue,
    writes: bool,
) -> Option<Finding> {
    let place = format!("{object}.{}", field.name);
    let text = match value {
        FieldValue::Text(text) => text,
        FieldValue::Bool(_) if field.kind == "boolean" => return None,
        _ => {
            return Some(Finding::error(
                Side::Salesforce,
                format!("{place} is of type {}, not a checkbox", field.kind),
            ));
        }
    };
    if field.kind != "picklist" {
        return Some(Finding::error(
            Side::Salesforce,
            format!("{place} is of type {}, not a picklist", field.kind),
        ));
    }
    if writes && org.converted_statuses.iter().any(|converted| converted == text) && field.name == "Status" {
        let message = format!("{place} = \"{text}\" means \"converted\": only a conversion may set it");
        return Some(
            Finding::error(Side::Salesforce, message).help("use `way = \"to-engage\"`, or another value"),
        );
    }
    match field.picklist_values.iter().find(|entry| entry.value == **text) {
        Some(entry) if entry.active => None,
        Some(_) => Some(
            Finding::error(Side::Salesforce, format!("\"{text}\" of {place} is no longer active"))
                .help("use an active value, or let an admin activate it again"),
        ),
        None => Some(unknown_value(&place, field, text)),
    }
}

/// Lead.Status is not restricted: Salesforce would store a typo without a word.
fn unknown_value(place: &str, field: &Field, text: &str) -> Finding {
    let finding = Finding::error(Side::Salesforce, format!("\"{text}\" is no value of {place}"));
    let labelled = field.picklist_values.iter().find(|entry| entry.label == text);
    let active =
        || field.picklist_values.iter().filter(|entry| entry.active).map(|entry| entry.value.as_str());
    match labelled.map(|entry| entry.value.as_str()).or_else(|| nearest(text, active())) {
        Some(meant) => finding.help(format!("did you mean \"{meant}\"?")),
        None => finding.help(format!("the active values are {}", active().collect::<Vec<_>>().join(", "))),
    }
}

async fn engage(config: &Config, mapping: &Mapping) -> Vec<Finding> {
    let asked = async {
        let engage = Engage::new(&config.engage, system_clock())?;
        Ok::<_, CallError>((engage.statuses().await?, engage.sequences().await?))
    };
    let (statuses, sequences) = match asked.await {
        Ok(asked) => asked,
        Err(error) => return vec![no_answer(&error)],
    };
    let mut findings = Vec::new();
    for row in &mapping.rows {
        let (key, label) = (row.person.key(), mapping.label(&row.person));
        if !statuses.iter().any(|status| status.key == key) {
            let finding = Finding::error(
                Side::Engage,
                format!("Revenue Engage knows no person status {label} ({key})"),
            );
            let meant = nearest(key, statuses.iter().map(|status| status.key.as_str()));
            findings.push(match meant {
                Some(meant) => finding.help(format!("did you mean {meant}?")).of(row),
                None => finding.help("an admin makes it in Revenue Engage, or the row is taken out").of(row),
            });
        }
    }
    let mapped = |key: &str| mapping.rows.iter().any(|row| row.person.key() == key);
    for status in statuses.iter().filter(|status| !mapped(&status.key)) {
        let own = lifecycle::BUILT_IN.iter().all(|known| known.key != status.key);
        if own {
            let message = format!(
                "the company-made status {} ({}) has no row: it will be skipped",
                status.label, status.key
            );
            findings.push(Finding::warning(Side::Engage, message));
        }
    }
    if sequences.is_empty()
        && mapping.rows.iter().any(|row| row.sequences != crate::model::SequenceAction::Leave)
    {
        findings.push(Finding::warning(
            Side::Engage,
            "rows move sequences, and Revenue Engage shows this client none",
        ));
    }
    findings
}
