//! What is proven of a mapping before it runs.
//!
//! A mapping that loads is lawful (`mapping`). Here the very function that decides is asked about every pair of values,
//! whoever moved, for every record that conditions tell apart; the company's own flows are played against it; and the
//! company's own examples are run.

mod automations;
mod domain;
mod examples;
mod promises;
mod world;

pub use domain::{Domain, Person};
pub use examples::{Outcome, run as run_example};
pub use promises::{Broken, Promise};
pub use world::{State, World};

use crate::diagnostic::{Problem, Problems};
use crate::mapping::{self, Loaded, Mapping};
use std::path::Path;

/// Reads a mapping file and proves it.
///
/// # Errors
/// Everything that is wrong with it, in the order of the file.
pub fn load(path: &Path) -> Result<Loaded, Problems> {
    mapping::load(path).and_then(proven)
}

/// Reads a text and proves it. `file` is how it is shown.
///
/// # Errors
/// Everything that is wrong with it, in the order of the text.
pub fn parse(file: &str, text: &str) -> Result<Loaded, Problems> {
    mapping::parse(file, text).and_then(proven)
}

fn proven(loaded: Loaded) -> Result<Loaded, Problems> {
    let Loaded { mapping, mut warnings } = loaded;
    for problem in problems(&mapping) {
        warnings.push(problem);
    }
    warnings.sort();
    match warnings.has_errors() {
        true => Err(warnings),
        false => Ok(Loaded { mapping, warnings }),
    }
}

/// Everything that is wrong with a lawful mapping.
pub fn problems(mapping: &Mapping) -> Vec<Problem> {
    let mut problems: Vec<Problem> =
        promises::broken(mapping).iter().map(|broken| broken.problem(mapping)).collect();
    problems.extend(automations::problems(mapping));
    problems.extend(examples::problems(mapping));
    problems
}
