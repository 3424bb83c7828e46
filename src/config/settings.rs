//! A configuration that has been checked.

use secrecy::SecretString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use url::Url;

/// The daemon's whole configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// `tenant`: names the store and every log line.
    pub tenant: String,
    /// `mapping`: the mapping file.
    pub mapping: PathBuf,
    /// `[salesforce]`.
    pub salesforce: SalesforceConfig,
    /// `[engage]`.
    pub engage: EngageConfig,
    /// `[store]`.
    pub store: StoreConfig,
    /// `[sync]`.
    pub sync: SyncConfig,
    /// `[admin]`.
    pub admin: AdminConfig,
    /// `[webhooks] listen`: a listener of their own, where one is wanted.
    pub webhooks_listen: Option<SocketAddr>,
    /// `[log]`.
    pub log: LogConfig,
}

/// `[salesforce]`.
#[derive(Debug, Clone)]
pub struct SalesforceConfig {
    /// Where to sign in. `http://` only for loopback.
    pub login_url: Url,
    /// The pinned REST version, as `67.0`.
    pub api_version: String,
    /// How to sign in.
    pub flow: SalesforceFlow,
    /// The app's consumer key.
    pub client_id: String,
    /// How changes arrive.
    pub changes: Vec<SalesforceChanges>,
    /// Where the Pub/Sub API is. `http://` only for loopback.
    pub pubsub_endpoint: Url,
    /// A custom channel that brings the changes of all objects; none, and each object has its own.
    pub pubsub_channel: Option<String>,
    /// When bulk jobs are made.
    pub bulk: Bulk,
    /// How often to poll.
    pub poll_every: Duration,
    /// How far each poll looks back for late commits.
    pub overlap: Duration,
    /// The share of the day's API calls that is left to others, 0 to 1.
    pub keep_free: f64,
    /// The waits after a quota error, the last one repeated.
    pub quota_retry: Vec<Duration>,
}

/// When bulk jobs are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bulk {
    /// Where they cost clearly fewer calls.
    Auto,
    /// From 5,000 records on.
    Always,
    /// Never: the user may not use them.
    Never,
}

/// How to sign in to Salesforce.
#[derive(Debug, Clone)]
pub enum SalesforceFlow {
    /// JWT bearer.
    Jwt {
        /// The integration user.
        username: String,
        /// The RSA private key, PEM.
        private_key: SecretString,
    },
    /// Client credentials, on the My Domain host.
    ClientCredentials {
        /// The consumer secret.
        client_secret: SecretString,
    },
    /// A refresh token, which may rotate: the newest one is kept in `refresh_token_file`.
    RefreshToken {
        /// The consumer secret, for confidential apps.
        client_secret: Option<SecretString>,
        /// The file that holds the token and is replaced when it rotates.
        refresh_token_file: PathBuf,
    },
}

/// How Salesforce changes arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SalesforceChanges {
    /// The Pub/Sub API.
    PubSub,
    /// Outbound messages.
    OutboundMessages,
    /// Polling. Always there as the sweep.
    Poll,
}

/// `[engage]`.
#[derive(Debug, Clone)]
pub struct EngageConfig {
    /// `default`; anything else is refused (C012) in this version.
    pub profile: String,
    /// Where the API is. `http://` only for loopback.
    pub base_url: Url,
    /// The client id.
    pub client_id: String,
    /// The client secret.
    pub client_secret: SecretString,
    /// The webhook secrets that are accepted now: one, or two while it rotates (one a line in the file).
    pub webhook_secrets: Vec<SecretString>,
    /// Whether webhooks are expected.
    pub webhook: bool,
    /// How often to poll.
    pub poll_every: Duration,
    /// How far each poll looks back.
    pub overlap: Duration,
}

/// `[store]`.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// The store's directory.
    pub path: PathBuf,
}

/// `[sync]`.
#[derive(Debug, Clone)]
pub struct SyncConfig {
    /// How often everything linked is compared.
    pub sweep_every: Duration,
}

/// `[admin]`.
#[derive(Debug, Clone)]
pub struct AdminConfig {
    /// Where to listen; port 0 picks a free one.
    pub listen: SocketAddr,
    /// The bearer token, needed as soon as `listen` is not loopback.
    pub token: Option<SecretString>,
}

/// `[log]`.
#[derive(Debug, Clone)]
pub struct LogConfig {
    /// How lines look.
    pub format: LogFormat,
    /// The least level that is shown, or a filter such as `info,lockstep::connector=debug`.
    pub level: String,
    /// Whether email addresses may stand in log lines; otherwise whatever looks like one is masked.
    pub personal_data: bool,
}

/// `[telemetry]`.
#[derive(Debug, Clone)]
pub struct TelemetryConfig {
    /// The base address of the OpenTelemetry collector that gets traces; none: there are no traces.
    pub otlp_endpoint: Option<Url>,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Pretty,
}
