//! The plan: what was decided, put in order and held against the company's limits. Pure; a dry run is this, printed.

use super::guard::{Asking, Waiting};
use crate::mapping::Limits;
use crate::model::{ChangeId, ProspectId, SalesforceId, SalesforceObject, Side, Step, WriteReason};
use std::collections::BTreeSet;

/// Rows of one call: what Salesforce Collections and the default profile's batch both take at most.
pub const BATCH_ROWS: usize = 200;

/// What the plan has to know of a write that was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Whose link.
    pub prospect: ProspectId,
    /// The Lead or Contact.
    pub salesforce: SalesforceId,
    /// The change it belongs to.
    pub change: ChangeId,
    /// The side that is written.
    pub side: Side,
    /// Whether it carries an opt-out over.
    pub is_opt_out: bool,
    /// Whether it comes from two sides that disagreed when first seen together.
    pub is_first_sight: bool,
    /// To whom, what is written, and what both sides held when it was decided, as one number: what was let through is
    /// exactly this, and nothing that was decided later.
    pub fingerprint: u64,
    /// The fingerprint of the write that an operator let through for this link, if one was.
    pub approved: Option<u64>,
}

impl Candidate {
    /// A decided write.
    pub fn new(
        prospect: ProspectId,
        salesforce: SalesforceId,
        change: ChangeId,
        step: &Step,
        approved: Option<u64>,
    ) -> Candidate {
        Candidate {
            fingerprint: fingerprint(&prospect, step),
            prospect,
            salesforce,
            change,
            side: step.side(),
            is_opt_out: step.is_opt_out(),
            is_first_sight: matches!(step.reason, WriteReason::FirstSight(_)),
            approved,
        }
    }

    /// Opt-outs never wait, and what was let through does not wait again.
    pub fn may_pass(&self) -> bool {
        self.is_opt_out || self.approved == Some(self.fingerprint)
    }
}

fn fingerprint(prospect: &ProspectId, step: &Step) -> u64 {
    use sha2::{Digest, Sha256};
    // All are plain data, which always has a JSON form.
    let text = serde_json::to_vec(&(prospect, &step.target, &step.seen)).unwrap_or_default();
    let digest = Sha256::digest(&text);
    u64::from_be_bytes(std::array::from_fn(|index| digest[index]))
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

/// Batches of one side that one read of their source covers.
const BATCHES_A_READ: u64 = 10;

impl Plan {
    /// The calls to Salesforce that carrying this out takes, told before any is made: a look and a write for each batch
    /// there, a look at the field history for each object written, and a look for each ten batches that go to Engage.
    pub fn salesforce_calls(&self) -> u64 {
        let count = |side: Side| self.batches.iter().filter(|batch| batch.side == side).count() as u64;
        let objects: std::collections::BTreeSet<_> =
            self.batches.iter().filter_map(|batch| batch.object).collect();
        2 * count(Side::Salesforce) + objects.len() as u64 + count(Side::Engage).div_ceil(BATCHES_A_READ)
    }
}

/// What is to be done, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Opt-outs first, then by side and object.
    pub batches: Vec<Batch>,
    /// Why the rest waits for an operator: it would change more than the company allows unasked.
    pub waiting: Option<Waiting>,
    /// What waits, with the fingerprint of each.
    pub held_back: Vec<(ProspectId, u64)>,
    /// Written too often within an hour: to be parked.
    pub flapping: Vec<ProspectId>,
}

impl Plan {
    /// How many rows are to be written now.
    pub fn rows(&self) -> usize {
        self.batches.iter().map(|batch| batch.prospects.len()).sum()
    }
}

/// Puts decided writes in order. `recent_writes` tells how often that side of a link was written within the last
/// hour, `linked` how many links there are, `first_run` whether nobody was ever asked about this store.
pub fn plan(
    candidates: Vec<Candidate>,
    limits: &Limits,
    linked: u64,
    recent_writes: impl Fn(&ProspectId, Side) -> u32,
    first_run: bool,
) -> Plan {
    let (flapping, rest): (Vec<_>, Vec<_>) = candidates.into_iter().partition(|c| {
        !c.is_opt_out && recent_writes(&c.prospect, c.side) >= limits.writes_per_record_per_hour
    });
    let (passing, asking): (Vec<_>, Vec<_>) = rest.into_iter().partition(Candidate::may_pass);
    let first_sights = asking.iter().filter(|c| c.is_first_sight).count();
    let waiting = Asking { records: asking.len(), first_sights }.waits(limits, linked, first_run);
    let (waits, mut rest): (Vec<_>, Vec<_>) =
        asking.into_iter().partition(|c| waiting.as_ref().is_some_and(|why| why.concerns(c.is_first_sight)));
    rest.extend(passing);
    Plan {
        batches: batches(rest),
        waiting,
        held_back: waits
            .iter()
            .map(|candidate| (candidate.prospect.clone(), candidate.fingerprint))
            .collect(),
        flapping: flapping.into_iter().map(|candidate| candidate.prospect).collect(),
    }
}

fn batches(mut candidates: Vec<Candidate>) -> Vec<Batch> {
    let lane = |candidate: &Candidate| {
        let object = (candidate.side == Side::Salesforce).then(|| candidate.salesforce.object());
        (!candidate.is_opt_out, candidate.side, object)
    };
    candidates.sort_by_key(|candidate| (lane(candidate), candidate.change, candidate.prospect.clone()));
    // Salesforce refuses the second row of a record in one call (`DUPLICATE_VALUE`), and what the first makes of it is to be
    // looked at before the second: that one stays due.
    let mut planned = BTreeSet::new();
    candidates.retain(|of| of.side == Side::Engage || planned.insert(of.salesforce));
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

/// A plan that waits, as one word: the same for the same writes, whatever their order.
pub fn plan_id(fingerprints: impl IntoIterator<Item = u64>) -> String {
    let sum = fingerprints.into_iter().fold(0u64, u64::wrapping_add);
    format!("plan-{sum:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Baseline, PersonStatus, SequenceAction, Target};

    #[test]
    fn the_same_write_to_somebody_else_is_another_plan() {
        let step = Step {
            target: Target::Engage { status: PersonStatus::new("success"), sequences: SequenceAction::Leave },
            seen: Baseline { salesforce: Default::default(), engage: PersonStatus::new("approaching") },
            rule: None,
            reason: WriteReason::Changed(Side::Salesforce),
            overruled: None,
            details: Default::default(),
        };
        let plan_of = |prospect: &str| {
            let lead = "00Q000000000001".parse().unwrap();
            let of = Candidate::new(prospect.parse().unwrap(), lead, ChangeId(1), &step, None);
            plan_id([of.fingerprint])
        };
        assert_eq!(plan_of("p_1"), plan_of("p_1"));
        assert_ne!(plan_of("p_1"), plan_of("p_2"));
    }
}
