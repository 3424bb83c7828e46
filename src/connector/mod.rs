//! How to talk to a system. The two connectors never know of each other, nor of the store.

pub mod engage;
mod error;
mod http;
mod network;
mod oauth;
mod reach;
mod retry;
pub mod salesforce;

pub use error::{CallError, Effect, Retry};
pub use network::{Lost, Network, Wire};
pub use retry::{wait_after, wait_over_a_day, without_jitter};
pub use salesforce::Purpose;
