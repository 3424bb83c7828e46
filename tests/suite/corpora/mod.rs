//! Inputs that nobody should send and somebody will. Each corpus is run in a process of its own, which has to end within its
//! time, below its memory, and by itself.
//!
//! The targets are those of `fuzz/`: what libFuzzer runs for hours is run here over the kept inputs, and over the classes of bad
//! input that are known by name.

mod apart;
mod avro;
mod csv;
mod grpc;
mod http_answers;
mod json;
mod kept;
mod lawless;
mod soap;
mod soql;
mod store;
mod toml;

#[path = "../../../fuzz/targets/lib.rs"]
mod targets;

use apart::apart;
