//! From what was said to what is meant. Each section is one function that notes everything wrong in it.

mod daemon;
mod engage;
mod salesforce;

use super::reader::{At, Reader};
use super::settings::{Config, SalesforceConfig, StoreConfig, SyncConfig, TelemetryConfig};
use super::value;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;
use url::Url;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

/// How often one may poll: below, a poll costs more calls than it saves time; above, the sweep is as good.
const POLL_BOUNDS: RangeInclusive<Duration> = Duration::from_millis(100)..=DAY;
/// How far a poll may look back. Nothing at all would lose every change that is committed late.
const OVERLAP_BOUNDS: RangeInclusive<Duration> = SECOND..=DAY;
/// How often everything may be compared.
const SWEEP_BOUNDS: RangeInclusive<Duration> = MINUTE..=Duration::from_secs(30 * 86_400);

/// What the configuration is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// Working with it.
    Daemon,
    /// Getting the refresh token it needs.
    Login,
}

/// What a login needs.
pub fn check_for_login(read: &mut Reader<'_>) -> Option<SalesforceConfig> {
    salesforce::salesforce(read, Purpose::Login)
}

/// What the process tells others of itself.
pub fn telemetry(read: &mut Reader<'_>) -> TelemetryConfig {
    TelemetryConfig { otlp_endpoint: read.parsed(("telemetry", "otlp_endpoint"), value::collector) }
}

pub fn check(read: &mut Reader<'_>) -> Option<Config> {
    let tenant = tenant(read);
    let mapping =
        required_path(read, ("", "mapping"), "name the mapping file: mapping = \"../mapping/NAME.toml\"");
    let salesforce = salesforce::salesforce(read, Purpose::Daemon);
    let engage = engage::engage(read);
    let store =
        required_path(read, ("store", "path"), "name the directory that holds what Lockstep remembers");
    let sync = SyncConfig { sweep_every: read.duration(("sync", "sweep_every"), DAY, SWEEP_BOUNDS) };
    let admin = daemon::admin(read);
    let webhooks_listen = read.parsed(("webhooks", "listen"), address);
    let log = daemon::log(read);
    Some(Config {
        tenant: tenant?,
        mapping: mapping?,
        salesforce: salesforce?,
        engage: engage?,
        store: StoreConfig { path: store? },
        sync,
        admin: admin?,
        webhooks_listen,
        log,
    })
}

fn tenant(read: &mut Reader<'_>) -> Option<String> {
    const AT: (&str, &str) = ("", "tenant");
    read.required(AT, "name the company: tenant = \"example\"")?;
    read.parsed(AT, |text| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        match text {
            text if (1..=64).contains(&text.len()) && text.chars().all(allowed) => Ok(text.to_owned()),
            _ => Err("a tenant is 1 to 64 letters, digits, '-', '_' or '.'".to_owned()),
        }
    })
}

fn required_endpoint(read: &mut Reader<'_>, at: At, example: &str) -> Option<Url> {
    if !read.is_set(at) {
        read.missing(at, &format!("write {} = \"{example}\"", at.1));
    }
    read.parsed(at, value::endpoint)
}

fn required_path(read: &mut Reader<'_>, at: At, help: &str) -> Option<PathBuf> {
    if !read.is_set(at) {
        read.missing(at, help);
    }
    read.path(at)
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.trim().parse().map_err(|_| {
        format!("{text:?} is not an address and port: write \"127.0.0.1:8080\" or \"[::1]:8080\"")
    })
}
