//! Lockstep keeps a company's Salesforce and its Revenue Engage in step, both ways.
//!
//! The rooms stand below in reading order. Each may use those above it, never those below
//! (`tests/suite/house.rs` holds them to it).

// Mistakes that the tests must find, and moments at which they kill it; none of them in a release.
pub mod kill_point;
pub mod mutant;

// The words.
pub mod model;

// Revenue Engage's own rules.
pub mod lifecycle;

// What is wrong in a file that a person wrote.
pub mod diagnostic;

// What one company wants.
pub mod mapping;

// How the daemon runs.
pub mod config;

// What it says while it runs.
pub mod event;

// Salesforce's Pub/Sub API on the wire.
pub mod eventbus;

// What should happen: pure.
pub mod reconcile;

// What is proven of a mapping before it runs.
pub mod verify;

// How to talk to the two systems.
pub mod connector;

// What is remembered.
pub mod store;

// What is counted.
pub mod metrics;

// Doing it: the path of a change.
pub mod sync;

// The HTTP ports.
pub mod admin;

// A Salesforce and a Revenue Engage to rehearse against.
pub mod sandbox;

// The command line.
pub mod cli;
