//! `lockstep check --live`: what only the two systems can tell. Writes nothing.

use crate::config::Config;
use crate::diagnostic::Severity;
use crate::mapping::Mapping;
use crate::model::Side;
use serde::Serialize;

/// Something a system said that does not go with the configuration or the mapping.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which system.
    pub side: Side,
    /// Whether the daemon can work all the same.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// The line of the mapping file it concerns.
    pub line: Option<u32>,
}

/// Asks both systems.
pub async fn check_live(_config: &Config, _mapping: &Mapping) -> Vec<Finding> {
    vec![]
}
