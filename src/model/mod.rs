//! The words everything else is said in: ids, sides, values, records, links. Plain data.
//!
//! Nothing in this room does I/O, reads a clock or can fail past the parsing of an id.

mod detail;
mod id;
mod link;
mod record;
mod side;
mod status;
mod step;
mod value;

pub use detail::{Detail, DetailBase, Details, mark};
pub use id::{ChangeId, InvalidId, ProspectId, SalesforceId, SalesforceObject};
pub use link::{Baseline, Latch, Link};
pub use record::{ActorKind, Enrollment, EnrollmentState, Prospect, SalesforceRecord, SetAt};
pub use side::{BySide, Side};
pub use status::PersonStatus;
pub use step::{DetailChange, HoldReason, Rule, SequenceAction, Step, Target, WriteReason};
pub use value::{FieldName, FieldValue, Fields};
