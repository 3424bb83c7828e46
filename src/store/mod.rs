//! What Lockstep remembers. All of sled stands behind this room.

mod rows;

pub use rows::*;
