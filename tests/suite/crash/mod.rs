//! Killed at any instant, nothing acknowledged is lost.

pub mod daemon;
mod store;
