//! Values that a system refuses whoever is to have them, until it takes them again.

use super::key::Kind;
use super::transaction::{Order, Reader, Transaction};
use super::{Due, RefusedValue, StoreError};
use crate::model::ProspectId;
use jiff::Timestamp;

impl Reader<'_> {
    /// The refused value with this id.
    pub fn refused_value(&self, id: &str) -> Result<Option<RefusedValue>, StoreError> {
        self.get(&Kind::RefusedValue.key().text(id))
    }

    /// All values that were refused lately, in the order of their ids: a handful at most.
    pub fn refused_values(&self) -> Result<Vec<RefusedValue>, StoreError> {
        let kind = Kind::RefusedValue.key();
        let rows = self.scan(kind.clone()..kind.end(), Order::Ascending);
        rows.map(|entry| entry.map(|(_, refused)| refused)).collect()
    }

    /// The marks of links that wait for a value, paged as [`links_after`](Reader::links_after): those of the next `limit`
    /// marks that do, and the last mark that was looked at.
    pub fn waiting_for_values_after(
        &self,
        after: Option<&ProspectId>,
        limit: usize,
    ) -> Result<(Vec<Due>, Option<ProspectId>), StoreError> {
        let page: Vec<Due> = self.rows_after(after, limit)?;
        let last = page.last().map(|due| due.prospect.clone());
        Ok((page.into_iter().filter(|due| due.waits_for.is_some()).collect(), last))
    }
}

impl Transaction<'_> {
    /// Remembers a refused value.
    pub fn put_refused_value(&mut self, refused: &RefusedValue) -> Result<(), StoreError> {
        self.put(Kind::RefusedValue.key().text(&refused.id), refused)
    }

    /// Has a refused value tried again, and whoever waits for it with it, when the daemon next looks.
    pub fn let_value_go(&mut self, id: &str) -> Result<(), StoreError> {
        match self.refused_value(id)? {
            Some(value) => self.put_refused_value(&RefusedValue { let_go: true, ..value }),
            None => Ok(()),
        }
    }

    /// Forgets one: it is taken again, or nothing waits for it any more.
    pub fn remove_refused_value(&mut self, id: &str) -> Result<(), StoreError> {
        self.remove(Kind::RefusedValue.key().text(id));
        Ok(())
    }

    /// Lets a link wait for a value, until `not_before` at least, if the mark still has this generation.
    pub fn wait_for_value(
        &mut self,
        prospect: &ProspectId,
        generation: u64,
        not_before: Timestamp,
        value: &str,
    ) -> Result<bool, StoreError> {
        let Some(old) = self.due(prospect)?.filter(|due| due.generation == generation) else {
            return Ok(false);
        };
        let due = Due {
            not_before: Some(not_before),
            waits_for: Some(value.to_owned()),
            attempts: 0,
            ..old.clone()
        };
        self.replace_row(prospect, Some(&old), Some(&due))?;
        Ok(true)
    }

    /// The link waits for this value no more. `false` when it did not.
    pub fn wait_no_more(&mut self, prospect: &ProspectId, value: &str) -> Result<bool, StoreError> {
        let waits = |due: &Due| due.waits_for.as_deref() == Some(value);
        let Some(old) = self.due(prospect)?.filter(waits) else { return Ok(false) };
        let due = Due { not_before: None, waits_for: None, ..old.clone() };
        self.replace_row(prospect, Some(&old), Some(&due))?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::model::Side;
    use crate::store::{Seen, Source};

    fn refused(id: &str) -> RefusedValue {
        RefusedValue {
            id: id.to_owned(),
            side: Side::Salesforce,
            code: "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST".to_owned(),
            message: "bad value".to_owned(),
            rule: None,
            records: vec![prospect(1)],
            since: at(0),
            held: None,
            trial: None,
            tried: None,
            mapping: 7,
            active: None,
            let_go: false,
        }
    }

    #[test]
    fn a_refused_value_is_kept_until_it_is_forgotten() {
        let store = TestStore::new();
        let (one, two) = (refused("Lead.Status=Nurture"), refused("Contact.Status=Nurture"));
        store.write(|t| t.put_refused_value(&one).and(t.put_refused_value(&two))).unwrap();
        assert_eq!(store.reader().refused_values().unwrap(), [two.clone(), one.clone()]);
        store.write(|t| t.remove_refused_value(&one.id)).unwrap();
        assert_eq!(store.reader().refused_values().unwrap(), [two]);
        assert_eq!(store.reader().refused_value(&one.id).unwrap(), None);
    }

    #[test]
    fn who_waits_for_a_value_is_not_looked_at_until_its_time_and_is_let_go_by_that_value_only() {
        let store = TestStore::new();
        let seen = Seen { side: None, source: Source::Poll, at: at(0), value: None, by: None };
        let due = store.write(|t| t.mark_due(&prospect(1), seen)).unwrap();
        assert!(store.write(|t| t.wait_for_value(&prospect(1), due.generation, at(600), "a")).unwrap());
        assert_eq!(store.reader().due_ready(at(599), 9).unwrap(), []);
        let (waiting, last) = store.reader().waiting_for_values_after(None, 9).unwrap();
        assert_eq!((waiting.len(), last), (1, Some(prospect(1))));
        assert!(!store.write(|t| t.wait_no_more(&prospect(1), "b")).unwrap());
        assert!(store.write(|t| t.wait_no_more(&prospect(1), "a")).unwrap());
        assert_eq!(store.reader().due_ready(at(1), 9).unwrap().len(), 1);
        assert_eq!(store.reader().waiting_for_values_after(None, 9).unwrap().0, []);
    }
}
