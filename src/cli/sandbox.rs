//! `lockstep sandbox`.

use super::args::SandboxArguments;
use super::context::{Context, Shown};
use super::failure::Failure;
use crate::sandbox::{Clock, Options, Sandbox};
use serde_json::json;

/// Serves a Salesforce and a Revenue Engage until it is told to stop.
pub async fn run(arguments: SandboxArguments, context: &Context) -> Result<Shown, Failure> {
    let options = Options {
        salesforce: arguments.salesforce,
        engage: arguments.engage,
        records: arguments.records,
        seed: arguments.seed,
        state: arguments.state,
        faults: arguments.faults,
        clock: Clock::real(),
    };
    let sandbox = Sandbox::start(options).await.map_err(anyhow::Error::from)?;
    let (salesforce, engage) = (sandbox.salesforce.base_url(), sandbox.engage.base_url());
    let (client, secret) = &sandbox.client;
    let described =
        json!({"salesforce": salesforce, "engage": engage, "client_id": client, "client_secret": secret});
    // Told before anything is served, since the command goes on until it is stopped.
    print!(
        "{}",
        context.show(&described, || format!(
            "Salesforce:     {salesforce}\nRevenue Engage: {engage}\n\
             Both take client_id {client} with client_secret {secret} (client credentials), made for this run.\n"
        ))
    );
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .map_err(anyhow::Error::from)?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.map_err(anyhow::Error::from)?,
        _ = terminate.recv() => {}
    }
    sandbox.save().map_err(anyhow::Error::from)?;
    Ok(Shown::well(""))
}
