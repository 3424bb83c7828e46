//! `GET /metrics` of a real daemon between both systems, against the list that the code has of them.

use crate::cli::run::{Daemon, sandbox};
use crate::crash::daemon::configuration;
use lockstep::metrics::{ALL, Kind, Metric};
use lockstep::model::SalesforceId;
use lockstep::sandbox::Sandbox;
use reqwest::Client;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::{Duration, Instant};

/// The samples of a scrape: name, labels, value.
type Samples = Vec<(String, BTreeMap<String, String>, f64)>;

/// Reads OpenMetrics text; label values hold neither commas nor quotes here.
fn samples(text: &str) -> Samples {
    assert!(text.ends_with("# EOF\n"), "a scrape that broke off: {text}");
    let read = |line: &str| {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let labels = labels.trim_end_matches('}').split(',').filter(|label| !label.is_empty());
        let labels = labels.map(|label| {
            let (name, value) = label.split_once('=').unwrap();
            (name.to_owned(), value.trim_matches('"').to_owned())
        });
        (name.to_owned(), labels.collect(), value.parse().unwrap())
    };
    text.lines().filter(|line| !line.starts_with('#')).map(read).collect()
}

/// The metric a sample belongs to: a histogram has three names.
fn metric(name: &str) -> Option<&'static Metric> {
    ALL.iter().find(|metric| match metric.kind {
        Kind::Histogram => {
            ["_bucket", "_sum", "_count"].iter().any(|end| name == format!("{}{end}", metric.name))
        }
        _ => name == metric.name,
    })
}

/// Waits until everybody has been looked at once: before that there is nothing to compare a change with.
pub async fn settled(address: &str) {
    let start = Instant::now();
    loop {
        let status = reqwest::get(format!("http://{address}/api/v1/status")).await.unwrap();
        let status: Value = status.json().await.unwrap();
        if status["first_pass_done"] == true && status["due"] == 0 {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{status:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A Lead whose status anybody may move.
pub fn at_work(sandbox: &Sandbox) -> SalesforceId {
    let moves = ["In progress", "Attempting to contact"].map(|status| json!(status));
    sandbox.org.leads().into_iter().find(|lead| moves.contains(&sandbox.org.get(*lead, "Status"))).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_emits_the_metrics_of_the_list_with_their_labels_and_no_others() {
    let (dir, sandbox) = (tempfile::tempdir().unwrap(), sandbox().await);
    let daemon = Daemon::start(&configuration(&sandbox, dir.path()));
    let address = daemon.says("admin.listening")["address"].as_str().unwrap().to_owned();
    settled(&address).await;
    sandbox.org.edit(at_work(&sandbox), &[("Status", json!("Nurture"))]);
    daemon.says("status.written");
    let forged =
        Client::new().post(format!("http://{address}/webhooks/engage")).body("{}").send().await.unwrap();
    assert_eq!(forged.status(), 401);
    let answer = Client::new().get(format!("http://{address}/metrics")).send().await.unwrap();
    assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("application/openmetrics-text"));
    let text = answer.text().await.unwrap();
    let samples = samples(&text);
    for (name, labels, _) in &samples {
        let metric = metric(name).unwrap_or_else(|| panic!("{name} is not in the list"));
        let of_ours = labels.iter().filter(|(label, _)| *label != "le");
        let names: Vec<&str> = of_ours.clone().map(|(label, _)| label.as_str()).collect();
        let mut listed: Vec<&str> = metric.labels.iter().map(|label| label.name).collect();
        listed.sort_unstable();
        assert_eq!(names, listed, "{name}");
        for (label, value) in of_ours {
            let known = metric.labels.iter().find(|known| known.name == label).unwrap();
            assert!((known.values)().contains(&value.as_str()), "{name}: {label}={value} is not in the list");
        }
    }
    for known in ALL {
        assert!(text.contains(&format!(" {}\n", known.kind.as_str())), "{}", known.name);
        let emitted = samples.iter().any(|(name, ..)| metric(name).is_some_and(|of| of.name == known.name));
        assert!(emitted, "{} is in the list and not emitted", known.name);
    }
    let value = |name: &str, labels: &[(&str, &str)]| {
        let labels: BTreeMap<String, String> =
            labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let found = samples.iter().find(|(of, with, _)| of == name && *with == labels);
        found.unwrap_or_else(|| panic!("{name} {labels:?} in {text}")).2
    };
    assert_eq!(value("lockstep_links", &[]), 5.0);
    assert_eq!(value("lockstep_side_up", &[("side", "engage")]), 1.0);
    assert!(value("lockstep_writes_total", &[("side", "engage"), ("outcome", "written")]) >= 1.0);
    assert!(value("lockstep_decisions_total", &[("kind", "write")]) >= 1.0);
    assert!(value("lockstep_change_seconds_count", &[]) >= 1.0);
    assert_eq!(value("lockstep_changes_total", &[("side", "engage"), ("source", "first_pass")]), 5.0);
    assert_eq!(value("lockstep_webhooks_total", &[("side", "engage"), ("outcome", "rejected")]), 1.0);
    assert_eq!(value("lockstep_events_total", &[("event", "webhook.rejected")]), 1.0);
    assert!(value("lockstep_calls_total", &[("side", "engage"), ("purpose", "poll")]) >= 1.0);
    assert!(value("lockstep_calls_total", &[("side", "salesforce"), ("purpose", "describe")]) >= 1.0);
    assert!(value("lockstep_store_bytes", &[]) > 1_000.0);
    assert!(value("lockstep_journal_entries", &[]) >= 5.0);
}

/// docs/metrics.md, as the list says it.
fn page() -> String {
    let mut page = String::from(
        "# Metrics\n\n\
         `GET /metrics` on the admin port, in the text format of OpenMetrics, for Prometheus. Where an admin token is \
         set, scraping needs it. Every label value there is stands here: nothing that comes from outside makes a series. \
         Counters begin at 0 with the process. `lockstep metrics --json` prints the same for programs.\n\n\
         A scrape reads the store's own counts; only who waits for a row of the mapping that is held is counted for it. \
         With 100,000 linked people, of whom 10,000 are held and 10,000 parked, it took 1 to 4 ms (the median of 50, on \
         two busy cores) and 11 KB: `python3 tests/deploy/scrape_cost.py target/release/lockstep`.\n\n\
         This page is made from the code: `LOCKSTEP_WRITE_DOCS=1 cargo test --test suite metrics_page`.\n",
    );
    for metric in ALL {
        let _ = write!(page, "\n## `{}`\n\n{}. {}\n", metric.name, metric.kind.as_str(), metric.help);
        for label in metric.labels {
            let values: Vec<String> = (label.values)()
                .iter()
                .map(|value| match label.name {
                    "version" => "the version that runs".to_owned(),
                    _ => format!("`{value}`"),
                })
                .collect();
            let _ = write!(page, "\n- `{}`: {}\n", label.name, values.join(", "));
        }
    }
    page
}

#[test]
fn the_metrics_page_is_what_the_code_says() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    if std::env::var_os("LOCKSTEP_WRITE_DOCS").is_some() {
        std::fs::write(&path, page()).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    assert_eq!(written, page(), "docs/metrics.md says how to make it anew");
}
