//! From what was said to what is meant. Each section is one function that notes everything wrong in it.

use super::reader::Reader;
use super::settings::*;
use super::{secret, value};
use crate::diagnostic::Problem;
use secrecy::{ExposeSecret, SecretString};
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

/// The Salesforce version the daemon is written to (facts/salesforce-api.md 0).
const API_VERSION: &str = "67.0";
/// The oldest one that Salesforce still answers (facts/salesforce-api.md 0).
const OLDEST_API_VERSION: u32 = 31;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

/// How often one may poll: below, a poll costs more calls than it saves time; above, the sweep is as good.
const POLL_BOUNDS: RangeInclusive<Duration> = Duration::from_millis(100)..=DAY;
/// How far a poll may look back. Nothing at all would lose every change that is committed late.
const OVERLAP_BOUNDS: RangeInclusive<Duration> = SECOND..=DAY;
/// How long the waits after a quota error may be.
const QUOTA_BOUNDS: RangeInclusive<Duration> = SECOND..=DAY;
/// How often everything may be compared.
const SWEEP_BOUNDS: RangeInclusive<Duration> = MINUTE..=Duration::from_secs(30 * 86_400);
/// The most that may be left to others: beyond it there is nothing to work with.
const MOST_KEPT_FREE: f64 = 0.95;
/// A shorter token can be guessed.
const SHORTEST_TOKEN: usize = 16;

/// The configuration, where every section could be understood.
pub fn check(read: &mut Reader<'_>) -> Option<Config> {
    let tenant = tenant(read);
    let mapping =
        required_path(read, ("", "mapping"), "name the mapping file: mapping = \"../mapping/NAME.toml\"");
    let salesforce = salesforce(read);
    let engage = engage(read);
    let store =
        required_path(read, ("store", "path"), "name the directory that holds what Lockstep remembers");
    let sync = SyncConfig { sweep_every: read.duration(("sync", "sweep_every"), DAY, SWEEP_BOUNDS) };
    let admin = admin(read);
    let webhooks_listen = read.parsed(("webhooks", "listen"), address);
    let log = log(read);
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

fn salesforce(read: &mut Reader<'_>) -> Option<SalesforceConfig> {
    let at = |name| ("salesforce", name);
    let login_url = required_endpoint(read, at("login_url"), "https://MY-DOMAIN.my.salesforce.com");
    let api_version = if read.is_set(at("api_version")) {
        read.parsed(at("api_version"), api_version)
    } else {
        Some(API_VERSION.to_owned())
    };
    let flow = flow(read);
    let client_id = read.required(at("client_id"), "name the app's consumer key");
    let changes = read.words(
        at("changes"),
        &[
            ("pubsub", SalesforceChanges::PubSub),
            ("outbound-messages", SalesforceChanges::OutboundMessages),
            ("poll", SalesforceChanges::Poll),
        ],
        &[SalesforceChanges::Poll],
    );
    if changes.iter().any(|way| *way != SalesforceChanges::Poll) {
        let problem = Problem::warning("C012", "only `poll` brings changes from Salesforce in this version")
            .help("the others are read and left aside: changes arrive by polling, within `poll_every`");
        read.note(at("changes"), problem);
    }
    read.parsed(at("pubsub_endpoint"), value::endpoint);
    let poll_every = read.duration(at("poll_every"), MINUTE, POLL_BOUNDS);
    let overlap = read.duration(at("overlap"), 10 * MINUTE, OVERLAP_BOUNDS);
    let keep_free = read.parsed(at("keep_free"), |text| match value::percent(text)? {
        share if share <= MOST_KEPT_FREE => Ok(share),
        _ => Err(format!("at most {}% can be left to others", MOST_KEPT_FREE * 100.0)),
    });
    let waits = [MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE];
    let quota_retry = read.durations(at("quota_retry"), &waits, QUOTA_BOUNDS);
    Some(SalesforceConfig {
        login_url: login_url?,
        api_version: api_version?,
        flow: flow?,
        client_id: client_id?,
        changes,
        poll_every,
        overlap,
        keep_free: keep_free.unwrap_or(0.2),
        quota_retry,
    })
}

fn api_version(text: &str) -> Result<String, String> {
    match text.strip_suffix(".0").and_then(|number| number.parse::<u32>().ok()) {
        Some(number) if number < OLDEST_API_VERSION => Err(format!(
            "version {text} is too old: {OLDEST_API_VERSION}.0 is the oldest that is spoken here"
        )),
        Some(number) if number < 1_000 => Ok(text.to_owned()),
        _ => Err(format!("{text:?} is not a version: write \"{API_VERSION}\"")),
    }
}

fn flow(read: &mut Reader<'_>) -> Option<SalesforceFlow> {
    #[derive(Clone, Copy, PartialEq)]
    enum Flow {
        Jwt,
        ClientCredentials,
        RefreshToken,
    }
    let at = |name| ("salesforce", name);
    let (secret, secret_file) = (at("client_secret"), at("client_secret_file"));
    if !read.is_set(at("flow")) {
        read.missing(at("flow"), "say how to sign in: \"jwt\", \"client-credentials\" or \"refresh-token\"");
    }
    let words = [
        ("jwt", Flow::Jwt),
        ("client-credentials", Flow::ClientCredentials),
        ("refresh-token", Flow::RefreshToken),
    ];
    match read.one_of(at("flow"), &words)? {
        Flow::Jwt => {
            let username = read.required(at("username"), "the JWT flow signs in as this user");
            let key = private_key(read);
            Some(SalesforceFlow::Jwt { username: username?, private_key: key? })
        }
        Flow::ClientCredentials => {
            let client_secret = read.required_secret(secret, secret_file)?;
            Some(SalesforceFlow::ClientCredentials { client_secret })
        }
        Flow::RefreshToken => {
            let given = read.is_set(secret) || read.is_set(secret_file);
            let client_secret = if given { Some(read.secret(secret, secret_file)?) } else { None };
            let file = at("refresh_token_file");
            if !read.is_set(file) {
                read.missing(
                    file,
                    "name the file that holds the refresh token; it is replaced when the token rotates",
                );
            }
            let refresh_token_file = read.path(file)?;
            closed_secret(read, file, &refresh_token_file)?;
            Some(SalesforceFlow::RefreshToken { client_secret, refresh_token_file })
        }
    }
}

fn private_key(read: &mut Reader<'_>) -> Option<SecretString> {
    let (key, file) = (("salesforce", "private_key"), ("salesforce", "private_key_file"));
    if read.is_set(key) {
        return read.secret(key, file);
    }
    let pem = read.required_secret(key, file);
    if let Some(path) = read.path(file)
        && let Err(why) = secret::refuse_if_open(&path)
    {
        read.note(file, Problem::error("C009", why));
        return None;
    }
    let pem = pem?;
    let is_private = |pem: &str| pem.contains("-----BEGIN") && pem.contains("PRIVATE KEY-----");
    if !is_private(pem.expose_secret()) {
        let problem = Problem::error("C008", "this file holds no private key in PEM form")
            .help("it begins with -----BEGIN PRIVATE KEY-----; the certificate stays in Salesforce");
        read.note(file, problem);
        return None;
    }
    Some(pem)
}

/// The file is there, readable, and closed to others.
fn closed_secret(
    read: &mut Reader<'_>,
    file: (&'static str, &'static str),
    path: &std::path::Path,
) -> Option<()> {
    match secret::read(path) {
        Ok(_) => Some(()),
        Err(why) => {
            read.note(file, Problem::error("C008", why));
            None
        }
    }
}

fn engage(read: &mut Reader<'_>) -> Option<EngageConfig> {
    #[derive(Clone, Copy, PartialEq)]
    enum Changes {
        Webhook,
        Poll,
    }
    let at = |name| ("engage", name);
    let profile = read.text(at("profile")).unwrap_or_else(|| "default".to_owned());
    if profile != "default" {
        let problem = Problem::error("C012", "only the profile `default` is spoken in this version");
        read.note(at("profile"), problem);
    }
    let base_url = required_endpoint(read, at("base_url"), "https://YOUR-TENANT.revenuegrid.com");
    let client_id = read.required(at("client_id"), "name the client that Revenue Engage knows us by");
    let client_secret = read.required_secret(at("client_secret"), at("client_secret_file"));
    let words = [("webhook", Changes::Webhook), ("poll", Changes::Poll)];
    let changes = read.words(at("changes"), &words, &[Changes::Poll]);
    let webhook = changes.contains(&Changes::Webhook);
    let webhook_secrets = webhook_secrets(read, webhook);
    let poll_every = read.duration(at("poll_every"), MINUTE, POLL_BOUNDS);
    let overlap = read.duration(at("overlap"), 10 * MINUTE, OVERLAP_BOUNDS);
    Some(EngageConfig {
        profile,
        base_url: base_url?,
        client_id: client_id?,
        client_secret: client_secret?,
        webhook_secrets: webhook_secrets?,
        webhook,
        poll_every,
        overlap,
    })
}

fn webhook_secrets(read: &mut Reader<'_>, webhook: bool) -> Option<Vec<SecretString>> {
    let (key, file) = (("engage", "webhook_secret"), ("engage", "webhook_secret_file"));
    let given = read.is_set(key) || read.is_set(file);
    if !webhook {
        if given {
            let problem = Problem::warning(
                "C013",
                "the webhook secret has no use: `changes` does not name \"webhook\"",
            )
            .help("write changes = [\"webhook\", \"poll\"], or every delivery is refused");
            read.note(if read.is_set(file) { file } else { key }, problem);
        }
        return Some(vec![]);
    }
    let text = read.required_secret(key, file)?;
    let secrets: Vec<SecretString> = text
        .expose_secret()
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(SecretString::from)
        .collect();
    if secrets.len() > 2 {
        let problem =
            Problem::error("C008", "a webhook secret file holds one secret, or two while it rotates")
                .help("one secret a line");
        read.note(file, problem);
        return None;
    }
    Some(secrets)
}

fn admin(read: &mut Reader<'_>) -> Option<AdminConfig> {
    let (listen_at, token_at, file) = (("admin", "listen"), ("admin", "token"), ("admin", "token_file"));
    let listen = if read.is_set(listen_at) {
        read.parsed(listen_at, address)
    } else {
        Some(SocketAddr::from(([127, 0, 0, 1], 8080)))
    };
    let given = read.is_set(token_at) || read.is_set(file);
    let token = if given { Some(read.secret(token_at, file)?) } else { None };
    if let Some(token) = &token {
        check_token(read, file, token.expose_secret())?;
    }
    let listen = listen?;
    if token.is_none() && !listen.ip().is_loopback() {
        let problem = Problem::error(
            "C011",
            format!("{listen} can be reached from other machines, and there is no admin token"),
        )
        .help("set [admin] token_file (or LOCKSTEP_ADMIN__TOKEN), or listen on 127.0.0.1");
        read.note(listen_at, problem);
        return None;
    }
    Some(AdminConfig { listen, token })
}

fn check_token(read: &mut Reader<'_>, file: (&'static str, &'static str), token: &str) -> Option<()> {
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        let problem = Problem::error("C008", "the admin token must be one word of visible ASCII characters");
        read.note(file, problem);
        return None;
    }
    if token.len() < SHORTEST_TOKEN {
        let text = format!("the admin token has fewer than {SHORTEST_TOKEN} characters and can be guessed");
        read.note(file, Problem::warning("C014", text).help("make one with `openssl rand -hex 32`"));
    }
    Some(())
}

fn log(read: &mut Reader<'_>) -> LogConfig {
    let words = [("json", LogFormat::Json), ("pretty", LogFormat::Pretty)];
    let format = read
        .one_of(("log", "format"), &words)
        .unwrap_or_else(|| if std::io::stderr().is_terminal() { LogFormat::Pretty } else { LogFormat::Json });
    let level = read.parsed(("log", "level"), |text| {
        match tracing_subscriber::EnvFilter::builder().parse(text) {
            Ok(_) if !text.trim().is_empty() => Ok(text.to_owned()),
            _ => Err("write \"error\", \"warn\", \"info\", \"debug\" or \"trace\", or a filter such as \"info,sled=warn\"".to_owned()),
        }
    });
    let personal_data = read.truth(("log", "personal_data"), false);
    LogConfig { format, level: level.unwrap_or_else(|| "info".to_owned()), personal_data }
}

fn required_endpoint(
    read: &mut Reader<'_>,
    at: (&'static str, &'static str),
    example: &str,
) -> Option<url::Url> {
    if !read.is_set(at) {
        read.missing(at, &format!("write {} = \"{example}\"", at.1));
    }
    read.parsed(at, value::endpoint)
}

fn required_path(
    read: &mut Reader<'_>,
    at: (&'static str, &'static str),
    help: &str,
) -> Option<std::path::PathBuf> {
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
