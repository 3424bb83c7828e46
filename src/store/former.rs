//! Links that were dropped: the two are known to have been one person, should their record come back.

use super::key::{Key, Kind};
use super::transaction::{Order, Reader, Transaction};
use super::{Former, StoreError};
use crate::model::{ProspectId, SalesforceId};

impl Former {
    /// The records under which it is found: the one the person was last, and the one that Engage names.
    fn records(&self) -> impl Iterator<Item = SalesforceId> {
        let named = self.named_by_engage.filter(|named| *named != self.salesforce);
        std::iter::once(self.salesforce).chain(named)
    }

    /// The keys under which it is found.
    pub(super) fn index_keys(&self) -> impl Iterator<Item = Key> {
        let key = |record| Kind::FormerBySalesforce.key().salesforce(&record).prospect(&self.prospect);
        self.records().map(key)
    }
}

impl Reader<'_> {
    /// The link that a prospect had.
    pub fn former(&self, prospect: &ProspectId) -> Result<Option<Former>, StoreError> {
        self.get(&Kind::Former.key().prospect(prospect))
    }

    /// The dropped links that concern a Lead or Contact.
    pub fn formers_by_salesforce(&self, salesforce: &SalesforceId) -> Result<Vec<Former>, StoreError> {
        let key = Kind::FormerBySalesforce.key().salesforce(salesforce);
        let prospects =
            self.scan(key.clone()..key.end(), Order::Ascending).map(|entry| entry.map(|(_, id)| id));
        let prospects: Vec<ProspectId> = prospects.collect::<Result<_, _>>()?;
        prospects.iter().filter_map(|prospect| self.former(prospect).transpose()).collect()
    }
}

impl Transaction<'_> {
    /// Keeps that a link was dropped.
    pub fn put_former(&mut self, former: &Former) -> Result<(), StoreError> {
        self.remove_former(&former.prospect)?;
        for key in former.index_keys() {
            self.put(key, &former.prospect)?;
        }
        self.put(Kind::Former.key().prospect(&former.prospect), former)
    }

    /// Forgets it: the prospect is linked again.
    pub fn remove_former(&mut self, prospect: &ProspectId) -> Result<Option<Former>, StoreError> {
        let former = self.former(prospect)?;
        for key in former.iter().flat_map(Former::index_keys) {
            self.remove(key);
        }
        self.remove(Kind::Former.key().prospect(prospect));
        Ok(former)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Parting;
    use super::super::testing::*;
    use super::*;

    fn former(record: u32, named: u32) -> Former {
        Former {
            prospect: prospect(1),
            salesforce: salesforce(record),
            named_by_engage: Some(salesforce(named)),
            latch: None,
            why: Parting::GoneInSalesforce,
            at: at(0),
        }
    }

    #[test]
    fn a_dropped_link_is_found_by_each_of_its_records_until_it_is_forgotten() {
        let store = TestStore::new();
        store.write(|t| t.put_former(&former(10, 11))).unwrap();
        for record in [10, 11] {
            let found = store.reader().formers_by_salesforce(&salesforce(record)).unwrap();
            assert_eq!(found, [former(10, 11)]);
        }
        store.write(|t| t.put_former(&former(12, 12))).unwrap();
        assert_eq!(store.reader().formers_by_salesforce(&salesforce(10)).unwrap(), []);
        assert_eq!(store.write(|t| t.remove_former(&prospect(1))).unwrap(), Some(former(12, 12)));
        assert_eq!(store.rows(Kind::FormerBySalesforce) + store.rows(Kind::Former), 0);
    }
}
