//! A mapping as a picture: what leads where, in both directions.

mod layout;
mod mermaid;
mod svg;
mod text;

pub use layout::{Arrow, Item, Picture, Tone};
pub use mermaid::mermaid;
pub use svg::svg;

use super::table::Mapping;

/// Where everything in the picture stands.
pub fn layout(mapping: &Mapping) -> Picture {
    Picture::of(mapping)
}
