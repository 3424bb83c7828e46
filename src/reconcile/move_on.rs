//! Records that are gone, or go on as another one, and what a link takes along.

use super::decision::*;
use super::opt_out::seen_opted_out;
use super::situation::Situation;
use crate::mapping::{Context, Mapping};
use crate::model::{Baseline, Latch, Link, SalesforceId, SalesforceObject, SalesforceRecord, Side};

/// A record that is gone, or goes on as another one.
pub(super) fn moved_on(mapping: &Mapping, record: &SalesforceRecord) -> Option<Decision> {
    if let Some(to) = record.master_record {
        return Some(Decision::Relink { to, reason: RelinkReason::Merged });
    }
    if record.is_deleted {
        return Some(Decision::Unlink(UnlinkReason::DeletedInSalesforce));
    }
    if record.is_converted {
        return Some(match record.converted_contact {
            Some(to) if mapping.contact.is_some() => Decision::Relink { to, reason: RelinkReason::Converted },
            _ => Decision::Unlink(UnlinkReason::ConvertedOutOfSync),
        });
    }
    None
}

/// Whether a record that goes on as another one, or out of sync, says "opted out" with its last word, and Engage was never
/// told. A deleted record says nothing (`sync.md` part 2); a named person may have said that it is not to be carried over.
pub(super) fn is_last_opt_out(
    mapping: &Mapping,
    situation: &Situation<'_>,
    decision: &Decision,
    record: &SalesforceRecord,
) -> bool {
    let goes_on =
        matches!(decision, Decision::Relink { .. } | Decision::Unlink(UnlinkReason::ConvertedOutOfSync));
    goes_on
        && situation.status_taken() != Some(Side::Engage)
        && mapping.is_opted_out(record.id.object(), &record.fields)
        && !seen_opted_out(mapping, situation.link).engage
}

/// The link once it stands for another record: the merge's winner, or the Contact.
///
/// An opt-out goes along. The other record was never seen opted out, so that nobody has cleared anything there: what
/// Engage says is carried to it, as on first sight. Where Engage was not told yet, the latch keeps what was seen, and a
/// record that says otherwise is held.
pub fn relink(mapping: &Mapping, link: Link, to: SalesforceId) -> Link {
    let baseline = rebase(mapping, &link, to.object());
    let came_from = link.came_from.iter().copied().chain([link.salesforce]).collect();
    let both_moved = link.both_moved && baseline.is_some();
    let mut moved = Link { salesforce: to, came_from, both_moved, baseline, ..link };
    let agreed = |baseline: &Baseline| baseline.engage.is_opted_out();
    let told = moved.latch.as_ref().is_some_and(|latch| latch.seen.engage)
        || moved.baseline.as_ref().is_some_and(agreed);
    if let Some(latch) = moved.latch.as_mut().filter(|_| told) {
        (latch.seen.salesforce, latch.seen.engage) = (false, true);
        moved.baseline = None;
    }
    if moved.latch.as_ref().is_some_and(Latch::is_untold) {
        moved.baseline = None;
    }
    moved
}

/// The baseline of a link that moves to a record of another object: carried over as the person status it stood for
/// (rulings.md 10). A value that is outside that status's group will then count as changed. A status that has no
/// value there leaves no baseline: the two are seen for the first time.
fn rebase(mapping: &Mapping, link: &Link, to: SalesforceObject) -> Option<Baseline> {
    let baseline = link.baseline.as_ref()?;
    if link.salesforce.object() == to {
        return Some(baseline.clone());
    }
    // The other record was not read yet: only rows without a condition can speak of it.
    let relation = mapping.relation(to, &Context::default());
    let (_, fields) = relation.outbound(&baseline.engage)?;
    Some(Baseline { salesforce: fields.clone(), engage: baseline.engage.clone() })
}
