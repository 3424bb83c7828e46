//! Panics as values: the engine panics on some damaged files, and a closure of ours may hold a mistake.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// What `run` returns, or the words it panicked with.
///
/// Callers throw away whatever `run` may have left half done, which is why unwinding past it is safe.
pub(super) fn caught<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|panic| {
        let words = panic.downcast_ref::<&str>().map(|words| (*words).to_owned());
        words.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
    })
}
