//! `lockstep sandbox`.

use super::args::SandboxArguments;
use super::context::{Context, Shown};
use super::failure::Failure;
use crate::sandbox::{Clock, Options, Sandbox};
use anyhow::Context as _;
use schemars::JsonSchema;
use serde::Serialize;
use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// Where it listens, and who may ask.
#[derive(Serialize, JsonSchema)]
pub(super) struct Served {
    salesforce: String,
    pubsub: String,
    engage: String,
    client_id: String,
    client_secret: String,
    /// The client of the refresh token, for `flow = "refresh-token"`.
    refresh_client_id: String,
}

/// Serves a Salesforce and a Revenue Engage until it is told to stop.
pub async fn run(arguments: SandboxArguments, context: &Context) -> Result<Shown, Failure> {
    let options = Options {
        salesforce: arguments.salesforce,
        pubsub: arguments.pubsub,
        engage: arguments.engage,
        records: arguments.records,
        seed: arguments.seed,
        state: arguments.state.clone(),
        faults: arguments.faults.clone(),
        clock: Clock::real(),
    };
    let sandbox = Sandbox::start(options).await.map_err(anyhow::Error::from)?;
    if let Some(url) = &arguments.outbound {
        sandbox.org.send_outbound_messages(url.as_str(), "Lead", &["Status", "HasOptedOutOfEmail"]);
    }
    let (salesforce, engage) = (sandbox.salesforce.base_url(), sandbox.engage.base_url());
    let pubsub = sandbox.pubsub.base_url();
    let (client, secret) = &sandbox.client;
    let described = Served {
        salesforce: salesforce.clone(),
        pubsub: pubsub.clone(),
        engage: engage.clone(),
        client_id: client.clone(),
        client_secret: secret.clone(),
        refresh_client_id: sandbox.refresh.0.clone(),
    };
    // Told before anything is served, since the command goes on until it is stopped.
    print!(
        "{}",
        context.show(&described, || format!(
            "Salesforce:     {salesforce}\nPub/Sub API:    {pubsub}\nRevenue Engage: {engage}\n\
             Both take client_id {client} with client_secret {secret} (client credentials), made for this run.\n"
        ))
    );
    if let Some(dir) = &arguments.credentials {
        keep(dir, "client-secret", secret)?;
        keep(dir, "refresh-token", &sandbox.refresh.1)?;
        keep(dir, "ca.pem", &sandbox.authority.certificate)?;
        keep(dir, "admin-token", &uuid::Uuid::new_v4().simple().to_string())?;
    }
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .map_err(anyhow::Error::from)?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.map_err(anyhow::Error::from)?,
        _ = terminate.recv() => {}
    }
    sandbox.save().map_err(anyhow::Error::from)?;
    Ok(Shown::well(""))
}

/// Writes a secret where only this user can read it.
fn keep(dir: &Path, name: &str, secret: &str) -> anyhow::Result<()> {
    let file = dir.join(name);
    let write = || {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let mut out = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&file)?;
        out.write_all(secret.as_bytes())
    };
    write().with_context(|| file.display().to_string())
}
