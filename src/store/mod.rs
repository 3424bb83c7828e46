//! What Lockstep remembers. All of sled stands behind this room.
//!
//! One directory, one tenant, one process. Rows are read and changed in closures: [`Store::write`] makes all
//! changes of a closure durable together before it answers, [`Store::read`] sees the store as it was between two
//! commits. Nothing that was acknowledged is lost by kill -9 at any instant (tests/suite/crash/store.rs).
//!
//! Reading order: `rows` (what is kept), `links`, `due`, `journal`, `progress` (how it is asked for), `table` and
//! `transaction` (what those are built on), `handle` and `worker` (threads, group commit, deadlines), `open` and `schema`, and at the bottom
//! `key`, `value` and `engine` (bytes; `on_sled` is the only file that names sled). What guards against damage, from the
//! bottom up: `books` and `witness` (how it is noticed), `doubt`, `snapshot` (everything as of one moment), `copy_file` and
//! `copying` (copies), `checkpoint`, `rebuild`, `ballast`, `private` (who may look), `verify`, and `care`, which is how others ask for it.

mod ballast;
mod books;
mod care;
mod caught;
mod checkpoint;
mod copy_file;
mod copying;
mod doubt;
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
mod options;
mod private;
mod progress;
mod rebuild;
mod refused;
mod rows;
mod schema;
mod simulated;
mod snapshot;
mod table;
#[cfg(test)]
mod testing;
mod transaction;
mod value;
mod verify;
mod waits;
mod witness;
mod worker;

pub use care::Copied;
pub use checkpoint::Checkpoint;
pub use copy_file::Header;
pub use error::StoreError;
pub use handle::Store;
pub use options::StoreOptions;
pub use rebuild::Restored;
pub use rows::*;
pub use simulated::{Flush, SimulatedDisk};
pub use transaction::{Reader, Transaction};
pub use verify::Integrity;
