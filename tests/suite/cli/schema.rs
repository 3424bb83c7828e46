//! `lockstep schema`: what every command prints with `--json`, held against the schema that it promises.

use super::run::{Daemon, sandbox};
use super::{Called, call};
use crate::admin::schema::plain;
use crate::admin::scrape::at_work;
use crate::crash::daemon::configuration;
use crate::mapping::validator::is_valid;
use lockstep::sandbox::Sandbox;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock};

/// The commands whose answers were looked at in this process.
static SEEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

fn schemas() -> &'static Value {
    static ALL: OnceLock<Value> = OnceLock::new();
    ALL.get_or_init(|| {
        let printed = Command::new(env!("CARGO_BIN_EXE_lockstep")).arg("schema").output().unwrap();
        serde_json::from_slice(&printed.stdout).unwrap()
    })
}

/// Whether `text` is what this command promises to print.
pub fn fits(command: &str, text: &str) {
    let schema = &schemas()[command];
    assert!(schema.is_object(), "{command} has no schema");
    let schema = plain(schema, schema);
    let value: Value = serde_json::from_str(text).unwrap_or_else(|why| panic!("{command}: {why}: {text}"));
    assert!(is_valid(&schema, &value), "{command}\n{value:#}\n{schema:#}");
    assert!(!is_valid(&schema, &json!("something else")), "{command} may print anything");
    SEEN.lock().unwrap().insert(command.to_owned());
}

/// The same of any call with `--json` that printed something: each test of the command line comes by here.
pub fn holds(arguments: &[&str], called: &Called) {
    let names = schemas().as_object().unwrap();
    let words: Vec<&str> = arguments.iter().copied().filter(|word| !word.starts_with('-')).collect();
    let longest = [2, 1].into_iter().filter_map(|length| Some(words.get(..length)?.join(" ")));
    let command = longest.into_iter().find(|name| names.contains_key(name));
    if let Some(command) = command
        && called.out.starts_with(['{', '['])
    {
        fits(&command, &called.out);
    }
}

/// A company between whose systems a daemon runs.
struct Company<'a> {
    dir: &'a Path,
    config: String,
    admin: String,
    sandbox: &'a Sandbox,
}

impl Company<'_> {
    async fn call(&self, line: &str) -> Called {
        let (dir, config, admin, line) =
            (self.dir.to_owned(), self.config.clone(), self.admin.clone(), line.to_owned());
        let called = move || {
            let line: Vec<&str> =
                line.split(' ').chain(["--json", "-c", &config, "--admin", &admin]).collect();
            let called = call(&dir, &line, &[]);
            assert!(called.out.starts_with(['{', '[']), "{line:?}: {}{}", called.out, called.err);
            called
        };
        tokio::task::spawn_blocking(called).await.unwrap()
    }
}

/// A daemon with something of everything: a change carried over, a conflict, a refused write.
async fn busy(company: &Company<'_>, daemon: &Daemon) -> String {
    let sandbox = company.sandbox;
    let new = |name: &str| {
        let email = format!("{name}@x.com");
        let lead = sandbox.org.create_lead(name, "Doe", "Acme", &email, "Attempting to contact").unwrap();
        let person = sandbox.product.create(&email, name, "Doe", "Acme", Some(lead));
        sandbox.product.set_status(&person, "approaching").unwrap();
        (lead, person)
    };
    let (held, refused) = (new("held"), new("refused"));
    let looked_at = |status: &Value| status["links"] == 7 && status["due"] == 0;
    while !looked_at(&serde_json::from_str(&company.call("status").await.out).unwrap()) {}
    let lead = at_work(sandbox);
    sandbox.org.edit(lead, &[("Status", json!("Nurture"))]);
    daemon.says("status.written");
    sandbox.org.refuse("Lead", "Status", Some(json!("Not interested")), "nobody is uninteresting");
    sandbox.product.set_status(&refused.1, "not_interested").unwrap();
    daemon.says("record.parked");
    company.call("pause").await;
    sandbox.org.edit(held.0, &[("Status", json!("Nurture"))]);
    sandbox.product.set_status(&held.1, "not_interested").unwrap();
    company.call("resume").await;
    daemon.says("conflict.held");
    lead.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_every_command_prints_is_as_its_schema_says() {
    let (dir, sandbox) = (tempfile::tempdir().unwrap(), sandbox().await);
    let config = configuration(&sandbox, dir.path());
    let text = std::fs::read_to_string(&config).unwrap();
    let text = format!("{text}token_file = \"secret\"\n[log]\nlevel = \"lockstep=debug\"\n");
    std::fs::write(&config, text).unwrap();
    let mapping = dir.path().join("mapping.toml");
    // With a person who decides, the last of its tests would fail: it tells of the newest.
    let newest = std::fs::read_to_string(&mapping).unwrap();
    let (kept, _) = newest.rsplit_once("[[test]]").unwrap();
    let hold = kept.replace("winner = \"newest\"", "winner = \"hold\"") + "[limits]\nchanged_share = 1.0\n";
    std::fs::write(dir.path().join("newest.toml"), newest).unwrap();
    std::fs::write(&mapping, hold).unwrap();

    let daemon = Daemon::start(&config);
    let address = daemon.says("admin.listening")["address"].as_str().unwrap().to_owned();
    let (config, admin) = (config.display().to_string(), format!("http://{address}"));
    let company = Company { dir: dir.path(), config, admin, sandbox: &sandbox };
    let lead = busy(&company, &daemon).await;

    for line in [
        "check",
        "check --live",
        "events",
        "metrics",
        "help codes",
        "help M001",
        "status",
        "plan",
        "conflicts",
    ] {
        company.call(line).await;
    }
    company.call(&format!("explain {lead}")).await;
    for line in
        ["show", "test", "draw", "init", "init -o drafted.toml", "diff newest.toml mapping.toml --store"]
    {
        company.call(&format!("mapping {line}")).await;
    }
    let conflicts: Value = serde_json::from_str(&company.call("conflicts").await.out).unwrap();
    let id = conflicts[0]["id"].as_str().expect("a conflict");
    company.call(&format!("conflicts resolve {id} --take salesforce --by Ann")).await;
    let parked: Value = serde_json::from_str(&company.call("parked").await.out).unwrap();
    assert_eq!(parked.as_array().unwrap().len(), 1, "{parked:#}");
    for line in ["parked retry --yes", "parked drop --yes", "resync --all", "store verify"] {
        company.call(line).await;
    }
    company.call("store export backup.jsonl").await;
    daemon.stops();
    company.call("store import backup.jsonl --replace").await;
    sandbox_says_where_it_is();

    let seen = SEEN.lock().unwrap();
    // The sign-in through a browser is looked at by its own tests.
    let unseen =
        schemas().as_object().unwrap().keys().filter(|name| !seen.contains(*name) && *name != "login");
    assert_eq!(unseen.collect::<Vec<_>>(), Vec::<&String>::new());
}

fn sandbox_says_where_it_is() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_lockstep"))
        .args(["sandbox", "--json", "--records", "1"])
        .args(["--salesforce", "127.0.0.1:0", "--pubsub", "127.0.0.1:0", "--engage", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut text: Vec<String> = lines.take_while(|line| line != "}").collect();
    text.push("}".to_owned());
    child.kill().unwrap();
    child.wait().unwrap();
    fits("sandbox", &text.concat());
}

#[test]
fn one_commands_schema_is_asked_for_by_its_words_and_a_wrong_one_gets_the_right_one() {
    let dir = tempfile::tempdir().unwrap();
    let one = call(dir.path(), &["schema", "conflicts", "resolve"], &[]);
    assert_eq!(serde_json::from_str::<Value>(&one.out).unwrap(), schemas()["conflicts resolve"]);
    let wrong = call(dir.path(), &["schema", "conflict"], &[]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("did you mean conflicts?"), "{}", wrong.err);
}
