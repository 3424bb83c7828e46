//! `lockstep demo`.

use super::args::DemoArguments;
use super::context::{Context, Shown};
use super::failure::Failure;

/// Plays the main job against a sandbox.
pub async fn run(_arguments: DemoArguments, _context: &Context) -> Result<Shown, Failure> {
    Err(Failure::Failed(anyhow::anyhow!("this build has no demo yet")))
}
