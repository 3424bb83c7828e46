//! What the daemon does for its store beside its work: checkpoints, and a look at every row once a day.

use crate::emit;
use crate::store::{Store, StoreError};
use jiff::Timestamp;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// How often a checkpoint is written, if anything has changed: a damaged store loses at most so much of what it knew
/// and could not read again. One of 100,000 links is 20 MB.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(15 * 60);

/// How often every row is looked at, the journal's too.
const CHECK_EVERY: Duration = Duration::from_secs(24 * 3600);

/// How long the last checkpoint may take. The process has 10 s in all to end, which `run.rs` adds up.
pub(super) const LAST_WITHIN: Duration = Duration::from_secs(2);

/// Keeps the store safe until it is let go.
pub(super) async fn keep(store: Store) {
    let store = &store;
    let checkpoint = || async move {
        if let Some(checkpoint) = on_a_thread(store, |store| store.checkpoint(Timestamp::now())).await {
            tell(checkpoint.map(|written| written.map(|written| written.rows)));
        }
    };
    let check = || async move {
        // What it finds it tells itself; that it could not look to the end is no finding.
        let _ = on_a_thread(store, Store::check).await;
    };
    in_turn(checkpoint, check).await;
}

/// Each as often as it is to be done, for ever.
async fn in_turn<A: Future<Output = ()>, B: Future<Output = ()>>(
    checkpoint: impl Fn() -> A,
    check: impl Fn() -> B,
) {
    let mut next_check = Instant::now();
    loop {
        checkpoint().await;
        if next_check <= Instant::now() {
            check().await;
            next_check = Instant::now() + CHECK_EVERY;
        }
        tokio::time::sleep(CHECKPOINT_EVERY).await;
    }
}

/// The last one of this process. Cut off, it is not there: the one before it is.
pub(super) async fn last_checkpoint(store: Store) {
    let written = on_a_thread(&store, |store| store.checkpoint(Timestamp::now()));
    if let Ok(Some(checkpoint)) = tokio::time::timeout(LAST_WITHIN, written).await {
        tell(checkpoint.map(|written| written.map(|written| written.rows)));
    }
}

fn tell(written: Result<Option<u64>, StoreError>) {
    match written {
        Ok(Some(rows)) => emit!(CHECKPOINT_WRITTEN, rows, "a checkpoint of {rows} rows is written"),
        Ok(None) => {}
        Err(error) => emit!(
            CHECKPOINT_FAILED,
            reason = %error,
            "no checkpoint could be written, the older ones are kept: {error}"
        ),
    }
}

/// Long work on a thread of its own, which the end of the process does not wait for.
async fn on_a_thread<T: Send + 'static>(
    store: &Store,
    work: impl FnOnce(&Store) -> T + Send + 'static,
) -> Option<T> {
    let (sender, answer) = oneshot::channel();
    let store = store.clone();
    let thread = std::thread::Builder::new().name("store-upkeep".to_owned());
    thread.spawn(move || drop(sender.send(work(&store)))).ok()?;
    answer.await.ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[tokio::test(start_paused = true)]
    async fn a_checkpoint_is_made_every_quarter_of_an_hour_and_every_row_looked_at_once_a_day() {
        const DAY: u64 = 24 * 60;
        let begin = Instant::now();
        let (checkpoints, checks) = (RefCell::<Vec<u64>>::default(), RefCell::<Vec<u64>>::default());
        let note = |minutes: &RefCell<Vec<u64>>| minutes.borrow_mut().push(begin.elapsed().as_secs() / 60);
        let work = in_turn(|| async { note(&checkpoints) }, || async { note(&checks) });
        let two_days = Duration::from_secs((2 * DAY + 1) * 60);
        assert!(tokio::time::timeout(two_days, work).await.is_err(), "it never ends by itself");
        assert_eq!(checks.take(), [0, DAY, 2 * DAY]);
        assert_eq!(checkpoints.take(), (0..=2 * DAY).step_by(15).collect::<Vec<_>>());
    }
}
