//! Whom to ask: the running daemon when one answers, else the store.

use super::context::Context;
use super::failure::Failure;
use super::local;
use super::remote::Remote;
use crate::admin::Operations;
use crate::config::Config;
use anyhow::Context as _;
use secrecy::SecretString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use url::Url;

/// Whoever answers: the daemon at `--admin`; else the daemon the configuration names, when it answers; else the store.
///
/// # Errors
/// The configuration is wrong, or the store cannot be opened.
pub async fn operations(context: &Context) -> Result<Box<dyn Operations>, Failure> {
    if let Some(remote) = running(context).await? {
        return Ok(Box::new(remote));
    }
    let config = context.load()?.config;
    Ok(Box::new(local::open(&config).await?))
}

/// The daemon this command line means, if it answers.
///
/// # Errors
/// The configuration is wrong.
pub async fn running(context: &Context) -> Result<Option<Remote>, Failure> {
    if let Some(url) = &context.admin {
        return Ok(Some(Remote::new(url.clone(), token(context))?));
    }
    Ok(match daemon(&context.load()?.config)? {
        Some(remote) if remote.answers().await => Some(remote),
        _ => None,
    })
}

/// The daemon this command line means, whether it answers or not.
///
/// # Errors
/// The configuration is wrong, or does not say where the daemon listens.
pub fn expected_daemon(context: &Context) -> Result<Remote, Failure> {
    if let Some(url) = &context.admin {
        return Ok(Remote::new(url.clone(), token(context))?);
    }
    let config = context.load()?.config;
    daemon(&config)?.ok_or_else(|| {
        Failure::WrongLine(
            "[admin] listen has port 0: say where the daemon listens with `--admin URL` (its log event admin.listening \
             names it)"
                .to_owned(),
        )
    })
}

/// With `--admin` the configuration may be missing or be another machine's: the token is all that is wanted of it.
fn token(context: &Context) -> Option<SecretString> {
    match context.load() {
        Ok(loaded) => loaded.config.admin.token,
        Err(_) => std::env::var("LOCKSTEP_ADMIN__TOKEN")
            .ok()
            .filter(|token| !token.is_empty())
            .map(SecretString::from),
    }
}

/// The daemon the configuration names. Nobody but the daemon knows which port a 0 became.
fn daemon(config: &Config) -> Result<Option<Remote>, Failure> {
    let listen = config.admin.listen;
    if listen.port() == 0 {
        return Ok(None);
    }
    let address = SocketAddr::new(reachable(listen.ip()), listen.port());
    let url: Url = format!("http://{address}").parse().context("[admin] listen")?;
    Ok(Some(Remote::new(url, config.admin.token.clone())?))
}

/// An address that stands for all of this machine's is asked by its loopback one.
fn reachable(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        other => other,
    }
}
