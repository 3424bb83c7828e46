//! The plan: what was decided, put in order and held against the company's limits. Pure; a dry run is this, printed.

use super::guard::{self, Waiting};
use crate::mapping::Limits;
use crate::model::{ChangeId, ProspectId, SalesforceId, SalesforceObject, Side, Step, WriteReason};

/// Rows of one call: what Salesforce Collections and the default profile's batch both take at most.
pub const BATCH_ROWS: usize = 200;

/// A write that was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Whose link.
    pub prospect: ProspectId,
    /// The Lead or Contact.
    pub salesforce: SalesforceId,
    /// The change it belongs to.
    pub change: ChangeId,
    /// What is to be written.
    pub step: Step,
}

/// Writes of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The side that is written.
    pub side: Side,
    /// The object, on Salesforce: mixed batches break at eleven changes of type (facts/salesforce-api.md 2.5).
    pub object: Option<SalesforceObject>,
    /// Opt-outs, which go before everything else.
    pub urgent: bool,
    /// At most [`BATCH_ROWS`], in the order of their changes.
    pub prospects: Vec<ProspectId>,
}

/// What is to be done, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Opt-outs first, then by side and object.
    pub batches: Vec<Batch>,
    /// The rest waits for an operator: it would change more than the company allows unasked.
    pub waiting: Option<Waiting>,
    /// Written too often within an hour: to be parked.
    pub flapping: Vec<ProspectId>,
}

impl Plan {
    /// How many rows are to be written now.
    pub fn rows(&self) -> usize {
        self.batches.iter().map(|batch| batch.prospects.len()).sum()
    }
}

/// Whether a write carries an opt-out. Those are never counted and never wait (rulings.md 11).
pub fn is_opt_out(step: &Step) -> bool {
    matches!(step.reason, WriteReason::OptedOut(_))
}

/// Puts decided writes in order. `recent_writes` tells how often that side of a link was written within the last
/// hour, `linked` how many links there are, `approved` whether an operator let one large plan through.
pub fn plan(
    candidates: Vec<Candidate>,
    limits: &Limits,
    linked: u64,
    recent_writes: impl Fn(&ProspectId, Side) -> u32,
    approved: bool,
) -> Plan {
    let (flapping, mut rest): (Vec<_>, Vec<_>) = candidates.into_iter().partition(|c| {
        !is_opt_out(&c.step) && recent_writes(&c.prospect, c.step.side()) >= limits.writes_per_record_per_hour
    });
    let ordinary = rest.iter().filter(|candidate| !is_opt_out(&candidate.step)).count();
    let waiting = guard::mass_change(ordinary, linked, limits).filter(|_| !approved);
    if waiting.is_some() {
        rest.retain(|candidate| is_opt_out(&candidate.step));
    }
    Plan {
        batches: batches(rest),
        waiting,
        flapping: flapping.into_iter().map(|candidate| candidate.prospect).collect(),
    }
}

fn batches(mut candidates: Vec<Candidate>) -> Vec<Batch> {
    let lane = |candidate: &Candidate| {
        let side = candidate.step.side();
        let object = (side == Side::Salesforce).then(|| candidate.salesforce.object());
        (!is_opt_out(&candidate.step), side, object)
    };
    candidates.sort_by_key(|candidate| (lane(candidate), candidate.change, candidate.prospect.clone()));
    candidates
        .chunk_by(|a, b| lane(a) == lane(b))
        .flat_map(|same| same.chunks(BATCH_ROWS))
        .map(|rows| {
            let (ordinary, side, object) = lane(&rows[0]);
            let prospects = rows.iter().map(|candidate| candidate.prospect.clone()).collect();
            Batch { side, object, urgent: !ordinary, prospects }
        })
        .collect()
}
