//! `lockstep mapping draw`.

use crate::cli::args::DrawArguments;
use crate::cli::args::DrawFormat;
use crate::cli::{Context, Failure, Shown};
use crate::mapping::draw;
use anyhow::Context as _;
use schemars::JsonSchema;
use serde::Serialize;
use std::path::Path;

/// A drawing, or where it is.
#[derive(Serialize, JsonSchema)]
pub(in crate::cli) struct Drawing {
    /// `svg` or `mermaid`.
    format: &'static str,
    /// The drawing itself, unless it is in a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    drawing: Option<String>,
    /// The file it was written to.
    #[serde(skip_serializing_if = "Option::is_none")]
    written: Option<String>,
}

/// Draws a mapping file.
pub fn run(context: &Context, arguments: DrawArguments) -> Result<Shown, Failure> {
    let file = super::chosen(context, arguments.file)?;
    let (mapping, _) = super::load(&file)?;
    let (format, drawing) = match arguments.format {
        DrawFormat::Svg => ("svg", draw::svg(&mapping)),
        DrawFormat::Mermaid => ("mermaid", draw::mermaid(&mapping)),
    };
    let Some(output) = arguments.output else {
        let value = Drawing { format, drawing: Some(drawing.clone()), written: None };
        return Ok(Shown::well(context.show(&value, || drawing)));
    };
    if same_file(&file, &output) {
        return Err(Failure::WrongLine(format!(
            "{} is the mapping itself: name another file to draw into",
            output.display()
        )));
    }
    std::fs::write(&output, drawing).with_context(|| format!("cannot write {}", output.display()))?;
    let value = Drawing { format, drawing: None, written: Some(output.display().to_string()) };
    Ok(Shown::well(context.show(&value, String::new)))
}

/// Whether the drawing would be written over the mapping.
fn same_file(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}
