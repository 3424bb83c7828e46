//! `[admin]` and `[log]`.

use super::address;
use crate::config::reader::{At, Reader};
use crate::config::settings::{AdminConfig, LogConfig, LogFormat};
use crate::diagnostic::Problem;
use secrecy::ExposeSecret;
use std::io::IsTerminal;
use std::net::SocketAddr;

/// A shorter token can be guessed.
const SHORTEST_TOKEN: usize = 16;

/// The admin port.
pub fn admin(read: &mut Reader<'_>) -> Option<AdminConfig> {
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

fn check_token(read: &mut Reader<'_>, file: At, token: &str) -> Option<()> {
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

/// The log.
pub fn log(read: &mut Reader<'_>) -> LogConfig {
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
