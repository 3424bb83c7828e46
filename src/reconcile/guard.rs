//! What one plan may do unasked.

use crate::mapping::Limits;
use std::fmt;

/// A plan that would change more than the company allows unasked.
#[derive(Debug, Clone, PartialEq)]
pub struct Waiting {
    /// How many records it would change, opt-outs not counted.
    pub records: usize,
    /// How many are linked.
    pub linked: u64,
    /// The share that is allowed, 0 to 1.
    pub share: f64,
}

impl Eq for Waiting {}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of {} linked records would change, more than [limits] changed_share = {} allows unasked; \
             look at `lockstep plan` and let it through with `lockstep plan --apply`",
            self.records, self.linked, self.share
        )
    }
}

/// Whether so many changes have to wait (rulings.md 11). One side that is suddenly all different is rather a broken
/// import or a wrong mapping than the work of people.
pub fn mass_change(records: usize, linked: u64, limits: &Limits) -> Option<Waiting> {
    let allowed = linked as f64 * limits.changed_share;
    let many = records > limits.changed_min as usize && records as f64 > allowed;
    many.then_some(Waiting { records, linked, share: limits.changed_share })
}
