//! How far everything has got: cursors, marks by name, and how often each link was written lately.

use super::key::{Key, Kind};
use super::transaction::{Order, Reader, Transaction};
use super::{Cursors, StoreError};
use crate::model::{ProspectId, Side};
use jiff::{Timestamp, ToSpan};

/// How many outdated write counts one write clears away. More than one, so that they do not pile up.
const OUTDATED_CLEARED: usize = 4;

impl Reader<'_> {
    /// Where the reading called `name` has got to.
    pub fn cursor(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.get(&Kind::Cursor.key().text(name))
    }

    /// All cursors, by name.
    pub fn cursors(&self) -> Result<Cursors, StoreError> {
        let kind = Kind::Cursor.key();
        self.scan(kind.clone()..kind.end(), Order::Ascending)
            .map(|entry| entry.map(|(key, text)| (key.text_after_kind(), text)))
            .collect()
    }

    /// What was remembered under `name` (`first_pass_done`, ...).
    pub fn meta(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.get(&Kind::Meta.key().text(name))
    }

    /// How often this side of a link was written in the hour before `now`.
    pub fn writes_in_last_hour(
        &self,
        prospect: &ProspectId,
        side: Side,
        now: Timestamp,
    ) -> Result<u32, StoreError> {
        let writes = self.writes(&writes_key(prospect, side))?;
        let recent = writes.iter().filter(|at| is_recent(**at, now)).count();
        Ok(u32::try_from(recent).unwrap_or(u32::MAX))
    }

    /// A damaged count starts over, rather than stop this link's writes for ever.
    fn writes(&self, key: &Key) -> Result<Vec<Timestamp>, StoreError> {
        match self.get(key) {
            Err(StoreError::Damaged { .. }) => Ok(Vec::new()),
            known => Ok(known?.unwrap_or_default()),
        }
    }
}

impl Transaction<'_> {
    /// Moves a cursor: in the transaction that marks due what it passes.
    pub fn set_cursor(&mut self, name: &str, text: &str) -> Result<(), StoreError> {
        self.put(Kind::Cursor.key().text(name), &text)
    }

    /// Forgets a cursor, so that reading starts over.
    pub fn remove_cursor(&mut self, name: &str) -> Result<(), StoreError> {
        self.remove(Kind::Cursor.key().text(name));
        Ok(())
    }

    /// Remembers `value` under `name`.
    pub fn set_meta(&mut self, name: &str, value: &str) -> Result<(), StoreError> {
        self.put(Kind::Meta.key().text(name), &value)
    }

    /// Forgets what was remembered under `name`.
    pub fn remove_meta(&mut self, name: &str) -> Result<(), StoreError> {
        self.remove(Kind::Meta.key().text(name));
        Ok(())
    }

    /// Counts a write for [`writes_in_last_hour`](Reader::writes_in_last_hour). Old counts go by themselves.
    pub fn count_write(
        &mut self,
        prospect: &ProspectId,
        side: Side,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.change_writes(writes_key(prospect, side), now, Some(now))?;
        let number = self.next_number()?;
        self.put(Kind::WritesByTime.key().time(now).number(number), &(prospect, side))?;

        let outdated = Kind::WritesByTime.key()..Kind::WritesByTime.key().time(hour_before(now)).end();
        let outdated: Vec<(Key, (ProspectId, Side))> =
            self.scan(outdated, Order::Ascending).take(OUTDATED_CLEARED).collect::<Result<_, _>>()?;
        for (key, (prospect, side)) in outdated {
            self.remove(key);
            self.change_writes(writes_key(&prospect, side), now, None)?;
        }
        Ok(())
    }

    fn change_writes(&mut self, key: Key, now: Timestamp, add: Option<Timestamp>) -> Result<(), StoreError> {
        let mut writes = self.writes(&key)?;
        writes.retain(|at| is_recent(*at, now));
        writes.extend(add);
        if writes.is_empty() {
            self.remove(key);
            return Ok(());
        }
        self.put(key, &writes)
    }
}

fn writes_key(prospect: &ProspectId, side: Side) -> Key {
    Kind::Writes.key().prospect(prospect).side(side)
}

/// Whether a write is counted still. By the microsecond, as the keys of times are: both are dropped together.
fn is_recent(at: Timestamp, now: Timestamp) -> bool {
    at.as_microsecond() > hour_before(now).as_microsecond()
}

fn hour_before(now: Timestamp) -> Timestamp {
    now.checked_sub(1.hour()).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    #[test]
    fn writes_are_counted_for_an_hour_by_link_and_side() {
        let store = TestStore::new();
        let write = |number, side, seconds| {
            store.write(|t| t.count_write(&prospect(number), side, at(seconds))).unwrap();
        };
        let count = |number, side, seconds| {
            store.reader().writes_in_last_hour(&prospect(number), side, at(seconds)).unwrap()
        };
        write(1, Side::Engage, 0);
        write(1, Side::Engage, 0);
        write(1, Side::Salesforce, 10);
        write(2, Side::Engage, 20);
        assert_eq!([Side::Engage, Side::Salesforce].map(|side| count(1, side, 20)), [2, 1]);
        assert_eq!(count(1, Side::Engage, 3_599), 2);
        assert_eq!(count(1, Side::Engage, 3_600), 0);
        // One write, an hour later, takes what is outdated with it.
        write(3, Side::Engage, 3_620);
        assert_eq!((store.rows(Kind::Writes), store.rows(Kind::WritesByTime)), (1, 1));
    }

    #[test]
    fn two_writes_an_hour_apart_within_a_microsecond_leave_as_many_times_as_are_counted() {
        let store = TestStore::new();
        let write = |nanoseconds| {
            let now = at(0) + jiff::SignedDuration::from_nanos(nanoseconds);
            store.write(|t| t.count_write(&prospect(1), Side::Engage, now)).unwrap();
        };
        write(900);
        write(3_600_000_000_100);
        let counted = store.reader().writes(&writes_key(&prospect(1), Side::Engage)).unwrap().len();
        assert_eq!(store.rows(Kind::WritesByTime), counted);
    }

    #[test]
    fn a_damaged_count_starts_over() {
        let store = TestStore::new();
        let write = || store.write(|t| t.count_write(&prospect(1), Side::Engage, at(0))).unwrap();
        write();
        store.damage(&writes_key(&prospect(1), Side::Engage));
        write();
        assert_eq!(store.reader().writes_in_last_hour(&prospect(1), Side::Engage, at(0)).unwrap(), 1);
    }

    #[test]
    fn cursors_and_marks_are_kept_by_name_and_apart() {
        let store = TestStore::new();
        store
            .write(|t| {
                t.set_cursor("salesforce.Lead", "a")?;
                t.set_cursor("engage", "b")?;
                t.set_meta("engage", "c")
            })
            .unwrap();
        let cursors = store.reader().cursors().unwrap();
        assert_eq!(
            cursors,
            [("engage", "b"), ("salesforce.Lead", "a")].map(|(k, v)| (k.into(), v.into())).into()
        );
        store.write(|t| t.remove_cursor("engage")).unwrap();
        assert_eq!(store.reader().cursor("engage").unwrap(), None);
        assert_eq!(store.reader().meta("engage").unwrap().as_deref(), Some("c"));
    }
}
