//! `[salesforce]`.

use super::{DAY, MINUTE, OVERLAP_BOUNDS, POLL_BOUNDS, Purpose, SECOND, required_endpoint};
use crate::config::reader::{At, Reader};
use crate::config::settings::{Bulk, SalesforceChanges, SalesforceConfig, SalesforceFlow};
use crate::config::{secret, value};
use crate::diagnostic::Problem;
use secrecy::{ExposeSecret, SecretString};
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

/// The Salesforce version the daemon is written to (facts/salesforce-api.md 0).
const API_VERSION: &str = "67.0";
/// The oldest one that Salesforce still answers (facts/salesforce-api.md 0).
const OLDEST_API_VERSION: u32 = 31;
/// Where the Pub/Sub API is for everybody (facts/salesforce-api.md 5).
const PUBSUB_ENDPOINT: &str = "https://api.pubsub.salesforce.com:7443";
/// How long the waits after a quota error may be.
const QUOTA_BOUNDS: RangeInclusive<Duration> = SECOND..=DAY;
/// The most that may be left to others: beyond it there is nothing to work with.
const MOST_KEPT_FREE: f64 = 0.95;

/// How to talk to Salesforce.
pub(super) fn salesforce(read: &mut Reader<'_>, purpose: Purpose) -> Option<SalesforceConfig> {
    let at = |name| ("salesforce", name);
    let login_url = required_endpoint(read, at("login_url"), "https://MY-DOMAIN.my.salesforce.com");
    let api_version = if read.is_set(at("api_version")) {
        read.parsed(at("api_version"), api_version)
    } else {
        Some(API_VERSION.to_owned())
    };
    let flow = flow(read, purpose);
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
    let pubsub_endpoint = match read.is_set(at("pubsub_endpoint")) {
        true => read.parsed(at("pubsub_endpoint"), value::endpoint),
        false => value::endpoint(PUBSUB_ENDPOINT).ok(),
    };
    let bulk = read.parsed(at("bulk"), |text| match text {
        "auto" => Ok(Bulk::Auto),
        "always" => Ok(Bulk::Always),
        "never" => Ok(Bulk::Never),
        _ => Err("say \"auto\", \"always\" or \"never\"".to_owned()),
    });
    let pubsub_channel = read.parsed(at("pubsub_channel"), channel);
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
        pubsub_endpoint: pubsub_endpoint?,
        pubsub_channel,
        bulk: bulk.unwrap_or(Bulk::Auto),
        poll_every,
        overlap,
        keep_free: keep_free.unwrap_or(0.2),
        quota_retry,
    })
}

/// `/data/Lockstep__chn`; case matters to Salesforce here.
fn channel(text: &str) -> Result<String, String> {
    let name = text.strip_prefix("/data/").unwrap_or_default();
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_name && (name.ends_with("__chn") || name == "ChangeEvents") {
        return Ok(text.to_owned());
    }
    Err("a custom channel is written \"/data/NAME__chn\"".to_owned())
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

fn flow(read: &mut Reader<'_>, purpose: Purpose) -> Option<SalesforceFlow> {
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
    let chosen = read.one_of(at("flow"), &words)?;
    if purpose == Purpose::Login && chosen != Flow::RefreshToken {
        let problem = Problem::error(
            "C006",
            "[salesforce] flow: with this one there is nothing to log in to",
        )
        .help(
            "`lockstep login` gets a refresh token: write flow = \"refresh-token\" and a refresh_token_file",
        );
        read.note(at("flow"), problem);
        return None;
    }
    match chosen {
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
            usable_token(read, file, &refresh_token_file, purpose)?;
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

/// The file may be replaced, and holds a token; before a login it need not be there.
fn usable_token(read: &mut Reader<'_>, file: At, path: &Path, purpose: Purpose) -> Option<()> {
    if let Err(why) = secret::refuse_if_linked(path) {
        read.note(file, Problem::error("C008", format!("[salesforce] refresh_token_file: {why}")));
        return None;
    }
    match secret::read(path) {
        Err(why) if purpose == Purpose::Daemon => {
            let problem = Problem::error("C008", format!("[salesforce] refresh_token_file: {why}")).help(
                format!("run `lockstep login -c {}`: it gets a token and writes it there", read.file()),
            );
            read.note(file, problem);
            None
        }
        _ => Some(()),
    }
}
