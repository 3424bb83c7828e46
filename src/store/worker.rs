//! The store's own threads: one that writes, two that read, and one that watches over them.
//!
//! The engine blocks, so it is never called from an async task. Writers that wait at the same time share one
//! commit (group commit): a flush costs milliseconds on a real disk, a transaction microseconds.

use super::doubt::Doubt;
use super::engine::{Changes, Engine};
use super::open::Opened;
use super::snapshot::Snapshot;
use super::transaction::{Quarantine, Reader, Transaction};
use super::{SeenCounts, Source, StoreError, books};
use crate::model::Side;
use crate::{kill_point, mutant};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Readers. One may page through the journal while the other answers.
const READERS: usize = 2;

/// Writers that share one commit, at most: bounds how much fails with one failed commit, and how long it takes.
const GROUP_LIMIT: usize = 128;

/// Looks something up and tells the caller.
pub(super) type ReadJob = Box<dyn FnOnce(&Reader<'_>) + Send>;

/// Runs in the transaction, and returns what tells the caller once the changes are durable.
pub(super) type WriteJob = Box<dyn FnOnce(&mut Transaction<'_>) -> Acknowledge + Send>;

/// Tells the caller of a [`WriteJob`]; dropped untold, the caller knows that it failed.
pub(super) type Acknowledge = Box<dyn FnOnce() + Send>;

/// The threads, and the way to them. Dropping it closes the store.
pub(super) struct Workers {
    pub(super) shared: Arc<Shared>,
    /// `None` only while closing: the threads end when it is gone.
    doors: Option<Doors>,
    threads: Vec<JoinHandle<()>>,
}

/// Where jobs go in.
enum Doors {
    /// To threads of their own.
    Threads { writes: mpsc::Sender<WriteJob>, reads: mpsc::Sender<ReadJob>, _watch: mpsc::Sender<()> },
    /// Done on the spot: in a simulation everything happens in one thread.
    Here,
}

/// What the threads share.
pub(super) struct Shared {
    opened: Opened,
    pub(super) quarantine: Quarantine,
    pub(super) snapshot: Snapshot,
    /// The number of the last commit of this process; 0 before the first one.
    pub(super) commits: AtomicU64,
    /// Which of them the last checkpoint has.
    pub(super) checkpointed: AtomicU64,
    /// Where the store is; nowhere for a simulated one.
    dir: Option<PathBuf>,
    /// Held to write during a commit, so that a reader sees neither half of one nor what is not yet durable.
    between_commits: RwLock<()>,
    /// Set once, when the store stops working.
    fault: watch::Sender<Option<StoreError>>,
    clocks: [WorkClock; READERS + 1],
    /// How many observations have made links due since the store was opened.
    pub(super) seen: Mutex<SeenCounts>,
}

impl Workers {
    /// Starts the threads that work on `opened`. The store fails when one takes longer than `work_timeout`.
    pub(super) fn start(opened: Opened, dir: &Path, work_timeout: Duration) -> Result<Workers, StoreError> {
        let shared = Arc::new(Shared::new(opened, Some(dir.to_owned())));
        let mut threads = Vec::new();
        let mut start = |name: &str, run: Box<dyn FnOnce(&Shared) + Send>| {
            let shared = Arc::clone(&shared);
            let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || run(&shared));
            thread.map(|thread| threads.push(thread)).map_err(|error| StoreError::file(dir, &error))
        };
        let (writes, jobs) = mpsc::channel();
        start("store-write", Box::new(move |shared| shared.write_all(&jobs)))?;
        let (reads, jobs) = mpsc::channel();
        let jobs = Arc::new(Mutex::new(jobs));
        for reader in 1..=READERS {
            let jobs = Arc::clone(&jobs);
            start("store-read", Box::new(move |shared| shared.read_all(&jobs, &shared.clocks[reader])))?;
        }
        let (watch, end) = mpsc::channel();
        start("store-watch", Box::new(move |shared| shared.watch(&end, work_timeout)))?;
        Ok(Workers { shared, doors: Some(Doors::Threads { writes, reads, _watch: watch }), threads })
    }

    /// No threads: whoever asks does the work.
    pub(super) fn here(opened: Opened) -> Workers {
        Workers { shared: Arc::new(Shared::new(opened, None)), doors: Some(Doors::Here), threads: Vec::new() }
    }

    /// Has something written, as long as the store works.
    pub(super) fn write(&self, job: WriteJob) -> Result<(), StoreError> {
        self.shared.check()?;
        match self.doors.as_ref().ok_or_else(closed)? {
            Doors::Threads { writes, .. } => writes.send(job).map_err(|_| self.shared.why()),
            Doors::Here => {
                self.shared.write_group(vec![job]);
                Ok(())
            }
        }
    }

    /// Has something looked up, as long as the store works.
    pub(super) fn read(&self, job: ReadJob) -> Result<(), StoreError> {
        self.shared.check()?;
        match self.doors.as_ref().ok_or_else(closed)? {
            Doors::Threads { reads, .. } => reads.send(job).map_err(|_| self.shared.why()),
            Doors::Here => {
                self.shared.read_one(job);
                Ok(())
            }
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.doors = None;
        // A closure may hold the last clone of the store: its thread waits neither for itself nor for others, which
        // may be waiting for it. And a thread that hangs in the engine is left behind.
        let this_thread = std::thread::current().id();
        let from_within = self.threads.iter().any(|thread| thread.thread().id() == this_thread);
        if from_within || self.shared.check().is_err() {
            return;
        }
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn new(opened: Opened, dir: Option<PathBuf>) -> Shared {
        Shared {
            opened,
            quarantine: Quarantine::default(),
            snapshot: Snapshot::default(),
            commits: AtomicU64::new(0),
            checkpointed: AtomicU64::new(0),
            dir,
            between_commits: RwLock::new(()),
            fault: watch::Sender::new(None),
            clocks: Default::default(),
            seen: Mutex::default(),
        }
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.opened.engine
    }

    /// Runs writing closures in groups until the store is closed.
    fn write_all(&self, jobs: &mpsc::Receiver<WriteJob>) {
        while let Ok(first) = jobs.recv() {
            let group: Vec<WriteJob> =
                std::iter::once(first).chain(jobs.try_iter()).take(GROUP_LIMIT).collect();
            self.clocks[0].start();
            let acknowledgements = self.commit_group(group);
            self.clocks[0].stop();
            acknowledgements.into_iter().for_each(|acknowledge| acknowledge());
        }
    }

    fn write_group(&self, group: Vec<WriteJob>) {
        self.commit_group(group).into_iter().for_each(|acknowledge| acknowledge());
    }

    /// Runs closures and commits what they changed. Returns who is to be told; whoever waits for a closure that was
    /// dropped unrun or unacknowledged is told the fault instead.
    fn commit_group(&self, group: Vec<WriteJob>) -> Vec<Acknowledge> {
        if self.check().is_err() {
            return Vec::new();
        }
        let mut transaction = Transaction::new(self.engine(), &self.quarantine);
        let acknowledgements = group.into_iter().map(|job| job(&mut transaction)).collect();
        // A closure may have found the engine broken; then nothing of the group is committed.
        let (changes, seen) = transaction.into_changes();
        match self.check().and_then(|()| self.commit(changes)) {
            Ok(()) => {
                self.count(seen);
                acknowledgements
            }
            Err(_) => Vec::new(),
        }
    }

    fn count(&self, seen: Vec<(Option<Side>, Source)>) {
        let mut counts = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.into_iter().for_each(|seen| *counts.entry(seen).or_default() += 1);
    }

    fn commit(&self, mut changes: Changes) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        let entered = books::enter(self.engine(), &mut changes);
        let (number, before) = entered.inspect_err(|error| self.fail(error.clone()))?;
        let _alone = self.between_commits.write().unwrap_or_else(PoisonError::into_inner);
        self.snapshot.keep(before);
        let flush = || {
            kill_point::here("commit.applied");
            if mutant::is("no-flush") { Ok(()) } else { self.engine().flush() }
        };
        kill_point::here("commit.begun");
        let outcome = self.engine().apply(changes).and_then(|()| flush());
        kill_point::here("commit.flushed");
        if outcome.is_ok() {
            self.commits.store(number, Ordering::Relaxed);
            self.opened.witness.iter().for_each(|witness| witness.note(number));
        }
        // Said before readers may look again.
        outcome.inspect_err(|error| self.fail(error.clone()))
    }

    /// Runs reading closures until the store is closed.
    fn read_all(&self, jobs: &Mutex<mpsc::Receiver<ReadJob>>, clock: &WorkClock) {
        loop {
            let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(job) = job else { return };
            clock.start();
            self.read_one(job);
            clock.stop();
        }
    }

    fn read_one(&self, job: ReadJob) {
        let _undisturbed = self.between_commits.read().unwrap_or_else(PoisonError::into_inner);
        if self.check().is_ok() {
            job(&Reader::new(self.engine(), &self.quarantine));
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

    /// Answers when the store has stopped working.
    pub(super) async fn failed(&self) -> StoreError {
        let mut fault = self.fault.subscribe();
        let fault = fault.wait_for(Option::is_some).await;
        fault.ok().and_then(|fault| fault.clone()).unwrap_or_else(closed)
    }

    /// A closure's error may say that the engine is broken; and a row that it met may be damaged, which it may not have
    /// told anybody. Nothing goes on then but by what is whole: the next process puts the store back. A damaged entry
    /// of the journal alone is left out, and listed.
    pub(super) fn note(&self, error: Option<&StoreError>) {
        if let Some(error) = error.filter(|error| error.is_fatal()) {
            self.fail(error.clone());
        } else if let Some(reason) = self.quarantine.first_that_decides() {
            self.fail(StoreError::Corrupted { reason });
        }
    }

    /// The store stops working: everybody who waits, and whoever comes, is told the first reason.
    fn fail(&self, error: StoreError) {
        if let (Some(doubt), Some(dir)) = (Doubt::of(&error), &self.dir)
            && self.check().is_ok()
        {
            doubt.leave(dir);
        }
        self.fault.send_if_modified(|fault| {
            let first = fault.is_none();
            fault.get_or_insert(error);
            first
        });
    }

    /// Fails once the store has stopped working.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        self.fault.borrow().clone().map_or(Ok(()), Err)
    }

    /// Why somebody who waited was not answered.
    pub(super) fn why(&self) -> StoreError {
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
