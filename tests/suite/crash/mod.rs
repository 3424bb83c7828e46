//! Killed at any instant, nothing acknowledged is lost.

mod bulk;
mod company;
pub mod daemon;
mod full;
#[cfg(debug_assertions)] // the moments do not exist in a release build
mod inside;
mod kills;
mod ledger;
mod points;
mod stopped;
mod store;
mod two;
