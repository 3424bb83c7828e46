//! Sequence stages, what each leads to, and the week without an answer.

use jiff::SignedDuration;

/// A sequence stage, and the person status it leads to where the sequence's switch "update person status on sequence
/// stage change" is on.
pub const STAGES: [(&str, &str, &str); 8] = [
    // key, label, person status
    ("not_started", "Not started", "not_contacted"),
    ("started", "Started", "just_added"),
    ("approaching", "Approaching", "approaching"),
    ("success", "Success", "success"),
    ("not_interested", "Not interested", "not_interested"),
    ("opted_out", "Opted out", "opted_out"),
    ("bounced", "Bounced", "bounced"),
    ("unresponsive", "Unresponsive", "unresponsive"),
];

/// "no response from a prospect to automated email sequence messages for 1 week"
pub const UNRESPONSIVE_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The person status that a stage leads to.
pub fn status_of_stage(stage: &str) -> Option<&'static str> {
    STAGES.iter().find(|(key, _, _)| *key == stage).map(|(_, _, status)| *status)
}

/// The key of a stage, by key or label, in any case.
pub fn find_stage(text: &str) -> Option<&'static str> {
    let text = text.trim();
    STAGES
        .iter()
        .find(|(key, label, _)| key.eq_ignore_ascii_case(text) || label.eq_ignore_ascii_case(text))
        .map(|(key, _, _)| *key)
}
