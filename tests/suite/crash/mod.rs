//! Killed at any instant, nothing acknowledged is lost.

mod store;
