//! `lockstep run`: the daemon.

use super::context::{Context, Shown};
use super::daemon::Running;
use super::failure::Failure;
use super::progress::Progress;
use super::upkeep;
use crate::admin::{self, Stored};
use crate::config::{Config, Loaded};
use crate::emit;
use crate::event::{LAST_BATCH_WITHIN, Traces};
use crate::mapping::Mapping;
use crate::store::{Store, StoreOptions};
use crate::sync::{Clock, Engine, MappingWatch, Signal};
use anyhow::Context as _;
use jiff::Timestamp;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

/// What SIGTERM begins has 10 s in all (interfaces.md): the turn ends; then the ports close while the last checkpoint is
/// written; then the traces go, and what other threads still do is let go.
const _: () = {
    let (ports, checkpoint) = (admin::STOP_WITHIN.as_secs(), upkeep::LAST_WITHIN.as_secs());
    let beside = if ports > checkpoint { ports } else { checkpoint };
    let behind = LAST_BATCH_WITHIN.as_secs() + super::LEFT_WITHIN.as_secs();
    assert!(crate::sync::STOP_WITHIN.as_secs() + beside + behind < 10);
};

/// Runs until SIGTERM or SIGINT.
pub async fn run(context: &Context) -> Result<Shown, Failure> {
    let loaded = context.load()?;
    let watch = MappingWatch::new(loaded.config.mapping.clone());
    let mapping = crate::verify::load(&loaded.config.mapping)?;
    let mut progress = Progress::quiet();
    let traces = traces(&loaded)?;
    crate::event::init(&loaded.config.log, &loaded.config.tenant, progress.aside(), traces.as_ref())
        .map_err(anyhow::Error::from)?;
    for warnings in [&loaded.warnings, &mapping.warnings] {
        if !warnings.found.is_empty() {
            eprint!("{}", warnings.render(context.error_color));
        }
    }
    let signals = os_signals()?;
    let daemon = Daemon::start(loaded.config, mapping.mapping, watch, system_clock()).await?;
    progress.follow(daemon.engine.long_work());
    let ended = daemon.run(signals).await;
    if let Some(traces) = traces {
        // It blocks, and what it says of a failure is in the log.
        let _ = tokio::task::spawn_blocking(move || traces.end()).await;
    }
    ended?;
    Ok(Shown::well(""))
}

fn traces(loaded: &Loaded) -> anyhow::Result<Option<Traces>> {
    let start = |endpoint| {
        let started = Traces::start(endpoint, &loaded.config.tenant);
        started.map_err(|why| anyhow::anyhow!("[telemetry] otlp_endpoint: {why}"))
    };
    loaded.telemetry.otlp_endpoint.as_ref().map(start).transpose()
}

/// The time of this machine.
pub(super) fn system_clock() -> Clock {
    Arc::new(Timestamp::now)
}

/// A daemon whose store is open and whose ports are bound.
pub(super) struct Daemon {
    engine: Arc<Engine>,
    watch: MappingWatch,
    running: Arc<Running>,
    token: Option<secrecy::SecretString>,
    admin: TcpListener,
    webhooks: Option<TcpListener>,
    store: Store,
}

impl Daemon {
    /// Opens the store and the ports. Nothing is called yet. `watch` is older than `mapping`.
    pub(super) async fn start(
        config: Config,
        mapping: Mapping,
        watch: MappingWatch,
        clock: Clock,
    ) -> anyhow::Result<Daemon> {
        let (path, tenant) = (config.store.path.clone(), config.tenant.clone());
        let store =
            tokio::task::spawn_blocking(move || Store::open(&path, &tenant, StoreOptions::for_the_daemon()))
                .await
                .context("opening the store")??;
        let engine = Arc::new(Engine::new(&config, mapping, store.clone(), clock)?);
        let listen = config.admin.listen;
        let admin =
            TcpListener::bind(listen).await.with_context(|| format!("[admin] listen = \"{listen}\""))?;
        let webhooks = match config.webhooks_listen {
            Some(address) => Some(
                TcpListener::bind(address)
                    .await
                    .with_context(|| format!("[webhooks] listen = \"{address}\""))?,
            ),
            None => None,
        };
        emit!(
            DAEMON_STARTED,
            "the store is open; mapping {} of {}",
            engine.mapping().file,
            engine.mapping().company
        );
        Ok(Daemon {
            running: Arc::new(Running::new(
                engine.clone(),
                Stored::new(store.clone(), &config.tenant, Timestamp::now),
            )),
            engine,
            watch,
            token: config.admin.token,
            admin,
            webhooks,
            store,
        })
    }

    /// Where the admin port listens.
    pub(super) fn admin_address(&self) -> anyhow::Result<std::net::SocketAddr> {
        Ok(self.admin.local_addr()?)
    }

    /// Runs until told to stop. The ports close behind the last turn, so that a webhook is refused rather than unanswered.
    pub(super) async fn run(self, signals: mpsc::Receiver<Signal>) -> anyhow::Result<()> {
        let (stop, stopped) = watch::channel(false);
        let until = |mut stopped: watch::Receiver<bool>| async move {
            // An error means that the sender is gone, which is a stop too.
            let _ = stopped.wait_for(|stop| *stop).await;
        };
        let ports =
            tokio::spawn(admin::serve(self.running.clone(), self.token, self.admin, until(stopped.clone())));
        let webhooks = self
            .webhooks
            .map(|listener| tokio::spawn(admin::serve_webhooks(self.running, listener, until(stopped))));
        let keeping = tokio::spawn(upkeep::keep(self.store.clone()));
        let ended = crate::sync::run(self.engine, self.watch, signals).await;
        keeping.abort();
        if let Err(error) = &ended {
            emit!(STORE_FAILED, reason = %error, "nothing is acknowledged any more, and the daemon ends: {error}");
        }
        let _ = stop.send(true);
        let last_checkpoint = async {
            if ended.is_ok() {
                upkeep::last_checkpoint(self.store).await;
            }
        };
        let closing = async {
            ports.await.context("the admin port")??;
            if let Some(webhooks) = webhooks {
                webhooks.await.context("the webhooks' port")??;
            }
            anyhow::Ok(())
        };
        let ((), closed) = tokio::join!(last_checkpoint, closing);
        closed?;
        ended?;
        emit!(DAEMON_STOPPED, "stopped; what was in flight is finished or kept");
        Ok(())
    }
}

/// SIGTERM and SIGINT stop, SIGHUP reads the mapping again.
fn os_signals() -> anyhow::Result<mpsc::Receiver<Signal>> {
    let (send, receive) = mpsc::channel(4);
    for (kind, means) in [
        (SignalKind::terminate(), Signal::Stop),
        (SignalKind::interrupt(), Signal::Stop),
        (SignalKind::hangup(), Signal::Reload),
    ] {
        let mut stream = signal(kind).context("listening for signals")?;
        let send = send.clone();
        tokio::spawn(async move {
            while stream.recv().await.is_some() {
                if send.send(means).await.is_err() {
                    return;
                }
            }
        });
    }
    Ok(receive)
}
