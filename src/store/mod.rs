//! What Lockstep remembers. All of sled stands behind this room.
//!
//! One directory, one tenant, one process. Rows are read and changed in closures: [`Store::write`] makes all
//! changes of a closure durable together before it answers, [`Store::read`] sees the store as it was between two
//! commits. Nothing that was acknowledged is lost by kill -9 at any instant (tests/suite/crash/store.rs).
//!
//! Reading order: `rows` (what is kept), `links`, `due`, `journal`, `progress` (how it is asked for), `table` and
//! `transaction` (what those are built on), `handle` and `worker` (threads, group commit, deadlines), `open`, and at the bottom
//! `key`, `value` and `engine` (bytes; `on_sled` is the only file that names sled).

mod caught;
mod due;
mod engine;
mod error;
mod former;
mod handle;
mod journal;
mod key;
mod links;
mod lock;
pub mod marks;
mod newcomers;
mod on_sled;
mod open;
mod progress;
mod refused;
mod rows;
mod simulated;
mod table;
#[cfg(test)]
mod testing;
mod transaction;
mod value;
mod worker;

pub use error::StoreError;
pub use handle::Store;
pub use open::StoreOptions;
pub use rows::*;
pub use simulated::{Flush, SimulatedDisk};
pub use transaction::{Reader, Transaction};
