//! The release daemon as a process of its own, between both systems of the sandbox.

#![allow(dead_code)] // each bench uses a part of it

use lockstep::sandbox::{Clock, Options, Sandbox};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// What webhooks are signed with.
pub const WEBHOOK_SECRET: &str = "made for this bench only";

/// Both systems, and a daemon between them.
pub struct Stage {
    pub sandbox: Sandbox,
    /// Where the daemon listens.
    pub address: String,
    daemon: Child,
    dir: tempfile::TempDir,
}

pub async fn sandbox() -> Sandbox {
    let loopback = ([127, 0, 0, 1], 0).into();
    let options = Options {
        salesforce: loopback,
        pubsub: loopback,
        engage: loopback,
        records: 0,
        seed: 1,
        state: None,
        faults: None,
        clock: Clock::real(),
    };
    let sandbox = Sandbox::start(options).await.expect("the sandbox starts");
    sandbox.product.set_calls_a_minute(100_000_000);
    sandbox.org.set_daily_limit(100_000_000, 0);
    sandbox.org.set_event_allocation(100_000_000);
    sandbox
}

impl Stage {
    /// Starts the daemon; `changes` says how Salesforce's come in.
    pub async fn on(sandbox: Sandbox, changes: &str) -> Stage {
        Stage::with(sandbox, changes, "changes = [\"poll\"]\npoll_every = \"1s\"", 1.0).await
    }

    /// The same; `engage` says how Engage's changes come in, `share` how many may change unasked.
    pub async fn with(sandbox: Sandbox, changes: &str, engage: &str, share: f64) -> Stage {
        let dir = tempfile::tempdir().expect("a directory");
        let config = configuration(&sandbox, dir.path(), changes, engage, share);
        let mut daemon = Command::new(env!("CARGO_BIN_EXE_lockstep"))
            .args(["run", "-c"])
            .arg(config)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the daemon starts");
        let mut lines = BufReader::new(daemon.stdout.take().expect("piped")).lines();
        let up = lines.by_ref().map_while(Result::ok).find(|line| line.contains("admin.listening"));
        let up: serde_json::Value =
            serde_json::from_str(&up.expect("the daemon is up")).expect("a line of the log is JSON");
        let address = up["address"].as_str().expect("it says where").to_owned();
        std::thread::spawn(move || lines.for_each(drop));
        Stage { sandbox, address, daemon, dir }
    }

    /// What a command says to this daemon's operator.
    pub async fn command(&self, arguments: &'static [&'static str]) -> String {
        let config = self.dir.path().join("lockstep.toml");
        let said = tokio::task::spawn_blocking(move || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_lockstep"));
            command.args(arguments).arg("-c").arg(config).output().expect("the command runs")
        });
        let said = said.await.expect("the command ends");
        String::from_utf8_lossy(&[said.stdout, said.stderr].concat()).into_owned()
    }

    /// MiB, by the kernel's own count.
    pub fn resident(&self, what: &str) -> f64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.daemon.id())).unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with(what)).unwrap_or_default();
        let kib: f64 =
            line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(f64::NAN);
        kib / 1024.0
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

/// A port that nobody has, so that commands find the daemon by its configuration.
fn free_port() -> u16 {
    let held = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    held.local_addr().expect("its address").port()
}

fn configuration(sandbox: &Sandbox, dir: &Path, changes: &str, engage_changes: &str, share: f64) -> PathBuf {
    let mapping =
        format!("{}\n[limits]\nchanged_share = {share:?}\n", include_str!("../mapping/example.toml"));
    std::fs::write(dir.join("webhook"), WEBHOOK_SECRET).expect("the secret is written");
    std::fs::write(dir.join("mapping.toml"), mapping).expect("the mapping is written");
    std::fs::write(dir.join("secret"), &sandbox.client.1).expect("the secret is written");
    std::fs::write(dir.join("token"), "made-for-this-bench-only").expect("the token is written");
    let (salesforce, engage, client) =
        (sandbox.salesforce.base_url(), sandbox.engage.base_url(), &sandbox.client.0);
    let pubsub = sandbox.pubsub.base_url();
    let text = format!(
        "tenant = \"bench\"\nmapping = \"mapping.toml\"\n\
         [salesforce]\nlogin_url = \"{salesforce}\"\napi_version = \"67.0\"\nflow = \"client-credentials\"\n\
         client_id = \"{client}\"\nclient_secret_file = \"secret\"\nchanges = {changes}\npoll_every = \"1s\"\n\
         pubsub_endpoint = \"{pubsub}\"\n[engage]\nbase_url = \"{engage}\"\nclient_id = \"{client}\"\nclient_secret_file = \"secret\"\n\
         {engage_changes}\n\
         [store]\npath = \"store\"\n[admin]\nlisten = \"127.0.0.1:{}\"\ntoken_file = \"token\"\n",
        free_port()
    );
    let file = dir.join("lockstep.toml");
    std::fs::write(&file, text).expect("the configuration is written");
    file
}
