//! One test crate: each module is a story.
#![allow(missing_docs)]

mod config;
mod logs;
