//! What should happen. Pure and total: no clock, no I/O, no failure.

mod decision;

pub use decision::*;
