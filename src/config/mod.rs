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
pub use load::{Loaded, environment, load, load_for_login, mapping_path};
pub use secret::refuse_if_linked;
pub use settings::*;
pub use value::{duration as parse_duration, show_duration};
