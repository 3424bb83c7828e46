//! The connectors against what they are written to. The same functions run against the stub files by our loader, against
//! the stub files by the real WireMock (`.ci/wiremock`), and against the sandbox: none of the three can drift from the
//! others without a test that fails.

mod engage;
mod login;
mod odd_answers;
pub mod refresh_token;
mod rotation;
mod salesforce;
mod sandbox;
pub mod sign_in;
mod stubs;
mod webhook;

use jiff::Timestamp;
use lockstep::config::{EngageConfig, SalesforceConfig, SalesforceFlow};
use lockstep::sandbox::Clock;
use secrecy::SecretString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Runs each of these functions in every world of its side.
macro_rules! held_by_all {
    ($($test:ident),+ $(,)?) => {
        mod by_the_stub_files {
            $(#[tokio::test]
            async fn $test() {
                super::$test(super::World::of_stub_files().await).await;
            })+
        }
        mod by_the_real_wiremock {
            $(#[tokio::test]
            async fn $test() {
                match super::World::of_wiremock() {
                    Some(world) => super::$test(world).await,
                    None => eprintln!("skipped: .ci/wiremock runs this"),
                }
            })+
        }
        mod by_the_sandbox {
            $(#[tokio::test]
            async fn $test() {
                super::$test(super::World::of_sandbox().await).await;
            })+
        }
    };
}
use held_by_all;

const MINUTE: Duration = Duration::from_secs(60);

pub fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

/// What a connector is given to tell the time by.
pub fn tells(clock: &Clock) -> Arc<dyn Fn() -> Timestamp + Send + Sync> {
    let clock = clock.clone();
    Arc::new(move || clock.now())
}

fn fixtures(side: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("wiremock-fixtures").join(side)
}

/// A base URL from the environment, where `.ci/wiremock` put it.
fn wiremock(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|url| !url.is_empty())
}

pub async fn free_port() -> tokio::net::TcpListener {
    tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port")
}

pub fn salesforce_config(base_url: &str, flow: SalesforceFlow) -> SalesforceConfig {
    SalesforceConfig {
        login_url: base_url.parse().expect("a URL"),
        api_version: "67.0".to_owned(),
        flow,
        client_id: "lockstep".to_owned(),
        changes: Vec::new(),
        pubsub_endpoint: base_url.parse().expect("a URL"),
        pubsub_channel: None,
        bulk: lockstep::config::Bulk::Auto,
        poll_every: MINUTE,
        overlap: 10 * MINUTE,
        keep_free: 0.0,
        quota_retry: vec![MINUTE, 5 * MINUTE],
    }
}

pub fn by_secret(secret: &str) -> SalesforceFlow {
    SalesforceFlow::ClientCredentials { client_secret: SecretString::from(secret) }
}

pub fn engage_config(base_url: &str, secret: &str) -> EngageConfig {
    EngageConfig {
        profile: "default".to_owned(),
        base_url: base_url.parse().expect("a URL"),
        client_id: "lockstep".to_owned(),
        client_secret: SecretString::from(secret),
        webhook_secrets: Vec::new(),
        webhook: false,
        poll_every: MINUTE,
        overlap: 10 * MINUTE,
    }
}
