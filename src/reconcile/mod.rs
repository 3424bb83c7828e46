//! What should happen. Pure and total: no clock, no I/O, no failure.

mod decide;
mod decision;
mod details;
mod guard;
mod move_on;
mod of_age;
mod opt_out;
mod plan;
mod situation;

pub use decide::{decide, decide_by};
pub use decision::*;
pub use details::{marks, text_of};
pub use guard::{Asking, Waiting, mass_creation};
pub use move_on::relink;
pub use of_age::of_age;
pub use plan::{BATCH_ROWS, Batch, Candidate, Plan, plan, plan_id};
pub use situation::Situation;
