//! `lockstep pause` and `lockstep resume`.

use super::access;
use super::context::{Context, Shown};
use super::failure::Failure;
use schemars::JsonSchema;
use serde::Serialize;

/// Whether writing is stopped now.
#[derive(Serialize, JsonSchema)]
pub(super) struct Paused {
    paused: bool,
}

/// Stops writing.
pub async fn pause(context: &Context) -> Result<Shown, Failure> {
    access::operations(context).await?.pause().await?;
    let text = || {
        "Paused: what is under way is finished. It reads on, and writes nothing more until `lockstep resume`.\n".to_owned()
    };
    Ok(Shown::well(context.show(&Paused { paused: true }, text)))
}

/// Writes again.
pub async fn resume(context: &Context) -> Result<Shown, Failure> {
    access::operations(context).await?.resume().await?;
    let text = || "Resumed: what has changed meanwhile is written now.\n".to_owned();
    Ok(Shown::well(context.show(&Paused { paused: false }, text)))
}
