//! `lockstep mapping init`: asks both systems what they have, and writes a first mapping file.

use crate::cli::args::InitArguments;
use crate::cli::context::{Context, Shown};
use crate::cli::failure::{Failure, count};
use crate::cli::run::system_clock;
use crate::config::Config;
use crate::connector::CallError;
use crate::connector::engage::Engage;
use crate::connector::salesforce::{Field, OrgInfo, Salesforce};
use crate::mapping::{Facts, ObjectFacts, StatusFacts, draft};
use crate::model::SalesforceObject;
use anyhow::Context as _;
use schemars::JsonSchema;
use serde::Serialize;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

/// The checkbox that every org has, unless an admin took it away.
const OPT_OUT: &str = "HasOptedOutOfEmail";

/// A drafted mapping file.
#[derive(Serialize, JsonSchema)]
pub(in crate::cli) struct Drafted<'a> {
    /// Where it was written; none: nowhere.
    file: Option<&'a Path>,
    /// The file's text.
    mapping: &'a str,
}

/// Drafts a mapping file and writes it where it was asked for.
pub async fn run(context: &Context, arguments: InitArguments) -> Result<Shown, Failure> {
    let InitArguments { output, company } = arguments;
    // Before anybody is asked: the systems' calls are counted.
    if let Some(file) = output.as_deref().filter(|file| file.exists()) {
        return Err(exists(file));
    }
    let config = context.load()?.config;
    let company = company.unwrap_or_else(|| config.tenant.clone());
    let facts = facts(&config, &company).await.map_err(|error| {
        anyhow::anyhow!(
            "cannot work with {}: {}: {}; `lockstep check --live` says more",
            error.side,
            error.code,
            error.message
        )
    })?;
    if facts.lead.is_none() && facts.contact.is_none() {
        return Err(Failure::Failed(anyhow::anyhow!(
            "this user sees no status in Salesforce: neither Lead.Status nor a picklist on Contact with \"Status\" in its name"
        )));
    }
    let draft = draft(&facts);
    if draft.rows == 0 {
        return Err(Failure::Failed(anyhow::anyhow!(
            "Revenue Engage shows this client no person status that a row could be made of"
        )));
    }
    let Some(file) = output else {
        return Ok(Shown::well(
            context.show(&Drafted { file: None, mapping: &draft.text }, || draft.text.clone()),
        ));
    };
    write_new(&file, &draft.text)?;
    let shown = file.display();
    Ok(Shown::well(context.show(&Drafted { file: Some(&file), mapping: &draft.text }, || {
        format!(
            "{shown} is written: {}, {} of them without a Salesforce value.\n\
             Go through it, name it in the configuration (`mapping = ...`), and run `lockstep check --live`.\n",
            count(draft.rows, "row"),
            draft.without_value
        )
    })))
}

fn exists(file: &Path) -> Failure {
    Failure::Failed(anyhow::anyhow!(
        "{} exists already and is left as it is: name another file by `-o`, or move that one away",
        file.display()
    ))
}

/// Writes a file that is not there yet, also when it appears in the meantime.
fn write_new(file: &Path, text: &str) -> Result<(), Failure> {
    let cannot = || format!("cannot write {}", file.display());
    let mut opened = match fs::OpenOptions::new().write(true).create_new(true).open(file) {
        Ok(opened) => opened,
        Err(why) if why.kind() == ErrorKind::AlreadyExists => return Err(exists(file)),
        Err(why) => return Err(anyhow::Error::from(why).context(cannot()).into()),
    };
    if let Err(why) = opened.write_all(text.as_bytes()) {
        // Half a file would be refused, and would stand in the way of the next try.
        let _ = fs::remove_file(file);
        return Err(anyhow::Error::from(why).context(cannot()).into());
    }
    opened.sync_all().with_context(cannot)?;
    Ok(())
}

/// What the two systems have that a mapping file is made of. Writes nothing there.
///
/// # Errors
/// When one of them does not answer as it should.
pub async fn facts(config: &Config, company: &str) -> Result<Facts, CallError> {
    let (org, statuses) = tokio::join!(org(config), statuses(config));
    let (org, statuses) = (org?, statuses?);
    let of = |object| object_facts(&org, object);
    Ok(Facts {
        company: company.to_owned(),
        lead: of(SalesforceObject::Lead),
        contact: of(SalesforceObject::Contact),
        statuses,
    })
}

async fn org(config: &Config) -> Result<OrgInfo, CallError> {
    let salesforce = Salesforce::new(&config.salesforce, system_clock())?;
    let mut org = salesforce.connect(&[SalesforceObject::Lead]).await?;
    // A user who works with Leads alone may not see Contacts at all.
    match salesforce.connect(&[SalesforceObject::Contact]).await {
        Ok(contact) => org.fields.extend(contact.fields),
        Err(error) if error.status == Some(404) => {}
        Err(error) => return Err(error),
    }
    Ok(org)
}

async fn statuses(config: &Config) -> Result<Vec<StatusFacts>, CallError> {
    let engage = Engage::new(&config.engage, system_clock())?;
    let statuses = engage.statuses().await?;
    Ok(statuses
        .into_iter()
        .map(|status| StatusFacts {
            key: status.key,
            label: status.label,
            group: status.group.unwrap_or_default(),
        })
        .collect())
}

fn object_facts(org: &OrgInfo, object: SalesforceObject) -> Option<ObjectFacts> {
    let (_, fields) = org.fields.iter().find(|(described, _)| *described == object)?;
    let mut candidates: Vec<&Field> = fields.iter().filter(|field| is_status(object, field)).collect();
    // The one that the most people would mean: it can be written, and has the most values to choose from.
    candidates.sort_by_key(|field| (!field.updateable, std::cmp::Reverse(active(field).count())));
    let (status, others) = candidates.split_first()?;
    let box_named = |name: &str| org.field(object, name).filter(|field| field.kind == "boolean");
    let is_lead = object == SalesforceObject::Lead;
    Some(ObjectFacts {
        status: status.name.clone(),
        other_fields: others.iter().map(|field| field.name.clone()).collect(),
        values: active(status).map(str::to_owned).collect(),
        converted: match is_lead {
            true => org.converted_statuses.iter().map(ToString::to_string).collect(),
            false => Vec::new(),
        },
        opt_out: box_named(OPT_OUT).filter(|field| field.updateable).map(|field| field.name.clone()),
        is_converted: box_named("IsConverted").filter(|_| is_lead).map(|field| field.name.clone()),
    })
}

/// Lead has a standard field; on Contact it is one of the company's own.
fn is_status(object: SalesforceObject, field: &Field) -> bool {
    let named = match object {
        SalesforceObject::Lead => field.name == "Status",
        SalesforceObject::Contact => field.name.to_lowercase().contains("status"),
    };
    named && field.kind == "picklist"
}

fn active(field: &Field) -> impl Iterator<Item = &str> {
    field.picklist_values.iter().filter(|entry| entry.active).map(|entry| entry.value.as_str())
}
