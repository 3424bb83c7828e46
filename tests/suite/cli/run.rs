//! `lockstep run`, the real binary, between both systems of the sandbox.

use crate::crash::daemon::configuration;
use crate::process::{Process, WITHIN};
use lockstep::sandbox::{Clock, Options, Sandbox};
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// `lockstep run`, whose every line is looked at.
pub struct Daemon(Process);

impl Daemon {
    pub fn start(config: &Path) -> Daemon {
        Daemon(Process::start(config, &[]))
    }

    /// The next line of this event. Every line on the way there must be what log lines are.
    pub fn says(&self, event: &str) -> Value {
        loop {
            let line = self.0.line(WITHIN).unwrap_or_else(|| panic!("the daemon never says {event}"));
            let value: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("no JSON: {line}"));
            for key in ["timestamp", "level", "event", "message", "tenant"] {
                assert!(value[key].is_string(), "{key} is missing in {line}");
            }
            if value["event"] == event {
                return value;
            }
        }
    }

    /// Stops it, and sees that it ends well. Returns the events that it told of until then.
    pub fn stops(self) -> Vec<String> {
        self.0.stops_well();
        let mut events = Vec::new();
        while let Some(line) = self.0.line(WITHIN) {
            let line: Value = serde_json::from_str(&line).unwrap();
            events.push(line["event"].as_str().unwrap().to_owned());
        }
        assert!(events.iter().any(|event| event == "daemon.stopped"), "{events:?}");
        events
    }
}

/// Five people on both sides.
pub async fn sandbox() -> Sandbox {
    sandbox_of(5).await
}

/// So many people on both sides.
pub async fn sandbox_of(records: usize) -> Sandbox {
    let loopback = ([127, 0, 0, 1], 0).into();
    let clock = Clock::real();
    let options = Options {
        pubsub: ([127, 0, 0, 1], 0).into(),
        salesforce: loopback,
        engage: loopback,
        records,
        seed: 1,
        state: None,
        faults: None,
        clock,
    };
    Sandbox::start(options).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_becomes_ready_swaps_a_mended_mapping_keeps_the_old_one_while_it_is_wrong_and_stops_well() {
    let sandbox = sandbox().await;
    let dir = tempfile::tempdir().unwrap();
    let config = configuration(&sandbox, dir.path());
    let daemon = Daemon::start(&config);
    let address = daemon.says("admin.listening")["address"].as_str().unwrap().to_owned();

    let ready = async || {
        reqwest::get(format!("http://{address}/readyz")).await.is_ok_and(|answer| answer.status() == 200)
    };
    let started = std::time::Instant::now();
    while !ready().await {
        assert!(started.elapsed() < WITHIN, "it never becomes ready");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(reqwest::get(format!("http://{address}/livez")).await.unwrap().status(), 200);

    let mapping = dir.path().join("mapping.toml");
    let good = std::fs::read_to_string(&mapping).unwrap();
    std::fs::write(&mapping, good.replace("\"Nurture\"", "7")).unwrap();
    let rejected = daemon.says("mapping.rejected");
    assert!(rejected["reason"].as_str().unwrap().contains("M004"), "{rejected}");
    let told = async || {
        let status = reqwest::get(format!("http://{address}/api/v1/status")).await.unwrap();
        status.json::<serde_json::Value>().await.unwrap()["mapping_rejected"].clone()
    };
    assert!(told().await["problems"].as_str().unwrap().contains("M004"), "whoever looks is told too");

    // The old table still works: a Lead nurtured now becomes Success by it.
    let lead = sandbox.org.create_lead("Jane", "Doe", "Acme", "jane@x.com", "Attempting to contact").unwrap();
    let person = sandbox.product.create("jane@x.com", "Jane", "Doe", "Acme", Some(lead));
    sandbox.product.set_status(&person, "approaching").unwrap();
    while sandbox.product.calls().len() < 10 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    sandbox.org.edit(lead, &[("Status", serde_json::json!("Nurture"))]);
    assert_eq!(daemon.says("status.written")["to"], "success");

    std::fs::write(&mapping, &good).unwrap();
    daemon.says("mapping.loaded");
    daemon.0.signal("HUP");
    daemon.says("mapping.loaded");
    assert!(told().await.is_null());

    daemon.stops();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_daemon_on_one_store_ends_at_once_and_says_who_holds_it() {
    let sandbox = sandbox().await;
    let dir = tempfile::tempdir().unwrap();
    let config = configuration(&sandbox, dir.path());
    let first = Daemon::start(&config);
    first.says("admin.listening");
    let second =
        Command::new(env!("CARGO_BIN_EXE_lockstep")).args(["run", "-c"]).arg(&config).output().unwrap();
    assert!(!second.status.success());
    let words = String::from_utf8_lossy(&second.stderr);
    assert!(words.contains(&first.0.pid().to_string()), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_daemon_is_backed_up_and_a_damaged_store_is_put_back_at_the_next_start() {
    let sandbox = sandbox().await;
    let dir = tempfile::tempdir().unwrap();
    let config = configuration(&sandbox, dir.path());
    let token = [("LOCKSTEP_ADMIN__TOKEN", super::TOKEN)];
    let daemon = Daemon(Process::start(&config, &token));
    let admin = format!("http://{}", daemon.says("admin.listening")["address"].as_str().unwrap());
    let lockstep = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lockstep"));
        command.args(arguments).args(["--admin", &admin]).arg("-c").arg(&config).envs(token).output().unwrap()
    };
    let started = std::time::Instant::now();
    let linked = || -> Value {
        let status = lockstep(&["status", "--json"]);
        serde_json::from_slice(&status.stdout).unwrap()
    };
    while linked()["first_pass_done"] != true {
        assert!(started.elapsed() < WITHIN, "the first pass does not end");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let backup = dir.path().join("backup.jsonl");
    let exported = lockstep(&["store", "export", "--journal", backup.to_str().unwrap()]);
    assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
    assert!(lockstep::store::Store::look_at_copy(&backup).unwrap().rows > 10);
    let verified = lockstep(&["store", "verify"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    // One is written at the start, and the next one is a quarter of an hour away.
    let newest = || {
        let entries = std::fs::read_dir(dir.path().join("store/checkpoints")).into_iter().flatten();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.filter(|path| path.extension().is_some_and(|extension| extension == "jsonl")).max()
    };
    while newest().is_none() {
        assert!(started.elapsed() < WITHIN, "the first checkpoint is not written");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(lockstep(&["pause"]).status.success());
    let before = newest();
    daemon.stops();
    assert!(newest() > before, "whoever stops well leaves a checkpoint of the end");

    std::fs::write(dir.path().join("store/sled/db"), "another program's file").unwrap();
    let looking =
        Command::new(env!("CARGO_BIN_EXE_lockstep")).args(["status", "-c"]).arg(&config).output().unwrap();
    assert_eq!(looking.status.code(), Some(1), "who only looks puts nothing back");
    let daemon = Daemon::start(&config);
    daemon.says("store.rebuilt");
    daemon.says("daemon.started");
    daemon.stops();
    let status = Command::new(env!("CARGO_BIN_EXE_lockstep"))
        .args(["status", "--json", "-c"])
        .arg(&config)
        .output()
        .unwrap();
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status["paused"], true, "what was done last before the stop is put back: {status}");
}

/// Puts files into a folder as the kubelet does: a folder of their own, and a link that is swapped in one step.
#[cfg(unix)]
fn mount(volume: &Path, version: &str, files: &[(&str, &str)]) {
    use std::os::unix::fs::symlink;
    std::fs::create_dir(volume.join(version)).unwrap();
    for (name, text) in files {
        std::fs::write(volume.join(version).join(name), text).unwrap();
        let shown = volume.join(name);
        if shown.symlink_metadata().is_err() {
            symlink(Path::new("..data").join(name), shown).unwrap();
        }
    }
    symlink(version, volume.join("..data_tmp")).unwrap();
    std::fs::rename(volume.join("..data_tmp"), volume.join("..data")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_in_a_kubernetes_volume_is_taken_when_the_volume_s_link_is_swapped() {
    let sandbox = sandbox().await;
    let dir = tempfile::tempdir().unwrap();
    let config = configuration(&sandbox, dir.path());
    let old = std::fs::read_to_string(dir.path().join("mapping.toml")).unwrap();
    let volume = dir.path().join("mapping");
    std::fs::create_dir(&volume).unwrap();
    mount(&volume, "..2026_11_01", &[("mapping.toml", &old)]);
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("\"mapping.toml\"", "\"mapping/mapping.toml\"")).unwrap();

    let daemon = Daemon::start(&config);
    daemon.says("admin.listening");
    mount(&volume, "..2026_11_02", &[("mapping.toml", &old.replace("\"example\"", "\"renamed\""))]);
    // The old version goes at once, as it does there.
    std::fs::remove_dir_all(volume.join("..2026_11_01")).unwrap();
    let loaded = daemon.says("mapping.loaded");
    assert!(loaded["message"].as_str().unwrap().contains("renamed"), "{loaded}");

    mount(&volume, "..2026_11_03", &[("mapping.toml", &old.replace("\"Nurture\"", "7"))]);
    std::fs::remove_dir_all(volume.join("..2026_11_02")).unwrap();
    daemon.says("mapping.rejected");
    mount(&volume, "..2026_11_04", &[("mapping.toml", &old)]);
    assert!(daemon.says("mapping.loaded")["message"].as_str().unwrap().contains("example"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_that_changes_between_its_loading_and_the_first_turn_is_not_missed() {
    use lockstep::store::{Store, StoreOptions};
    use lockstep::sync::{Engine, MappingWatch, Signal};
    let sandbox = sandbox().await;
    let dir = tempfile::tempdir().unwrap();
    let config = lockstep::config::load(&configuration(&sandbox, dir.path()), []).unwrap().config;
    let file = config.mapping.clone();
    let watch = MappingWatch::new(file.clone());
    let mapping = lockstep::verify::load(&file).unwrap().mapping;
    // The store may take a minute to open, and meanwhile:
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("\"example\"", "\"renamed\"")).unwrap();

    let store = Store::open(&config.store.path, &config.tenant, StoreOptions::default()).unwrap();
    let clock = std::sync::Arc::new(jiff::Timestamp::now);
    let engine = std::sync::Arc::new(Engine::new(&config, mapping, store, clock).unwrap());
    let (send, signals) = tokio::sync::mpsc::channel(1);
    let turning = tokio::spawn(lockstep::sync::run(engine.clone(), watch, signals));
    let started = std::time::Instant::now();
    while &*engine.mapping().company != "renamed" {
        assert!(started.elapsed() < WITHIN, "the file's mapping is never used");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    send.send(Signal::Stop).await.unwrap();
    turning.await.unwrap().unwrap();
}
