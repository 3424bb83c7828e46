//! What a decision is made from, an operator's answer among it.

use crate::model::{Detail, HoldReason, Link, Prospect, SalesforceRecord, Side};
use std::sync::Arc;

/// Everything a decision is made from.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// The link, with its baseline and latch.
    pub link: &'a Link,
    /// The Lead or Contact; `None` when it was not in the answer.
    pub salesforce: Option<&'a SalesforceRecord>,
    /// The prospect; `None` when it was not in the answer.
    pub prospect: Option<&'a Prospect>,
    /// The side whose value an operator took.
    pub resolution: Option<Side>,
    /// Why the link is held: an operator who took a side has decided that, and nothing else.
    pub held: Option<&'a HoldReason>,
    /// The values of Lead.Status that mean "converted": never written, never overwritten.
    pub converted_statuses: &'a [Arc<str>],
    /// Other prospects that are linked to the same record.
    pub others: &'a [String],
    /// The names of the sequences the person is in; asked for only where a row's condition needs it.
    pub sequences: &'a [Arc<str>],
    /// A write of further fields was refused, and nothing has changed since: decide the rest.
    pub leave_details: bool,
}

impl Situation<'_> {
    /// The side whose status an operator took.
    pub(super) fn status_taken(&self) -> Option<Side> {
        self.resolution.filter(|_| !matches!(self.held, Some(HoldReason::DetailChanged { .. })))
    }

    /// The side whose value of a further field an operator took. What came back with a copy is decided as a whole.
    pub(super) fn detail_taken(&self, detail: Detail) -> Option<Side> {
        self.resolution.filter(|_| match self.held {
            Some(HoldReason::DetailChanged { detail: held }) => *held == detail,
            Some(HoldReason::Restored) => true,
            _ => false,
        })
    }
}
