//! `lockstep sandbox`.

use super::args::SandboxArguments;
use super::context::{Context, Shown};
use super::failure::Failure;

/// Serves a Salesforce and a Revenue Engage until it is told to stop.
pub async fn run(_arguments: SandboxArguments, _context: &Context) -> Result<Shown, Failure> {
    Err(Failure::Failed(anyhow::anyhow!("this build has no sandbox yet")))
}
