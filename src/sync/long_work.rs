//! Work that takes minutes, told to whoever watches at a terminal. The log tells it by events of its own.

use super::engine::Engine;
use tokio::sync::watch;

/// Work that takes a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LongWork {
    /// What is being done, such as `reading Leads`.
    pub what: String,
    /// How many are done.
    pub done: u64,
    /// How many there are, where that is known beforehand.
    pub of: Option<u64>,
}

/// Keeps long work told until it is dropped.
pub(super) struct Telling<'a>(&'a watch::Sender<Option<LongWork>>);

impl Engine {
    /// The long work under way, and every step of it.
    pub fn long_work(&self) -> watch::Receiver<Option<LongWork>> {
        self.long_work.subscribe()
    }

    /// Begins long work.
    pub(super) fn tell_long(&self, what: impl Into<String>, of: Option<u64>) -> Telling<'_> {
        self.long_work.send_replace(Some(LongWork { what: what.into(), done: 0, of }));
        Telling(&self.long_work)
    }
}

impl Telling<'_> {
    /// So many are done, of all.
    pub(super) fn done(&self, done: u64) {
        self.0.send_modify(|work| {
            if let Some(work) = work {
                work.done = done;
            }
        });
    }
}

impl Drop for Telling<'_> {
    fn drop(&mut self) {
        self.0.send_replace(None);
    }
}
