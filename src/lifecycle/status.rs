//! The person statuses: who sets them, in which group they stand, what may follow.

use super::StatusGroup;
use crate::model::PersonStatus;

/// Who moved, or wants to move, a person's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Actor {
    /// A person, in the product.
    User,
    /// Revenue Engage itself.
    System,
    /// A caller of the API: Lockstep.
    Api,
}

/// A built-in person status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuiltIn {
    /// Its key, as the API spells it.
    pub key: &'static str,
    /// Its label, as the product shows it.
    pub label: &'static str,
    /// Other names of the same status: the vendor's own table calls two statuses differently than its list does.
    pub aliases: &'static [&'static str],
    /// Its group.
    pub group: StatusGroup,
    /// Whether a person may set it.
    pub manual: bool,
    /// Whether Revenue Engage sets it by itself.
    pub automatic: bool,
    /// Whether only people may move somebody out of it.
    pub protected: bool,
}

/// The eight statuses of the specification document, in the order of the life cycle, and the two of the later edition.
pub const BUILT_IN: [BuiltIn; 10] = [
    // "prospect has been added to People page but it's not involved in any Sequences yet"
    built_in("just_added", "Just added", &[], StatusGroup::General, (false, true), false),
    // "a prospect has been added to a sequence, but no outreach has been made yet"
    built_in("not_contacted", "Not contacted", &[], StatusGroup::General, (false, true), false),
    // "prospect engagement is in progress, going through the steps according to the sequence schedule"
    built_in("approaching", "Approaching", &["In progress"], StatusGroup::General, (false, true), false),
    // Later edition: manual only; freezes every enrolled sequence.
    built_in("on_hold", "On hold", &[], StatusGroup::General, (true, false), true),
    // "this status is assigned manually by a RG user"
    built_in("success", "Success", &[], StatusGroup::Success, (true, false), false),
    // "this status is assigned manually by a RG user"
    built_in("not_interested", "Not interested", &[], StatusGroup::Failed, (true, false), false),
    // "this status can be assigned both, manually or automatically"
    built_in("opted_out", "Opted out", &["Unsubscribed"], StatusGroup::Failed, (true, true), false),
    // "this status is also can be assigned both, manually or automatically"
    built_in("bounced", "Bounced", &[], StatusGroup::Failed, (true, true), true),
    // "automatically assigned if there has been no response ... for 1 week"
    built_in("unresponsive", "Unresponsive", &[], StatusGroup::Failed, (false, true), false),
    // Later edition: the result of the irreversible "Stop".
    built_in("stopped", "Stopped", &[], StatusGroup::Failed, (true, false), true),
];

const fn built_in(
    key: &'static str,
    label: &'static str,
    aliases: &'static [&'static str],
    group: StatusGroup,
    (manual, automatic): (bool, bool),
    protected: bool,
) -> BuiltIn {
    BuiltIn { key, label, aliases, group, manual, automatic, protected }
}

/// The built-in status with this key; `None` for a company's own.
pub fn built_in_status(status: &PersonStatus) -> Option<&'static BuiltIn> {
    BUILT_IN.iter().find(|known| known.key == status.key())
}

/// A status by key, label or alias, in any case. `own` are a company's own statuses, key and label.
pub fn find<'a>(text: &str, own: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<PersonStatus> {
    let text = text.trim();
    let is = |name: &str| name.eq_ignore_ascii_case(text);
    let built_in =
        BUILT_IN.iter().find(|known| is(known.key) || is(known.label) || known.aliases.iter().any(|a| is(a)));
    built_in
        .map(|known| known.key)
        .or_else(|| {
            own.into_iter()
                .find(|(key, label)| is(key) || label.to_lowercase() == text.to_lowercase())
                .map(|(key, _)| key)
        })
        .map(PersonStatus::new)
}

/// Whether only people may move somebody out of this status: what Lockstep would write over it is held instead.
pub fn is_protected(status: &PersonStatus) -> bool {
    built_in_status(status).is_some_and(|known| known.protected)
}

/// Whether the API lets a person go from one status to another. "If a prospect has Bounced status, then it's not going
/// to be possible to Opt out the prospect anywhere throughout Revenue Engage."
pub fn api_may_set(from: &PersonStatus, to: &PersonStatus) -> bool {
    !(from.key() == "bounced" && to.is_opted_out())
}
