//! The HTTP ports: health, webhooks, and what the commands ask a running daemon.
//!
//! Everything here is thin: the daemon answers behind two traits, [`Operations`] (which a store alone can answer in
//! part, too) and [`Daemon`]. Nothing in this room knows how to talk to either system.

mod api;
mod audit;
mod dashboard;
mod drawn;
mod guard;
mod live;
mod metrics;
mod openapi;
mod operations;
mod person;
mod routes;
mod server;
mod stored;
mod verdict;
mod views;
mod webhooks;

pub use drawn::{MappingCounts, mapping_view};
pub use operations::{
    Answer, Copy, Daemon, NotReady, Operations, Refusal, RefusalBody, RefusalDetail, RefusalKind,
};
pub(crate) use server::STOP_WITHIN;
pub use server::{serve, serve_webhooks};
pub use stored::Stored;
pub use views::*;
