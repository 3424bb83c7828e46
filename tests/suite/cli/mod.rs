//! The binary, as people and programs call it: its answers, where they go, and its exit codes.

mod demo;
mod guide;
mod init;
mod live;
mod local;
mod login;
mod plan;
mod remote;
pub mod run;
mod schema;
mod session;
mod shell;
mod store;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// What a call of the binary gave.
pub struct Called {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// Calls the binary in `dir`, with an environment of its own and nothing to read.
pub fn call(dir: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Called {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_lockstep"))
        .args(arguments)
        .current_dir(dir)
        .env_clear()
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let called = Called {
        code: status.code().unwrap_or(-1),
        out: String::from_utf8(stdout).unwrap(),
        err: String::from_utf8(stderr).unwrap(),
    };
    if arguments.contains(&"--json") {
        schema::holds(arguments, &called);
    }
    called
}

/// A directory with a sound configuration at the default place, whose daemon would listen at `listen`.
pub fn company(listen: &str) -> TempDir {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("config")).unwrap();
    let text = format!(
        "tenant = \"acme\"\nmapping = \"../mapping/acme.toml\"\n\
         [salesforce]\nlogin_url = \"https://acme.my.salesforce.com\"\nflow = \"client-credentials\"\nclient_id = \"3MVG9\"\n\
         client_secret_file = \"secret\"\n\
         [engage]\nbase_url = \"https://acme.example\"\nclient_id = \"lockstep\"\nclient_secret_file = \"secret\"\n\
         [store]\npath = \"../data\"\n[admin]\nlisten = \"{listen}\"\ntoken_file = \"token\"\n"
    );
    fs::write(dir.path().join("config/lockstep.toml"), text).unwrap();
    fs::write(dir.path().join("config/secret"), "hush\n").unwrap();
    fs::write(dir.path().join("config/token"), format!("{TOKEN}\n")).unwrap();
    dir
}

pub const TOKEN: &str = "0123456789abcdef";

#[test]
fn a_wrong_command_line_exits_2_and_says_what_is_right_on_standard_error() {
    let dir = TempDir::new().unwrap();
    for arguments in
        [&["frobnicate"][..], &[], &["conflicts", "resolve", "k1"], &["resync"], &["status", "--nope"]]
    {
        let called = call(dir.path(), arguments, &[]);
        assert_eq!(called.code, 2, "{arguments:?}");
        assert!(called.out.is_empty() && called.err.contains("Usage"), "{}", called.err);
    }
}

#[test]
fn help_and_version_exit_0_and_every_command_has_its_help() {
    let dir = TempDir::new().unwrap();
    let help = call(dir.path(), &["--help"], &[]);
    assert_eq!(help.code, 0);
    for part in ["Examples:", "lockstep demo", "Exit codes:", "config/lockstep.toml"] {
        assert!(help.out.contains(part), "{part}");
    }
    for command in [
        "demo",
        "run",
        "sandbox",
        "login",
        "check",
        "plan",
        "status",
        "explain",
        "conflicts",
        "parked",
        "mapping",
        "events",
        "metrics",
        "schema",
        "resync",
        "pause",
        "resume",
        "store",
        "completions",
        "man",
    ] {
        assert_eq!(call(dir.path(), &[command, "--help"], &[]).code, 0, "{command}");
    }
    assert_eq!(
        call(dir.path(), &["--version"], &[]).out,
        format!("lockstep {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn a_wrong_configuration_exits_3_for_every_command_that_needs_it() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("x.toml"), "tenant = 1\n").unwrap();
    for command in ["status", "plan", "conflicts", "parked", "pause", "resume"] {
        let called = call(dir.path(), &[command, "-c", "x.toml"], &[]);
        assert_eq!(called.code, 3, "{command}: {}", called.err);
        assert!(called.out.is_empty() && called.err.contains("x.toml:1:10"), "{}", called.err);
    }
    let called = call(dir.path(), &["-c", "none.toml", "status"], &[]);
    assert_eq!(called.code, 3);
    assert!(called.err.contains("none.toml") && called.err.contains("No such file"), "{}", called.err);
}

#[test]
fn the_catalogue_of_events_is_for_people_and_for_programs() {
    let dir = TempDir::new().unwrap();
    let people = call(dir.path(), &["events"], &[]);
    assert_eq!(people.code, 0);
    assert!(people.out.lines().any(|line| line.starts_with("status.written")), "{}", people.out);
    let programs: serde_json::Value =
        serde_json::from_str(&call(dir.path(), &["events", "--json"], &[]).out).unwrap();
    let programs = programs.as_array().unwrap();
    assert_eq!(programs.len(), lockstep::event::ALL.len());
    assert!(programs.iter().all(|event| event["event"].is_string() && event["level"].is_string()));
}
