//! Which fields an event means, told by bitmaps (facts/salesforce-api.md 5.6).

/// A field: its place at the top, and its place within a compound field.
pub(super) type Meant = (usize, Option<usize>);

/// More bits than any object can have fields.
const BITS_MAX: usize = 2_048;

/// The fields that bitmaps mean. The first may be of the top level (`0x…`); the others are of compound fields
/// (`4-0x…`). Within a number, bit 0 is the least.
///
/// # Errors
/// Says which text is no bitmap.
pub(super) fn decode(bitmaps: &[String]) -> Result<Vec<Meant>, String> {
    let mut meant = Vec::new();
    for text in bitmaps {
        let wrong = || format!("{:?} is no bitmap", text.chars().take(80).collect::<String>());
        match text.split_once('-') {
            None => meant.extend(bits(text).ok_or_else(wrong)?.into_iter().map(|field| (field, None))),
            Some((parent, parts)) => {
                let parent: usize = parent.parse().map_err(|_| wrong())?;
                let parts = bits(parts).ok_or_else(wrong)?;
                meant.extend(parts.into_iter().map(|part| (parent, Some(part))));
            }
        }
    }
    Ok(meant)
}

fn bits(text: &str) -> Option<Vec<usize>> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))?;
    if digits.is_empty() || digits.len() * 4 > BITS_MAX {
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

    fn decoded(bitmaps: &[&str]) -> Result<Vec<Meant>, String> {
        decode(&bitmaps.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
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
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(texts in prop::collection::vec(any::<String>(), 0..4)) {
            let _ = decode(&texts);
        }
    }
}
