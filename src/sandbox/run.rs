//! Both systems together, as `lockstep sandbox` and the demo run them.

use super::engage::Product;
use super::salesforce::{Org, Special, StreamFault};
use super::{Authority, Clock, Fault, NoCertificate, Served, When, seed};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// How often the sequences are looked at while the clock is the machine's.
const TICK_EVERY: Duration = Duration::from_millis(500);

/// How to run it.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where Salesforce listens.
    pub salesforce: SocketAddr,
    /// Where the Pub/Sub API listens. Salesforce's own port answers it too.
    pub pubsub: SocketAddr,
    /// Where Revenue Engage listens.
    pub engage: SocketAddr,
    /// How many people there are at the start.
    pub records: usize,
    /// Makes the same people again.
    pub seed: u64,
    /// Keep what happens in this directory; nothing is kept without it.
    pub state: Option<PathBuf>,
    /// What goes wrong.
    pub faults: Option<PathBuf>,
    /// The clock.
    pub clock: Clock,
}

/// Why it could not be run.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// A port, or a file of `--state`.
    #[error("{what}: {error}")]
    Io {
        /// What was tried.
        what: String,
        /// The operating system's own words.
        error: std::io::Error,
    },
    /// TLS cannot be served.
    #[error(transparent)]
    Tls(#[from] NoCertificate),
    /// A file of `--state` or `--faults` that cannot be read.
    #[error("{what}: {reason}")]
    Unreadable {
        /// Which file.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// The app that somebody has granted a refresh token to: some programs know no other way to sign in.
const REFRESH_CLIENT: &str = "refreshing";

/// Where `lockstep login` listens, unless it is told otherwise.
const LOGIN_CALLBACK: &str = "http://localhost:8243/callback";

/// Both systems, being served. They end when this is dropped.
pub struct Sandbox {
    /// Salesforce.
    pub org: Org,
    /// Revenue Engage.
    pub product: Product,
    /// Salesforce's face.
    pub salesforce: Served,
    /// The Pub/Sub API's face.
    pub pubsub: Served,
    /// Engage's face.
    pub engage: Served,
    /// The client that may sign in to both, and its secret.
    pub client: (String, String),
    /// An app with the same secret, and a refresh token that somebody granted it.
    pub refresh: (String, String),
    /// Whom clients that insist on TLS have to trust.
    pub authority: Authority,
    state: Option<PathBuf>,
    ticker: JoinHandle<()>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultsFile {
    #[serde(default)]
    salesforce: Vec<FaultEntry>,
    #[serde(default)]
    engage: Vec<FaultEntry>,
    /// What goes wrong with subscriptions, one after the other.
    #[serde(default)]
    stream: Vec<StreamFault>,
    /// What becomes of the events of the next transactions.
    #[serde(default)]
    events: Vec<Special>,
}

#[derive(serde::Deserialize)]
struct FaultEntry {
    #[serde(default)]
    when: When,
    fault: Fault,
}

impl Sandbox {
    /// Starts both.
    ///
    /// # Errors
    /// When a port is taken or a file cannot be read.
    pub async fn start(options: Options) -> Result<Sandbox, SandboxError> {
        let (org, product) = match &options.state {
            Some(dir) => loaded(dir, &options.clock)?,
            None => (Org::new(options.clock.clone()), Product::new(options.clock.clone())),
        };
        if org.is_empty() && product.is_empty() {
            seed::linked(&org, &product, options.records, options.seed);
        }
        if let Some(file) = &options.faults {
            add_faults(file, &org, &product)?;
        }
        let secret = uuid::Uuid::new_v4().simple().to_string();
        org.register_app("lockstep", &secret);
        let refresh_token = format!("5Aep{}", uuid::Uuid::new_v4().simple());
        org.register_app(REFRESH_CLIENT, &secret);
        org.grant_refresh_token(REFRESH_CLIENT, &refresh_token, false);
        // What `lockstep login` asks for, with the policy that is harder to live with.
        org.register_callback("lockstep", LOGIN_CALLBACK, true);
        product.register_client("lockstep", &secret);
        let authority = Authority::new(options.salesforce.ip())?;
        let salesforce =
            org.serve_tls(bind(options.salesforce).await?, &authority).map_err(io("serving Salesforce"))?;
        let pubsub =
            org.serve_tls(bind(options.pubsub).await?, &authority).map_err(io("serving the Pub/Sub API"))?;
        let engage = product.serve(bind(options.engage).await?).map_err(io("serving Revenue Engage"))?;
        let ticker = tokio::spawn(tick(org.clone(), product.clone()));
        let client = ("lockstep".to_owned(), secret);
        Ok(Sandbox {
            org,
            product,
            salesforce,
            pubsub,
            engage,
            client,
            refresh: (REFRESH_CLIENT.to_owned(), refresh_token),
            authority,
            state: options.state,
            ticker,
        })
    }

    /// Keeps the state, if it is to be kept.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub fn save(&self) -> Result<(), SandboxError> {
        let Some(dir) = &self.state else { return Ok(()) };
        let unreadable = |error: serde_json::Error| SandboxError::Unreadable {
            what: dir.display().to_string(),
            reason: error.to_string(),
        };
        std::fs::create_dir_all(dir).map_err(io(&dir.display().to_string()))?;
        for (name, bytes) in [
            ("salesforce.json", self.org.save().map_err(unreadable)?),
            ("engage.json", self.product.save().map_err(unreadable)?),
        ] {
            let (file, fresh) = (dir.join(name), dir.join(format!("{name}.new")));
            std::fs::write(&fresh, bytes)
                .and_then(|()| std::fs::rename(&fresh, &file))
                .map_err(io(&file.display().to_string()))?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Sandbox {
    /// Without the secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox")
            .field("salesforce", &self.salesforce.address())
            .field("engage", &self.engage.address())
            .finish_non_exhaustive()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.ticker.abort();
    }
}

async fn tick(org: Org, product: Product) {
    loop {
        tokio::time::sleep(TICK_EVERY).await;
        product.tick();
        product.deliver().await;
        org.deliver_outbound().await;
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, SandboxError> {
    TcpListener::bind(address).await.map_err(io(&format!("listening on {address}")))
}

fn io(what: &str) -> impl Fn(std::io::Error) -> SandboxError + use<> {
    let what = what.to_owned();
    move |error| SandboxError::Io { what: what.clone(), error }
}

fn loaded(dir: &Path, clock: &Clock) -> Result<(Org, Product), SandboxError> {
    let read = |name: &str| -> Result<Option<Vec<u8>>, SandboxError> {
        match std::fs::read(dir.join(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(SandboxError::Io { what: dir.join(name).display().to_string(), error }),
        }
    };
    let wrong = |name: &str, error: serde_json::Error| SandboxError::Unreadable {
        what: dir.join(name).display().to_string(),
        reason: error.to_string(),
    };
    let org = match read("salesforce.json")? {
        Some(bytes) => Org::load(&bytes, clock.clone()).map_err(|e| wrong("salesforce.json", e))?,
        None => Org::new(clock.clone()),
    };
    let product = match read("engage.json")? {
        Some(bytes) => Product::load(&bytes, clock.clone()).map_err(|e| wrong("engage.json", e))?,
        None => Product::new(clock.clone()),
    };
    Ok((org, product))
}

fn add_faults(file: &Path, org: &Org, product: &Product) -> Result<(), SandboxError> {
    let what = file.display().to_string();
    let text = std::fs::read_to_string(file).map_err(io(&what))?;
    let faults: FaultsFile = toml::from_str(&text)
        .map_err(|error| SandboxError::Unreadable { what, reason: error.to_string() })?;
    for entry in faults.salesforce {
        org.faults().add(entry.when, entry.fault);
    }
    faults.stream.into_iter().for_each(|fault| org.fault_stream(fault));
    faults.events.into_iter().for_each(|special| org.next_events_are(special));
    for entry in faults.engage {
        product.faults().add(entry.when, entry.fault);
    }
    Ok(())
}
