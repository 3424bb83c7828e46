//! Ids with the suffix that makes them case-insensitive.

/// The organisation.
pub(super) const ORG: &str = "00D5f000000SAND";
/// The user that the daemon signs in as.
pub(super) const API_USER: &str = "0055f000000APIU";
/// The user whose hand tests and the demo lead.
pub(super) const PERSON: &str = "0055f000000PERS";
/// Where an assignment rule sends Leads.
pub(super) const QUEUE: &str = "00G5f000000QUEU";

/// The 18 characters of a 15-character id (facts/salesforce-api.md 3.1).
pub(super) fn long(fifteen: &str) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
    let suffix = fifteen.as_bytes().chunks(5).map(|group| {
        let bits =
            (0..group.len()).filter(|&k| group[k].is_ascii_uppercase()).map(|k| 1usize << k).sum::<usize>();
        char::from(ALPHABET[bits])
    });
    fifteen.chars().chain(suffix).collect()
}

/// The `number`th id of an object. Digits and lower-case letters only, in an order that sorts like the numbers.
pub(super) fn numbered(prefix: &str, number: u64) -> String {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let (mut rest, mut tail) = (number, [b'0'; 7]);
    for slot in tail.iter_mut().rev() {
        *slot = DIGITS[(rest % 36) as usize];
        rest /= 36;
    }
    long(&format!("{prefix}5f000{}", String::from_utf8_lossy(&tail)))
}

/// An id of either length, in its long form; `None` for what is none.
pub(super) fn canonical(text: &str) -> Option<String> {
    let letters = text.bytes().all(|c| c.is_ascii_alphanumeric());
    match text.len() {
        15 if letters => Some(long(text)),
        18 if letters => Some(long(&text[..15])),
        _ => None,
    }
}
