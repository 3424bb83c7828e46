//! A Revenue Engage, default profile: prospects, sequences that really advance, webhooks.

mod advance;
mod drive;
mod face;
mod pages;
mod people;
mod state;
mod webhooks;

pub use drive::{Product, SequenceStep};
pub use webhooks::Mischief;
