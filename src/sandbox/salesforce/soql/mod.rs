//! A real subset of SOQL: one object, conditions, order, limit.

mod condition;
mod eval;
mod lexer;
mod made_up;
mod parser;

pub(super) use eval::run;
pub(super) use made_up::virtual_record;
pub(super) use parser::parse;

/// A query that is none. The message is what Salesforce's `MALFORMED_QUERY` would carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) String);
