//! The stage of the demo: two systems, four people, and the daemon between them.

use super::onlooker::Onlooker;
use super::story::Look;
use crate::cli::failure::Failure;
use crate::cli::run::{Daemon, system_clock};
use crate::config::{
    AdminConfig, Bulk, Config, EngageConfig, LogConfig, LogFormat, SalesforceChanges, SalesforceConfig,
    SalesforceFlow, StoreConfig, SyncConfig,
};
use crate::mapping::Mapping;
use crate::model::{ProspectId, SalesforceId};
use crate::sandbox::{Clock, Options, Sandbox, seed};
use crate::sync::MappingWatch;
use anyhow::Context as _;
use rand::RngExt;
use secrecy::SecretString;
use serde_json::json;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// The company of the specification document.
const EXAMPLE: &str = include_str!("../../../mapping/example.toml");

/// How often the demo's daemon polls: a newcomer does not want to wait a minute.
const POLL_EVERY: Duration = Duration::from_secs(1);

/// People of the sales floor that keeps the demo busy.
const SALES_FLOOR: usize = 40;

/// The four people of the story.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Person {
    Jane,
    Omar,
    Mei,
    Piotr,
}

/// Everything the story needs.
pub(super) struct Stage {
    sandbox: Sandbox,
    people: Vec<(Person, SalesforceId, ProspectId)>,
    onlooker: Onlooker,
    daemon: std::sync::Mutex<Option<Daemon>>,
    admin: SocketAddr,
    /// What lets the dashboard change something; made for this run.
    token: String,
    // The store goes with the demo.
    _store: Temporary,
}

/// The mapping to play with: the built-in example, or a file.
pub(super) fn mapping(file: Option<&Path>) -> Result<Mapping, Failure> {
    let loaded = match file {
        Some(file) => crate::verify::load(file)?,
        None => crate::verify::parse("mapping/example.toml", EXAMPLE)?,
    };
    Ok(loaded.mapping)
}

impl Stage {
    /// Starts both systems, lets four people into them, and sets the daemon up between them.
    pub(super) async fn set(mapping: Mapping, mapping_file: Option<&Path>) -> anyhow::Result<Stage> {
        let loopback: SocketAddr = ([127, 0, 0, 1], 0).into();
        let options = Options {
            salesforce: loopback,
            pubsub: loopback,
            engage: loopback,
            records: SALES_FLOOR,
            seed: 7,
            state: None,
            faults: None,
            clock: Clock::real(),
        };
        let sandbox = Sandbox::start(options).await?;
        let people = people(&sandbox)?;
        let store = Temporary::new()?;
        let token = uuid::Uuid::new_v4().simple().to_string();
        let mut config = config(&sandbox, &store.0, mapping_file)?;
        config.admin.token = Some(SecretString::from(token.clone()));
        let webhook = config.engage.webhook_secrets.first().cloned();
        let watch = MappingWatch::new(config.mapping.clone());
        let daemon = Daemon::start(config, mapping, watch, system_clock()).await?;
        let admin = daemon.admin_address()?;
        if let Some(secret) = webhook {
            use secrecy::ExposeSecret;
            sandbox
                .product
                .send_webhooks(&format!("http://{admin}/webhooks/engage"), &[secret.expose_secret()]);
        }
        let client = (sandbox.client.0.as_str(), sandbox.client.1.as_str());
        let onlooker =
            Onlooker::new(&sandbox.salesforce.base_url(), &sandbox.engage.base_url(), client, client).await?;
        Ok(Stage { people, onlooker, daemon: Some(daemon).into(), admin, token, sandbox, _store: store })
    }

    /// The daemon, to be run. There is one.
    pub(super) fn daemon(&self) -> anyhow::Result<Daemon> {
        let mut daemon = self.daemon.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        daemon.take().context("the daemon runs already")
    }

    /// What stands where.
    pub(super) fn opening(&self) -> String {
        format!(
            "A Salesforce at {}, a Revenue Engage at {}, and Lockstep between them (admin port {}).\n",
            self.sandbox.salesforce.base_url(),
            self.sandbox.engage.base_url(),
            self.admin
        )
    }

    /// Where to watch, where to change something by hand, and what commands need. The token stands behind the `#`: no
    /// browser sends that anywhere.
    pub(super) fn dashboard(&self) -> String {
        let (salesforce, engage) = (self.sandbox.salesforce.base_url(), self.sandbox.engage.base_url());
        format!(
            "{}Change it by hand:      {salesforce}/people and {engage}/people\n\
             For other commands:     export LOCKSTEP_ADMIN__TOKEN={}\n",
            self.watch(),
            self.token
        )
    }

    fn watch(&self) -> String {
        let (salesforce, engage) = (self.sandbox.salesforce.address(), self.sandbox.engage.address());
        format!(
            "Watch it in a browser:  http://{}/#token={}&salesforce={}&engage={}\n",
            self.admin,
            self.token,
            salesforce.port(),
            engage.port()
        )
    }

    /// What goes on after the story.
    pub(super) fn keep_going(&self) -> String {
        format!(
            "The sales floor goes on: {SALES_FLOOR} people, somebody changes something every second.\n\
             {1}At a terminal: `lockstep status --admin http://{0}`, `lockstep conflicts --admin http://{0}` or\n\
             `lockstep explain p_000001 --admin http://{0}`. Ctrl-C ends it.",
            self.admin,
            self.watch()
        )
    }

    fn ids(&self, who: Person) -> (SalesforceId, &ProspectId) {
        let (_, lead, prospect) =
            self.people.iter().find(|(person, _, _)| *person == who).unwrap_or(&self.people[0]);
        (*lead, prospect)
    }

    /// What both systems say of a person, over HTTP.
    pub(super) async fn look(&self, who: Person) -> anyhow::Result<Look> {
        let (lead, prospect) = self.ids(who);
        self.onlooker.look(lead.as_str(), prospect.as_str()).await
    }

    /// Everything Lockstep has written so far, on both sides.
    pub(super) fn writes(&self) -> u64 {
        self.sandbox.org.writes().0 + self.sandbox.product.writes()
    }

    pub(super) fn salesperson_sets_lead(&self, who: Person, status: &str) -> anyhow::Result<()> {
        self.sandbox.org.edit(self.ids(who).0, &[("Status", json!(status))]);
        Ok(())
    }

    pub(super) fn colleague_finishes(&self, who: Person, status: &str) -> anyhow::Result<()> {
        self.sandbox.product.finish(self.ids(who).1, status).map_err(anyhow::Error::msg)
    }

    pub(super) fn unsubscribes(&self, who: Person) -> anyhow::Result<()> {
        self.sandbox.product.unsubscribe(self.ids(who).1).map_err(anyhow::Error::msg)
    }

    pub(super) fn becomes_unresponsive(&self, who: Person) -> anyhow::Result<()> {
        self.sandbox.product.set_status(self.ids(who).1, "unresponsive").map_err(anyhow::Error::msg)
    }

    /// Somebody changes something every second, until interrupted. The four of the story are left to whoever watches.
    pub(super) async fn sales_floor(&self) -> anyhow::Result<()> {
        let (mut leads, mut prospects) = (self.sandbox.org.leads(), self.sandbox.product.prospects());
        leads.retain(|lead| self.people.iter().all(|(_, known, _)| known != lead));
        prospects.retain(|prospect| self.people.iter().all(|(_, _, known)| known != prospect));
        let mut beat = tokio::time::interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                interrupted = tokio::signal::ctrl_c() => return Ok(interrupted?),
                _ = beat.tick() => {}
            }
            let mut random = rand::rng();
            let (status, person) = seed::AGREEING[random.random_range(0..seed::AGREEING.len())];
            if random.random_bool(0.5) {
                self.sandbox
                    .org
                    .edit(leads[random.random_range(0..leads.len())], &[("Status", json!(status))]);
            } else {
                // What the product forbids does not happen, as on any sales floor.
                let _ = self
                    .sandbox
                    .product
                    .set_status(&prospects[random.random_range(0..prospects.len())], person);
            }
        }
    }
}

fn people(sandbox: &Sandbox) -> anyhow::Result<Vec<(Person, SalesforceId, ProspectId)>> {
    let (org, product) = (&sandbox.org, &sandbox.product);
    // Weeks apart, so that nothing is sent while the demo runs.
    let sequence = product.add_sequence("Spring outreach", true, &[Duration::from_secs(14 * 24 * 3600)]);
    let cast = [
        (Person::Jane, "Jane", "Doe"),
        (Person::Omar, "Omar", "Said"),
        (Person::Mei, "Mei", "Zhou"),
        (Person::Piotr, "Piotr", "Zielinski"),
    ];
    let mut people = Vec::new();
    for (who, first, last) in cast {
        let email = format!("{}@demo.example", first.to_lowercase());
        let lead =
            org.create_lead(first, last, "Demo Ltd", &email, "Attempting to contact").context("a Lead")?;
        let prospect = product.create(&email, first, last, "Demo Ltd", Some(lead));
        product.enroll(&prospect, &sequence);
        product.set_status(&prospect, "approaching").map_err(anyhow::Error::msg)?;
        people.push((who, lead, prospect));
    }
    Ok(people)
}

fn config(sandbox: &Sandbox, store: &Path, mapping_file: Option<&Path>) -> anyhow::Result<Config> {
    let secret = SecretString::from(sandbox.client.1.clone());
    Ok(Config {
        tenant: "demo".to_owned(),
        mapping: mapping_file.map_or_else(|| store.join("mapping.toml"), Path::to_owned),
        salesforce: SalesforceConfig {
            login_url: sandbox.salesforce.base_url().parse()?,
            api_version: "67.0".to_owned(),
            flow: SalesforceFlow::ClientCredentials { client_secret: secret.clone() },
            client_id: sandbox.client.0.clone(),
            changes: vec![SalesforceChanges::PubSub, SalesforceChanges::Poll],
            pubsub_endpoint: sandbox.pubsub.base_url().parse()?,
            pubsub_channel: None,
            bulk: Bulk::Auto,
            poll_every: POLL_EVERY,
            overlap: Duration::from_secs(600),
            keep_free: 0.2,
            quota_retry: [1, 5, 15, 30].map(|minutes| Duration::from_secs(minutes * 60)).to_vec(),
        },
        engage: EngageConfig {
            profile: "default".to_owned(),
            base_url: sandbox.engage.base_url().parse()?,
            client_id: sandbox.client.0.clone(),
            client_secret: secret,
            webhook_secrets: vec![SecretString::from(uuid::Uuid::new_v4().to_string())],
            webhook: true,
            poll_every: POLL_EVERY,
            overlap: Duration::from_secs(600),
        },
        store: StoreConfig { path: store.join("store") },
        sync: SyncConfig { sweep_every: Duration::from_secs(24 * 3600) },
        admin: AdminConfig { listen: ([127, 0, 0, 1], 0).into(), token: None },
        webhooks_listen: None,
        log: LogConfig { format: LogFormat::Pretty, level: "warn".to_owned(), personal_data: false },
    })
}

/// A directory that goes away with the demo.
struct Temporary(std::path::PathBuf);

impl Temporary {
    fn new() -> anyhow::Result<Temporary> {
        let dir = std::env::temp_dir().join(format!("lockstep-demo-{}", uuid::Uuid::new_v4().simple()));
        std::fs::create_dir_all(&dir)
            .with_context(|| format!("a directory for the demo's store, {}", dir.display()))?;
        Ok(Temporary(dir))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Left behind in the temporary directory at worst.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
