//! Ids of both systems, and of a change on its way through Lockstep.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// A text that is no id of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {expected}")]
pub struct InvalidId {
    text: String,
    expected: &'static str,
}

/// The two Salesforce objects that hold people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SalesforceObject {
    /// `Lead`, key prefix `00Q`.
    Lead,
    /// `Contact`, key prefix `003`.
    Contact,
}

impl SalesforceObject {
    /// Both objects, in the order in which batches are sorted.
    pub const BOTH: [SalesforceObject; 2] = [SalesforceObject::Lead, SalesforceObject::Contact];

    /// The API name.
    pub fn as_str(self) -> &'static str {
        match self {
            SalesforceObject::Lead => "Lead",
            SalesforceObject::Contact => "Contact",
        }
    }

    /// The first three characters of every id of this object.
    pub fn key_prefix(self) -> &'static str {
        match self {
            SalesforceObject::Lead => "00Q",
            SalesforceObject::Contact => "003",
        }
    }
}

impl fmt::Display for SalesforceObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The id of a Lead or a Contact, always in its 18-character form.
///
/// A 15-character id is given its suffix when parsed (facts/salesforce-api.md 3.1), so that two spellings of
/// one record are one value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, schemars::JsonSchema)]
#[schemars(with = "String")]
pub struct SalesforceId([u8; 18]);

impl SalesforceId {
    /// The 18 characters.
    pub fn as_str(&self) -> &str {
        // Only ASCII letters and digits get in, so the fallback is never taken.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Which object the record is of, told by the key prefix.
    pub fn object(&self) -> SalesforceObject {
        match &self.0[..3] {
            b"00Q" => SalesforceObject::Lead,
            _ => SalesforceObject::Contact,
        }
    }
}

impl FromStr for SalesforceId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = || InvalidId {
            text: text.chars().take(40).collect(),
            expected: "the id of a Lead (00Q...) or a Contact (003...), 15 or 18 letters and digits",
        };
        let bytes = text.as_bytes();
        let known_prefix = bytes.starts_with(b"00Q") || bytes.starts_with(b"003");
        if !known_prefix
            || !(bytes.len() == 15 || bytes.len() == 18)
            || !bytes.iter().all(u8::is_ascii_alphanumeric)
        {
            return Err(invalid());
        }
        let mut id = [0u8; 18];
        id[..15].copy_from_slice(&bytes[..15]);
        id[15..].copy_from_slice(&suffix(&bytes[..15]));
        if bytes.len() == 18 && !bytes[15..].eq_ignore_ascii_case(&id[15..]) {
            return Err(invalid());
        }
        Ok(SalesforceId(id))
    }
}

/// The three characters that make a case-sensitive id case-insensitive: bit `k` of each is set when
/// character `k` of its group of five is a capital.
fn suffix(fifteen: &[u8]) -> [u8; 3] {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
    let mut out = [0u8; 3];
    for (group, slot) in fifteen.chunks(5).zip(&mut out) {
        let bits = group
            .iter()
            .enumerate()
            .filter(|(_, c)| c.is_ascii_uppercase())
            .fold(0usize, |bits, (k, _)| bits | 1 << k);
        *slot = ALPHABET[bits];
    }
    out
}

impl fmt::Display for SalesforceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for SalesforceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for SalesforceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for SalesforceId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The id of a prospect in Revenue Engage. Opaque: 1 to 64 characters out of letters, digits, `_`, `-`, `.`, `:`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct ProspectId(Arc<str>);

impl ProspectId {
    /// The id as the Engage API spells it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProspectId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_-.:".contains(c);
        // "." and ".." are steps in the path of a URL.
        let is_step = text.chars().all(|c| c == '.');
        if (1..=64).contains(&text.len()) && text.chars().all(allowed) && !is_step {
            Ok(ProspectId(Arc::from(text)))
        } else {
            Err(InvalidId {
                text: text.chars().take(80).collect(),
                expected: "a prospect id (1 to 64 letters, digits, '_', '-', '.' or ':')",
            })
        }
    }
}

impl fmt::Display for ProspectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ProspectId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Follows one change from intake to the last write, through logs, journal and store.
///
/// A counter the store hands out: ids of later changes are larger.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct ChangeId(pub u64);

impl fmt::Display for ChangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_id_gets_the_suffix_salesforce_prints() {
        for (short, long) in
            [("00Q5f000005bwLF", "00Q5f000005bwLFEAY"), ("0035f00002EztxD", "0035f00002EztxDAAR")]
        {
            let id: SalesforceId = short.parse().unwrap();
            assert_eq!(id.as_str(), long);
            assert_eq!(id, long.parse().unwrap());
        }
    }

    #[test]
    fn an_id_of_another_object_a_wrong_length_or_a_wrong_suffix_is_refused() {
        for text in ["", "0055f00002EztxD", "00Q5f000005bwL", "00Q5f000005bwLFEAA", "00Q5f000005bw'F"] {
            assert!(text.parse::<SalesforceId>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_prospects_id_cannot_lead_to_another_path() {
        for text in ["", ".", "..", "a/b", "../x", "a?b", "a#b", "a b", "a%2fb", "a\\b", "a\nb", "\u{430}"] {
            assert!(text.parse::<ProspectId>().is_err(), "{text:?}");
        }
        for text in ["p_000001", "6d3f-8a1", "a.b:c", "..a"] {
            assert!(text.parse::<ProspectId>().is_ok(), "{text}");
        }
    }

    #[test]
    fn the_prefix_tells_the_object() {
        let id: SalesforceId = "0035f00002EztxD".parse().unwrap();
        assert_eq!(id.object(), SalesforceObject::Contact);
    }
}
