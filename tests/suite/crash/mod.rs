//! Killed at any instant, nothing acknowledged is lost.

mod daemon;
mod store;
