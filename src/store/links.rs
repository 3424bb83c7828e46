//! Links and what stands beside them, one a prospect: intents, own pauses, conflicts and parked writes.

use super::key::{Key, Kind};
use super::table::Row;
use super::transaction::{Order, Reader, Transaction};
use super::{Held, Intent, OwnPauses, Parked, StoreError};
use crate::model::{BySide, HoldReason, Link, ProspectId, SalesforceId, Side};
use crate::mutant;
use std::collections::BTreeMap;

impl Row for Link {
    const KIND: Kind = Kind::Link;

    /// With the prospect's id: two prospects may name one record. That is a conflict, and one that has to be seen.
    fn index(&self, prospect: &ProspectId) -> Option<Key> {
        Some(Kind::LinkBySalesforce.key().salesforce(&self.salesforce).prospect(prospect))
    }
}

impl Row for Intent {
    const KIND: Kind = Kind::Intent;
}

impl Row for OwnPauses {
    const KIND: Kind = Kind::OwnPauses;
}

impl Row for Held {
    const KIND: Kind = Kind::Held;

    fn index(&self, _prospect: &ProspectId) -> Option<Key> {
        Some(Kind::HeldById.key().text(&self.id))
    }

    fn class(&self) -> Option<&'static str> {
        Some(self.reason.kind())
    }
}

impl Row for Parked {
    const KIND: Kind = Kind::Parked;

    fn class(&self) -> Option<&'static str> {
        Some(self.side.as_str())
    }
}

impl Reader<'_> {
    /// A prospect's link.
    pub fn link(&self, prospect: &ProspectId) -> Result<Option<Link>, StoreError> {
        self.row(prospect)
    }

    /// The prospects whose link stands for a Lead or Contact now: one, unless the person is linked twice.
    pub fn links_by_salesforce(&self, salesforce: &SalesforceId) -> Result<Vec<ProspectId>, StoreError> {
        let key = Kind::LinkBySalesforce.key().salesforce(salesforce);
        self.scan(key.clone()..key.end(), Order::Ascending).map(|entry| entry.map(|(_, id)| id)).collect()
    }

    /// Links in the order of prospect ids, behind `after`. Fewer than `limit` means that there are no more.
    pub fn links_after(&self, after: Option<&ProspectId>, limit: usize) -> Result<Vec<Link>, StoreError> {
        self.rows_after(after, limit)
    }

    /// How many links there are.
    pub fn link_count(&self) -> Result<u64, StoreError> {
        self.count(Kind::Link)
    }

    /// A link's decided write.
    pub fn intent(&self, prospect: &ProspectId) -> Result<Option<Intent>, StoreError> {
        self.row(prospect)
    }

    /// Decided writes, paged as [`links_after`](Reader::links_after).
    pub fn intents_after(&self, after: Option<&ProspectId>, limit: usize) -> Result<Vec<Intent>, StoreError> {
        self.rows_after(after, limit)
    }

    /// How many writes are decided and not yet recorded.
    pub fn intent_count(&self) -> Result<u64, StoreError> {
        self.count(Kind::Intent)
    }

    /// The enrolments of a prospect that this daemon paused.
    pub fn own_pauses(&self, prospect: &ProspectId) -> Result<OwnPauses, StoreError> {
        Ok(self.row(prospect)?.unwrap_or_default())
    }

    /// A prospect's conflict.
    pub fn held(&self, prospect: &ProspectId) -> Result<Option<Held>, StoreError> {
        self.row(prospect)
    }

    /// The conflict with this id.
    pub fn held_by_id(&self, id: &str) -> Result<Option<Held>, StoreError> {
        self.row_by(&Kind::HeldById.key().text(id))
    }

    /// Conflicts, paged as [`links_after`](Reader::links_after).
    pub fn held_after(&self, after: Option<&ProspectId>, limit: usize) -> Result<Vec<Held>, StoreError> {
        self.rows_after(after, limit)
    }

    /// How many conflicts there are.
    pub fn held_count(&self) -> Result<u64, StoreError> {
        self.count(Kind::Held)
    }

    /// How many links wait for a person, by kind of conflict ([`HoldReason::kind`]); kinds without any are left out.
    pub fn held_by_kind(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        let mut counts = BTreeMap::new();
        for kind in HoldReason::KINDS {
            let count = self.count_of::<Held>(kind)?;
            if count > 0 {
                counts.insert(kind.to_owned(), count);
            }
        }
        Ok(counts)
    }

    /// A prospect's refused write.
    pub fn parked(&self, prospect: &ProspectId) -> Result<Option<Parked>, StoreError> {
        self.row(prospect)
    }

    /// Refused writes, paged as [`links_after`](Reader::links_after).
    pub fn parked_after(&self, after: Option<&ProspectId>, limit: usize) -> Result<Vec<Parked>, StoreError> {
        self.rows_after(after, limit)
    }

    /// How many writes are parked.
    pub fn parked_count(&self) -> Result<u64, StoreError> {
        self.count(Kind::Parked)
    }

    /// How many writes are parked, by the side that refused.
    pub fn parked_by_side(&self) -> Result<BySide<u64>, StoreError> {
        let count = |side: Side| self.count_of::<Parked>(side.as_str());
        Ok(BySide { salesforce: count(Side::Salesforce)?, engage: count(Side::Engage)? })
    }
}

impl Transaction<'_> {
    /// Makes or changes a link, and moves its entry by Salesforce id along.
    ///
    /// # Errors
    /// [`StoreError::Taken`] when another prospect's link stands for that Lead or Contact: two links on one
    /// record would write against each other.
    pub fn put_link(&mut self, link: &Link) -> Result<(), StoreError> {
        if mutant::is("latch-in-memory") {
            return self.put_row(&link.prospect, &Link { latch: None, ..link.clone() });
        }
        self.put_row(&link.prospect, link)
    }

    /// Drops a link. What stands beside it (due mark, intent, conflict, ...) is the caller's to remove.
    pub fn remove_link(&mut self, prospect: &ProspectId) -> Result<Option<Link>, StoreError> {
        self.take_row(prospect)
    }

    /// Keeps a decided write; a link has at most one.
    pub fn put_intent(&mut self, intent: &Intent) -> Result<(), StoreError> {
        self.put_row(&intent.prospect, intent)
    }

    /// Forgets a decided write: it was recorded, or dropped.
    pub fn remove_intent(&mut self, prospect: &ProspectId) -> Result<Option<Intent>, StoreError> {
        self.take_row(prospect)
    }

    /// Keeps which enrolments are paused by us; no row when there are none.
    pub fn set_own_pauses(&mut self, prospect: &ProspectId, pauses: &OwnPauses) -> Result<(), StoreError> {
        if *pauses == OwnPauses::default() {
            return self.take_row::<OwnPauses>(prospect).map(|_| ());
        }
        self.put_row(prospect, pauses)
    }

    /// Holds a link, or changes why.
    ///
    /// # Errors
    /// [`StoreError::Taken`] when another prospect's conflict has this id.
    pub fn put_held(&mut self, held: &Held) -> Result<(), StoreError> {
        if mutant::is("hold-in-memory") {
            return Ok(());
        }
        self.put_row(&held.prospect, held)
    }

    /// Holds a link no more.
    pub fn remove_held(&mut self, prospect: &ProspectId) -> Result<Option<Held>, StoreError> {
        self.take_row(prospect)
    }

    /// Parks a refused write.
    pub fn put_parked(&mut self, parked: &Parked) -> Result<(), StoreError> {
        self.put_row(&parked.prospect, parked)
    }

    /// Parks it no more.
    pub fn remove_parked(&mut self, prospect: &ProspectId) -> Result<Option<Parked>, StoreError> {
        self.take_row(prospect)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    #[test]
    fn a_link_is_found_by_its_salesforce_id_and_moves_with_it() {
        let store = TestStore::new();
        store.write(|t| t.put_link(&link(1, 10))).unwrap();
        assert_eq!(store.reader().links_by_salesforce(&salesforce(10)).unwrap(), [prospect(1)]);
        store.write(|t| t.put_link(&link(1, 11))).unwrap();
        assert_eq!(store.reader().links_by_salesforce(&salesforce(10)).unwrap(), []);
        assert_eq!(store.reader().links_by_salesforce(&salesforce(11)).unwrap(), [prospect(1)]);
        assert_eq!(store.reader().link_count().unwrap(), 1);
        assert_eq!(store.write(|t| t.remove_link(&prospect(1))).unwrap(), Some(link(1, 11)));
        assert_eq!(store.reader().link_count().unwrap(), 0);
        assert_eq!(store.rows(Kind::LinkBySalesforce), 0);
    }

    #[test]
    fn two_links_to_one_record_are_both_found() {
        let store = TestStore::new();
        store.write(|t| t.put_link(&link(1, 10))).unwrap();
        store.write(|t| t.put_link(&link(2, 20))).unwrap();
        store.write(|t| t.put_link(&link(2, 10))).unwrap();
        assert_eq!(store.reader().links_by_salesforce(&salesforce(10)).unwrap(), [prospect(1), prospect(2)]);
        assert_eq!(store.reader().links_by_salesforce(&salesforce(20)).unwrap(), []);
    }

    #[test]
    fn two_records_change_hands_within_one_transaction() {
        let store = TestStore::new();
        store.write(|t| t.put_link(&link(1, 10))).unwrap();
        store
            .write(|t| {
                t.remove_link(&prospect(1))?;
                t.put_link(&link(2, 10))
            })
            .unwrap();
        assert_eq!(store.reader().links_by_salesforce(&salesforce(10)).unwrap(), [prospect(2)]);
    }

    #[test]
    fn pages_visit_every_link_once() {
        let store = TestStore::new();
        store.write(|t| (0..25).try_for_each(|n| t.put_link(&link(n, n)))).unwrap();
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = store.reader().links_after(after.as_ref(), 10).unwrap();
            after = page.last().map(|link| link.prospect.clone());
            let full = page.len() == 10;
            seen.extend(page.into_iter().map(|link| link.prospect));
            if !full {
                break;
            }
        }
        let mut expected: Vec<_> = (0..25).map(prospect).collect();
        expected.sort();
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_damaged_link_is_reported_and_left_out_of_pages_but_never_written_over() {
        let store = TestStore::new();
        store.write(|t| (1..=3).try_for_each(|n| t.put_link(&link(n, n)))).unwrap();
        store.damage(&Kind::Link.key().prospect(&prospect(2)));
        let page = store.reader().links_after(None, 10).unwrap();
        assert_eq!(page, [link(1, 1), link(3, 3)]);
        let error = store.reader().link(&prospect(2)).unwrap_err();
        assert!(matches!(&error, StoreError::Damaged { key, .. } if key == "Link/p_2"), "{error}");
        assert_eq!(store.quarantine.list(), std::slice::from_ref(&error));
        // Its latch is not known any more: a new link in its place might mail somebody who opted out.
        assert_eq!(store.write(|t| t.put_link(&link(2, 2))), Err(error));
        assert_eq!(store.reader().link_count().unwrap(), 3);
    }

    #[test]
    fn a_damaged_count_is_counted_anew() {
        let store = TestStore::new();
        store.write(|t| (1..=3).try_for_each(|n| t.put_link(&link(n, n)))).unwrap();
        store.damage(&Kind::Own.key().text("count/l"));
        assert_eq!(store.reader().link_count().unwrap(), 3);
        store.write(|t| t.remove_link(&prospect(1))).unwrap();
        assert_eq!(store.reader().link_count().unwrap(), 2);
    }

    fn held(id: &str, number: u32) -> Held {
        Held {
            id: id.to_owned(),
            prospect: prospect(number),
            salesforce: None,
            reason: HoldReason::BothChanged,
            salesforce_value: None,
            engage_value: None,
            touched: Default::default(),
            since: at(0),
            resolution: None,
        }
    }

    #[test]
    fn conflicts_are_counted_by_kind_through_every_change_and_anew_when_a_count_is_damaged() {
        let store = TestStore::new();
        let counts = || {
            let counts = store.reader().held_by_kind().unwrap();
            counts.into_iter().map(|(kind, count)| format!("{kind} {count}")).collect::<Vec<_>>().join(", ")
        };
        assert_eq!(counts(), "");
        store.write(|t| (1..=3).try_for_each(|n| t.put_held(&held(&format!("k{n}"), n)))).unwrap();
        assert_eq!(counts(), "both_changed 3");
        let moved = Held { reason: HoldReason::FirstSight, ..held("k2", 2) };
        store.write(|t| t.put_held(&moved)).unwrap();
        store.write(|t| t.put_held(&moved)).unwrap();
        assert_eq!(counts(), "both_changed 2, first_sight 1");
        store.damage(&Kind::Own.key().text("count/h").text("/both_changed"));
        assert_eq!(counts(), "both_changed 2, first_sight 1");
        store.write(|t| t.remove_held(&prospect(1))).unwrap();
        assert_eq!(counts(), "both_changed 1, first_sight 1");
    }

    #[test]
    fn a_conflict_is_found_by_its_id_as_long_as_it_lasts() {
        let store = TestStore::new();
        store.write(|t| t.put_held(&held("a", 1))).unwrap();
        assert!(matches!(store.write(|t| t.put_held(&held("a", 2))), Err(StoreError::Taken { .. })));
        store.write(|t| t.put_held(&held("b", 1))).unwrap();
        assert_eq!(store.reader().held_by_id("a").unwrap(), None);
        assert_eq!(store.reader().held_by_id("b").unwrap(), Some(held("b", 1)));
        assert_eq!(store.reader().held_after(None, 9).unwrap(), [held("b", 1)]);
        store.write(|t| t.remove_held(&prospect(1))).unwrap();
        assert_eq!(store.reader().held_by_id("b").unwrap(), None);
        assert_eq!(store.reader().held_count().unwrap(), 0);
    }

    #[test]
    fn no_pauses_leave_no_row() {
        let store = TestStore::new();
        let pauses = OwnPauses { enrollments: vec!["e_1".to_owned()], pending: true };
        store.write(|t| t.set_own_pauses(&prospect(1), &pauses)).unwrap();
        assert_eq!(store.reader().own_pauses(&prospect(1)).unwrap(), pauses);
        store.write(|t| t.set_own_pauses(&prospect(1), &OwnPauses::default())).unwrap();
        assert_eq!(store.reader().own_pauses(&prospect(1)).unwrap(), OwnPauses::default());
        assert_eq!(store.rows(Kind::OwnPauses), 0);
    }
}
