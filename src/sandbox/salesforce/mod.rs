//! A Salesforce org: Leads, Contacts and the REST API around them.

mod app;
mod bulk_jobs;
mod drive;
mod drive_apps;
mod drive_events;
mod events;
mod face;
mod ids;
mod lives;
mod more_lives;
mod outbound;
mod people;
mod record;
mod schema;
mod soql;
mod state;
mod writes;

pub use app::Consent;
pub use drive::{OpenTransaction, Org};
pub use drive_events::{Special, StreamFault};
pub use outbound::OutboundMischief;
pub use schema::FieldKind;
