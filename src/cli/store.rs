//! `lockstep store export, import, verify`.

use super::access;
use super::args::StoreCommand;
use super::context::{Context, Exit, Shown};
use super::failure::Failure;
use super::table::{grouped, time};
use crate::admin::Operations;
use crate::store::{Copied, Integrity, Restored, Store, StoreError};
use anyhow::Context as _;
use futures_util::TryStreamExt;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// What a finished copy is.
#[derive(Serialize, JsonSchema)]
pub(super) struct Exported {
    file: PathBuf,
    rows: u64,
    tenant: String,
    /// The time that the copy stands for.
    at: Timestamp,
    /// Whether the journal is in it.
    journal: bool,
}

/// Backs up, puts back, or looks.
pub async fn run(context: &Context, command: StoreCommand) -> Result<Shown, Failure> {
    match command {
        StoreCommand::Export { file, journal } => export(context, &file, journal).await,
        StoreCommand::Import { file, replace } => import(context, file, replace).await,
        StoreCommand::Verify => verify(context).await,
    }
}

/// Standard input or output.
fn is_dash(file: &Path) -> bool {
    file == Path::new("-")
}

async fn export(context: &Context, file: &Path, journal: bool) -> Result<Shown, Failure> {
    let operations = access::operations(context).await?;
    if is_dash(file) {
        copy(&*operations, journal, &mut std::io::stdout().lock()).await?;
        return Ok(Shown::well(""));
    }
    // Under its own name it is whole or not there.
    let part = with_suffix(file, ".part");
    let named = || format!("writing {}", part.display());
    let made = async {
        let mut out = create(&part).with_context(named)?;
        copy(&*operations, journal, &mut out).await?;
        out.sync_all().with_context(named)?;
        let looked_at = part.clone();
        let copied = on_a_thread(move || Store::look_at_copy(&looked_at)).await?;
        std::fs::rename(&part, file).with_context(|| format!("writing {}", file.display()))?;
        Ok::<_, Failure>(copied)
    };
    let Copied { header, rows } = made.await.inspect_err(|_| drop(std::fs::remove_file(&part)))?;
    let shown =
        Exported { file: file.to_owned(), rows, tenant: header.tenant.clone(), at: header.at, journal };
    let text = || {
        let (rows, file) = (grouped(rows), file.display());
        format!("{rows} rows of {}, as of {} UTC, are in {file}\n", header.tenant, time(header.at))
    };
    Ok(Shown::well(context.show(&shown, text)))
}

async fn copy(operations: &dyn Operations, journal: bool, out: &mut impl Write) -> Result<(), Failure> {
    let mut chunks = operations.export(journal).await?;
    while let Some(chunk) = chunks.try_next().await.context("the copy broke off")? {
        out.write_all(&chunk).context("writing the copy")?;
    }
    out.flush().context("writing the copy")?;
    Ok(())
}

async fn import(context: &Context, file: PathBuf, replace: bool) -> Result<Shown, Failure> {
    let config = context.load()?.config;
    let (dir, tenant) = (config.store.path, config.tenant);
    let restored: Restored = on_a_thread(move || -> anyhow::Result<Restored> {
        if !is_dash(&file) {
            return Ok(Store::import(&dir, &tenant, &file, replace)?);
        }
        std::fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
        let part = dir.join(format!("import.{}", std::process::id()));
        let taken_in = take_in(&part).with_context(|| format!("writing {}", part.display()));
        let restored = taken_in.and_then(|()| Ok(Store::import(&dir, &tenant, &part, replace)?));
        let _ = std::fs::remove_file(&part);
        restored
    })
    .await
    .map_err(say_who_runs)?;
    let text = || {
        format!(
            "{} links are put back as of {} UTC; the next `lockstep run` looks at all of them: who agrees goes on, who does \
             not is held, and opt-outs are carried over\n",
            grouped(restored.links),
            time(restored.copy_of)
        )
    };
    Ok(Shown::well(context.show(&restored, text)))
}

/// Standard input, into a file: it is looked through before anything is put back, so it is read twice.
fn take_in(part: &Path) -> std::io::Result<()> {
    let mut out = create(part)?;
    let mut input = std::io::stdin().lock();
    let mut chunk = vec![0; 64 << 10];
    loop {
        match input.read(&mut chunk)? {
            0 => return Ok(()),
            bytes => out.write_all(chunk.get(..bytes).unwrap_or_default())?,
        }
    }
}

fn say_who_runs(failure: Failure) -> Failure {
    match failure {
        Failure::Failed(error) if matches!(error.downcast_ref(), Some(StoreError::Held { .. })) => {
            Failure::Failed(error.context("stop the daemon first, since it would go on with what it knows"))
        }
        failure => failure,
    }
}

async fn verify(context: &Context) -> Result<Shown, Failure> {
    let found = access::operations(context).await?.verify().await?;
    let exit = if found.whole { Exit::Well } else { Exit::Failed };
    Ok(Shown { text: context.show(&found, || told(&found)), exit })
}

fn told(found: &Integrity) -> String {
    if found.whole {
        return format!(
            "whole: {} rows, each as it was written, and all indexes agree\n",
            grouped(found.rows)
        );
    }
    let mut text: String =
        found.problems.iter().map(|problem| format!("{}\n", crate::event::escape(problem))).collect();
    text.push_str(match found.only_journal {
        true => {
            "only the journal is concerned: `lockstep explain` may have gaps, and nothing is decided by it\n"
        }
        false => "the next start of `lockstep run` puts the store back from its newest checkpoint\n",
    });
    text
}

/// A file that only its owner may read.
fn create(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

async fn on_a_thread<T: Send + 'static, E: Into<anyhow::Error> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| Failure::Failed(error.into())),
        Err(error) => Err(Failure::Failed(error.into())),
    }
}
