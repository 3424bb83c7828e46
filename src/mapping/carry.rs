//! How a further field's value is changed on its way.
//!
//! Each change is a normal form: applied twice it is applied once. So two values agree when their normal forms do, and what
//! was carried over reads back as what it came from. A table of values is turned round for the way back, which only one
//! that is one-to-one allows.

use super::table::{Way, Winner};
use crate::model::{Detail, FieldName, SalesforceObject};
use std::ops::Range;
use std::sync::Arc;

/// `[[field]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldMapping {
    /// `engage`.
    pub engage: Detail,
    /// `lead`: the field on a Lead.
    pub lead: Option<FieldName>,
    /// `contact`: the field on a Contact.
    pub contact: Option<FieldName>,
    /// `way`.
    pub way: Way,
    /// `winner`, where it is not the company's.
    pub winner: Option<Winner>,
    /// `blank = "clear"`: an emptied value empties the other side too. Else the other side keeps its own.
    pub clears: bool,
    /// `transform`, in this order.
    pub transform: Vec<Transform>,
    /// `values`: Engage's value, and what it is in Salesforce.
    pub values: Vec<(Arc<str>, Arc<str>)>,
    /// The line of the file, from 1.
    pub line: u32,
    /// The bytes of the file in which it stands.
    pub span: Range<usize>,
}

/// A change of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transform {
    /// One space between words.
    Trim,
    /// All letters small.
    Lowercase,
    /// All letters capital.
    Uppercase,
    /// Each word begins with a capital letter.
    TitleCase,
    /// A telephone number in international form, by this country's code (`+44`) where it has none.
    Phone {
        /// `country_code`, with its `+`.
        country: Option<Arc<str>>,
    },
    /// The date of a date and time.
    Date,
}

impl FieldMapping {
    /// The field on an object.
    pub fn name(&self, object: SalesforceObject) -> Option<&FieldName> {
        match object {
            SalesforceObject::Lead => self.lead.as_ref(),
            SalesforceObject::Contact => self.contact.as_ref(),
        }
    }

    /// Engage's value as it is written to Salesforce; `None` for one that the table of values does not have.
    pub fn to_salesforce(&self, engage: &str) -> Option<String> {
        let value = self.normal(engage);
        if self.values.is_empty() || value.is_empty() {
            return Some(value);
        }
        self.values.iter().find(|(from, _)| **from == value).map(|(_, to)| to.to_string())
    }

    /// Salesforce's value as it is written to Engage; `None` for one that the table of values does not have.
    pub fn to_engage(&self, salesforce: &str) -> Option<String> {
        if self.values.is_empty() || salesforce.trim().is_empty() {
            return Some(self.normal(salesforce));
        }
        let value = salesforce.trim();
        self.values.iter().find(|(_, to)| **to == *value).map(|(from, _)| from.to_string())
    }

    /// Whether the two stand for the same.
    pub fn agree(&self, salesforce: &str, engage: &str) -> bool {
        let to = self.to_salesforce(engage);
        match self.values.is_empty() {
            true => to.as_deref() == Some(&*self.normal(salesforce)),
            false => to.as_deref() == Some(salesforce.trim()),
        }
    }

    /// A value with every change applied. Salesforce keeps no spaces at the ends of a text, so there are none.
    fn normal(&self, value: &str) -> String {
        let apply = |value: String, transform: &Transform| transform.apply(&value);
        self.transform.iter().fold(value.trim().to_owned(), apply)
    }
}

impl Transform {
    /// The value, changed. One that the change does not fit stays as it is.
    pub fn apply(&self, value: &str) -> String {
        match self {
            Transform::Trim => value.split_whitespace().collect::<Vec<_>>().join(" "),
            Transform::Lowercase => settled(value, str::to_lowercase),
            Transform::Uppercase => settled(value, str::to_uppercase),
            Transform::TitleCase => settled(value, title_case),
            Transform::Phone { country } => phone(value, country.as_deref()),
            Transform::Date => date(value),
        }
    }
}

/// A few letters change once more when they are changed again (the Turkish dotted I); what does not come to rest stays
/// as it was.
fn settled(value: &str, change: fn(&str) -> String) -> String {
    let once = change(value);
    if change(&once) == once { once } else { value.to_owned() }
}

fn title_case(value: &str) -> String {
    let mut inside = false;
    let mut changed = String::with_capacity(value.len());
    for c in value.chars() {
        match (inside, c.is_alphanumeric()) {
            (true, _) => changed.extend(c.to_lowercase()),
            (false, _) => changed.extend(c.to_uppercase()),
        }
        // An apostrophe does not begin a word: O'Neill's.
        inside = c.is_alphanumeric() || (inside && matches!(c, '\'' | '\u{2019}'));
    }
    changed
}

/// E.164: a plus and at most 15 digits. Letters (an extension) make it no number that could be rewritten.
fn phone(value: &str, country: Option<&str>) -> String {
    let is_mark = |c: char| c.is_whitespace() || "()-./+\u{a0}".contains(c);
    if !value.chars().all(|c| c.is_ascii_digit() || is_mark(c)) {
        return value.to_owned();
    }
    let digits: String = value.chars().filter(char::is_ascii_digit).collect();
    let international = match (value.trim().starts_with('+'), digits.strip_prefix("00"), country) {
        (true, ..) => format!("+{digits}"),
        (false, Some(rest), _) => format!("+{rest}"),
        // Within a country a leading 0 stands for "another town", and is not dialled from abroad.
        (false, None, Some(country)) => format!("{country}{}", digits.strip_prefix('0').unwrap_or(&digits)),
        (false, None, None) => return value.to_owned(),
    };
    if (8..=16).contains(&international.len()) { international } else { value.to_owned() }
}

/// `2026-11-23` of `2026-11-23T06:45:01Z`.
fn date(value: &str) -> String {
    let first = value.get(..10).unwrap_or_default();
    let rest = value.get(10..).unwrap_or_default();
    let is_date =
        first.parse::<jiff::civil::Date>().is_ok() && (rest.is_empty() || rest.starts_with(['T', ' ']));
    if is_date { first.to_owned() } else { value.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn phone_of(value: &str) -> String {
        Transform::Phone { country: Some("+44".into()) }.apply(value)
    }

    #[test]
    fn telephone_numbers_become_international_where_it_is_sure_what_they_are() {
        for (value, number) in [
            ("(020) 7123 4567", "+442071234567"),
            ("+1 (415) 555-0100", "+14155550100"),
            ("0049 30 1234567", "+49301234567"),
            ("020 7123 4567 ext. 3", "020 7123 4567 ext. 3"),
            ("12", "12"),
            ("", ""),
        ] {
            assert_eq!(phone_of(value), number, "{value}");
        }
        assert_eq!(Transform::Phone { country: None }.apply("020 7123 4567"), "020 7123 4567");
    }

    #[test]
    fn words_begin_with_a_capital_letter_and_apostrophes_begin_none() {
        assert_eq!(
            Transform::TitleCase.apply("HEAD of sales (uk), o'neill's"),
            "Head Of Sales (Uk), O'neill's"
        );
    }

    #[test]
    fn a_date_is_the_beginning_of_a_date_and_time() {
        assert_eq!(Transform::Date.apply("2026-11-23T06:45:01Z"), "2026-11-23");
        assert_eq!(Transform::Date.apply("2026-13-23T06:45:01Z"), "2026-13-23T06:45:01Z");
        assert_eq!(Transform::Date.apply("soon"), "soon");
    }

    fn any_transform() -> impl Strategy<Value = Transform> {
        prop_oneof![
            Just(Transform::Trim),
            Just(Transform::Lowercase),
            Just(Transform::Uppercase),
            Just(Transform::TitleCase),
            Just(Transform::Phone { country: None }),
            Just(Transform::Phone { country: Some("+44".into()) }),
            Just(Transform::Date),
        ]
    }

    proptest! {
        #[test]
        fn a_change_that_was_made_changes_nothing_more(change in any_transform(), value in "\\PC{0,30}|[0-9 +()-]{0,20}") {
            let once = change.apply(&value);
            prop_assert_eq!(change.apply(&once), once);
        }

        #[test]
        fn what_was_carried_either_way_agrees(changes in proptest::collection::vec(any_transform(), 0..2), value in "\\PC{0,30}|[0-9 +()-]{0,20}") {
            let field = FieldMapping {
                engage: Detail::Title, lead: None, contact: None, way: Way::Both, winner: None, clears: false,
                transform: changes, values: vec![], line: 1, span: 0..0,
            };
            let there = field.to_salesforce(&value).unwrap();
            prop_assert!(field.agree(&there, &value), "{there:?}");
            let back = field.to_engage(&value).unwrap();
            prop_assert!(field.agree(&value, &back), "{back:?}");
        }
    }
}
