//! What one company wants: the file, its checks, and the table that is left once they pass.

mod automations;
mod carry;
mod condition;
mod custom;
mod draft;
pub mod draw;
mod examples;
mod fields;
mod index;
mod law;
mod letters;
mod load;
mod odd;
mod reader;
mod relation;
mod rows;
mod schema;
mod sections;
mod table;
mod values;

pub use carry::{FieldMapping, Transform};
pub use condition::{Condition, Context};
pub use draft::{Draft, Facts, ObjectFacts, StatusFacts, draft};
pub use law::{Unlawful, Violation, violations};
pub use load::{Loaded, load, parse, read};
pub use relation::Relation;
pub use schema::schema;
pub use table::*;
