//! How the daemon runs: the configuration file, its checks, and the settings that are left once they pass.

mod check;
mod keys;
mod load;
mod mask;
mod raw;
mod reader;
mod secret;
mod settings;
mod value;

pub use keys::{KEYS, Key, Kind};
pub use load::{Loaded, environment, load, mapping_path};
pub use settings::*;
pub use value::show_duration;
