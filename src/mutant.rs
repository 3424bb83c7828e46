//! Mistakes that the tests of the hostile world must find (`cargo test --features mutants`). Without the feature nothing of
//! this is in the program: [`is`] is the constant `false`.

/// Every mistake there is, with what it does.
pub const ALL: &[(&str, &str)] = &[
    ("412-is-well", "a failed precondition counts as written"),
    ("agreement-ignored", "a pair that agrees is written to all the same"),
    ("all-pauses-resumed", "whatever is paused is resumed, whoever paused it"),
    ("any-touch-is-a-change", "what was touched counts as changed, whatever it holds"),
    ("back-in-scope-unseen", "a record that comes back into scope is looked at only if it changed"),
    ("baseline-before-effect", "the baseline moves when a write is decided"),
    ("blank-is-carried", "an emptied field empties the other, whatever the company wants"),
    ("cursor-before-due", "the cursor is durable before what it has passed"),
    ("email-is-a-key", "of several who share an email address the first is linked"),
    ("expected-from-baseline", "a write expects the baseline instead of what was read"),
    ("gone-is-written", "records that are deleted or converted are written to"),
    ("hold-in-memory", "a conflict is not stored"),
    ("hold-ends-by-itself", "an hour later a conflict is forgotten"),
    ("intent-in-memory", "a decided write is not on disk before it is made"),
    ("label-for-key", "a status is written by its label"),
    ("last-write-wins", "of two changes the one with the later time stamp wins, whatever the company wants"),
    ("latch-stays-behind", "an opt-out does not go along with whoever is linked anew"),
    ("latch-in-memory", "that somebody was seen opted out is not stored"),
    ("no-flush", "a commit is acknowledged before it is durable"),
    ("no-look-before-write", "what both sides hold just before a write is not compared"),
    ("no-overlap", "polls do not reach back for what long transactions commit late"),
    ("no-precondition", "a write does not say what it expects to replace"),
    ("opt-out-follows-back", "an opt-out that was taken back is carried over unasked"),
    ("own-user-ignored", "what our own user changed last is not looked at"),
    ("quiet-is-decided", "what disagrees at rest is written to, as after a changed mapping"),
    ("rows-of-200-are-well", "a row that a call refused counts as written"),
    ("scope-ignored", "records out of scope are written to"),
    ("sign-in-each-time", "every call signs in anew"),
    ("steady-retries", "retries come without jitter"),
    ("two-intents", "a second write is decided while nobody knows what became of the first"),
    ("unknown-is-written", "a write without an answer counts as written"),
    ("webhook-is-truth", "what a webhook says counts as read"),
];

#[cfg(feature = "mutants")]
thread_local! {
    static PLANTED: std::cell::Cell<usize> = const { std::cell::Cell::new(usize::MAX) };
}

/// Plants a mistake in what this thread does, or takes it out again. `false`: there is no such mistake.
#[cfg(feature = "mutants")]
pub fn plant(name: Option<&str>) -> bool {
    let place = name.map(|name| ALL.iter().position(|(known, _)| *known == name));
    PLANTED.set(place.flatten().unwrap_or(usize::MAX));
    place != Some(None)
}

/// Plants the mistake that `LOCKSTEP_MUTANT` names, for tests of the whole process.
#[cfg(feature = "mutants")]
pub(crate) fn plant_by_environment() {
    if let Ok(name) = std::env::var("LOCKSTEP_MUTANT") {
        assert!(plant(Some(&name)), "{name} is no mistake of the catalogue");
    }
}

/// Whether this mistake is planted.
#[cfg(feature = "mutants")]
pub(crate) fn is(name: &str) -> bool {
    debug_assert!(ALL.iter().any(|(known, _)| *known == name), "{name}");
    ALL.get(PLANTED.get()).is_some_and(|(planted, _)| *planted == name)
}

/// Whether this mistake is planted: never.
#[cfg(not(feature = "mutants"))]
#[inline(always)]
pub(crate) const fn is(_name: &str) -> bool {
    false
}
