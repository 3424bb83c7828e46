//! How the daemon runs: the configuration file, its checks, and the settings that are left once they pass.

mod settings;

pub use settings::*;
