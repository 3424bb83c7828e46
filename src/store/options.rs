//! How a store is opened.

use std::time::Duration;

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// The engine's page cache, in bytes.
    ///
    /// More of it is more resident memory, of which a daemon may have 100 MiB. What a process holds with 100,000 links is
    /// measured by `benches/store.rs`, and stands in the README.
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
