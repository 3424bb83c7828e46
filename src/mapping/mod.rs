//! What one company wants: the file, its checks, and the table that is left once they pass.

mod draft;
mod law;
mod letters;
mod load;
mod reader;
mod relation;
mod rows;
mod schema;
mod sections;
mod table;

pub use draft::{Draft, Facts, ObjectFacts, StatusFacts, draft};
pub use load::{Loaded, load, parse};
pub use schema::schema;
pub use table::*;
