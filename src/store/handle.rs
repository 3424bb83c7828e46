//! The store as other rooms see it: closures go in, answers come out once they are durable.

use super::caught::caught;
use super::simulated::SimulatedDisk;
use super::transaction::{Reader, Transaction, panicked};
use super::worker::{Acknowledge, Shared, Workers};
use super::{SeenCounts, StoreError, StoreOptions, open, rebuild};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, mpsc};
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot};

/// How often somebody who waits without an async runtime looks whether the store still works.
const PATIENCE: Duration = Duration::from_millis(250);

/// The open store. Clones are the same store; the last one to go waits for what is under way and closes it.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    workers: Workers,
    dir: PathBuf,
    /// One for each closure that waits or runs; who finds none waits in line.
    places: Arc<Semaphore>,
}

impl Store {
    /// Opens the store of `tenant` in `dir`, or makes it. Blocks: from an async task, call it through
    /// `spawn_blocking`.
    ///
    /// # Errors
    /// [`StoreError::Held`] at once when another process has it open; [`StoreError::Newer`],
    /// [`StoreError::OtherTenant`] and [`StoreError::Foreign`] when it is not ours to touch;
    /// [`StoreError::Unreadable`], [`StoreError::Lost`] or [`StoreError::TimedOut`] when its files are damaged;
    /// [`StoreError::Full`] when the disk is full.
    pub fn open(dir: &Path, tenant: &str, options: StoreOptions) -> Result<Store, StoreError> {
        let opened = open::open(dir, tenant, &options)?;
        let workers = Workers::start(opened, dir, options.work_timeout)?;
        let places = Arc::new(Semaphore::new(options.queue));
        Ok(Store { inner: Arc::new(Inner { workers, dir: dir.to_owned(), places }) })
    }

    /// Opens the store of `tenant` on a simulated disk, or makes it. Everything is then done in the caller's thread.
    ///
    /// # Errors
    /// As [`open`](Store::open), where they can happen.
    pub fn simulated(disk: &SimulatedDisk, tenant: &str) -> Result<Store, StoreError> {
        let workers = Workers::here(open::simulated(disk, tenant)?);
        let places = Arc::new(Semaphore::new(StoreOptions::default().queue));
        Ok(Store { inner: Arc::new(Inner { workers, dir: PathBuf::new(), places }) })
    }

    /// Runs `change` and answers when all it changed is durable; if it fails, nothing of it is kept.
    ///
    /// Closures run one after the other, in the order of their calls. One whose future is dropped may still run.
    pub async fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let place = Arc::clone(&self.inner.places).acquire_owned().await;
        let (sender, answer) = oneshot::channel();
        self.send_write(change, move |result| drop((sender.send(result), place)))?;
        self.answered(answer).await
    }

    /// Looks something up.
    pub async fn read<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Reader<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let place = Arc::clone(&self.inner.places).acquire_owned().await;
        let (sender, answer) = oneshot::channel();
        self.send_read(look, move |result| drop((sender.send(result), place)))?;
        self.answered(answer).await
    }

    /// [`write`](Store::write) for threads that may block.
    pub fn write_blocking<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (sender, answer) = mpsc::sync_channel(1);
        self.send_write(change, move |result| drop(sender.send(result)))?;
        self.answered_blocking(&answer)
    }

    /// [`read`](Store::read) for threads that may block.
    pub fn read_blocking<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Reader<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (sender, answer) = mpsc::sync_channel(1);
        self.send_read(look, move |result| drop(sender.send(result)))?;
        self.answered_blocking(&answer)
    }

    /// Answers when the store has stopped working, with the reason: the daemon should end then.
    pub async fn failed(&self) -> StoreError {
        self.shared().failed().await
    }

    /// The rows that were found damaged since the store was opened, each as a [`StoreError::Damaged`].
    pub fn damaged(&self) -> Vec<StoreError> {
        self.shared().quarantine.list()
    }

    /// How many observations have made links due since the store was opened. Counted once they are durable.
    pub fn seen_counts(&self) -> SeenCounts {
        self.shared().seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many bytes the engine's files hold; checkpoints, ballast and what was set aside are not counted.
    pub fn disk_bytes(&self) -> Result<u64, StoreError> {
        let dir = self.inner.dir.join(rebuild::ENGINE);
        bytes_in(&dir).map_err(|error| StoreError::file(&dir, &error))
    }

    /// Where it is.
    pub(super) fn dir(&self) -> &Path {
        &self.inner.dir
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.inner.workers.shared
    }

    fn send_write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
        answer: impl FnOnce(Result<T, StoreError>) + Send + 'static,
    ) -> Result<(), StoreError> {
        let shared = Arc::clone(self.shared());
        let job = move |transaction: &mut Transaction<'_>| {
            let result = transaction.attempt(change);
            shared.note(result.as_ref().err());
            Box::new(move || answer(result)) as Acknowledge
        };
        self.inner.workers.write(Box::new(job))
    }

    fn send_read<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Reader<'_>) -> Result<T, StoreError> + Send + 'static,
        answer: impl FnOnce(Result<T, StoreError>) + Send + 'static,
    ) -> Result<(), StoreError> {
        let shared = Arc::clone(self.shared());
        let job = move |reader: &Reader<'_>| {
            let result = caught(|| look(reader)).unwrap_or_else(panicked);
            shared.note(result.as_ref().err());
            answer(result);
        };
        self.inner.workers.read(Box::new(job))
    }

    async fn answered<T>(&self, answer: oneshot::Receiver<Result<T, StoreError>>) -> Result<T, StoreError> {
        // The deadline is the watching thread's, by real time: a test may have stopped tokio's clock.
        tokio::select! {
            biased;
            answer = answer => answer.unwrap_or_else(|_| Err(self.shared().why())),
            fault = self.failed() => Err(fault),
        }
    }

    fn answered_blocking<T>(&self, answer: &mpsc::Receiver<Result<T, StoreError>>) -> Result<T, StoreError> {
        loop {
            match answer.recv_timeout(PATIENCE) {
                Ok(result) => return result,
                Err(mpsc::RecvTimeoutError::Disconnected) => return Err(self.shared().why()),
                Err(mpsc::RecvTimeoutError::Timeout) => self.shared().check()?,
            }
        }
    }
}

fn bytes_in(dir: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let metadata = match entry.metadata() {
            // The engine replaces its snapshots while we look.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            metadata => metadata?,
        };
        bytes += if metadata.is_dir() { bytes_in(&entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Flush;

    fn open(dir: &Path, work_timeout: Duration) -> Store {
        Store::open(dir, "acme", StoreOptions { work_timeout, ..StoreOptions::default() }).unwrap()
    }

    fn aborted() -> StoreError {
        StoreError::Aborted { reason: "given up".to_owned() }
    }

    /// Keeps the writer busy until the sender is dropped, so that what is queued meanwhile becomes one group.
    fn occupy_writer(store: &Store) -> mpsc::Sender<()> {
        let (release, released) = mpsc::channel::<()>();
        let (sender, _receiver) = oneshot::channel();
        store
            .send_write(
                move |_| {
                    let _ = released.recv();
                    Ok(())
                },
                move |result| drop(sender.send(result)),
            )
            .unwrap();
        release
    }

    #[tokio::test]
    async fn of_writers_that_share_a_commit_one_that_fails_harms_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path(), Duration::from_secs(30));
        let release = occupy_writer(&store);
        let first = store.write(|t| t.set_meta("first", "1"));
        let failing = store.write(|t| t.set_meta("first", "2").and(Err::<(), _>(aborted())));
        let panicking = store.write(|t| -> Result<(), StoreError> {
            t.set_meta("second", "2")?;
            panic!("by mistake")
        });
        let last = store.write(|t| {
            t.set_meta("last", "3")?;
            t.meta("first")
        });
        let (first, failing, panicking, last, ()) =
            tokio::join!(first, failing, panicking, last, async { drop(release) });
        assert_eq!(first, Ok(()));
        assert_eq!(failing, Err(aborted()));
        assert!(matches!(panicking, Err(StoreError::Aborted { .. })));
        assert_eq!(last, Ok(Some("1".to_owned())));
        drop(store);
        let store = open(dir.path(), Duration::from_secs(30));
        let kept = store.read(|r| Ok(["first", "second", "last"].map(|name| r.meta(name).unwrap()))).await;
        assert_eq!(kept, Ok([Some("1".to_owned()), None, Some("3".to_owned())]));
    }

    #[tokio::test]
    async fn after_a_failed_flush_nobody_is_told_that_anything_is_durable() {
        let disk = SimulatedDisk::default();
        let store = Store::simulated(&disk, "acme").unwrap();
        disk.decide_flushes(|| Flush::FailsBefore);
        let error = store.write(|t| t.set_meta("lost", "1")).await.unwrap_err();
        assert!(error.is_fatal(), "{error}");
        disk.decide_flushes(|| Flush::Done);
        assert_eq!(store.write(|t| t.set_meta("more", "1")).await, Err(error.clone()));
        assert_eq!(store.read(|r| r.meta("lost")).await, Err(error.clone()));
        assert_eq!(store.read_blocking(|r| r.meta("lost")), Err(error.clone()));
        assert_eq!(store.failed().await, error);
    }

    #[tokio::test]
    async fn a_store_that_hangs_is_given_up() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path(), Duration::from_millis(20));
        let release = occupy_writer(&store);
        let error = store.write(|t| t.set_meta("more", "1")).await.unwrap_err();
        assert!(matches!(error, StoreError::TimedOut { .. }), "{error}");
        assert_eq!(store.read(|r| r.meta("more")).await, Err(error));
        drop(release);
    }

    #[test]
    fn a_reader_never_sees_half_of_a_commit() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path(), Duration::from_secs(30));
        std::thread::scope(|scope| {
            let writing = scope.spawn(|| {
                for number in 0..300 {
                    let text = number.to_string();
                    let both = move |t: &mut Transaction<'_>| {
                        t.set_meta("a", &text)?;
                        t.set_meta("z", &text)
                    };
                    store.write_blocking(both).unwrap();
                }
            });
            while !writing.is_finished() {
                let (a, z) = store.read_blocking(|r| Ok((r.meta("a")?, r.meta("z")?))).unwrap();
                assert_eq!(a, z);
            }
        });
    }

    #[test]
    fn the_last_clone_may_end_within_a_closure() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path(), Duration::from_secs(30));
        let (done, wait) = mpsc::channel::<()>();
        let last = store.clone();
        let release = occupy_writer(&store);
        let (sender, _receiver) = oneshot::channel();
        store
            .send_write(
                move |t| {
                    drop(last);
                    t.set_meta("kept", "yes")
                },
                move |result| drop((sender.send(result), done)),
            )
            .unwrap();
        drop(store);
        drop(release);
        assert!(wait.recv().is_err(), "the closure has run and its answer is dropped");
    }
}
