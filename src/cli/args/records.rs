//! The commands about single records: `lockstep conflicts`, `lockstep parked`, `lockstep resync`.

use crate::model::Side;
use clap::{Args, Subcommand};
use jiff::Timestamp;

/// `lockstep conflicts ...`.
#[derive(Debug, Subcommand)]
pub enum ConflictsCommand {
    /// Decide one conflict.
    Resolve {
        /// A Salesforce id, a prospect id or the conflict's id.
        id: String,
        /// The side whose value is taken: salesforce or engage.
        #[arg(long, value_name = "SIDE", value_parser = side)]
        take: Side,
        /// Who decides; goes into the journal.
        #[arg(long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
        by: String,
    },
}

fn side(text: &str) -> Result<Side, String> {
    Side::BOTH
        .into_iter()
        .find(|side| side.as_str() == text)
        .ok_or_else(|| "write salesforce or engage".to_owned())
}

/// `lockstep parked ...`.
#[derive(Debug, Subcommand)]
pub enum ParkedCommand {
    /// Try again.
    Retry(ParkedArguments),
    /// Forget the refused write. The record is left as it is until either side changes.
    Drop(ParkedArguments),
}

/// Which parked records.
#[derive(Debug, Args)]
pub struct ParkedArguments {
    /// A Salesforce id, a prospect id or, to try again, a held value as `lockstep parked` shows it; all of them without one.
    pub id: Option<String>,
    /// Do not ask first.
    #[arg(long)]
    pub yes: bool,
}

/// `lockstep resync`.
#[derive(Debug, Args)]
#[group(required = true)]
pub struct ResyncArguments {
    /// Every linked record.
    #[arg(long, conflicts_with_all = ["since", "ids"])]
    pub all: bool,
    /// What changed since this time (RFC 3339).
    #[arg(long, value_name = "TIME", conflicts_with = "ids")]
    pub since: Option<Timestamp>,
    /// Salesforce ids and prospect ids.
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
}
