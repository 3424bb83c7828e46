//! How to talk to a system. The two connectors never know of each other, nor of the store.

mod error;

pub use error::{CallError, Effect, Retry};
