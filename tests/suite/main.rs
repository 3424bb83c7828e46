//! One test crate: each module is a story.
#![allow(missing_docs)]

mod admin;
mod cli;
mod config;
mod contract;
mod crash;
mod house;
mod logs;
