//! What one read record says: pure. Events are hints; this only tells whether a link has to be looked at.
//!
//! A record is passed over for one reason only: it holds exactly what its own side's baseline holds. Who made
//! the change never matters (`facts/reliability.md` 1.5), so our own writes come back as nothing new.

use super::details;
use crate::mapping::{FieldMapping, Mapping};
use crate::model::{Baseline, Latch, Link, Prospect, ProspectId, SalesforceId, SalesforceRecord, Side, mark};
use crate::mutant;
use crate::reconcile::text_of;
use crate::store::{Former, Parting, Seen, Source};
use jiff::Timestamp;

/// What has to be remembered about one record that was read.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Observed {
    /// Nothing new, or nobody we know.
    Nothing,
    /// A linked person may have changed.
    Due { prospect: ProspectId, seen: Seen },
    /// The two are one person: Engage says so for the first time, or says another record than before.
    Linked { link: Link, seen: Seen },
    /// A prospect without a Lead or Contact.
    Unlinked,
}

/// What is known of a link besides what it holds: with any of these, even an unchanged record is looked at.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pending {
    pub(super) held: bool,
    pub(super) parked: bool,
    pub(super) intent: bool,
}

impl Pending {
    pub(super) fn any(self) -> bool {
        self.held || self.parked || self.intent
    }
}

/// What a Lead or Contact that was read says about its link, if it has one.
pub(super) fn salesforce(
    mapping: &Mapping,
    link: Option<(&Link, Pending)>,
    record: &SalesforceRecord,
    source: Source,
    now: Timestamp,
) -> Observed {
    let Some((link, pending)) = link else { return Observed::Nothing };
    let gone = record.is_deleted || record.is_converted || record.master_record.is_some();
    let object = record.id.object();
    let field = |field: &FieldMapping| field.name(object).map(|name| mark(&text_of(record, name)));
    let moved_on = link.both_moved
        || link.out_of_scope
            && mapping.in_scope(object, &record.fields)
            && !mutant::is("back-in-scope-unseen")
        || link.baseline.as_ref().is_none_or(|baseline| differs(mapping, baseline, record))
        || details::moved(mapping, link, |base| base.salesforce, field);
    if !gone && !moved_on && !pending.any() {
        return Observed::Nothing;
    }
    Observed::Due {
        prospect: link.prospect.clone(),
        seen: Seen {
            side: Some(Side::Salesforce),
            source,
            at: now,
            value: Some(super::show::salesforce(mapping, record)),
            by: record.last_modified_by.clone(),
        },
    }
}

/// A field that the baseline never held is no change, but has to be looked at once, so that the next change of it is.
fn differs(mapping: &Mapping, baseline: &Baseline, record: &SalesforceRecord) -> bool {
    record.fields.iter().any(|(name, now)| match baseline.salesforce.get(name) {
        Some(held) => held != now,
        None => mapping.is_watched(record.id.object(), name),
    })
}

/// What a prospect that was read says about its link.
pub(super) fn prospect(
    mapping: &Mapping,
    link: Option<(&Link, Pending)>,
    former: Option<&Former>,
    prospect: &Prospect,
    source: Source,
    now: Timestamp,
) -> Observed {
    let seen = Seen {
        side: Some(Side::Engage),
        source,
        at: now,
        value: Some(prospect.status.key().to_owned()),
        by: prospect.status_changed_by.map(|kind| super::show::actor(kind).to_owned()),
    };
    let Some((link, pending)) = link else {
        return match prospect.salesforce {
            _ if prospect.deleted => Observed::Nothing,
            Some(id) if former.is_some_and(|former| keeps_apart(mapping, former, id)) => Observed::Nothing,
            Some(id) if mapping.object(id.object()).is_some() => {
                let latch = former.and_then(|former| former.latch.clone());
                Observed::Linked { link: first_link(prospect, id, latch), seen }
            }
            Some(_) => Observed::Nothing,
            None => Observed::Unlinked,
        };
    };
    if let Some(id) = names_another(mapping, link, prospect) {
        let left = link.left.iter().copied().chain([link.salesforce]).collect();
        let link = Link { left, ..first_link(prospect, id, link.latch.clone()) };
        return Observed::Linked { link, seen };
    }
    let detail = |field: &FieldMapping| {
        let value = prospect.details.get(&field.engage).map(|value| &**value).unwrap_or_default();
        field.name(link.salesforce.object()).map(|_| mark(value))
    };
    let unchanged = !link.both_moved
        && link.baseline.as_ref().is_some_and(|baseline| baseline.engage == prospect.status)
        && !says_anew(link, prospect)
        && !details::moved(mapping, link, |base| base.engage, detail);
    if unchanged && !prospect.deleted && !pending.any() {
        return Observed::Nothing;
    }
    Observed::Due { prospect: link.prospect.clone(), seen }
}

/// Another record than the link's, where Engage names one. It keeps naming the Lead after we followed its conversion or
/// merge: only another answer than the one the link was made from is news, and none of those that went on as the present one.
fn names_another(mapping: &Mapping, link: &Link, prospect: &Prospect) -> Option<SalesforceId> {
    let id = prospect.salesforce.filter(|_| !prospect.deleted)?;
    let is_known = link.named_by_engage == Some(id) || link.salesforce == id || link.came_from.contains(&id);
    (!is_known && mapping.object(id.object()).is_some()).then_some(id)
}

/// Whether somebody who is opted out has said so again. Were it not looked at, a later clearing in Salesforce would seem to
/// be the older word.
fn says_anew(link: &Link, prospect: &Prospect) -> bool {
    let known = link.latch.as_ref().map(|latch| latch.in_engage);
    prospect.status.is_opted_out() && known.is_some_and(|known| known != Some(prospect.status_changed_at))
}

/// Whether Engage only goes on naming a record that is gone: naming it does not bring it back.
fn keeps_apart(mapping: &Mapping, former: &Former, named: SalesforceId) -> bool {
    let same = former.salesforce == named || former.named_by_engage == Some(named);
    same && match former.why {
        Parting::GoneInSalesforce => true,
        Parting::GoneInEngage => false,
        Parting::ContactsNotInSync => mapping.contact.is_none(),
    }
}

/// A link that was never looked at. The latch belongs to the person, not to the record, and is kept.
fn first_link(prospect: &Prospect, salesforce: SalesforceId, latch: Option<Latch>) -> Link {
    Link {
        named_by_engage: Some(salesforce),
        latch: latch.filter(|_| !mutant::is("latch-stays-behind")).map(Latch::on_another_record),
        ..Link::new(prospect.id.clone(), salesforce)
    }
}
