//! `lockstep plan`: what is shown is grouped and counted, nothing is written for it, and exactly what was shown is let
//! through.

use super::call;
use super::run::{Daemon, sandbox, sandbox_of};
use crate::crash::daemon::configuration;
use lockstep::sandbox::Sandbox;
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant};

/// A first run that would write to every pair: all of them disagree, and the company lets that be applied.
async fn disagreeing(dir: &Path) -> (Sandbox, String) {
    let sandbox = sandbox().await;
    for number in 0..4 {
        let email = format!("plan{number}@example.com");
        let lead = sandbox.org.create_lead("Pia", "Plan", "Planco", &email, "Nurture").unwrap();
        let person = sandbox.product.create(&email, "Pia", "Plan", "Planco", Some(lead));
        sandbox.product.set_status(&person, "approaching").unwrap();
    }
    let config = configuration(&sandbox, dir);
    // The configuration ends with the section of the admin port.
    let settings = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{settings}token_file = \"token\"\n")).unwrap();
    std::fs::write(dir.join("token"), super::TOKEN).unwrap();
    let mapping = dir.join("mapping.toml");
    let text = std::fs::read_to_string(&mapping).unwrap();
    let (table, _) = text.split_once("[[test]]").unwrap();
    let table = table.replace("\"newest\"", "\"salesforce\"");
    std::fs::write(&mapping, format!("{table}\n[new]\ndisagree = \"apply\"\n")).unwrap();
    (sandbox, config.display().to_string())
}

fn writes(sandbox: &Sandbox) -> ((u64, u64), u64) {
    (sandbox.org.writes(), sandbox.product.writes())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_grouped_by_rule_with_samples_and_writes_nothing_anywhere() {
    let dir = tempfile::tempdir().unwrap();
    let (sandbox, config) = disagreeing(dir.path()).await;
    let before = writes(&sandbox);
    let called = call(dir.path(), &["plan", "-c", &config, "--json"], &[]);
    assert_eq!(called.code, 4, "{}{}", called.out, called.err);
    let plan: Value = serde_json::from_str(&called.out).unwrap();
    let groups = plan["groups"].as_array().unwrap();
    let write = groups
        .iter()
        .find(|group| group["what"] == "write success over approaching in Revenue Engage")
        .unwrap();
    assert_eq!(write["count"], 4);
    assert_eq!(write["samples"].as_array().unwrap().len(), 3);
    assert!(write["rule"].as_str().unwrap().contains("mapping.toml:"), "{write}");
    assert!(plan["waits"].as_str().unwrap().contains("first run"), "{plan}");
    assert!(plan["id"].as_str().unwrap().starts_with("plan-"));

    let short = call(dir.path(), &["plan", "-c", &config], &[]).out;
    assert!(short.contains("`lockstep plan --all` lists every record"), "{short}");
    let long = call(dir.path(), &["plan", "-c", &config, "--all"], &[]).out;
    assert!(long.matches("first seen").count() >= 4, "{long}");
    assert_eq!(writes(&sandbox), before, "nothing was written anywhere");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_daemon_waits_for_exactly_the_plan_that_was_shown() {
    let dir = tempfile::tempdir().unwrap();
    let (sandbox, config) = disagreeing(dir.path()).await;
    let daemon = Daemon::start(Path::new(&config));
    let address = daemon.says("admin.listening")["address"].as_str().unwrap().to_owned();
    let admin = format!("http://{address}");
    daemon.says("plan.waits");
    let before = writes(&sandbox);
    let called = call(dir.path(), &["plan", "--admin", &admin, "-c", &config, "--json"], &[]);
    let plan: Value = serde_json::from_str(&called.out).unwrap_or_else(|_| panic!("{}", called.err));
    let id = plan["id"].as_str().unwrap().to_owned();

    let wrong = call(
        dir.path(),
        &["plan", "--apply", "plan-0000000000000000", "--admin", &admin, "-c", &config],
        &[],
    );
    assert_eq!(wrong.code, 2, "{}", wrong.out);
    assert!(wrong.err.contains("another one by now"), "{}", wrong.err);
    assert_eq!(writes(&sandbox), before);

    let right = call(dir.path(), &["plan", "--apply", &id, "--admin", &admin, "-c", &config], &[]);
    assert_eq!(right.code, 0, "{}{}", right.out, right.err);
    assert!(right.out.contains("4 records"), "{}", right.out);
    for _ in 0..4 {
        assert_eq!(daemon.says("status.written")["to"], "success");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_with_nobody_linked_says_so_and_what_makes_links() {
    let dir = tempfile::tempdir().unwrap();
    let sandbox = sandbox_of(0).await;
    let config = configuration(&sandbox, dir.path());
    let says_how = |called: &super::Called| {
        assert_eq!(called.code, 0, "{}", called.err);
        for words in ["Nothing to do: nobody is linked", "Lead or Contact", "`[new]`", "check --live"] {
            assert!(called.out.contains(words), "{words}: {}", called.out);
        }
        assert!(!called.out.contains("agrees"), "{}", called.out);
    };
    let before_the_first_run = call(dir.path(), &["plan", "-c", &config.display().to_string()], &[]);
    says_how(&before_the_first_run);

    let daemon = Daemon::start(&config);
    let address = daemon.says("admin.listening")["address"].as_str().unwrap().to_owned();
    let admin = format!("http://{address}");
    let plan = || call(dir.path(), &["plan", "--admin", &admin], &[]);
    says_how(&plan());

    let lead = sandbox.org.create_lead("Ann", "Lee", "Acme", "ann@example.com", "New").unwrap();
    sandbox.product.create("ann@example.com", "Ann", "Lee", "Acme", Some(lead));
    let started = Instant::now();
    let in_step = "Nothing to do: everything that is linked agrees.\n";
    while plan().out != in_step {
        assert!(started.elapsed() < Duration::from_secs(60), "{}", plan().out);
    }
}
