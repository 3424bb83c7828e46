//! Changes as they happen, who had what done, and the dashboard's own files.

use super::TOKEN;
use super::fake::{Fake, Served};
use lockstep::admin::Change;
use lockstep::config::{LogConfig, LogFormat};
use lockstep::event;
use lockstep::store::JournalEntry;
use reqwest::{Client, Response};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt;

fn change(number: u64) -> Change {
    let at = "2026-11-26T12:00:00Z".parse().unwrap();
    let prospect = format!("p_{number}").parse().unwrap();
    Change { number, entry: JournalEntry::about(prospect, "adopted", "they <agree>", at) }
}

async fn watch(served: &Served, query: &str, last_seen: Option<u64>) -> Response {
    let mut request = Client::new().get(served.url(&format!("/api/v1/live{query}"))).bearer_auth(TOKEN);
    if let Some(number) = last_seen {
        request = request.header("last-event-id", number);
    }
    request.send().await.unwrap()
}

/// Reads on until this stands in what was streamed.
async fn until(response: &mut Response, wanted: &str) -> String {
    let mut said = String::new();
    while !said.contains(wanted) {
        said += std::str::from_utf8(&response.chunk().await.unwrap().expect(wanted)).unwrap();
    }
    said
}

#[tokio::test]
async fn a_stream_goes_on_behind_the_last_change_that_was_seen_and_tells_new_ones() {
    let served = Served::new(Fake::default(), Some(TOKEN)).await;
    served.fake.changes.lock().unwrap().extend([change(3), change(7)]);
    let mut all = watch(&served, "?after=0", None).await;
    assert_eq!(all.headers()["content-type"], "text/event-stream");
    let said = until(&mut all, "id: 7").await;
    assert!(said.contains("id: 3\nevent: change\ndata: {\"number\":3,"), "{said}");
    let mut resumed = watch(&served, "?after=0", Some(3)).await;
    assert!(!until(&mut resumed, "id: 7").await.contains("id: 3\n"), "3 was seen already");
    let mut from_now_on = watch(&served, "", None).await;
    served.fake.changes.lock().unwrap().push(change(9));
    let said = until(&mut from_now_on, "id: 9").await;
    assert!(!said.contains("id: 7\n"), "{said}");
}

#[tokio::test]
async fn more_streams_than_places_are_turned_away_and_all_end_with_the_daemon() {
    let served = Served::new(Fake::default(), Some(TOKEN)).await;
    let mut watching = Vec::new();
    for _ in 0..16 {
        let response = watch(&served, "", None).await;
        assert_eq!(response.status(), 200);
        watching.push(response);
    }
    assert_eq!(watch(&served, "", None).await.status(), 503);
    watching.pop();
    while watch(&served, "", None).await.status() == 503 {
        tokio::task::yield_now().await;
    }
    served.stop().await;
    for response in watching {
        response.text().await.expect("it ends as a stream does that has come to its end");
    }
}

#[tokio::test]
async fn whoever_acts_is_told_to_the_log_and_whoever_is_refused_is_not() {
    let config = LogConfig { format: LogFormat::Json, level: "info".to_owned(), personal_data: false };
    let lines = Arc::new(Mutex::new(Vec::new()));
    let kept = lines.clone();
    let layer = event::layer(&config, "acme", move |line: &str| kept.lock().unwrap().push(line.to_owned()));
    let _logging = tracing::subscriber::set_default(Registry::default().with(layer.unwrap()));
    let served = Served::new(Fake::default(), Some(TOKEN)).await;
    let act = async |path: &str, token: &str, body: Value| {
        let request = Client::new().post(served.url(path)).bearer_auth(token).json(&body);
        request.send().await.unwrap().status().as_u16()
    };
    let resolve = json!({"id": "k1", "take": "salesforce", "by": "Ann"});
    assert_eq!(act("/api/v1/conflicts/resolve", "wrong", resolve.clone()).await, 401);
    assert_eq!(act("/api/v1/conflicts/resolve", TOKEN, resolve).await, 200);
    assert_eq!(act("/api/v1/parked/retry?by=Bo", TOKEN, json!({"id": "p1"})).await, 200);
    assert_eq!(act("/api/v1/parked/drop?by=Bo", TOKEN, json!({})).await, 200);
    assert_eq!(act("/api/v1/pause?by=ann@acme.example", TOKEN, json!(null)).await, 200);
    assert_eq!(act("/api/v1/resume", TOKEN, json!(null)).await, 200);
    assert_eq!(act("/api/v1/resync?by=Bo", TOKEN, json!({"which": {"ids": ["a", "b"]}})).await, 200);
    assert_eq!(act("/api/v1/plan/apply?by=Bo", TOKEN, json!({})).await, 200);
    let lines = lines.lock().unwrap();
    let acted = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let acted = acted.filter(|line| line["event"] == "operator.acted");
    let told: Vec<[String; 3]> = acted
        .map(|line| ["by", "action", "record"].map(|key| line[key].as_str().unwrap().to_owned()))
        .collect();
    assert_eq!(
        told,
        [
            ["Ann", "resolve: take salesforce", "k1"],
            ["Bo", "retry parked", "p1"],
            ["Bo", "drop parked", ""],
            ["[email]", "pause", ""],
            ["", "resume", ""],
            ["Bo", "resync", "a b"],
            ["Bo", "apply plan", ""],
        ]
    );
}

#[tokio::test]
async fn the_dashboard_loads_without_a_token_and_takes_nothing_from_elsewhere() {
    let served = Served::new(Fake::default(), Some(TOKEN)).await;
    let mut found = vec!["/".to_owned()];
    let mut next = 0;
    while next < found.len() {
        let path = found[next].clone();
        next += 1;
        let answer = Client::new().get(served.url(&path)).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        let text = answer.text().await.unwrap();
        let elsewhere = text.replace("http://www.w3.org/2000/svg", "").replace("http://127.0.0.1:", "");
        assert!(!elsewhere.contains("http://") && !elsewhere.contains("https://"), "{path}");
        for risky in ["innerHTML =", "insertAdjacentHTML", "document.write", "eval(", "style=", "onclick=\""]
        {
            assert!(!text.contains(risky), "{path} has {risky}");
        }
        for part in text.split(['"', '\'']) {
            let file = part.strip_prefix("./").map(|file| format!("/dashboard/{file}"));
            let file = file.or_else(|| part.starts_with("/dashboard/").then(|| part.to_owned()));
            if let Some(file) = file.filter(|file| file.contains('.') && !found.contains(file)) {
                found.push(file);
            }
        }
    }
    assert!(found.len() >= 14, "{found:?}");
    assert_eq!(served.fake.asked(), Vec::<String>::new());
}
