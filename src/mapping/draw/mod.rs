//! A company's mapping as a picture: what leads where, in both directions.
//!
//! First what is to be drawn is gathered (`picture`, `columns`), then it is given places (`layout`, `boxes`, `routes`),
//! then it is written. A Mermaid text needs no places: whoever renders it finds them.

mod boxes;
mod columns;
mod layout;
mod legend;
mod mermaid;
mod picture;
mod routes;
mod svg;
mod text;

pub use mermaid::mermaid;
pub use svg::svg;

use super::Row;

/// The condition under which a row holds, in words, if it has one.
fn note(row: &Row) -> Option<String> {
    (!row.only_if.is_always()).then(|| format!("only if {}", row.only_if))
}
