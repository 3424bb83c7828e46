//! Opening: lock, tidy up, open the engine, see that the store is ours and of a schema we know, and that nothing in it is
//! damaged, missing or outdated.

use super::books::{Count, Tallies};
use super::caught::caught;
use super::doubt::Doubt;
use super::engine::Engine;
use super::key::{Key, Kind};
use super::lock::Lock;
use super::on_sled::wait_until_closed;
use super::simulated::{OnSimulatedDisk, SimulatedDisk};
use super::transaction::{Order, Quarantine, Transaction};
use super::witness::Witness;
use super::{StoreError, ballast, books, checkpoint, rebuild};
use crate::{emit, kill_point};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// The schema this program writes. Raised with every change that an older program could not read.
///
/// 2 has the books ([`books`]), and links that came from a copy: an older program would not enter its changes into the
/// one, and would carry out what the other is too old for.
pub(super) const SCHEMA: u32 = 2;

/// `MIGRATIONS[n]` brings a store from schema `n + 1` to `n + 2`.
const MIGRATIONS: &[Migration] = &[open_the_books];

type Migration = fn(&mut Transaction<'_>) -> Result<(), StoreError>;

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// The engine's page cache, in bytes.
    ///
    /// Measured by `benches/store.rs`: after 100,000 links were each changed once, a process with 1, 8, 16 and
    /// 32 MiB of cache holds 60, 67, 88 and 102 MiB. With 8 it stays at 75 however often they change, which
    /// leaves the rest of the daemon a quarter of the 100 MiB it may have.
    pub cache_bytes: u64,
    /// How long opening may take without getting on. After kill -9 it took 5 to 65 ms; a damaged file can make it
    /// hang.
    pub open_timeout: Duration,
    /// How long one reading closure, or one group of writing closures with its commit, may take.
    pub work_timeout: Duration,
    /// How many closures may wait to be run; whoever comes later waits in line.
    pub queue: usize,
    /// Put a damaged store back from its newest checkpoint. The daemon does; whoever only looks does not.
    pub rebuild: bool,
}

impl StoreOptions {
    /// What the daemon opens its store with.
    pub fn for_the_daemon() -> StoreOptions {
        StoreOptions { rebuild: true, ..StoreOptions::default() }
    }
}

impl Default for StoreOptions {
    fn default() -> StoreOptions {
        StoreOptions {
            cache_bytes: 8 << 20,
            open_timeout: Duration::from_secs(60),
            work_timeout: Duration::from_secs(30),
            queue: 256,
            rebuild: false,
        }
    }
}

/// An open engine, and the lock that makes it ours: given back in this order.
pub(super) struct Opened {
    pub(super) engine: Engine,
    /// None on a simulated disk, as what follows.
    pub(super) witness: Option<Witness>,
    pub(super) _lock: Option<Arc<Lock>>,
}

/// Opens the store in `dir`. A damaged one is put back from its newest checkpoint where `options` say so.
pub(super) fn open(dir: &Path, tenant: &str, options: &StoreOptions) -> Result<Opened, StoreError> {
    std::fs::create_dir_all(dir).map_err(|error| StoreError::file(dir, &error))?;
    let lock = Arc::new(Lock::take(dir)?);
    finish_replacing(dir)?;
    let doubt = Doubt::read(dir);
    let opened = match &doubt {
        Some(Doubt::Hung(reason)) => {
            Err(StoreError::Unreadable { dir: dir.to_owned(), reason: reason.clone() })
        }
        _ => attempt_with_room(dir, tenant, options, doubt.is_some(), &lock),
    };
    let opened = match opened {
        Err(error) if error.is_damage() && options.rebuild => {
            let restored = rebuild::from_checkpoint(dir, tenant, options.cache_bytes, &error.to_string())?;
            emit!(
                STORE_REBUILT,
                reason = restored.why,
                from = %restored.copy_of,
                "the store was damaged and is put back from its checkpoint of {}: {} links are looked at again, \
                 and what disagrees is held",
                restored.copy_of,
                restored.links
            );
            attempt(dir, tenant, options, true, &lock)
        }
        Err(error) => {
            if let Some(doubt) = Doubt::of(&error) {
                doubt.leave(dir);
            }
            Err(error)
        }
        opened => opened,
    };
    if opened.is_ok() {
        Doubt::clear(dir);
    }
    opened
}

/// A store that was being put back when the process ended is brought to its place.
fn finish_replacing(dir: &Path) -> Result<(), StoreError> {
    rebuild::finish(dir).map_err(|error| StoreError::file(dir, &error))
}

/// Opens it, and gives up the ballast if it takes that.
fn attempt_with_room(
    dir: &Path,
    tenant: &str,
    options: &StoreOptions,
    thorough: bool,
    lock: &Arc<Lock>,
) -> Result<Opened, StoreError> {
    match attempt(dir, tenant, options, thorough, lock) {
        Err(StoreError::Full { .. }) if ballast::give_up(dir) => {
            attempt(dir, tenant, options, thorough, lock)
        }
        opened => opened,
    }
}

/// Opens it on a thread of its own, so that an engine that hangs can be left behind.
fn attempt(
    dir: &Path,
    tenant: &str,
    options: &StoreOptions,
    thorough: bool,
    lock: &Arc<Lock>,
) -> Result<Opened, StoreError> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let (tenant, cache_bytes) = (tenant.to_owned(), options.cache_bytes);
    let (owned_dir, lock) = (dir.to_owned(), Arc::clone(lock));
    let rows = Arc::new(AtomicU64::new(0));
    let looked_at = Arc::clone(&rows);
    let closed = Arc::new(AtomicBool::new(false));
    let was_closed = Arc::clone(&closed);
    std::thread::Builder::new()
        .name("store-open".to_owned())
        .spawn(move || {
            let dir = owned_dir;
            let opened = caught(|| {
                kill_point::here("store.locked");
                let engine_dir = dir.join(rebuild::ENGINE);
                wait_until_closed(&engine_dir).map_err(|error| StoreError::file(&engine_dir, &error))?;
                was_closed.store(true, Ordering::Relaxed);
                let engine = Engine::open(&engine_dir, cache_bytes)?;
                kill_point::here("store.opened");
                let witness = Witness::open(&dir).map_err(|error| StoreError::file(&dir, &error))?;
                if engine.is_empty() && (witness.last().is_some() || checkpoint::any(&dir)) {
                    let reason = "it is empty, and it was not when it was last closed".to_owned();
                    return Err(StoreError::Unreadable { dir, reason });
                }
                identify(&engine, &dir, &tenant)?;
                check(&engine, thorough, witness.last(), &looked_at)?;
                Ok(Opened { engine, witness: Some(witness), _lock: Some(lock) })
            });
            // Nobody waits any more after the timeout; then engine and lock end here.
            let _ = sender.send(opened.unwrap_or_else(|reason| Err(StoreError::Corrupted { reason })));
        })
        .map_err(|error| StoreError::file(dir, &error))?;
    let mut seen = 0;
    loop {
        return match receiver.recv_timeout(options.open_timeout) {
            // While opening, an error or panic of the engine says that the files are not what they should be.
            Ok(Err(StoreError::Corrupted { reason })) => {
                Err(StoreError::Unreadable { dir: dir.to_owned(), reason })
            }
            Ok(opened) => opened,
            Err(_) => {
                let now = rows.load(Ordering::Relaxed);
                if std::mem::replace(&mut seen, now) != now {
                    continue; // it is large, and goes on
                }
                // Whoever had it open last may only be slow, which says nothing against the files.
                let what = if closed.load(Ordering::Relaxed) { "open" } else { "close in its last process" };
                Err(StoreError::TimedOut { what, after: options.open_timeout })
            }
        };
    }
}

/// Opens the store on a simulated disk.
pub(super) fn simulated(disk: &SimulatedDisk, tenant: &str) -> Result<Opened, StoreError> {
    let engine = Engine::Simulated(OnSimulatedDisk::open(disk));
    identify(&engine, Path::new("simulated"), tenant)?;
    Ok(Opened { engine, witness: None, _lock: None })
}

/// Looks at every row that decides something, or at every row: none may be damaged, missing or older than the last
/// commit that was acknowledged.
fn check(
    engine: &Engine,
    thorough: bool,
    witnessed: Option<u64>,
    looked_at: &AtomicU64,
) -> Result<(), StoreError> {
    let kinds = Kind::in_order(|kind| thorough || !kind.is_journal());
    let mut count = Count::default();
    for kind in &kinds {
        for row in engine.range(&kind.key()..&kind.key().end()) {
            let (key, bytes) = row?;
            count.add(&key, &bytes);
            looked_at.fetch_add(1, Ordering::Relaxed);
        }
    }
    let mut problems = count.problems(&kinds);
    if let Some(witnessed) = witnessed.filter(|witnessed| count.commit < Some(*witnessed)) {
        let found = count.commit.unwrap_or(0);
        problems.push(format!("commit {witnessed} was acknowledged, and {found} is the last one in it"));
    }
    match problems.is_empty() {
        true => Ok(()),
        false => Err(StoreError::Corrupted { reason: problems.join("; ") }),
    }
}

/// Marks a new store as this tenant's; refuses another's and a newer one; brings an older one up to date.
pub(super) fn identify(engine: &Engine, dir: &Path, tenant: &str) -> Result<(), StoreError> {
    identify_as(engine, dir, tenant, SCHEMA, MIGRATIONS)
}

fn identify_as(
    engine: &Engine,
    dir: &Path,
    tenant: &str,
    schema: u32,
    migrations: &[Migration],
) -> Result<(), StoreError> {
    let quarantine = Quarantine::default();
    let mut transaction = Transaction::new(engine, &quarantine);
    let Some(found) = transaction.get::<u32>(&schema_key())? else {
        if !engine.is_empty() {
            return Err(StoreError::Foreign { dir: dir.to_owned() });
        }
        transaction.put(schema_key(), &schema)?;
        transaction.put(tenant_key(), &tenant)?;
        return commit(engine, transaction);
    };
    if found > schema {
        return Err(StoreError::Newer { found, known: schema });
    }
    let owner = transaction.get::<String>(&tenant_key())?.unwrap_or_default();
    if owner != tenant {
        return Err(StoreError::OtherTenant { found: owner, asked: tenant.to_owned() });
    }
    for (from, migrate) in (1..).zip(migrations) {
        if from >= found {
            let mut transaction = Transaction::new(engine, &quarantine);
            migrate(&mut transaction)?;
            transaction.put(schema_key(), &(from + 1))?;
            commit(engine, transaction)?;
        }
    }
    Ok(())
}

/// From schema 1: the books are opened, with what is there.
fn open_the_books(t: &mut Transaction<'_>) -> Result<(), StoreError> {
    let mut tallies = Tallies::new();
    for kind in Kind::ALL {
        for row in t.scan_bytes(kind.key()..kind.key().end(), Order::Ascending) {
            let (_, bytes) = row?;
            tallies.entry(kind).or_default().add(&bytes);
        }
    }
    tallies.iter().try_for_each(|(kind, tally)| t.put(books::tally_key(*kind), tally))
}

/// Commits with the books, durably.
pub(super) fn commit(engine: &Engine, transaction: Transaction<'_>) -> Result<(), StoreError> {
    let mut changes = transaction.into_changes().0;
    books::enter(engine, &mut changes)?;
    engine.apply(changes)?;
    engine.flush()
}

fn schema_key() -> Key {
    Kind::Own.key().text("schema")
}

fn tenant_key() -> Key {
    Kind::Own.key().text("tenant")
}

#[cfg(test)]
mod tests {
    use super::super::Store;
    use super::super::testing::TestStore;
    use super::*;

    fn identified(
        store: &TestStore,
        tenant: &str,
        schema: u32,
        migrations: &[Migration],
    ) -> Result<(), StoreError> {
        identify_as(&store.engine, Path::new("store"), tenant, schema, migrations)
    }

    #[test]
    fn a_newer_schema_and_another_tenant_are_refused() {
        let store = TestStore::new();
        identified(&store, "acme", 2, &[]).unwrap();
        identified(&store, "acme", 2, &[]).unwrap();
        assert_eq!(identified(&store, "acme", 1, &[]), Err(StoreError::Newer { found: 2, known: 1 }));
        let error = identified(&store, "globex", 2, &[]).unwrap_err();
        assert_eq!(error, StoreError::OtherTenant { found: "acme".to_owned(), asked: "globex".to_owned() });
    }

    #[test]
    fn rows_without_a_schema_are_not_taken_over() {
        let store = TestStore::new();
        store.write(|t| t.set_meta("whose", "unknown")).unwrap();
        assert!(matches!(identified(&store, "acme", 1, &[]), Err(StoreError::Foreign { .. })));
    }

    #[test]
    fn an_older_store_is_migrated_step_by_step_and_each_step_once() {
        fn append(t: &mut Transaction<'_>, step: &str) -> Result<(), StoreError> {
            let done = t.meta("steps")?.unwrap_or_default();
            t.set_meta("steps", &(done + step))
        }
        let migrations: &[Migration] = &[
            |_| Err(StoreError::Aborted { reason: "the first step was done long ago".to_owned() }),
            |t| append(t, "2 to 3, "),
            |t| append(t, "3 to 4"),
        ];
        let store = TestStore::new();
        identified(&store, "acme", 2, &[]).unwrap();
        identified(&store, "acme", 4, migrations).unwrap();
        identified(&store, "acme", 4, migrations).unwrap();
        assert_eq!(store.reader().meta("steps").unwrap().as_deref(), Some("2 to 3, 3 to 4"));
    }

    #[test]
    fn there_is_a_migration_to_every_schema_but_the_first() {
        assert_eq!(MIGRATIONS.len() + 1, SCHEMA as usize);
    }

    #[test]
    fn what_a_kill_left_half_written_does_not_keep_the_store_from_opening() {
        let dir = tempfile::tempdir().unwrap();
        let sled = dir.path().join("sled");
        std::fs::create_dir(&sled).unwrap();
        std::fs::write(sled.join("conf"), "segment_size: 5242").unwrap();
        let open = || Store::open(dir.path(), "acme", StoreOptions::default()).unwrap();
        open().write_blocking(|t| t.set_meta("kept", "yes")).unwrap();
        let half = sled.join("snap.FFFFFFFFFFFFFFFF.generating");
        std::fs::write(&half, [7; 100]).unwrap();
        assert_eq!(open().read_blocking(|r| r.meta("kept")).unwrap().as_deref(), Some("yes"));
        assert!(!half.exists());
    }

    #[test]
    fn damaged_files_are_refused_in_words() {
        let dir = tempfile::tempdir().unwrap();
        let open = || Store::open(dir.path(), "acme", StoreOptions::default());
        drop(open().unwrap());
        std::fs::write(dir.path().join("sled/snap.FFFFFFFFFFFFFFFF"), [7; 100]).unwrap();
        let error = open().err().unwrap();
        assert!(matches!(error, StoreError::Unreadable { .. }), "{error}");
    }

    #[test]
    fn opening_waits_for_an_engine_that_is_still_closing_and_not_for_ever() {
        let dir = tempfile::tempdir().unwrap();
        let open = |open_timeout| {
            Store::open(dir.path(), "acme", StoreOptions { open_timeout, ..StoreOptions::default() })
        };
        drop(open(Duration::from_secs(60)).unwrap());
        let still_closing = std::fs::File::open(dir.path().join("sled/db")).unwrap();
        still_closing.lock().unwrap();
        let error = open(Duration::from_millis(20)).err();
        assert!(matches!(error, Some(StoreError::TimedOut { .. })), "{error:?}");
    }

    #[test]
    fn a_second_daemon_is_told_at_once_who_holds_the_store() {
        let dir = tempfile::tempdir().unwrap();
        let open = || Store::open(dir.path(), "acme", StoreOptions::default());
        let first = open().unwrap();
        let error = open().err().unwrap().to_string();
        assert!(error.contains(&format!("in use by pid {} on ", std::process::id())), "{error}");
        drop(first);
        open().unwrap();
    }
}
