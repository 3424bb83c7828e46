//! Deliveries that came before. A signed one can be sent again by whoever has seen it, for as long as its time is
//! good; known by its event's id, it costs neither a write nor a read.
//!
//! Kept in memory: what a restart forgets costs one read at most.

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use std::collections::{HashSet, VecDeque};

/// Longer than a signature's time is good for, both ways: five minutes before and five after.
const KEPT: SignedDuration = SignedDuration::from_mins(11);

/// So many are kept, of 40 bytes each; beyond it the oldest are forgotten.
const MOST: usize = 65_536;

/// The ids of events that were taken in, the latest ones. Ids are as long as their sender likes, so their digests stand
/// for them.
#[derive(Debug, Default)]
pub(super) struct Delivered {
    known: HashSet<[u8; 32]>,
    /// In the order in which they were taken in.
    order: VecDeque<(Timestamp, [u8; 32])>,
}

impl Delivered {
    /// Whether this event was taken in already.
    pub(super) fn knows(&mut self, event_id: &str, now: Timestamp) -> bool {
        while self.order.front().is_some_and(|(at, _)| now.duration_since(*at) > KEPT) {
            self.forget_oldest();
        }
        self.known.contains(&digest(event_id))
    }

    /// This event is durable now.
    pub(super) fn note(&mut self, event_id: &str, now: Timestamp) {
        let digest = digest(event_id);
        if self.known.insert(digest) {
            self.order.push_back((now, digest));
        }
        if self.order.len() > MOST {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, digest)) = self.order.pop_front() {
            self.known.remove(&digest);
        }
    }
}

fn digest(event_id: &str) -> [u8; 32] {
    Sha256::digest(event_id.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_known_for_longer_than_its_signature_is_good() {
        let mut delivered = Delivered::default();
        let begin: Timestamp = "2026-11-23T06:10:00Z".parse().unwrap();
        let after = |minutes| begin + SignedDuration::from_mins(minutes);
        assert!(!delivered.knows("e1", begin));
        delivered.note("e1", begin);
        assert!(delivered.knows("e1", after(11)) && !delivered.knows("e2", after(11)));
        assert!(!delivered.knows("e1", after(12)));
        assert!(delivered.order.is_empty() && delivered.known.is_empty(), "nothing is left behind");
    }

    #[test]
    fn a_flood_of_events_takes_no_more_memory_than_is_allowed() {
        let mut delivered = Delivered::default();
        let now: Timestamp = "2026-11-23T06:10:00Z".parse().unwrap();
        for number in 0..MOST + 10 {
            delivered.note(&format!("e{number}"), now);
        }
        assert_eq!((delivered.order.len(), delivered.known.len()), (MOST, MOST));
        assert!(!delivered.knows("e9", now) && delivered.knows("e10", now));
    }
}
