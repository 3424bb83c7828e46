//! Links and what stands beside them, one a prospect: intents, own pauses, conflicts and parked writes.

use super::key::{Key, Kind};
use super::table::Row;
use super::transaction::{Reader, Transaction};
use super::{Held, Intent, OwnPauses, Parked, StoreError};
use crate::model::{Link, ProspectId, SalesforceId};

impl Row for Link {
    const KIND: Kind = Kind::Link;

    fn index(&self, _prospect: &ProspectId) -> Option<Key> {
        Some(Kind::LinkBySalesforce.key().salesforce(&self.salesforce))
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
}

impl Row for Parked {
    const KIND: Kind = Kind::Parked;
}

impl Reader<'_> {
    /// A prospect's link.
    pub fn link(&self, prospect: &ProspectId) -> Result<Option<Link>, StoreError> {
        self.row(prospect)
    }

    /// The link that stands for a Lead or Contact now.
    pub fn link_by_salesforce(&self, salesforce: &SalesforceId) -> Result<Option<Link>, StoreError> {
        self.row_by(&Kind::LinkBySalesforce.key().salesforce(salesforce))
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
}

impl Transaction<'_> {
    /// Makes or changes a link, and moves its entry by Salesforce id along.
    ///
    /// # Errors
    /// [`StoreError::Taken`] when another prospect's link stands for that Lead or Contact: two links on one
    /// record would write against each other.
    pub fn put_link(&mut self, link: &Link) -> Result<(), StoreError> {
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
