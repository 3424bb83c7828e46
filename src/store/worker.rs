//! The store's own threads: one that writes, two that read, and one that watches over them.
//!
//! The engine blocks, so it is never called from an async task. Writers that wait at the same time share one
//! commit (group commit): a flush costs milliseconds on a real disk, a transaction microseconds.

use super::caught::caught;
use super::engine::Engine;
use super::open::{self, Opened};
use super::transaction::{Quarantine, Reader, Transaction, panicked};
use super::{StoreError, StoreOptions};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, oneshot, watch};

/// Readers. One may page through the journal while the other answers.
const READERS: usize = 2;

/// Writers that share one commit, at most: bounds how much is lost with one failed commit, and how long it takes.
const GROUP_LIMIT: usize = 128;

/// How often somebody who waits without an async runtime looks whether the store still works.
const PATIENCE: Duration = Duration::from_millis(250);

/// The open store. Clones are the same store; the last one to go waits for what is under way and closes it.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

type ReadJob = Box<dyn FnOnce(&Reader<'_>) + Send>;
/// Runs in the transaction, and returns what tells the caller once the changes are durable.
type WriteJob = Box<dyn FnOnce(&mut Transaction<'_>) -> Acknowledge + Send>;
type Acknowledge = Box<dyn FnOnce() + Send>;

struct Inner {
    shared: Arc<Shared>,
    dir: PathBuf,
    /// `None` only while closing: threads end when it is gone.
    doors: Option<Doors>,
    places: Arc<Semaphore>,
    threads: Vec<JoinHandle<()>>,
}

struct Doors {
    writes: mpsc::Sender<WriteJob>,
    reads: mpsc::Sender<ReadJob>,
    _watch: mpsc::Sender<()>,
}

/// What the threads share.
struct Shared {
    opened: Opened,
    quarantine: Quarantine,
    /// Held to write while a commit is applied, so that a reader never sees half of one.
    between_commits: RwLock<()>,
    /// Set once, when the store stops working.
    fault: watch::Sender<Option<StoreError>>,
    clocks: [WorkClock; READERS + 1],
}

impl Store {
    /// Opens the store of `tenant` in `dir`, or makes it. Blocks: from an async task, call it through
    /// `spawn_blocking`.
    ///
    /// # Errors
    /// [`StoreError::Held`] at once when another process has it open; [`StoreError::Newer`],
    /// [`StoreError::OtherTenant`] and [`StoreError::Foreign`] when it is not ours to touch;
    /// [`StoreError::Unreadable`] or [`StoreError::TimedOut`] when its files are damaged.
    pub fn open(dir: &Path, tenant: &str, options: StoreOptions) -> Result<Store, StoreError> {
        let opened = open::open(dir, tenant, &options)?;
        let shared = Arc::new(Shared {
            opened,
            quarantine: Quarantine::default(),
            between_commits: RwLock::new(()),
            fault: watch::Sender::new(None),
            clocks: Default::default(),
        });
        let (writes, write_jobs) = mpsc::channel();
        let (reads, read_jobs) = mpsc::channel();
        let (watch, watch_end) = mpsc::channel();
        let read_jobs = Arc::new(Mutex::new(read_jobs));

        let mut threads = Vec::new();
        let mut start = |name: &str, run: Box<dyn FnOnce(&Shared) + Send>| {
            let shared = Arc::clone(&shared);
            let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || run(&shared));
            thread.map(|thread| threads.push(thread)).map_err(|error| StoreError::file(dir, &error))
        };
        start("store-write", Box::new(move |shared| shared.write_all(&write_jobs)))?;
        for reader in 1..=READERS {
            let jobs = Arc::clone(&read_jobs);
            start("store-read", Box::new(move |shared| shared.read_all(&jobs, &shared.clocks[reader])))?;
        }
        let limit = options.work_timeout;
        start("store-watch", Box::new(move |shared| shared.watch(&watch_end, limit)))?;

        let doors = Some(Doors { writes, reads, _watch: watch });
        let places = Arc::new(Semaphore::new(options.queue));
        Ok(Store { inner: Arc::new(Inner { shared, dir: dir.to_owned(), doors, places, threads }) })
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
        let mut fault = self.inner.shared.fault.subscribe();
        let fault = fault.wait_for(Option::is_some).await;
        fault.ok().and_then(|fault| fault.clone()).unwrap_or_else(closed)
    }

    /// The rows that were found damaged since the store was opened, each as a [`StoreError::Damaged`].
    pub fn damaged(&self) -> Vec<StoreError> {
        self.inner.shared.quarantine.list()
    }

    /// How many bytes the store's files hold.
    pub fn disk_bytes(&self) -> Result<u64, StoreError> {
        bytes_in(&self.inner.dir).map_err(|error| StoreError::file(&self.inner.dir, &error))
    }

    fn send_write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
        answer: impl FnOnce(Result<T, StoreError>) + Send + 'static,
    ) -> Result<(), StoreError> {
        let shared = Arc::clone(&self.inner.shared);
        let job = move |transaction: &mut Transaction<'_>| {
            let result = transaction.attempt(change).inspect_err(|error| shared.note(error));
            Box::new(move || answer(result)) as Acknowledge
        };
        self.inner.doors()?.writes.send(Box::new(job)).map_err(|_| self.inner.shared.why())
    }

    fn send_read<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Reader<'_>) -> Result<T, StoreError> + Send + 'static,
        answer: impl FnOnce(Result<T, StoreError>) + Send + 'static,
    ) -> Result<(), StoreError> {
        let shared = Arc::clone(&self.inner.shared);
        let job = move |reader: &Reader<'_>| {
            let result = caught(|| look(reader)).unwrap_or_else(panicked);
            answer(result.inspect_err(|error| shared.note(error)));
        };
        self.inner.doors()?.reads.send(Box::new(job)).map_err(|_| self.inner.shared.why())
    }

    async fn answered<T>(&self, answer: oneshot::Receiver<Result<T, StoreError>>) -> Result<T, StoreError> {
        // The deadline is the watching thread's, by real time: a test may have stopped tokio's clock.
        tokio::select! {
            biased;
            answer = answer => answer.unwrap_or_else(|_| Err(self.inner.shared.why())),
            fault = self.failed() => Err(fault),
        }
    }

    fn answered_blocking<T>(&self, answer: &mpsc::Receiver<Result<T, StoreError>>) -> Result<T, StoreError> {
        loop {
            match answer.recv_timeout(PATIENCE) {
                Ok(result) => return result,
                Err(mpsc::RecvTimeoutError::Disconnected) => return Err(self.inner.shared.why()),
                Err(mpsc::RecvTimeoutError::Timeout) => self.inner.shared.check()?,
            }
        }
    }
}

impl Inner {
    fn doors(&self) -> Result<&Doors, StoreError> {
        self.shared.check()?;
        self.doors.as_ref().ok_or_else(closed)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.doors = None;
        let this_thread = std::thread::current().id();
        for thread in self.threads.drain(..) {
            // A thread that hangs in the engine is left behind; and none can wait for itself.
            if self.shared.check().is_ok() && thread.thread().id() != this_thread {
                let _ = thread.join();
            }
        }
    }
}

impl Shared {
    fn engine(&self) -> &Engine {
        &self.opened.engine
    }

    /// Runs writing closures in groups until the store is closed.
    fn write_all(&self, jobs: &mpsc::Receiver<WriteJob>) {
        while let Ok(first) = jobs.recv() {
            let group: Vec<WriteJob> =
                std::iter::once(first).chain(jobs.try_iter()).take(GROUP_LIMIT).collect();
            // Whoever waits for a closure that was dropped unrun or unacknowledged is told the fault instead.
            if self.check().is_err() {
                continue;
            }
            self.clocks[0].start();
            let mut transaction = Transaction::new(self.engine(), &self.quarantine);
            let acknowledgements: Vec<_> = group.into_iter().map(|job| job(&mut transaction)).collect();
            // A closure may have found the engine broken; then nothing of the group is committed.
            let outcome = self.check().and_then(|()| self.commit(transaction));
            self.clocks[0].stop();
            match outcome {
                Ok(()) => acknowledgements.into_iter().for_each(|acknowledge| acknowledge()),
                Err(error) => self.fail(error),
            }
        }
    }

    fn commit(&self, transaction: Transaction<'_>) -> Result<(), StoreError> {
        let changes = transaction.into_changes();
        if changes.is_empty() {
            return Ok(());
        }
        {
            let _alone = self.between_commits.write().unwrap_or_else(PoisonError::into_inner);
            self.engine().apply(changes)?;
        }
        self.engine().flush()
    }

    /// Runs reading closures until the store is closed.
    fn read_all(&self, jobs: &Mutex<mpsc::Receiver<ReadJob>>, clock: &WorkClock) {
        loop {
            let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(job) = job else { return };
            if self.check().is_ok() {
                clock.start();
                let _undisturbed = self.between_commits.read().unwrap_or_else(PoisonError::into_inner);
                job(&Reader::new(self.engine(), &self.quarantine));
                clock.stop();
            }
        }
    }

    /// Turns a hang of the engine into a fault, until the store is closed.
    fn watch(&self, end: &mpsc::Receiver<()>, limit: Duration) {
        let pause = (limit / 4).min(Duration::from_secs(1));
        while end.recv_timeout(pause) == Err(mpsc::RecvTimeoutError::Timeout) {
            if self.clocks.iter().any(|clock| clock.running_for() > limit) {
                self.fail(StoreError::TimedOut { what: "answer", after: limit });
            }
        }
    }

    /// A closure's error may say that the engine is broken.
    fn note(&self, error: &StoreError) {
        if error.is_fatal() {
            self.fail(error.clone());
        }
    }

    /// The store stops working: everybody who waits, and whoever comes, is told the first reason.
    fn fail(&self, error: StoreError) {
        let error = match error {
            StoreError::TimedOut { .. } | StoreError::Broken { .. } => error,
            other => StoreError::Broken { reason: other.to_string() },
        };
        self.fault.send_if_modified(|fault| match fault {
            Some(_) => false,
            None => {
                *fault = Some(error);
                true
            }
        });
    }

    fn check(&self) -> Result<(), StoreError> {
        self.fault.borrow().clone().map_or(Ok(()), Err)
    }

    fn why(&self) -> StoreError {
        self.check().err().unwrap_or_else(closed)
    }
}

fn closed() -> StoreError {
    StoreError::Broken { reason: "it is closed".to_owned() }
}

/// How long a thread has been at its present work.
#[derive(Default)]
struct WorkClock {
    /// Milliseconds from the first use of any clock to the start of the work, plus one; 0 is idle.
    started: AtomicU64,
}

impl WorkClock {
    fn start(&self) {
        self.started.store(Self::now() + 1, Ordering::Relaxed);
    }

    fn stop(&self) {
        self.started.store(0, Ordering::Relaxed);
    }

    fn running_for(&self) -> Duration {
        match self.started.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            started => Duration::from_millis((Self::now() + 1).saturating_sub(started)),
        }
    }

    fn now() -> u64 {
        static EPOCH: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        u64::try_from(EPOCH.get_or_init(Instant::now).elapsed().as_millis()).unwrap_or(u64::MAX)
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
