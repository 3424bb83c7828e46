//! A Salesforce org: Leads, Contacts and the REST API around them.

mod drive;
mod drive_events;
mod events;
mod face;
mod ids;
mod lives;
mod more_lives;
mod record;
mod schema;
mod soql;
mod state;
mod writes;

pub use drive::Org;
pub use drive_events::{Special, StreamFault};
pub use schema::FieldKind;
