//! People whom only one side knows, until the other one knows them too.

use super::key::Kind;
use super::transaction::{Order, Reader, Transaction};
use super::{Newcomer, StoreError};

impl Reader<'_> {
    /// The newcomer with this id.
    pub fn newcomer(&self, id: &str) -> Result<Option<Newcomer>, StoreError> {
        self.get(&Kind::Newcomer.key().text(id))
    }

    /// All newcomers, in the order of their ids.
    pub fn newcomers(&self) -> Result<Vec<Newcomer>, StoreError> {
        let kind = Kind::Newcomer.key();
        let rows = self.scan(kind.clone()..kind.end(), Order::Ascending);
        rows.map(|entry| entry.map(|(_, newcomer)| newcomer)).collect()
    }
}

impl Transaction<'_> {
    /// Remembers a newcomer.
    pub fn put_newcomer(&mut self, newcomer: &Newcomer) -> Result<(), StoreError> {
        self.put(Kind::Newcomer.key().text(&newcomer.id), newcomer)
    }

    /// Forgets one: both sides know this person, or nobody does any more.
    pub fn remove_newcomer(&mut self, id: &str) -> Result<(), StoreError> {
        self.remove(Kind::Newcomer.key().text(id));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::model::Side;

    #[test]
    fn a_newcomer_is_kept_until_it_is_forgotten() {
        let store = TestStore::new();
        let one = Newcomer::of("p_1", Side::Engage, at(0));
        let two =
            Newcomer { begun: Some(at(5)), ..Newcomer::of("00Q5f000005bwLFEAZ", Side::Salesforce, at(1)) };
        store.write(|t| t.put_newcomer(&one).and(t.put_newcomer(&two))).unwrap();
        assert_eq!(store.reader().newcomers().unwrap(), [two.clone(), one]);
        store.write(|t| t.remove_newcomer("p_1")).unwrap();
        assert_eq!(store.reader().newcomers().unwrap(), [two]);
        assert_eq!(store.reader().newcomer("p_1").unwrap(), None);
    }
}
