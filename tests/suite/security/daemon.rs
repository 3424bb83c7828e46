//! A real `lockstep run` between both systems, with all that it says kept, and the doors that a test knocks at.

use crate::contract::free_port;
use lockstep::model::{ProspectId, SalesforceId};
use lockstep::sandbox::engage::Product;
use lockstep::sandbox::salesforce::Org;
use lockstep::sandbox::{Clock, Served};
use serde_json::Value;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// No step takes longer, however busy the machine is.
const WITHIN: Duration = Duration::from_secs(90);

pub const CLIENT: &str = "lockstep";

/// The secrets that a daemon is given.
pub struct Secrets {
    pub engage: String,
    pub webhook: [String; 2],
    pub admin: String,
}

/// Both systems with one person whom both know, and a directory for a daemon.
pub struct Stage {
    pub org: Org,
    pub product: Product,
    pub dir: TempDir,
    pub lead: SalesforceId,
    pub prospect: ProspectId,
    served: (Served, Served),
    child: Option<Child>,
}

/// A file that nobody else can read.
pub fn closed_file(path: &Path, text: &str) {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

impl Stage {
    pub async fn set(name: &str, email: &str) -> Stage {
        let (org, product) = (Org::new(Clock::real()), Product::new(Clock::real()));
        let served = (org.serve(free_port().await).unwrap(), product.serve(free_port().await).unwrap());
        let lead = org.create_lead(name, name, name, email, "Attempting to contact").unwrap();
        let prospect = product.create(email, name, name, name, Some(lead));
        product.set_status(&prospect, "approaching").unwrap();
        Stage { org, product, dir: tempfile::tempdir().unwrap(), lead, prospect, served, child: None }
    }

    /// Writes a configuration; `sign_in` is what `[salesforce]` says of it.
    pub fn configure(&self, sign_in: &str, secrets: &Secrets) {
        let path = |name: &str| self.dir.path().join(name);
        self.product.register_client(CLIENT, &secrets.engage);
        closed_file(&path("engage-secret"), &secrets.engage);
        closed_file(&path("webhook-secret"), &secrets.webhook.join("\n"));
        closed_file(&path("admin-token"), &secrets.admin);
        fs::write(path("mapping.toml"), include_str!("../../../mapping/example.toml")).unwrap();
        let (salesforce, engage) = (self.served.0.base_url(), self.served.1.base_url());
        let text = format!(
            "tenant = \"acme\"\nmapping = \"mapping.toml\"\n\
             [salesforce]\nlogin_url = \"{salesforce}\"\nclient_id = \"{CLIENT}\"\n{sign_in}\n\
             changes = [\"pubsub\", \"poll\"]\npubsub_endpoint = \"{salesforce}\"\npoll_every = \"1s\"\n\
             [engage]\nbase_url = \"{engage}\"\nclient_id = \"{CLIENT}\"\nclient_secret_file = \"engage-secret\"\n\
             webhook_secret_file = \"webhook-secret\"\nchanges = [\"webhook\", \"poll\"]\npoll_every = \"1s\"\n\
             [store]\npath = \"store\"\n[admin]\nlisten = \"127.0.0.1:0\"\ntoken_file = \"admin-token\"\n\
             [log]\nformat = \"json\"\nlevel = \"trace\"\n"
        );
        fs::write(path("lockstep.toml"), text).unwrap();
    }

    pub fn start(&mut self) {
        let kept = |name: &str| File::create(self.dir.path().join(name)).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_lockstep"))
            .args(["run", "-c", "lockstep.toml"])
            .current_dir(self.dir.path())
            .stdout(kept("stdout"))
            .stderr(kept("stderr"))
            .spawn();
        self.child = Some(child.unwrap());
    }

    pub fn said(&self) -> String {
        fs::read_to_string(self.dir.path().join("stdout")).unwrap()
    }

    pub fn stderr(&self) -> String {
        fs::read_to_string(self.dir.path().join("stderr")).unwrap()
    }

    /// Waits for something that only the daemon can bring about.
    pub async fn until(&self, what: &str, mut is_so: impl FnMut(&str) -> bool) {
        let begun = Instant::now();
        while !is_so(&self.said()) {
            assert!(begun.elapsed() < WITHIN, "not within time: {what}\n{}\n{}", self.said(), self.stderr());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits for a log event.
    pub async fn hears(&self, event: &str) {
        let name = format!("\"event\":\"{event}\"");
        self.until(event, |said| said.contains(&name)).await;
    }

    /// Where the daemon listens.
    pub fn address(&self) -> String {
        let said = self.said();
        let line = said.lines().find(|line| line.contains("admin.listening")).expect("it listens");
        let line: Value = serde_json::from_str(line).unwrap();
        format!("http://{}", line["address"].as_str().unwrap())
    }

    /// SIGTERM, and the end.
    pub async fn stop(&mut self) {
        let mut child = self.child.take().expect("it runs");
        let sent = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let ended = tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap();
        assert!(ended.success(), "{}", self.stderr());
    }

    /// Everything below the store's directory.
    pub fn stored(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut folders = vec![self.dir.path().join("store")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => bytes.extend(fs::read(path).unwrap()),
                }
            }
        }
        assert!(!bytes.is_empty(), "the store was not found");
        bytes
    }

    /// What a command of the same binary prints.
    pub async fn command(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lockstep"));
        command.args(arguments).current_dir(self.dir.path());
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
