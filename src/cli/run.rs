//! `lockstep run`.

use super::context::{Context, Shown};
use super::failure::Failure;

/// Runs the daemon until it is told to stop.
pub async fn run(_context: &Context) -> Result<Shown, Failure> {
    Err(Failure::Failed(anyhow::anyhow!("this build has no daemon yet")))
}
