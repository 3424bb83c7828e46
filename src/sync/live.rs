//! What is known of Salesforce records through events alone, so that they need not be read: pure bookkeeping, in memory.
//!
//! An event counts as a read of its record when nothing newer is known of it. Commit times are whole seconds of
//! Salesforce's clock, which we know to a second: so "newer" means clearly later than the end of any read or write of
//! the record, and than the opening of the stream. Everything else that an event says is a hint, and the record is read.

use crate::model::{SalesforceId, SalesforceObject, SalesforceRecord};
use jiff::Timestamp;
use std::collections::HashMap;

/// Records kept at most: a flood beyond it is read by REST, 2,000 at a time. About 20 MB.
const RECORDS_MAX: usize = 20_000;

/// Reads and writes remembered at most. Beyond it, all that is older counts as known up to the newest of them.
const KNOWN_MAX: usize = 100_000;

/// How much later than what is known an event must be committed: the resolution of its time, and of what we know of
/// Salesforce's clock.
const CLEARLY_SECONDS: i64 = 2;

/// A record as events tell it.
#[derive(Debug, Clone)]
struct Told {
    record: SalesforceRecord,
    /// When the newest of these events was committed.
    at: Timestamp,
    number: u64,
}

/// What is known through events.
#[derive(Debug, Default)]
pub(super) struct Live {
    /// Objects whose changes come by a stream that is open, and since when.
    open: HashMap<SalesforceObject, Timestamp>,
    told: HashMap<SalesforceId, Told>,
    /// When a record was last read or written by us, by Salesforce's clock.
    known: HashMap<SalesforceId, Timestamp>,
    number: u64,
    /// What was told up to here has lived through a whole turn.
    aged: u64,
}

impl Live {
    /// A stream for an object is open, by Salesforce's clock since `now`.
    pub(super) fn opened(&mut self, object: SalesforceObject, now: Timestamp) {
        self.open.insert(object, now);
    }

    /// The stream broke: what it told may not be so any more.
    pub(super) fn closed(&mut self, object: SalesforceObject) {
        self.open.remove(&object);
        self.told.retain(|id, _| id.object() != object);
    }

    /// Whether changes of an object come by a stream that is open.
    pub(super) fn is_open(&self, object: SalesforceObject) -> bool {
        self.open.contains_key(&object)
    }

    /// Records were read, some time between `asked` and `answered` by Salesforce's clock.
    pub(super) fn read(
        &mut self,
        ids: impl IntoIterator<Item = SalesforceId>,
        asked: Timestamp,
        answered: Timestamp,
    ) {
        for id in ids {
            if !self.open.contains_key(&id.object()) {
                continue;
            }
            let known = self.known.entry(id).or_insert(answered);
            *known = answered.max(*known);
            if self.told.get(&id).is_some_and(|told| told.at.as_second() <= asked.as_second()) {
                self.told.remove(&id);
            }
        }
        if self.known.len() > KNOWN_MAX {
            let newest = self.known.drain().map(|(_, at)| at).max().unwrap_or(answered);
            self.open.values_mut().for_each(|since| *since = newest.max(*since));
        }
    }

    /// We wrote records: whatever events told of them lacks it.
    pub(super) fn wrote(&mut self, ids: impl IntoIterator<Item = SalesforceId>, answered: Timestamp) {
        let ids: Vec<SalesforceId> = ids.into_iter().collect();
        ids.iter().for_each(|id| drop(self.told.remove(id)));
        self.read(ids, answered, answered);
    }

    /// Whether an event that was committed then is newer than all that is known of its record.
    pub(super) fn is_news(&self, id: SalesforceId, committed: Timestamp) -> bool {
        let later = |known: &Timestamp| committed.as_second() - known.as_second() >= CLEARLY_SECONDS;
        self.open.get(&id.object()).is_some_and(later) && self.known.get(&id).is_none_or(later)
    }

    /// A record as events have told it, where nothing has overtaken them; and the number of what was told.
    pub(super) fn record(&self, id: SalesforceId) -> Option<(&SalesforceRecord, u64)> {
        self.told.get(&id).map(|told| (&told.record, told.number))
    }

    /// Events have told a record; `None`: what they told before is not so any more.
    pub(super) fn tell(&mut self, id: SalesforceId, record: Option<SalesforceRecord>, committed: Timestamp) {
        self.number += 1;
        let is_news = self.is_news(id, committed);
        match record.filter(|_| is_news) {
            Some(record) if self.told.len() < RECORDS_MAX || self.told.contains_key(&id) => {
                self.told.insert(id, Told { record, at: committed, number: self.number });
            }
            _ => drop(self.told.remove(&id)),
        }
    }

    /// A turn that began at `began` is over, and has worked on this much of what was told: the baselines say it from now
    /// on. What nobody has asked for in a whole turn goes too, so that a lost event cannot make it wrong for long.
    pub(super) fn forget(&mut self, worked_on: &HashMap<SalesforceId, u64>, began: u64) {
        let aged = std::mem::replace(&mut self.aged, began);
        self.told.retain(|id, told| told.number > aged && worked_on.get(id) != Some(&told.number));
    }

    /// Everything is to be read anew.
    pub(super) fn forget_all(&mut self) {
        self.told.clear();
    }

    /// Grows with everything that is told.
    pub(super) fn number(&self) -> u64 {
        self.number
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SetAt;

    fn id(number: u32) -> SalesforceId {
        format!("00Q5f0000{number:06}").parse().unwrap()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn record(id: SalesforceId) -> SalesforceRecord {
        SalesforceRecord {
            id,
            fields: Default::default(),
            is_converted: false,
            converted_contact: None,
            is_deleted: false,
            master_record: None,
            email: None,
            last_modified: at(0),
            last_modified_by: None,
            system_modstamp: at(0),
            status_set_at: SetAt::Unknown,
        }
    }

    fn open() -> Live {
        let mut live = Live::default();
        live.opened(SalesforceObject::Lead, at(100));
        live
    }

    #[test]
    fn an_event_counts_as_a_read_only_when_it_is_clearly_newer_than_the_stream_and_every_read() {
        let mut live = open();
        for (second, counts) in [(99, false), (101, false), (102, true)] {
            live.tell(id(1), Some(record(id(1))), at(second));
            assert_eq!(live.record(id(1)).is_some(), counts, "{second}");
        }
        live.read([id(2)], at(190), at(200));
        assert!(!live.is_news(id(2), at(201)) && live.is_news(id(2), at(202)));
    }

    #[test]
    fn a_read_overtakes_what_events_told_before_it_and_not_what_they_told_after() {
        let mut live = open();
        live.tell(id(1), Some(record(id(1))), at(110));
        live.tell(id(2), Some(record(id(2))), at(120));
        live.read([id(1), id(2)], at(115), at(116));
        assert!(live.record(id(1)).is_none() && live.record(id(2)).is_some());
    }

    #[test]
    fn our_own_write_overtakes_whatever_events_told() {
        let mut live = open();
        live.tell(id(1), Some(record(id(1))), at(120));
        live.wrote([id(1)], at(115));
        assert!(live.record(id(1)).is_none());
    }

    #[test]
    fn a_broken_stream_tells_nothing_any_more() {
        let mut live = open();
        live.tell(id(1), Some(record(id(1))), at(110));
        live.closed(SalesforceObject::Lead);
        assert!(live.record(id(1)).is_none() && !live.is_news(id(1), at(200)));
    }

    #[test]
    fn what_comes_while_a_record_is_worked_on_is_not_forgotten_with_it() {
        let mut live = open();
        live.tell(id(1), Some(record(id(1))), at(110));
        live.tell(id(2), Some(record(id(2))), at(110));
        let worked_on: HashMap<_, _> = [1, 2].map(|n| (id(n), live.record(id(n)).unwrap().1)).into();
        live.tell(id(2), Some(record(id(2))), at(111));
        live.forget(&worked_on, 0);
        assert!(live.record(id(1)).is_none() && live.record(id(2)).is_some());
    }

    #[test]
    fn memory_is_bounded_and_what_is_forgotten_counts_as_known() {
        let mut live = open();
        let ids = (0..=KNOWN_MAX as u32).map(id);
        live.read(ids, at(300), at(300));
        assert!(live.known.is_empty());
        assert!(!live.is_news(id(7), at(301)) && live.is_news(id(7), at(302)));
    }
}
