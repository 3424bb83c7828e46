//! One test crate: each module is a story.
#![allow(missing_docs)]

mod admin;
mod cli;
mod config;
mod contract;
mod corpora;
mod crash;
mod decisions;
mod docs;
mod hostile;
mod house;
mod lifecycle;
mod logs;
mod mapping;
mod pressure;
mod process;
mod scenarios;
mod security;
mod store;
mod verifier;

/// A side by its name.
fn side(name: &str) -> lockstep::model::Side {
    match name {
        "salesforce" => lockstep::model::Side::Salesforce,
        _ => lockstep::model::Side::Engage,
    }
}
