//! How the simulated daemon is set up.

use lockstep::config::{
    AdminConfig, Bulk, Config, EngageConfig, LogConfig, LogFormat, SalesforceChanges, SalesforceConfig,
    SalesforceFlow, StoreConfig, SyncConfig,
};
use secrecy::SecretString;
use std::time::Duration;

pub(super) const CLIENT: &str = "lockstep";
pub(super) const SECRET: &str = "made for this simulation only";

/// Both sides by polls; events have a hostile stream of their own (`scenarios::hostile_stream`).
pub(super) fn config() -> Config {
    let secret = || SecretString::from(SECRET.to_owned());
    Config {
        tenant: "simulated".to_owned(),
        mapping: "simulated.toml".into(),
        salesforce: SalesforceConfig {
            login_url: "http://127.0.0.1:1".parse().expect("a URL"),
            api_version: "67.0".to_owned(),
            flow: SalesforceFlow::ClientCredentials { client_secret: secret() },
            client_id: CLIENT.to_owned(),
            changes: vec![SalesforceChanges::Poll],
            pubsub_endpoint: "http://127.0.0.1:1".parse().expect("a URL"),
            pubsub_channel: None,
            bulk: Bulk::Never,
            poll_every: Duration::from_secs(60),
            overlap: Duration::from_secs(600),
            keep_free: 0.2,
            quota_retry: [1, 5, 15, 30].map(|minutes| Duration::from_secs(minutes * 60)).to_vec(),
        },
        engage: EngageConfig {
            profile: "default".to_owned(),
            base_url: "http://127.0.0.1:2".parse().expect("a URL"),
            client_id: CLIENT.to_owned(),
            client_secret: secret(),
            webhook_secrets: vec![secret()],
            webhook: true,
            poll_every: Duration::from_secs(60),
            overlap: Duration::from_secs(600),
        },
        store: StoreConfig { path: "simulated".into() },
        sync: SyncConfig { sweep_every: Duration::from_secs(24 * 3600) },
        admin: AdminConfig { listen: ([127, 0, 0, 1], 0).into(), token: None },
        webhooks_listen: None,
        log: LogConfig { format: LogFormat::Json, level: "off".to_owned(), personal_data: false },
    }
}
