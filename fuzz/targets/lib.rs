//! What each target does with its bytes. `fuzz_targets/` gives them to libFuzzer; `tests/suite/corpora` runs the kept inputs
//! through the very same functions. A target panics when something is wrong; whatever else it does with bytes is right.

pub mod avro;
pub mod bitmap;
pub mod config;
pub mod csv;
pub mod engage_answer;
pub mod mapping;
pub mod salesforce_answer;
pub mod soap;
pub mod soql;
pub mod store_row;
pub mod webhook;
mod wire;

/// A target by its name.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 11] = [
    ("avro", avro::run),
    ("bitmap", bitmap::run),
    ("config", config::run),
    ("csv", csv::run),
    ("engage_answer", engage_answer::run),
    ("mapping", mapping::run),
    ("salesforce_answer", salesforce_answer::run),
    ("soap", soap::run),
    ("soql", soql::run),
    ("store_row", store_row::run),
    ("webhook", webhook::run),
];
