//! What stands behind a key: a format byte, a CRC-32, and the row as JSON.
//!
//! JSON because the rows hold enums that only a self-describing format can carry, because a row written by an
//! older version still reads when a field was added, and because a damaged store can be read by eye. The rows
//! are small (150 to 500 bytes), and a commit costs far more than their parsing.

use super::key::Key;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Format byte, then the CRC-32 of key and payload, little-endian, then the payload.
const HEADER_BYTES: usize = 5;

/// The payload is JSON. Another format takes another byte, and both can be read.
const JSON: u8 = 1;

/// The bytes of a row. The checksum covers the key as well, so that a value that has strayed to another key
/// is not believed (one flipped bit in the file did that in 9 of 60 trials: facts/reliability.md 2.3).
pub(super) fn seal<T: Serialize>(key: &Key, row: &T) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = vec![JSON, 0, 0, 0, 0];
    serde_json::to_writer(&mut bytes, row)?;
    let checksum = checksum(key, JSON, &bytes[HEADER_BYTES..]);
    bytes[1..HEADER_BYTES].copy_from_slice(&checksum.to_le_bytes());
    Ok(bytes)
}

/// The row in these bytes, or what is wrong with them.
pub(super) fn unseal<T: DeserializeOwned>(key: &Key, bytes: &[u8]) -> Result<T, String> {
    serde_json::from_slice(payload(key, bytes)?).map_err(|error| error.to_string())
}

/// The payload of these bytes, not read yet, or what is wrong with them.
pub(super) fn payload<'b>(key: &Key, bytes: &'b [u8]) -> Result<&'b [u8], String> {
    let Some(([format, stored @ ..], payload)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
        return Err(format!("{} bytes are too few", bytes.len()));
    };
    if *format != JSON {
        return Err(format!("format {format} is not known"));
    }
    if u32::from_le_bytes(*stored) != checksum(key, *format, payload) {
        return Err("the checksum does not match".to_owned());
    }
    Ok(payload)
}

/// A number that stands for a key with these bytes: the checksum that they carry covers both.
pub(super) fn stands_for(bytes: &[u8]) -> u64 {
    match bytes.get(1..).and_then(<[u8]>::first_chunk) {
        Some(stored) => u64::from(u32::from_le_bytes(*stored)),
        None => u64::from(crc32fast::hash(bytes)),
    }
}

fn checksum(key: &Key, format: u8, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key.as_bytes());
    hasher.update(&[format]);
    hasher.update(payload);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::super::key::Kind;
    use super::*;

    #[test]
    fn every_flipped_bit_every_lost_byte_and_another_key_are_noticed() {
        let key = Kind::Cursor.key().text("engage");
        let sealed = seal(&key, &"2026-07-01T00:00:00Z").unwrap();
        assert_eq!(unseal::<String>(&key, &sealed).unwrap(), "2026-07-01T00:00:00Z");
        for bit in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(unseal::<String>(&key, &flipped).is_err(), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert!(unseal::<String>(&key, &sealed[..length]).is_err(), "{length} bytes");
        }
        assert!(unseal::<String>(&Kind::Cursor.key().text("salesforce"), &sealed).is_err());
    }
}
