//! Which fields an event means, told by bitmaps (facts/salesforce-api.md 5.6).

use std::collections::BTreeSet;

/// A field: its place at the top, and its place within a compound field.
pub(super) type Meant = (usize, Option<usize>);

/// More bits than any object can have fields.
const BITS_MAX: usize = 2_048;

/// More parts than any compound field has: a name has seven, an address ten.
const PARTS_MAX: usize = 64;

/// The fields that bitmaps mean, of a schema with so many at the top. The first may be of the top level (`0x…`); the others
/// are of compound fields (`4-0x…`). Within a number, bit 0 is the least.
///
/// No more texts are read than a schema has places for, and what is named twice is there once: an event of 1 MB could name
/// some field a million times.
///
/// # Errors
/// Says which text is no bitmap of such a schema.
pub(super) fn decode(bitmaps: &[&str], fields: usize) -> Result<BTreeSet<Meant>, String> {
    if bitmaps.len() > fields + 1 {
        return Err(format!("{} bitmaps, and the schema has only {fields} fields", bitmaps.len()));
    }
    let mut meant = BTreeSet::new();
    for text in bitmaps {
        let wrong = || format!("{:?} is no bitmap", text.chars().take(80).collect::<String>());
        let named: Vec<Meant> = match text.split_once('-') {
            None => bits(text, BITS_MAX).ok_or_else(wrong)?.into_iter().map(|field| (field, None)).collect(),
            Some((parent, parts)) => {
                let parent: usize = parent.parse().map_err(|_| wrong())?;
                let parts = bits(parts, PARTS_MAX).ok_or_else(wrong)?;
                parts.into_iter().map(|part| (parent, Some(part))).collect()
            }
        };
        if let Some((field, _)) = named.iter().find(|(field, _)| *field >= fields) {
            return Err(format!("field {field} is named, and the schema has only {fields}"));
        }
        meant.extend(named);
    }
    Ok(meant)
}

fn bits(text: &str, most: usize) -> Option<Vec<usize>> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))?;
    if digits.is_empty() || digits.len() * 4 > most {
        return None;
    }
    let mut set = Vec::new();
    for (place, digit) in digits.chars().rev().enumerate() {
        let digit = digit.to_digit(16)?;
        set.extend((0..4).filter(|bit| digit & (1 << bit) != 0).map(|bit| place * 4 + bit));
    }
    Some(set)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As many fields at the top as the documented example has, and some more.
    const FIELDS: usize = 40;

    fn decoded(bitmaps: &[&str]) -> Result<Vec<Meant>, String> {
        decode(bitmaps, FIELDS).map(|meant| meant.into_iter().collect())
    }

    #[test]
    fn the_documented_conversion_means_its_seven_fields() {
        let fields: Vec<usize> =
            decoded(&["0x08F81000"]).unwrap().into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, [12, 19, 20, 21, 22, 23, 27]);
    }

    #[test]
    fn parts_of_a_compound_field_are_told_alone_or_beside_others() {
        assert_eq!(decoded(&["1-0x06"]).unwrap(), [(1, Some(1)), (1, Some(2))]);
        assert_eq!(decoded(&["0x01", "4-0x01"]).unwrap(), [(0, None), (4, Some(0))]);
        assert_eq!(decoded(&[]).unwrap(), []);
    }

    #[test]
    fn what_is_no_bitmap_is_refused() {
        for text in ["", "0x", "12", "0xZZ", "a-0x01", "1-", "-0x01", "1-2-0x01"] {
            assert!(decoded(&[text]).is_err(), "{text}");
        }
        assert!(decoded(&[&format!("0x{}", "F".repeat(10_000))]).is_err());
        assert!(
            decoded(&[&format!("1-0x{}", "F".repeat(17))]).is_err(),
            "no compound field has so many parts"
        );
    }

    #[test]
    fn what_no_schema_of_so_many_fields_can_have_is_refused() {
        assert!(decoded(&["0x8000000000"]).is_ok() && decoded(&["39-0x01"]).is_ok());
        assert!(decoded(&["0x10000000000"]).is_err() && decoded(&["40-0x01"]).is_err());
        assert!(decoded(&["0x01"; FIELDS + 1]).is_ok() && decoded(&["0x01"; FIELDS + 2]).is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(texts in prop::collection::vec(any::<String>(), 0..4)) {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let _ = decode(&texts, FIELDS);
        }
    }
}
