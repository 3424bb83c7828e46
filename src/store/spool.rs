//! Records that a bulk job has read, until they are looked at: on disk, so that memory does not grow with their number.
//! Ids, statuses and times only.

use super::key::Kind;
use super::transaction::{Order, Reader, Transaction};
use super::{Spooled, StoreError};
use crate::model::{SalesforceId, SalesforceObject};

impl Reader<'_> {
    /// What a bulk job has read of a record. A damaged row is none: the record is read again.
    pub fn spooled(&self, id: &SalesforceId) -> Result<Option<Spooled>, StoreError> {
        match self.get(&Kind::Spool.key().salesforce(id)) {
            Err(StoreError::Damaged { .. }) => Ok(None),
            found => found,
        }
    }
}

impl Transaction<'_> {
    /// Keeps what a bulk job has read of a record.
    pub fn spool(&mut self, id: &SalesforceId, row: &Spooled) -> Result<(), StoreError> {
        self.put(Kind::Spool.key().salesforce(id), row)
    }

    /// Forgets up to `limit` rows of an object. Returns how many there were.
    pub fn clear_spool(&mut self, object: SalesforceObject, limit: usize) -> Result<usize, StoreError> {
        let prefix = Kind::Spool.key().text(object.key_prefix());
        let keys = self.keys(prefix.clone()..prefix.end(), Order::Ascending).take(limit);
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        let count = keys.len();
        keys.into_iter().for_each(|key| self.remove(key));
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    #[test]
    fn a_spool_is_cleared_object_by_object_and_step_by_step() {
        let store = TestStore::new();
        let lead: SalesforceId = "00Q5f000005bwLF".parse().unwrap();
        let contact: SalesforceId = "0035f00002EztxD".parse().unwrap();
        let row = Spooled { fields: Default::default(), modified: at(1), modified_by: None };
        store.write(|t| t.spool(&lead, &row).and(t.spool(&contact, &row))).unwrap();
        assert_eq!(store.reader().spooled(&lead).unwrap(), Some(row));
        assert_eq!(store.write(|t| t.clear_spool(SalesforceObject::Lead, 10)).unwrap(), 1);
        assert_eq!(store.reader().spooled(&lead).unwrap(), None);
        assert!(store.reader().spooled(&contact).unwrap().is_some());
    }
}
