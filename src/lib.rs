//! Lockstep keeps a company's Salesforce and its Revenue Engage in step, both ways.
//!
//! The modules in reading order. Each may use those above it, never those below
//! (`tests/suite/house.rs` holds them to it).

pub mod admin;
pub mod cli;
pub mod config;
pub mod connector;
pub mod diagnostic;
pub mod event;
pub mod lifecycle;
pub mod mapping;
pub mod model;
pub mod reconcile;
pub mod sandbox;
pub mod store;
pub mod sync;
