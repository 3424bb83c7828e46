//! Moments inside the daemon at which tests let it die (`tests/suite/crash/inside.rs`). In a release build nothing of this
//! is in the program: [`here`] does nothing.

/// Every such moment, with what is durable then and what is not.
pub const ALL: &[(&str, &str)] = &[
    ("store.locked", "the store's directory is ours, and the engine has not read it"),
    ("store.opened", "the engine has recovered, and nobody has looked whose store it is"),
    ("commit.begun", "changes are decided, and the engine knows none of them"),
    ("commit.applied", "changes are visible, and not flushed"),
    ("commit.flushed", "changes are durable, and nobody was told"),
    ("intent.decided", "a write is decided, and nothing says so"),
    ("intent.durable", "a write is announced in the store, and not made"),
    ("write.answered", "a write had its effect, and the store does not know"),
    ("write.recorded", "a write is recorded, and nothing else was done since"),
    ("checkpoint.begun", "a checkpoint is an empty file without its name"),
    ("checkpoint.written", "a checkpoint is whole, without its name"),
    (
        "checkpoint.renamed",
        "a checkpoint has its name, which the directory may forget; older ones are still there",
    ),
    ("journal.pruned", "old entries are taken out in a transaction that is not committed"),
];

/// Ends this process at once if `LOCKSTEP_KILL_AT` is this moment's name, or `name:count` and it is passed for the
/// `count`th time. As after kill -9, nothing is written, flushed or dropped any more.
#[cfg(debug_assertions)]
pub(crate) fn here(name: &str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};
    static WANTED: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static PASSED: AtomicU64 = AtomicU64::new(0);
    debug_assert!(ALL.iter().any(|(known, _)| *known == name), "{name}");
    let wanted = WANTED.get_or_init(|| {
        let text = std::env::var("LOCKSTEP_KILL_AT").ok()?;
        let (name, count) = text.split_once(':').unwrap_or((&text, "1"));
        Some((name.to_owned(), count.parse().ok()?))
    });
    if let Some((wanted, count)) = wanted
        && wanted == name
        && PASSED.fetch_add(1, Ordering::SeqCst) + 1 == *count
    {
        std::process::abort();
    }
}

/// Nothing.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub(crate) const fn here(_name: &str) {}
