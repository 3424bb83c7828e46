//! `lockstep mapping ...`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `lockstep mapping ...`.
#[derive(Debug, Subcommand)]
pub enum MappingCommand {
    /// Run the company's own tests, `[[test]]`.
    Test {
        /// The mapping file; the configuration's without one.
        file: Option<PathBuf>,
        /// Write the results as JUnit XML to this file, `-` for standard output.
        #[arg(long, value_name = "FILE")]
        junit: Option<PathBuf>,
    },
    /// Show what a new mapping does differently, row by row.
    Diff {
        /// The mapping file as it was.
        old: PathBuf,
        /// As it is to be.
        new: PathBuf,
        /// Ask the daemon, or its store, how many linked people it concerns, and which.
        #[arg(long)]
        store: bool,
    },
    /// Print the table of a mapping file.
    Show {
        /// The mapping file; the configuration's without one.
        file: Option<PathBuf>,
    },
    /// Draw what leads where, in both directions.
    #[command(
        after_help = "Examples:\n  lockstep mapping draw mapping/acme.toml -o acme.svg\n  lockstep mapping draw --format mermaid"
    )]
    Draw(DrawArguments),
    /// Print the JSON Schema of a mapping file, by which editors complete and check it.
    #[command(after_help = "Example:\n  lockstep mapping schema > mapping/schema.json")]
    Schema,
    /// Write a first mapping file from what Salesforce and Revenue Engage have. Writes nothing there.
    #[command(
        after_help = "Examples:\n  lockstep mapping init\n  lockstep mapping init -o mapping/acme.toml --company 'Acme'"
    )]
    Init(InitArguments),
}

/// `lockstep mapping draw`.
#[derive(Debug, Args)]
pub struct DrawArguments {
    /// The mapping file; the configuration's without one.
    pub file: Option<PathBuf>,
    /// What is written: a picture, or a Mermaid text for a wiki that draws it.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = DrawFormat::Svg)]
    pub format: DrawFormat,
    /// Write into this file, not to standard output.
    #[arg(short, long, value_name = "OUT")]
    pub output: Option<PathBuf>,
}

/// What `lockstep mapping draw` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum DrawFormat {
    /// A picture.
    Svg,
    /// The text of a Mermaid flow chart.
    Mermaid,
}

/// `lockstep mapping init`.
#[derive(Debug, Args)]
pub struct InitArguments {
    /// The file to write, which must not exist yet; standard output without one.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// The company's name; the configuration's tenant without one.
    #[arg(long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub company: Option<String>,
}
