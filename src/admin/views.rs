//! What operations take and answer: the JSON of `/api/v1` and of `--json` (rulings.md 20).

mod actions;
mod mapping;
mod plan;
mod status;
mod story;
mod waiting;

pub use actions::*;
pub use mapping::*;
pub use plan::*;
pub use status::*;
pub use story::*;
pub use waiting::*;
