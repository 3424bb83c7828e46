//! `lockstep man [DIR]`.

use super::args::Arguments;
use super::context::Shown;
use super::failure::Failure;
use anyhow::Context as _;
use clap::CommandFactory;
use clap_mangen::Man;
use std::path::Path;

/// Writes a page for each command into `dir`; without one, prints the page of `lockstep` itself.
pub fn run(dir: Option<&Path>) -> Result<Shown, Failure> {
    let Some(dir) = dir else {
        let mut page = Vec::new();
        Man::new(Arguments::command()).render(&mut page).context("the page")?;
        return Ok(Shown::well(String::from_utf8(page).context("the page is no text")?));
    };
    std::fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
    clap_mangen::generate_to(Arguments::command(), dir).with_context(|| dir.display().to_string())?;
    Ok(Shown::well(format!("The pages are in {}: `man {}/lockstep.1`.\n", dir.display(), dir.display())))
}
