//! Keys: one tree, a prefix byte for each kind of row, and parts that sort as they should be read.

use crate::model::{ProspectId, SalesforceId, Side};
use jiff::Timestamp;
use std::fmt;

/// The kinds of rows. The byte is part of the schema: never give one another meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Kind {
    /// The store's own: schema, tenant, the next number, counts.
    Own = b'.',
    /// What other rooms remember by name.
    Meta = b'm',
    /// Prospect: a link.
    Link = b'l',
    /// Salesforce id: whose link it is.
    LinkBySalesforce = b's',
    /// Prospect: a due mark.
    Due = b'd',
    /// Time, prospect: when a due mark may be looked at.
    DueByTime = b'r',
    /// Prospect: a decided write.
    Intent = b'i',
    /// Prospect: the enrolments that we paused.
    OwnPauses = b'o',
    /// Prospect: a conflict.
    Held = b'h',
    /// Conflict id: whose conflict it is.
    HeldById = b'c',
    /// Prospect: a refused write.
    Parked = b'p',
    /// Id: a person whom only one side knows, to be made known to the other.
    Newcomer = b'n',
    /// Prospect: a link that was dropped.
    Former = b'f',
    /// Value: that a system refuses it whoever is to have it.
    RefusedValue = b'v',
    /// Salesforce id, prospect: that a dropped link concerns it.
    FormerBySalesforce = b'b',
    /// Name: where reading has got to.
    Cursor = b'k',
    /// Number: a journal entry.
    Journal = b'j',
    /// Prospect, number: that a journal entry is about it.
    JournalByProspect = b'q',
    /// Salesforce id, number: that a journal entry is about it.
    JournalBySalesforce = b't',
    /// Prospect, side: when we wrote in the last hour.
    Writes = b'w',
    /// Time, number: which of those are the oldest.
    WritesByTime = b'x',
    /// Prospect: that the link came from a copy of the store, and of when.
    Restored = b'a',
}

impl Kind {
    pub(super) const ALL: [Kind; 22] = [
        Kind::Own,
        Kind::Meta,
        Kind::Link,
        Kind::LinkBySalesforce,
        Kind::Due,
        Kind::DueByTime,
        Kind::Intent,
        Kind::OwnPauses,
        Kind::Held,
        Kind::HeldById,
        Kind::Parked,
        Kind::Newcomer,
        Kind::Former,
        Kind::RefusedValue,
        Kind::FormerBySalesforce,
        Kind::Cursor,
        Kind::Journal,
        Kind::JournalByProspect,
        Kind::JournalBySalesforce,
        Kind::Writes,
        Kind::WritesByTime,
        Kind::Restored,
    ];

    /// Whether it belongs to the journal, which explains and decides nothing, and is most of the store.
    pub(super) fn is_journal(self) -> bool {
        matches!(self, Kind::Journal | Kind::JournalByProspect | Kind::JournalBySalesforce)
    }

    /// These kinds, in the order of their keys.
    pub(super) fn in_order(wanted: impl Fn(Kind) -> bool) -> Vec<Kind> {
        let mut kinds: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| wanted(*kind)).collect();
        kinds.sort_unstable_by_key(|kind| *kind as u8);
        kinds
    }

    /// The beginning of every key of this kind.
    pub(super) fn key(self) -> Key {
        Key(vec![self as u8])
    }
}

/// A key of the tree.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key(Vec<u8>);

impl Key {
    pub(super) fn from_bytes(bytes: &[u8]) -> Key {
        Key(bytes.to_vec())
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Which kind of row it leads to, if any that is known.
    pub(super) fn kind(&self) -> Option<Kind> {
        let first = self.0.first()?;
        Kind::ALL.into_iter().find(|kind| *kind as u8 == *first)
    }

    /// Whether it begins like `prefix`.
    pub(super) fn begins_with(&self, prefix: &Key) -> bool {
        self.0.starts_with(&prefix.0)
    }

    /// The prospect that stands first behind the kind.
    pub(super) fn prospect_after_kind(&self) -> Option<ProspectId> {
        let text = self.0.get(1..)?.split(|byte| *byte == 0).next()?;
        std::str::from_utf8(text).ok()?.parse().ok()
    }

    /// The side it ends with.
    pub(super) fn last_side(&self) -> Option<Side> {
        match self.0.last()? {
            b's' => Some(Side::Salesforce),
            b'e' => Some(Side::Engage),
            _ => None,
        }
    }

    /// With a text at its end; nothing may follow.
    pub(super) fn text(mut self, text: &str) -> Key {
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    /// With a prospect id, and a zero byte (which no id has) so that more may follow.
    pub(super) fn prospect(self, id: &ProspectId) -> Key {
        let mut key = self.text(id.as_str());
        key.0.push(0);
        key
    }

    /// With a Salesforce id; all are of one length.
    pub(super) fn salesforce(self, id: &SalesforceId) -> Key {
        self.text(id.as_str())
    }

    /// With a number that sorts by size.
    pub(super) fn number(mut self, number: u64) -> Key {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    /// With a time, in microseconds, that sorts by age; the flipped sign bit puts times before 1970 first.
    pub(super) fn time(self, time: Timestamp) -> Key {
        self.number((time.as_microsecond() as u64) ^ (1 << 63))
    }

    pub(super) fn side(mut self, side: Side) -> Key {
        self.0.push(match side {
            Side::Salesforce => b's',
            Side::Engage => b'e',
        });
        self
    }

    /// The number at its end; 0 if it is too short to have one.
    pub(super) fn last_number(&self) -> u64 {
        self.0.last_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
    }

    /// The time and the prospect it was made of, if it was.
    pub(super) fn time_and_prospect(&self) -> Option<(Timestamp, ProspectId)> {
        let (time, prospect) = self.0.get(1..)?.split_first_chunk()?;
        let time = Timestamp::from_microsecond((u64::from_be_bytes(*time) ^ (1 << 63)) as i64).ok()?;
        let prospect = std::str::from_utf8(prospect.strip_suffix(&[0])?).ok()?.parse().ok()?;
        Some((time, prospect))
    }

    /// All of it as text.
    pub(super) fn text_after_kind(&self) -> String {
        String::from_utf8_lossy(self.0.get(1..).unwrap_or_default()).into_owned()
    }

    /// The first key behind all that begin like this one.
    pub(super) fn end(mut self) -> Key {
        while let Some(last) = self.0.pop() {
            if last < u8::MAX {
                self.0.push(last + 1);
                break;
            }
        }
        self
    }

    /// The first key behind this one.
    pub(super) fn next(mut self) -> Key {
        self.0.push(0);
        self
    }
}

/// `Link/p_17\x00`: for messages.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((first, rest)) = self.0.split_first() else { return f.write_str("(empty key)") };
        match self.kind() {
            Some(kind) => write!(f, "{kind:?}/")?,
            None => write!(f, "{first:#04x}/")?,
        }
        // The zero that ends a prospect id says nothing to a reader.
        write!(f, "{}", rest.strip_suffix(&[0]).unwrap_or(rest).escape_ascii())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_sort_by_age_before_and_after_1970() {
        let keys = [
            "-000044-03-15T12:00:00Z",
            "1969-12-31T23:59:59Z",
            "1970-01-01T00:00:00Z",
            "2026-07-01T00:00:00Z",
        ]
        .map(|text| Kind::DueByTime.key().time(text.parse().unwrap()));
        assert!(keys.is_sorted(), "{keys:?}");
        let whole = keys[0].clone().prospect(&"p_1".parse().unwrap());
        let parts = ("-000044-03-15T12:00:00Z".parse().unwrap(), "p_1".parse().unwrap());
        assert_eq!(whole.time_and_prospect(), Some(parts));
    }

    #[test]
    fn a_prospect_whose_id_begins_like_another_is_outside_its_range() {
        let of = |id: &str| Kind::JournalByProspect.key().prospect(&id.parse().unwrap());
        assert!(of("p_1").number(u64::MAX) < of("p_1").end());
        assert!(!(of("p_1")..of("p_1").end()).contains(&of("p_12").number(1)));
    }

    #[test]
    fn no_two_kinds_share_a_byte() {
        let mut bytes = Kind::ALL.map(|kind| kind as u8);
        bytes.sort_unstable();
        assert!(bytes.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn the_end_of_a_range_carries_over_full_bytes() {
        assert_eq!(Key(vec![b'l', 0xff, 0xff]).end(), Key(vec![b'm']));
    }
}
