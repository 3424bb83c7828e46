//! `lockstep check`.

use super::context::{Context, Exit, Shown};
use super::failure::{Failure, count};
use super::live::{Finding, check_live};
use super::mapping;
use super::progress::Progress;
use crate::config;
use crate::diagnostic::{ProblemRecord, Problems, Severity};
use crate::event::escape;
use schemars::JsonSchema;
use serde::Serialize;

/// What `check --json` prints.
#[derive(Serialize, JsonSchema)]
pub(super) struct Report {
    problems: Vec<ProblemRecord>,
    findings: Vec<Finding>,
}

/// Checks configuration and mapping, both whatever the other is like.
pub async fn run(context: &Context, live: bool) -> Result<Shown, Failure> {
    let loaded = config::load(&context.config, config::environment());
    let (config, mut files) = match loaded {
        Ok(loaded) => (Some(loaded.config), vec![loaded.warnings]),
        Err(problems) => (None, vec![problems]),
    };
    let mapping_file = match &config {
        Some(config) => Some(config.mapping.clone()),
        None => config::mapping_path(&context.config, config::environment()),
    };
    let mapping = match mapping_file.as_deref().map(mapping::load) {
        Some(Ok((mapping, warnings))) => {
            files.push(warnings);
            Some(mapping)
        }
        Some(Err(problems)) => {
            files.push(problems);
            None
        }
        None => None,
    };
    let findings = match (&config, &mapping) {
        (Some(config), Some(mapping)) if live => {
            let _progress = Progress::start("asking both systems");
            check_live(config, mapping).await
        }
        _ => vec![],
    };
    let in_files: usize = files.iter().map(|problems| problems.counts().0).sum();
    let in_systems = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    let exit = if in_files + in_systems > 0 { Exit::WrongFile } else { Exit::Well };
    if context.json {
        let problems = files.iter().flat_map(Problems::records).collect();
        return Ok(Shown { text: super::context::json(&Report { problems, findings }), exit });
    }
    let mut text: String = files.iter().map(|problems| problems.render(context.color)).collect();
    for finding in &findings {
        text.push_str(&line(finding));
    }
    if let Some(code) = files.iter().flat_map(|problems| &problems.found).map(|problem| problem.code).next() {
        text.push_str(&format!("`lockstep help {code}` says more about a code.\n"));
    }
    let warnings: usize = files.iter().map(|problems| problems.counts().1).sum();
    let warnings = warnings + findings.len() - in_systems;
    text.push_str(&match (in_files + in_systems, warnings) {
        (0, 0) => "Configuration and mapping are right.\n".to_owned(),
        (0, warnings) => format!("Configuration and mapping can be used; {}.\n", count(warnings, "warning")),
        (errors, warnings) => format!("{}, {}.\n", count(errors, "mistake"), count(warnings, "warning")),
    });
    Ok(Shown { text, exit })
}

fn line(finding: &Finding) -> String {
    let severity = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let place = finding.line.map(|line| format!(" (mapping line {line})")).unwrap_or_default();
    let help = finding.help.as_ref().map(|help| format!("  help: {}\n", escape(help))).unwrap_or_default();
    format!("{severity}: {}{place}: {}\n{help}\n", finding.side, escape(&finding.message))
}
