//! The OpenAPI document, and real answers held against it.

use super::TOKEN;
use super::fake::{Fake, Served};
use super::scrape::{at_work, settled};
use crate::cli::run::{Daemon, sandbox};
use crate::crash::daemon::configuration;
use crate::mapping::validator::is_valid;
use reqwest::Client;
use serde_json::{Map, Value, json};

/// A schema without references, and without what is said for people or only narrows what the rest says.
pub fn plain(schema: &Value, document: &Value) -> Value {
    match schema {
        Value::Object(words) => {
            let mut plain_words = Map::new();
            for (word, says) in words {
                match (word.as_str(), says) {
                    ("$ref", Value::String(path)) => {
                        let found = document.pointer(path.trim_start_matches('#'));
                        let meant = found.unwrap_or_else(|| panic!("{path} is nowhere"));
                        let all = plain_words.entry("allOf").or_insert_with(|| json!([]));
                        all.as_array_mut().unwrap().push(plain(meant, document));
                    }
                    ("format" | "default" | "$defs", _) => {}
                    ("oneOf", says) => drop(plain_words.insert("anyOf".to_owned(), plain(says, document))),
                    (word, says) => drop(plain_words.insert(word.to_owned(), plain(says, document))),
                }
            }
            Value::Object(plain_words)
        }
        Value::Array(parts) => parts.iter().map(|part| plain(part, document)).collect(),
        other => other.clone(),
    }
}

async fn document(served: &Served) -> Value {
    let url = served.url("/api/v1/openapi.json");
    Client::new().get(url).bearer_auth(TOKEN).send().await.unwrap().json().await.unwrap()
}

#[tokio::test]
async fn every_path_of_the_document_is_served_by_its_method_and_what_it_takes_is_what_is_read() {
    let served = Served::new(Fake::default(), Some(TOKEN)).await;
    let document = document(&served).await;
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() >= 17, "{paths:?}");
    for (path, operations) in paths {
        let operations = operations.as_object().unwrap();
        for (method, other) in [("get", "post"), ("post", "get")] {
            let Some(operation) = operations.get(method) else { continue };
            assert!(operation["summary"].as_str().unwrap().ends_with('.'), "{path}");
            let ask = |method: &str| {
                let method = method.to_uppercase().parse().unwrap();
                Client::new().request(method, served.url(path)).bearer_auth(TOKEN).send()
            };
            assert_eq!(ask(other).await.unwrap().status(), 405, "{other} {path}");
            let wants = operation.get("requestBody").is_some_and(|body| body["required"] == true)
                || operation["parameters"]
                    .as_array()
                    .is_some_and(|all| all.iter().any(|one| one["required"] == true));
            let status = ask(method).await.unwrap().status().as_u16();
            assert_eq!(status, if wants { 400 } else { 200 }, "{method} {path}");
            let Some(takes) = operation.pointer("/requestBody/content/application~1json/schema") else {
                continue;
            };
            let takes = plain(takes, &document);
            assert!(!is_valid(&takes, &json!({"nonsense": true})), "{path} takes anything");
        }
    }
    // What the commands send is among what is said to be taken.
    let takes = |path: &str| {
        plain(
            &document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"],
            &document,
        )
    };
    for (path, body) in [
        ("/api/v1/conflicts/resolve", json!({"id": "k1", "take": "salesforce", "by": "Ann"})),
        ("/api/v1/parked/retry", json!({})),
        ("/api/v1/parked/drop", json!({"id": "p1"})),
        ("/api/v1/resync", json!({"which": {"ids": ["x"]}})),
        ("/api/v1/resync", json!({"which": "all"})),
        ("/api/v1/plan/apply", json!({"id": null})),
    ] {
        assert!(is_valid(&takes(path), &body), "{path} {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_real_daemon_answers_is_as_the_document_says() {
    let (dir, sandbox) = (tempfile::tempdir().unwrap(), sandbox().await);
    let daemon = Daemon::start(&configuration(&sandbox, dir.path()));
    let address = daemon.says("admin.listening")["address"].as_str().unwrap().to_owned();
    let ask = async |path: &str| -> Value {
        let answer = reqwest::get(format!("http://{address}/api/v1/{path}")).await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().await.unwrap()
    };
    settled(&address).await;
    let lead = at_work(&sandbox);
    sandbox.org.edit(lead, &[("Status", json!("Unsubscribed")), ("HasOptedOutOfEmail", json!(true))]);
    daemon.says("status.written");
    let document = ask("openapi.json").await;
    let explain = format!("explain?id={lead}");
    for path in [
        "status",
        explain.as_str(),
        "changes",
        "changes?after=1&limit=2",
        "mapping",
        "conflicts",
        "parked",
        "plan",
        "links",
        "store/verify",
    ] {
        let answer = ask(path).await;
        let name = path.split('?').next().unwrap();
        let said = &document["paths"][format!("/api/v1/{name}")]["get"]["responses"]["200"]["content"]["application/json"]
            ["schema"];
        let schema = plain(said, &document);
        assert!(is_valid(&schema, &answer), "{path}\n{answer:#}\n{schema:#}");
        assert!(!is_valid(&schema, &json!("something else")), "{path}");
    }
    let mapping = ask("mapping").await;
    let rows = mapping["rows"].as_array().unwrap();
    let people: u64 = rows.iter().map(|row| row["people"].as_u64().unwrap()).sum();
    assert_eq!(people + mapping["people_elsewhere"].as_u64().unwrap(), 5);
    assert_eq!(ask("changes?limit=2").await["changes"].as_array().unwrap().len(), 2);
    let refused = reqwest::get(format!("http://{address}/api/v1/explain?id=nobody")).await.unwrap();
    let schema = plain(
        &document["components"]["responses"]["Refused"]["content"]["application/json"]["schema"],
        &document,
    );
    let body: Value = refused.json().await.unwrap();
    assert!(is_valid(&schema, &body), "{body}");
}
