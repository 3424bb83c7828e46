//! `lockstep completions SHELL`.

use super::args::Arguments;
use super::context::Shown;
use super::failure::Failure;
use anyhow::Context as _;
use clap::CommandFactory;
use clap_complete::Shell;

/// Prints the script that makes this shell complete commands and options.
pub fn run(shell: Shell) -> Result<Shown, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "lockstep", &mut script);
    Ok(Shown::well(String::from_utf8(script).context("the script is no text")?))
}
