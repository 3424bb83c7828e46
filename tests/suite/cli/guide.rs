//! The consultant's and the operator's guide, walked through: every command runs as it is written, and says what is
//! written below it.

use std::collections::HashMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// No step takes longer, however busy the machine is.
const WITHIN: Duration = Duration::from_secs(60);

#[derive(Debug)]
enum Part {
    Write { path: String, text: String, append: bool },
    Run { line: String, exit: i32, says: Vec<String> },
}

/// What the guide has its reader do, in order.
fn parts(guide: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let (mut file, mut fence, mut block) = (None, None, Vec::new());
    for line in guide.lines() {
        match (&fence, line) {
            (None, line) if line.starts_with("<!-- ") => {
                let (verb, path) =
                    line.trim_start_matches("<!-- ").trim_end_matches(" -->").split_once(": ").unwrap();
                file = Some((verb == "append", path.to_owned()));
            }
            (None, line) if line.starts_with("```") && line.len() > 3 => fence = Some(line[3..].to_owned()),
            (Some(kind), "```") => {
                match (kind.as_str(), file.take()) {
                    ("toml", Some((append, path))) => {
                        parts.push(Part::Write { path, text: block.join("\n") + "\n", append });
                    }
                    ("console", _) => parts.extend(commands(&block)),
                    _ => {}
                }
                (fence, block) = (None, Vec::new());
            }
            (Some(_), line) => block.push(line.to_owned()),
            _ => {}
        }
    }
    parts
}

fn commands(block: &[String]) -> Vec<Part> {
    let mut all = Vec::new();
    for line in block {
        match line.strip_prefix("$ ") {
            Some(command) => {
                let (command, exit) = match command.split_once("    # exit ") {
                    Some((command, exit)) => (command, exit.parse().unwrap()),
                    None => (command, 0),
                };
                all.push(Part::Run { line: command.to_owned(), exit, says: Vec::new() });
            }
            None => match all.last_mut() {
                Some(Part::Run { says, .. }) => says.push(line.clone()),
                _ => panic!("{line} is said by no command"),
            },
        }
    }
    all
}

/// The reader's folder, and what they have started in it.
struct Walk {
    dir: tempfile::TempDir,
    env: HashMap<&'static str, String>,
    running: Vec<Child>,
}

impl Drop for Walk {
    fn drop(&mut self) {
        for child in &mut self.running {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Walk {
    fn new() -> Walk {
        let dir = tempfile::tempdir().unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for folder in ["config", "mapping"] {
            std::fs::create_dir(dir.path().join(folder)).unwrap();
            for entry in std::fs::read_dir(root.join(folder)).unwrap() {
                let from: PathBuf = entry.unwrap().path();
                std::fs::copy(&from, dir.path().join(folder).join(from.file_name().unwrap())).unwrap();
            }
        }
        let bin = Path::new(env!("CARGO_BIN_EXE_lockstep")).parent().unwrap();
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
        // The guide's ports may be in use here: the same settings, from the environment.
        let env = HashMap::from([
            ("PATH", path),
            ("NO_COLOR", "1".to_owned()),
            ("LOCKSTEP_ADMIN__LISTEN", format!("127.0.0.1:{}", free_port())),
        ]);
        Walk { dir, env, running: Vec::new() }
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", line]).current_dir(self.dir.path()).envs(&self.env).stdin(Stdio::null());
        command
    }

    /// Starts what goes on by itself. The sandbox says where it listens.
    fn start(&mut self, line: &str) {
        let line = line.trim_end_matches(" &");
        let sandbox = line.contains(" sandbox ");
        let log = self.dir.path().join(if sandbox { "sandbox.log" } else { "daemon.log" });
        let more = if sandbox { " --json --salesforce 127.0.0.1:0 --engage 127.0.0.1:0" } else { "" };
        let child = self
            .command(&format!("exec {line}{more}"))
            .stdout(std::fs::File::create(&log).unwrap())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.running.push(child);
        if sandbox {
            let said = self.wait_for(&log, |text| serde_json::from_str::<serde_json::Value>(text).is_ok());
            let said: serde_json::Value = serde_json::from_str(&said).unwrap();
            let at = |key: &str| said[key].as_str().unwrap().to_owned();
            self.env.insert("LOCKSTEP_SALESFORCE__LOGIN_URL", at("salesforce"));
            self.env.insert("LOCKSTEP_ENGAGE__BASE_URL", at("engage"));
            let token = self.dir.path().join("target/sandbox/admin-token");
            self.wait_until(|| token.exists(), "the sandbox never writes its credentials");
        } else {
            // The reader looks a moment later, when everybody has been looked at once.
            let ask = line.replace("lockstep run", "lockstep status --json");
            let looked = || {
                let out = self.command(&ask).output().unwrap();
                let status: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap_or_default();
                status["running"] == true && status["first_pass_done"] == true && status["due"] == 0
            };
            self.wait_until(looked, "the daemon never gets through its first pass");
        }
    }

    fn wait_for(&self, log: &Path, done: impl Fn(&str) -> bool) -> String {
        let text = || std::fs::read_to_string(log).unwrap_or_default();
        self.wait_until(|| done(&text()), "it never says what it should");
        text()
    }

    fn wait_until(&self, done: impl Fn() -> bool, why: &str) {
        let started = Instant::now();
        while !done() {
            assert!(started.elapsed() < WITHIN, "{why}");
            std::thread::yield_now();
        }
    }
}

/// Text without the frames and breaks that depend on the terminal.
fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_command_of_the_consultant_s_guide_works_as_it_is_written() {
    walk_through(include_str!("../../../docs/consultant.md"), 15);
}

#[test]
fn every_command_of_the_operator_s_guide_that_needs_no_real_org_works_as_it_is_written() {
    walk_through(include_str!("../../../docs/operator.md"), 10);
}

fn walk_through(guide: &str, least: usize) {
    let mut walk = Walk::new();
    let mut ran = 0;
    for part in parts(guide) {
        match part {
            Part::Write { path, text, append } => {
                let path = walk.dir.path().join(path);
                let before = if append { std::fs::read_to_string(&path).unwrap() } else { String::new() };
                std::fs::write(path, before + &text).unwrap();
            }
            Part::Run { line, .. } if line.ends_with(" &") => walk.start(&line),
            Part::Run { line, exit, says } => {
                let out = walk.command(&line).output().unwrap();
                let text = format!(
                    "{}{}",
                    String::from_utf8_lossy(&out.stdout),
                    String::from_utf8_lossy(&out.stderr)
                );
                assert_eq!(out.status.code(), Some(exit), "$ {line}\n{text}");
                for wanted in says {
                    assert!(
                        plain(&text).contains(&plain(&wanted)),
                        "$ {line}\ndoes not say {wanted:?}:\n{text}"
                    );
                }
                ran += 1;
            }
        }
    }
    assert!(ran >= least, "{ran} commands");
}

#[test]
fn the_pictures_of_the_guide_are_what_is_drawn_now() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in ["example", "harbor-freightways", "northwind-clinics"] {
        let text = std::fs::read_to_string(root.join(format!("mapping/{name}.toml"))).unwrap();
        let file = format!("mapping/{name}.toml");
        let drawn = lockstep::mapping::draw::svg(&lockstep::mapping::parse(&file, &text).unwrap().mapping);
        let kept = std::fs::read_to_string(root.join(format!("docs/pictures/{name}.svg"))).unwrap();
        assert_eq!(kept, drawn, "renew it: lockstep mapping draw {file} -o docs/pictures/{name}.svg");
    }
}
