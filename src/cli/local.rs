//! Asks the store when no daemon runs.

use super::failure::Failure;
use crate::admin::Stored;
use crate::config::Config;
use crate::store::{Store, StoreError, StoreOptions};
use anyhow::Context as _;
use jiff::Timestamp;

/// Opens the store the configuration names. One that does not exist yet is not made: a command that looks should leave
/// nothing behind. The store stays locked until the answer is dropped.
///
/// # Errors
/// There is none, a daemon holds it, or it cannot be read.
pub async fn open(config: &Config) -> Result<Stored, Failure> {
    let (dir, tenant) = (config.store.path.clone(), config.tenant.clone());
    if !dir.exists() {
        return Err(Failure::Failed(anyhow::anyhow!(
            "no daemon answers at {}, and there is no store in {} yet: `lockstep run` makes it",
            config.admin.listen,
            dir.display()
        )));
    }
    let opened = tokio::task::spawn_blocking(move || Store::open(&dir, &tenant, StoreOptions::default()));
    let store = opened.await.context("opening the store")?.map_err(|error| match error {
        StoreError::Held { .. } => anyhow::anyhow!(
            "{error}; it does not answer at {}: name its port with `--admin URL`",
            config.admin.listen
        ),
        error => error.into(),
    })?;
    Ok(Stored::new(store, &config.tenant, Timestamp::now))
}
