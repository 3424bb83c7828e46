//! The real daemon, killed at random moments while thousands of changes flow both ways: every restart opens the store,
//! and the end is the same as if nothing had happened.
//!
//! A short slice runs with the suite. The long run: `LOCKSTEP_KILLS=300 LOCKSTEP_PEOPLE=10000 cargo test --release
//! --test suite crash::daemon -- --nocapture`.

use crate::process::{Process, setting};
use crate::scenarios::world::Person;
use lockstep::sandbox::{Clock, Options, Sandbox, seed};
use rand::prelude::*;
use rand::rngs::StdRng;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long the daemon may take to bring everything into agreement once nobody kills it any more.
const SETTLES_WITHIN: Duration = Duration::from_secs(240);

pub fn configuration(sandbox: &Sandbox, dir: &Path) -> PathBuf {
    use std::os::unix::fs::OpenOptionsExt;
    let mapping =
        format!("{}\n[limits]\nchanged_share = 1.0\n", include_str!("../../../mapping/example.toml"));
    std::fs::write(dir.join("mapping.toml"), mapping).unwrap();
    let secret = dir.join("secret");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&secret)
        .unwrap();
    std::io::Write::write_all(&mut file, sandbox.client.1.as_bytes()).unwrap();
    let text = format!(
        r#"
tenant  = "killed"
mapping = "mapping.toml"
[salesforce]
login_url = "{}"
api_version = "67.0"
flow = "client-credentials"
client_id = "{}"
client_secret_file = "secret"
changes = ["pubsub", "poll"]
pubsub_endpoint = "{}"
poll_every = "1s"
[engage]
base_url = "{}"
client_id = "{}"
client_secret_file = "secret"
changes = ["poll"]
poll_every = "1s"
[store]
path = "store"
[admin]
listen = "127.0.0.1:0"
"#,
        sandbox.salesforce.base_url(),
        sandbox.client.0,
        sandbox.pubsub.base_url(),
        sandbox.engage.base_url(),
        sandbox.client.0,
    );
    let file = dir.join("lockstep.toml");
    std::fs::write(&file, text).unwrap();
    file
}

/// A daemon that has opened its store.
fn daemon(config: &Path) -> Process {
    let mut daemon = Process::start(config, &[]);
    daemon.up().unwrap_or_else(|ended| panic!("the daemon did not come up: {ended:?}"));
    daemon
}

/// What a person must be in the end, on both sides.
fn expected(sandbox: &Sandbox, person: &Person, changed_in_salesforce: bool) -> bool {
    let lead = sandbox.org.get(person.lead, "Status");
    let status = sandbox.product.status(&person.prospect);
    match (changed_in_salesforce, status.as_str()) {
        (true, "success") => lead == json!("Nurture"),
        (true, "not_interested") => lead == json!("Not interested"),
        (false, "success") => lead == json!("Nurture"),
        (false, "not_interested") => lead == json!("Not interested"),
        _ => false,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_random_moments_every_restart_opens_the_store_and_the_end_is_the_same() {
    let (kills, count) = (setting("LOCKSTEP_KILLS", 12), setting("LOCKSTEP_PEOPLE", 400));
    let loopback = ([127, 0, 0, 1], 0).into();
    let options = Options {
        pubsub: ([127, 0, 0, 1], 0).into(),
        salesforce: loopback,
        engage: loopback,
        records: 0,
        seed: 1,
        state: None,
        faults: None,
        clock: Clock::real(),
    };
    let sandbox = Sandbox::start(options).await.unwrap();
    sandbox.product.set_calls_a_minute(10_000_000);
    sandbox.org.set_daily_limit(100_000_000, 0);
    let people: Vec<Person> = seed::linked(&sandbox.org, &sandbox.product, count, 1)
        .into_iter()
        .map(|(lead, prospect)| Person { lead, prospect })
        .filter(|person| sandbox.product.status(&person.prospect) != "bounced")
        .collect();
    let dir = tempfile::tempdir().unwrap();
    let config = configuration(&sandbox, dir.path());
    let mut random = StdRng::seed_from_u64(0x5eed);

    // Everybody is looked at once before the killing begins: otherwise a change would be first sight.
    let child = daemon(&config);
    let looked_at = Instant::now();
    while !first_pass_done(&sandbox, &people) {
        assert!(looked_at.elapsed() < SETTLES_WITHIN, "the first pass takes too long");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    child.kill();

    // A fifth changes on each side, a few before each kill.
    let changed = people.len() / 5;
    let (salesforce, engage) = (&people[..changed], &people[changed..2 * changed]);
    let wave = changed.div_ceil(kills);
    for kill in 0..kills {
        let (from, to) = (kill * wave, ((kill + 1) * wave).min(changed));
        for person in salesforce.get(from..to).unwrap_or_default() {
            let next = if sandbox.org.get(person.lead, "Status") == json!("Nurture") {
                "Not interested"
            } else {
                "Nurture"
            };
            sandbox.org.edit(person.lead, &[("Status", json!(next))]);
        }
        for person in engage.get(from..to).unwrap_or_default() {
            let next = if sandbox.product.status(&person.prospect) == "success" {
                "not_interested"
            } else {
                "success"
            };
            sandbox.product.set_status(&person.prospect, next).unwrap();
        }
        let child = daemon(&config);
        tokio::time::sleep(Duration::from_millis(random.random_range(0..900))).await;
        child.kill();
    }

    let child = daemon(&config);
    let started = Instant::now();
    loop {
        let open = salesforce.iter().filter(|person| !expected(&sandbox, person, true)).count()
            + engage.iter().filter(|person| !expected(&sandbox, person, false)).count();
        if open == 0 {
            break;
        }
        assert!(started.elapsed() < SETTLES_WITHIN, "{open} people do not agree");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    child.kill();
    for person in salesforce {
        assert!(sandbox.product.writes_of(&person.prospect) <= 1, "written once, however often it was tried");
        assert_eq!(sandbox.org.writes_of(person.lead), 0, "no echo");
    }
    for person in engage {
        assert!(sandbox.org.writes_of(person.lead) <= 1, "written once, however often it was tried");
        assert_eq!(sandbox.product.writes_of(&person.prospect), 0, "no echo");
    }
    println!("{kills} kills, {} people, {} changed on each side: all agree", people.len(), changed);
}

/// The first listing is over once the daemon polls prospects by time.
fn first_pass_done(sandbox: &Sandbox, people: &[Person]) -> bool {
    let pages = people.len().div_ceil(500);
    sandbox.product.calls().iter().filter(|call| *call == "GET /api/v1/prospects").count() > pages
}
