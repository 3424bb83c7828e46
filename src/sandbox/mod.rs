//! A Salesforce and a Revenue Engage to rehearse against.
//!
//! State is a plain model that tests and the demo drive by hand; the HTTP faces are thin. Nothing here knows the
//! connectors' wire types: both sides are written from the facts, or they would share one mistake.

mod clock;
pub mod engage;
mod faults;
mod people;
mod run;
pub mod salesforce;
pub mod seed;
mod served;
mod tls;

pub use clock::Clock;
pub use faults::{Fault, Faults, Moment, When};
pub use run::{Options, Sandbox, SandboxError};
pub use served::Served;
pub use tls::{Authority, NoCertificate};
