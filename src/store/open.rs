//! Opening: lock, tidy up, open the engine, see that the store is ours and of a schema we know, and that nothing in it is
//! damaged, missing or outdated.

use super::books::Count;
use super::caught::caught;
use super::doubt::Doubt;
use super::engine::Engine;
use super::key::Kind;
use super::lock::Lock;
use super::on_sled::wait_until_closed;
use super::schema::identify;
use super::simulated::{OnSimulatedDisk, SimulatedDisk};
use super::verify::Indexes;
use super::witness::Witness;
use super::{StoreError, StoreOptions, ballast, checkpoint, private, rebuild};
use crate::{emit, kill_point};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};

/// An open engine, and the lock that makes it ours: given back in this order.
pub(super) struct Opened {
    pub(super) engine: Engine,
    /// None on a simulated disk, as what follows.
    pub(super) witness: Option<Witness>,
    pub(super) _lock: Option<Arc<Lock>>,
}

/// Opens the store in `dir`. A damaged one is put back from its newest checkpoint where `options` say so.
pub(super) fn open(dir: &Path, tenant: &str, options: &StoreOptions) -> Result<Opened, StoreError> {
    private::make_dir(dir).map_err(|error| StoreError::file(dir, &error))?;
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

/// Looks at every row that decides something, or at every row and what leads to it: none may be damaged, missing or older
/// than the last commit that was acknowledged.
fn check(
    engine: &Engine,
    thorough: bool,
    witnessed: Option<u64>,
    looked_at: &AtomicU64,
) -> Result<(), StoreError> {
    let kinds = Kind::in_order(|kind| thorough || !kind.is_journal());
    let (mut count, mut indexes) = (Count::default(), Indexes::default());
    for kind in &kinds {
        for row in engine.range(&kind.key()..&kind.key().end()) {
            let (key, bytes) = row?;
            count.add(&key, &bytes);
            if thorough {
                indexes.add(&key, &bytes);
            }
            looked_at.fetch_add(1, Ordering::Relaxed);
        }
    }
    let mut problems = count.problems(&kinds);
    // What the last process stopped for has to be found here too, or it would be believed, found and stopped for again.
    problems.extend(indexes.problems(|kind| !kind.is_journal()));
    if let Some(witnessed) = witnessed.filter(|witnessed| count.commit < Some(*witnessed)) {
        let found = count.commit.unwrap_or(0);
        problems.push(format!("commit {witnessed} was acknowledged, and {found} is the last one in it"));
    }
    match problems.is_empty() {
        true => Ok(()),
        false => Err(StoreError::Corrupted { reason: problems.join("; ") }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{at, link, prospect, salesforce};
    use super::super::{Store, Transaction};
    use super::*;
    use std::time::Duration;

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
    fn an_index_that_says_less_than_its_rows_is_put_right_at_the_next_start() {
        let dir = tempfile::tempdir().unwrap();
        let open = || Store::open(dir.path(), "acme", StoreOptions::for_the_daemon()).unwrap();
        let store = open();
        store.write_blocking(|t| t.put_link(&link(1, 1))).unwrap();
        store.checkpoint(at(1)).unwrap();
        // A mistake of ours, which the books cannot know of.
        let index = Kind::LinkBySalesforce.key().salesforce(&salesforce(1)).prospect(&prospect(1));
        let lose = move |t: &mut Transaction<'_>| {
            t.remove(index);
            Ok(())
        };
        store.write_blocking(lose).unwrap();
        let found = store.verify().unwrap();
        assert!(!found.whole && !found.only_journal, "{found:?}");
        drop(store);
        Doubt::of(&StoreError::Corrupted { reason: found.problems.join("; ") }).unwrap().leave(dir.path());
        let store = open();
        let restored = store.read_blocking(|r| r.last_restored()).unwrap().expect("it is put back");
        assert!(restored.why.contains("LinkBySalesforce"), "{restored:?}");
        assert!(store.check().unwrap().whole);
    }

    #[test]
    fn a_second_daemon_is_told_at_once_who_holds_the_store_and_touches_nothing_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let open = || Store::open(dir.path(), "acme", StoreOptions::default());
        let first = open().unwrap();
        // What the first one is just writing is not tidied up under it.
        let half = dir.path().join("sled/snap.FFFFFFFFFFFFFFFF.generating");
        std::fs::write(&half, [7; 100]).unwrap();
        let error = open().err().unwrap().to_string();
        assert!(error.contains(&format!("in use by pid {} on ", std::process::id())), "{error}");
        assert!(half.exists());
        drop(first);
        open().unwrap();
    }
}
