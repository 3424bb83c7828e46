//! Which Salesforce value fits which person status, by the words alone.

use super::{Chosen, Status};
use crate::diagnostic::nearest;
use crate::lifecycle;
use crate::model::PersonStatus;

/// The pairs of the specification document's own table whose words differ. Approaching comes first: only an org that has
/// its value means "Just added" by "In progress", which elsewhere is another word for Approaching.
const EXAMPLE_PAIRS: [(&str, &str); 5] = [
    ("approaching", "Attempting to contact"),
    ("just_added", "In progress"),
    ("bounced", "Junk lead"),
    ("opted_out", "Unsubscribed"),
    ("success", "Nurture"),
];

/// For each status the value that fits it; each value is given once, since a value can lead back to one status only.
pub(super) fn choose<'a>(statuses: &[Status<'_>], values: &[&'a str]) -> Vec<Option<Chosen<'a>>> {
    let mut chosen: Vec<Option<Chosen<'a>>> = vec![None; statuses.len()];
    let mut free: Vec<&'a str> = values.to_vec();
    let mut take =
        |chosen: &mut Vec<Option<Chosen<'a>>>, index: usize, nearly: bool, fits: &dyn Fn(&str) -> bool| {
            if chosen[index].is_none()
                && let Some(at) = free.iter().position(|value| fits(value))
            {
                let value = free.remove(at);
                free.retain(|other| *other != value);
                chosen[index] = Some(Chosen { value, nearly });
            }
        };
    // From the surest to the least sure, over all statuses each time: a sure pair is not lost to a guess before it.
    for (index, status) in statuses.iter().enumerate() {
        take(&mut chosen, index, false, &|value| same(value, &status.label) || same(value, status.key));
    }
    for (key, wanted) in EXAMPLE_PAIRS {
        let place = |key: &str| statuses.iter().position(|status| status.key == key);
        let Some(index) = place(key) else { continue };
        let approaching = place("approaching").and_then(|index| chosen[index]);
        if key != "just_added" || approaching.is_some() {
            take(&mut chosen, index, false, &|value| same(value, wanted));
        }
    }
    for nearly in [false, true] {
        for (index, status) in statuses.iter().enumerate() {
            let fits = |value: &str| {
                let mut names = [&*status.label].into_iter().chain(aliases(status).iter().copied());
                names.any(|name| if nearly { nearly_same(value, name) } else { same(value, name) })
            };
            take(&mut chosen, index, nearly, &fits);
        }
    }
    chosen
}

/// In the specification document's table, Unresponsive is written as what Approaching is; its own table's value only, since
/// elsewhere nobody said so.
pub(super) fn shared_by_unresponsive<'a>(
    statuses: &[Status<'_>],
    chosen: &[Option<Chosen<'a>>],
) -> Option<&'a str> {
    let approaching = statuses.iter().position(|status| status.key == "approaching")?;
    let value = chosen[approaching]?.value;
    same(value, EXAMPLE_PAIRS[0].1).then_some(value)
}

fn aliases(status: &Status<'_>) -> &'static [&'static str] {
    match status.own {
        Some(_) => &[],
        None => lifecycle::built_in_status(&PersonStatus::new(status.key)).map_or(&[], |known| known.aliases),
    }
}

fn words(text: &str) -> Vec<String> {
    let text = text.to_lowercase();
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The same words, whatever their case and whatever stands between them.
fn same(value: &str, name: &str) -> bool {
    let (value, name) = (words(value), words(name));
    !value.is_empty() && (value == name || value.concat() == name.concat())
}

/// The same words but for an ending or a slip. Word by word and from their beginnings: as whole texts, "Opted in" is near
/// "Opted out", and "Interested" is near "Not interested".
fn nearly_same(value: &str, name: &str) -> bool {
    const BEGINNING: usize = 3;
    let (value, name) = (words(value), words(name));
    let beginning = |word: &str| word.chars().take(BEGINNING).collect::<String>();
    let alike =
        |(a, b): (&String, &String)| beginning(a) == beginning(b) && nearest(a, [b.as_str()]).is_some();
    !value.is_empty() && value.len() == name.len() && value.iter().zip(&name).all(alike)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_say_the_same_are_the_same_whatever_their_dress() {
        for (value, name) in
            [("Opted-Out", "Opted out"), ("OPTEDOUT", "Opted out"), ("not_interested", "Not interested")]
        {
            assert!(same(value, name), "{value} {name}");
        }
        for value in ["", "-", "Not interested yet"] {
            assert!(!same(value, "Not interested"), "{value}");
        }
    }

    #[test]
    fn an_ending_or_a_slip_is_nearly_the_same_and_the_contrary_never_is() {
        for (value, name) in [
            ("Opt out", "Opted out"),
            ("Successful", "Success"),
            ("Bounce", "Bounced"),
            ("Approached", "Approaching"),
            ("Unresponsve", "Unresponsive"),
            ("Not Contactd", "Not contacted"),
        ] {
            assert!(nearly_same(value, name), "{value} {name}");
        }
        for (value, name) in [
            ("Opted in", "Opted out"),
            ("Interested", "Not interested"),
            ("Contacted", "Not contacted"),
            ("Responsive", "Unresponsive"),
            ("Unsuccessful", "Success"),
            ("Subscribed", "Unsubscribed"),
            ("Unresponsive", "Unsubscribed"),
            ("Unqualified", "Unresponsive"),
            ("Not started", "Not contacted"),
            ("Booked", "Bounced"),
        ] {
            assert!(!nearly_same(value, name), "{value} {name}");
        }
    }
}
