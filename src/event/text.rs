//! Makes any text safe to stand in a log line.

use std::borrow::Cow;

/// What replaces whatever looks like an email address.
const MASK: &str = "[email]";

/// Characters that would break a line, move the cursor or turn the reading direction of what follows.
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{061C}' | '\u{FEFF}')
}

/// Unsafe characters as `\u{1b}`, for people.
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let escaped = |c: char| if is_unsafe(c) { c.escape_unicode().to_string() } else { c.to_string() };
    Cow::Owned(text.chars().map(escaped).collect())
}

/// Unsafe characters as `\u001b`, inside JSON that is already written: there they can only stand in texts.
pub fn escape_json(json: &str) -> Cow<'_, str> {
    if !json.contains(is_unsafe) {
        return Cow::Borrowed(json);
    }
    // All unsafe characters are in the basic plane, so that four digits are enough.
    let escaped = |c: char| if is_unsafe(c) { format!("\\u{:04x}", c as u32) } else { c.to_string() };
    Cow::Owned(json.chars().map(escaped).collect())
}

/// Masks whatever looks like an email address, also one inside a URL (`a%40b.example`). It rather masks too much.
pub fn mask_emails(text: &str) -> Cow<'_, str> {
    if !text.contains('@') && !text.contains("%40") {
        return Cow::Borrowed(text);
    }
    let local = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
    let domain = |c: char| c.is_alphanumeric() || "-._[]:".contains(c);
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((at, sign)) = next_sign(rest) {
        let before = &rest[..at];
        let start = before
            .rfind(|c| !local(c))
            .map_or(0, |i| i + before[i..].chars().next().map_or(1, char::len_utf8));
        let after = &rest[at + sign..];
        let end = after.find(|c| !domain(c)).unwrap_or(after.len());
        let has_parts = start < at && end > 0;
        masked.push_str(if has_parts { &before[..start] } else { before });
        masked.push_str(if has_parts { MASK } else { &rest[at..at + sign] });
        rest = if has_parts { &after[end..] } else { after };
    }
    masked.push_str(rest);
    Cow::Owned(masked)
}

/// Where the next `@`, plain or percent-encoded, stands, and how long it is.
fn next_sign(text: &str) -> Option<(usize, usize)> {
    let plain = text.find('@').map(|at| (at, 1));
    let encoded = text.find("%40").map(|at| (at, 3));
    match (plain, encoded) {
        (Some(a), Some(b)) => Some(if a.0 < b.0 { a } else { b }),
        (found, None) | (None, found) => found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn email_addresses_are_masked_wherever_they_stand() {
        for (text, masked) in [
            ("ann@acme.example", "[email]"),
            ("<Ann.O'Hara+x@acme.co.uk>, then", "<[email]>, then"),
            ("/q?email=ann%40acme.example&x=1", "[email]&x=1"),
            ("a@b.c d@e.f", "[email] [email]"),
            ("jörg@bücher.example!", "[email]!"),
            ("é:ann@acme.example", "é:[email]"),
        ] {
            assert_eq!(mask_emails(text), masked, "{text}");
        }
    }

    #[test]
    fn what_is_no_address_stays() {
        for text in ["p_000001", "@ home", "at@", "@x", "100%4", "mapping/example.toml:17", "a @ b"] {
            assert_eq!(mask_emails(text), text);
        }
    }

    #[test]
    fn nothing_that_moves_the_cursor_gets_through() {
        let text = "a\u{1b}[2J\r\nb\u{2028}\u{202e}\u{9b}\u{7f}\u{feff}";
        assert!(!escape(text).contains(is_unsafe));
        let json = serde_json::to_string(text).unwrap();
        let safe = escape_json(&json);
        assert!(!safe.contains(is_unsafe));
        assert_eq!(serde_json::from_str::<String>(&safe).unwrap(), text);
    }
}
