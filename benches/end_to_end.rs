//! The release daemon against the sandbox: changes a second from end to end, and memory. One run of each; the figures
//! are printed as the README's table has them.
//!
//! `cargo bench --bench end_to_end`; `LOCKSTEP_BENCH_PEOPLE=20000` makes it shorter.

use lockstep::sandbox::{Clock, Options, Sandbox, seed};
use serde_json::json;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How many people change on each side for the throughput.
const CHANGED: usize = 10_000;

fn main() {
    // `cargo test --benches` only wants to know that this links.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let people =
        std::env::var("LOCKSTEP_BENCH_PEOPLE").ok().and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        idle().await;
        linked(people).await;
    });
}

async fn idle() {
    let stage = Stage::new(0).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    println!("resident memory, idle, nobody linked: {:.1} MiB", stage.resident("VmRSS"));
}

async fn linked(people: usize) {
    let sandbox = sandbox().await;
    let all = seed::linked(&sandbox.org, &sandbox.product, people, 1);
    let start = Instant::now();
    let stage = Stage::on(sandbox).await;
    let pages = people.div_ceil(500);
    let polls =
        || stage.sandbox.product.calls().iter().filter(|call| call.ends_with("/api/v1/prospects")).count();
    while polls() <= pages {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    println!("first pass, {people} linked people: {:.1} s", start.elapsed().as_secs_f64());
    tokio::time::sleep(Duration::from_secs(5)).await;
    println!(
        "resident memory, {people} linked people: {:.1} MiB (peak {:.1} MiB)",
        stage.resident("VmRSS"),
        stage.resident("VmHWM")
    );

    let changed = CHANGED.min(people / 2);
    let movable = all.iter().filter(|(_, prospect)| stage.sandbox.product.status(prospect) != "bounced");
    let movable: Vec<_> = movable.take(2 * changed).collect();
    let (to_engage, to_salesforce) = movable.split_at(movable.len() / 2);
    for (lead, _) in to_engage {
        let next = if stage.sandbox.org.get(*lead, "Status") == json!("Nurture") {
            "Not interested"
        } else {
            "Nurture"
        };
        stage.sandbox.org.edit(*lead, &[("Status", json!(next))]);
    }
    for (_, prospect) in to_salesforce {
        let next =
            if stage.sandbox.product.status(prospect) == "success" { "not_interested" } else { "success" };
        stage.sandbox.product.set_status(prospect, next).expect("nothing forbids it");
    }
    let start = Instant::now();
    let written = || stage.sandbox.product.writes() + stage.sandbox.org.writes().0;
    while written() < movable.len() as u64 {
        assert!(start.elapsed() < Duration::from_secs(600), "{} of {} written", written(), movable.len());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{} changes, half on each side: {seconds:.1} s, {:.0} changes a second",
        movable.len(),
        movable.len() as f64 / seconds
    );
    println!(
        "resident memory afterwards: {:.1} MiB (peak {:.1} MiB)",
        stage.resident("VmRSS"),
        stage.resident("VmHWM")
    );
}

/// Both systems, and a daemon between them.
struct Stage {
    sandbox: Sandbox,
    daemon: Child,
    _dir: tempfile::TempDir,
}

async fn sandbox() -> Sandbox {
    let loopback = ([127, 0, 0, 1], 0).into();
    let options = Options {
        salesforce: loopback,
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
    sandbox
}

impl Stage {
    async fn new(people: usize) -> Stage {
        let sandbox = sandbox().await;
        seed::linked(&sandbox.org, &sandbox.product, people, 1);
        Stage::on(sandbox).await
    }

    async fn on(sandbox: Sandbox) -> Stage {
        let dir = tempfile::tempdir().expect("a directory");
        let config = configuration(&sandbox, dir.path());
        let mut daemon = Command::new(env!("CARGO_BIN_EXE_lockstep"))
            .args(["run", "-c"])
            .arg(config)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the daemon starts");
        let mut lines = BufReader::new(daemon.stdout.take().expect("piped")).lines();
        assert!(
            lines.by_ref().map_while(Result::ok).any(|line| line.contains("admin.listening")),
            "the daemon is up"
        );
        std::thread::spawn(move || lines.for_each(drop));
        Stage { sandbox, daemon, _dir: dir }
    }

    /// MiB, by the kernel's own count.
    fn resident(&self, what: &str) -> f64 {
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

fn configuration(sandbox: &Sandbox, dir: &Path) -> PathBuf {
    let mapping = format!("{}\n[limits]\nchanged_share = 1.0\n", include_str!("../mapping/example.toml"));
    std::fs::write(dir.join("mapping.toml"), mapping).expect("the mapping is written");
    std::fs::write(dir.join("secret"), &sandbox.client.1).expect("the secret is written");
    let (salesforce, engage, client) =
        (sandbox.salesforce.base_url(), sandbox.engage.base_url(), &sandbox.client.0);
    let text = format!(
        "tenant = \"bench\"\nmapping = \"mapping.toml\"\n\
         [salesforce]\nlogin_url = \"{salesforce}\"\napi_version = \"67.0\"\nflow = \"client-credentials\"\n\
         client_id = \"{client}\"\nclient_secret_file = \"secret\"\nchanges = [\"poll\"]\npoll_every = \"1s\"\n\
         [engage]\nbase_url = \"{engage}\"\nclient_id = \"{client}\"\nclient_secret_file = \"secret\"\n\
         changes = [\"poll\"]\npoll_every = \"1s\"\n\
         [store]\npath = \"store\"\n[admin]\nlisten = \"127.0.0.1:0\"\n"
    );
    let file = dir.join("lockstep.toml");
    std::fs::write(&file, text).expect("the configuration is written");
    file
}
