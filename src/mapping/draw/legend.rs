//! What the signs mean, and who wins: the foot of the picture.

use super::boxes::Style;
use super::picture::Picture;
use crate::mapping::{Mapping, OptOutCleared, Winner};

/// What a line of the legend shows in front of its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sample {
    /// An arrow, by its directions: to Salesforce, to Engage.
    Arrow(bool, bool),
    /// A box that is not carried.
    Quiet,
    /// A pill.
    Pill(Style, &'static str),
    /// The sign in front of a checkbox.
    Plus,
}

/// Only what stands in this picture is explained; the four arrows always, so that a missing one is known to be missing.
pub(super) fn entries(picture: &Picture<'_>) -> Vec<(Sample, &'static str)> {
    let mut entries = vec![
        (Sample::Arrow(true, true), "both ways: a change on either side is carried to the other"),
        (
            Sample::Arrow(true, false),
            "only to Salesforce: the status is written there and does not lead back",
        ),
        (
            Sample::Arrow(false, true),
            "only to Revenue Engage: the value leads to the status and is not written",
        ),
        (Sample::Arrow(false, false), "the two agree, and nothing is carried"),
    ];
    if picture.people.iter().any(|person| !person.carried) {
        entries.push((Sample::Quiet, "not carried: the status stands for nothing in Salesforce"));
    }
    if picture.columns.iter().flat_map(|column| &column.values).any(|value| !value.boxes.is_empty()) {
        entries.push((Sample::Plus, "a checkbox that is ticked together with Opted out"));
    }
    if picture.people.iter().any(|person| person.sequences.is_some()) {
        let words = "what becomes of the sequences when Salesforce brings a person to this status";
        entries.push((Sample::Pill(Style::Sequences, "sequences"), words));
    }
    if picture.people.iter().any(|person| person.winner.is_some()) {
        let words = "who wins here when both sides changed, where it differs from the rule below";
        entries.push((Sample::Pill(Style::Winner, "wins"), words));
    }
    entries
}

/// Who wins, in sentences.
pub(super) fn footer(mapping: &Mapping) -> Vec<String> {
    let guard = mapping.conflict.guard_band.as_secs();
    let guard = match (guard / 60, guard % 60) {
        (0, seconds) => format!("{seconds} s"),
        (minutes, 0) => format!("{minutes} min"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    };
    let winner = match mapping.conflict.winner {
        Winner::Salesforce => "When both sides changed, Salesforce wins.".to_owned(),
        Winner::Engage => "When both sides changed, Revenue Engage wins.".to_owned(),
        Winner::Newest => {
            format!(
                "When both sides changed, the newest wins if it is newer by more than {guard}, else a person decides."
            )
        }
        Winner::Hold => "When both sides changed, a person decides.".to_owned(),
    };
    let taken_back = match mapping.opt_out_cleared {
        OptOutCleared::Hold => "When somebody takes an opt-out back, a person decides.",
        OptOutCleared::Follow => "Taking an opt-out back is carried over like any other change.",
    };
    let fixed = ["An opt-out always wins, from whichever side it comes.", taken_back];
    let last = "A value that stands in no row is left alone.";
    std::iter::once(winner).chain(fixed.into_iter().chain([last]).map(str::to_owned)).collect()
}
