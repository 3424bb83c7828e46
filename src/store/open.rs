//! Opening: lock, tidy up, open the engine, and see that the store is ours and of a schema we know.

use super::StoreError;
use super::caught::caught;
use super::engine::Engine;
use super::key::{Key, Kind};
use super::lock::Lock;
use super::transaction::{Quarantine, Transaction};
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

/// The schema this program writes. Raised with every change that an older program could not read.
const SCHEMA: u32 = 1;

/// `MIGRATIONS[n]` brings a store from schema `n + 1` to `n + 2`.
const MIGRATIONS: &[Migration] = &[];

type Migration = fn(&mut Transaction<'_>) -> Result<(), StoreError>;

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// The engine's page cache, in bytes.
    pub cache_bytes: u64,
    /// How long opening may take. After kill -9 it took 5 to 65 ms; a damaged file can make it hang.
    pub open_timeout: Duration,
    /// How long one reading closure, or one group of writing closures with its commit, may take.
    pub work_timeout: Duration,
    /// How many closures may wait to be run; whoever comes later waits in line.
    pub queue: usize,
}

impl Default for StoreOptions {
    fn default() -> StoreOptions {
        StoreOptions {
            cache_bytes: 16 << 20,
            open_timeout: Duration::from_secs(60),
            work_timeout: Duration::from_secs(30),
            queue: 256,
        }
    }
}

/// An open engine, and the lock that makes it ours: given back in this order.
pub(super) struct Opened {
    pub(super) engine: Engine,
    pub(super) _lock: Lock,
}

/// Opens the store in `dir` on a thread of its own, so that an engine that hangs can be left behind.
pub(super) fn open(dir: &Path, tenant: &str, options: &StoreOptions) -> Result<Opened, StoreError> {
    std::fs::create_dir_all(dir).map_err(|error| StoreError::file(dir, &error))?;
    let lock = Lock::take(dir)?;
    let (sender, receiver) = mpsc::sync_channel(1);
    let (tenant, cache_bytes) = (tenant.to_owned(), options.cache_bytes);
    let owned_dir = dir.to_owned();
    std::thread::Builder::new()
        .name("store-open".to_owned())
        .spawn(move || {
            let dir = owned_dir;
            let opened = caught(|| {
                let engine = Engine::open(&dir.join("sled"), cache_bytes)?;
                identify(&engine, &dir, &tenant, SCHEMA, MIGRATIONS)?;
                Ok(Opened { engine, _lock: lock })
            });
            // Nobody waits any more after the timeout; then engine and lock end here.
            let _ = sender.send(opened.unwrap_or_else(|reason| Err(StoreError::Broken { reason })));
        })
        .map_err(|error| StoreError::file(dir, &error))?;
    match receiver.recv_timeout(options.open_timeout) {
        // While opening, an error or panic of the engine says that the files are not what they should be.
        Ok(Err(StoreError::Broken { reason })) => Err(StoreError::Unreadable { dir: dir.to_owned(), reason }),
        Ok(opened) => opened,
        Err(_) => Err(StoreError::TimedOut { what: "open", after: options.open_timeout }),
    }
}

/// Marks a new store as this tenant's; refuses another's and a newer one; brings an older one up to date.
fn identify(
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

fn commit(engine: &Engine, transaction: Transaction<'_>) -> Result<(), StoreError> {
    engine.apply(transaction.into_changes())?;
    engine.flush()
}

fn schema_key() -> Key {
    Kind::Own.key().text("schema")
}

fn tenant_key() -> Key {
    Kind::Own.key().text("tenant")
}
