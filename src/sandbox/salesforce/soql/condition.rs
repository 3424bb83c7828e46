//! Whether a condition holds, and what it says about the rows that need be looked at.

use super::parser::{Comparison, Condition, Literal};
use crate::sandbox::salesforce::ids;
use crate::sandbox::salesforce::record::parse_time;
use serde_json::Value;
use std::cmp::Ordering;

pub(super) fn holds(condition: &Condition, value: &dyn Fn(&str) -> Value) -> bool {
    match condition {
        Condition::And(all) => all.iter().all(|part| holds(part, value)),
        Condition::Or(any) => any.iter().any(|part| holds(part, value)),
        Condition::Not(inner) => !holds(inner, value),
        Condition::In(field, wanted, values) => {
            let held = value(field);
            values.iter().any(|literal| compare(&held, literal) == Some(Ordering::Equal)) == *wanted
        }
        Condition::Compare(field, Comparison::Like, Literal::Text(pattern)) => {
            value(field).as_str().is_some_and(|text| like(&text.to_lowercase(), &pattern.to_lowercase()))
        }
        Condition::Compare(field, comparison, literal) => {
            let ordering = compare(&value(field), literal);
            match comparison {
                Comparison::Equal => ordering == Some(Ordering::Equal),
                Comparison::Unequal => ordering != Some(Ordering::Equal),
                Comparison::Less => ordering == Some(Ordering::Less),
                Comparison::LessOrEqual => matches!(ordering, Some(Ordering::Less | Ordering::Equal)),
                Comparison::Greater => ordering == Some(Ordering::Greater),
                Comparison::GreaterOrEqual => matches!(ordering, Some(Ordering::Greater | Ordering::Equal)),
                Comparison::Like => false,
            }
        }
    }
}

/// Texts are compared without regard to case, times as times.
fn compare(held: &Value, literal: &Literal) -> Option<Ordering> {
    match (held, literal) {
        (Value::Null, Literal::Null) => Some(Ordering::Equal),
        (Value::Bool(held), Literal::Bool(wanted)) => Some(held.cmp(wanted)),
        (Value::String(held), Literal::Time(at)) => Some(parse_time(held)?.cmp(at)),
        (Value::String(held), Literal::Date(day)) => Some(held.as_str().cmp(day)),
        (Value::String(held), Literal::Text(wanted)) => {
            // An id may be given in its short form.
            if held.len() == 18 && wanted.len() == 15 && ids::canonical(wanted).as_deref() == Some(held) {
                return Some(Ordering::Equal);
            }
            Some(held.to_lowercase().cmp(&wanted.to_lowercase()))
        }
        (held, Literal::Number(wanted)) => held.as_f64()?.partial_cmp(wanted),
        _ => None,
    }
}

/// `%` stands for anything, `_` for one character. Only the last `%` is ever gone back to, so that no pattern takes more
/// than its length times that of the text.
fn like(text: &str, pattern: &str) -> bool {
    let (mut text, mut pattern) = (text.chars(), pattern.chars());
    let mut last: Option<(std::str::Chars<'_>, std::str::Chars<'_>)> = None;
    loop {
        let (mut rest, mut behind) = (text.clone(), pattern.clone());
        let fits = match (rest.next(), behind.next()) {
            (None, None) => return true,
            (_, Some('%')) => {
                pattern = behind;
                last = Some((text.clone(), pattern.clone()));
                continue;
            }
            (Some(_), Some('_')) => true,
            (one, other) => one.is_some() && one == other,
        };
        if fits {
            (text, pattern) = (rest, behind);
            continue;
        }
        // The last `%` takes one more character.
        let Some((from, then)) = &mut last else { return false };
        if from.next().is_none() {
            return false;
        }
        (text, pattern) = (from.clone(), then.clone());
    }
}

pub(super) fn fields_of<'a>(condition: &'a Condition, names: &mut Vec<&'a str>) {
    match condition {
        Condition::And(parts) | Condition::Or(parts) => {
            parts.iter().for_each(|part| fields_of(part, names));
        }
        Condition::Not(inner) => fields_of(inner, names),
        Condition::Compare(field, ..) | Condition::In(field, ..) => names.push(field),
    }
}

/// The ids that a condition allows, where it names them: then no other row need be looked at.
pub(super) fn some_ids(condition: &Condition) -> Option<Vec<String>> {
    match condition {
        Condition::And(all) => all.iter().find_map(some_ids),
        Condition::In(field, true, values) if field.eq_ignore_ascii_case("Id") => values
            .iter()
            .map(|value| if let Literal::Text(text) = value { Some(text.clone()) } else { None })
            .collect(),
        Condition::Compare(field, Comparison::Equal, Literal::Text(id))
            if field.eq_ignore_ascii_case("Id") =>
        {
            Some(vec![id.clone()])
        }
        _ => None,
    }
}

pub(super) fn parents(condition: &Condition, key: &str) -> Option<Vec<String>> {
    match condition {
        Condition::And(all) => all.iter().find_map(|part| parents(part, key)),
        Condition::In(field, true, values) if field.eq_ignore_ascii_case(key) => values
            .iter()
            .map(|value| if let Literal::Text(text) = value { Some(text.clone()) } else { None })
            .collect(),
        _ => None,
    }
}

/// The earliest stamp that a condition allows.
pub(super) fn stamped_from(condition: &Condition) -> Option<i64> {
    match condition {
        Condition::And(all) => all.iter().filter_map(stamped_from).max(),
        Condition::Or(any) => any.iter().map(stamped_from).min().flatten(),
        Condition::Compare(field, comparison, Literal::Time(at))
            if field.eq_ignore_ascii_case("SystemModstamp") =>
        {
            matches!(comparison, Comparison::Equal | Comparison::Greater | Comparison::GreaterOrEqual)
                .then_some(*at)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::like;

    #[test]
    fn a_pattern_stands_for_what_it_says() {
        for (text, pattern) in [
            ("", ""),
            ("", "%"),
            ("abc", "a%"),
            ("abc", "%c"),
            ("abc", "%b%"),
            ("abc", "a_c"),
            ("äbc", "_bc"),
            ("aab", "%ab"),
            ("abab", "%ab"),
        ] {
            assert!(like(text, pattern), "{text} like {pattern}");
        }
        for (text, pattern) in [
            ("", "_"),
            ("abc", ""),
            ("abc", "ab"),
            ("abc", "b%"),
            ("abc", "%b"),
            ("abc", "a_"),
            ("ab", "a_b%"),
        ] {
            assert!(!like(text, pattern), "{text} like {pattern}");
        }
    }

    #[test]
    fn a_pattern_of_many_wildcards_is_answered_all_the_same() {
        assert!(!like(&"a".repeat(255), &("%a".repeat(120) + "%b")));
    }
}
