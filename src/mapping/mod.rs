//! What one company wants: the file, its checks, and the table that is left once they pass.

mod table;

pub use table::*;
