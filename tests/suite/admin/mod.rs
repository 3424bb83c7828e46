//! The admin port over real HTTP, before a daemon that only remembers what it was asked.

mod fake;
mod live;
pub mod schema;
pub mod scrape;

pub use fake::{Fake, Served};
use lockstep::admin::NotReady;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;

const TOKEN: &str = "0123456789abcdef";

async fn ask(
    served: &Served,
    method: Method,
    path: &str,
    token: Option<&str>,
    body: Option<Value>,
) -> (u16, Value) {
    let mut request = Client::new().request(method, served.url(path));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    if let Some(body) = body {
        request = request.json(&body);
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, response.json().await.unwrap_or(Value::Null))
}

#[tokio::test]
async fn readiness_says_why_not_and_liveness_does_not_care() {
    let served = Served::new(Fake::default(), Some(TOKEN)).await;
    let reason = NotReady { part: "salesforce".into(), why: "has not answered yet".into() };
    served.fake.not_ready.lock().unwrap().push(reason);
    let (status, body) = ask(&served, Method::GET, "/readyz", None, None).await;
    assert_eq!(status, 503);
    assert_eq!(
        body,
        json!({"ready": false, "why_not": [{"part": "salesforce", "why": "has not answered yet"}]})
    );
    assert_eq!(ask(&served, Method::GET, "/livez", None, None).await.0, 200);
    served.fake.not_ready.lock().unwrap().clear();
    let (status, body) = ask(&served, Method::GET, "/readyz", None, None).await;
    assert_eq!((status, body), (200, json!({"ready": true, "why_not": []})));
}

#[tokio::test]
async fn without_the_token_nothing_is_asked_of_the_daemon() {
    let served = Served::new(Fake::default(), Some(TOKEN)).await;
    for (method, path) in [
        (Method::GET, "/api/v1/status"),
        (Method::GET, "/api/v1/explain?id=x"),
        (Method::POST, "/api/v1/pause"),
        (Method::GET, "/nowhere"),
    ] {
        for token in [None, Some("0123456789abcdeF")] {
            let (status, body) = ask(&served, method.clone(), path, token, None).await;
            assert_eq!((status, &body["error"]["code"]), (401, &json!("unauthorized")), "{path}");
        }
    }
    assert_eq!(served.fake.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn each_path_asks_its_operation() {
    let served = Served::new(Fake::default(), Some(TOKEN)).await;
    let resolve = json!({"id": "k1", "take": "salesforce", "by": "Ann"});
    for (method, path, body, asked) in [
        (Method::GET, "/api/v1/status", None, "status"),
        (Method::GET, "/api/v1/explain?id=a%40b.example", None, "explain a@b.example"),
        (Method::GET, "/api/v1/conflicts", None, "conflicts"),
        (Method::POST, "/api/v1/conflicts/resolve", Some(resolve), "resolve k1 salesforce Ann"),
        (Method::GET, "/api/v1/parked", None, "parked"),
        (Method::POST, "/api/v1/parked/retry", Some(json!({})), "retry None"),
        (Method::POST, "/api/v1/parked/drop", Some(json!({"id": "p1"})), "drop Some(\"p1\")"),
        (Method::POST, "/api/v1/pause", None, "pause"),
        (Method::POST, "/api/v1/resume", None, "resume"),
        (Method::POST, "/api/v1/resync", Some(json!({"which": "all"})), "resync All"),
        (Method::POST, "/api/v1/resync", Some(json!({"which": {"ids": ["x"]}})), "resync Ids([\"x\"])"),
        (Method::GET, "/api/v1/plan", None, "plan"),
        (Method::POST, "/api/v1/plan/apply", None, "apply"),
    ] {
        let (status, _) = ask(&served, method, path, Some(TOKEN), body).await;
        assert_eq!(status, 200, "{path}");
        assert_eq!(served.fake.asked().last().map(String::as_str), Some(asked), "{path}");
    }
}

#[tokio::test]
async fn a_wrong_body_a_wrong_path_and_a_refusal_are_answered_in_one_shape() {
    let served = Served::new(Fake::default(), Some(TOKEN)).await;
    for (method, path, body, status, code) in [
        (
            Method::POST,
            "/api/v1/conflicts/resolve",
            json!({"id": "k1", "take": "both", "by": "Ann"}),
            400,
            "invalid_request",
        ),
        (
            Method::POST,
            "/api/v1/conflicts/resolve",
            json!({"id": "k1", "take": "salesforce", "by": " "}),
            400,
            "invalid_request",
        ),
        (Method::POST, "/api/v1/parked/retry", json!({"ID": "p1"}), 400, "invalid_request"),
        (Method::POST, "/api/v1/resync", json!({"which": "some"}), 400, "invalid_request"),
        (Method::GET, "/api/v1/explain?id=nobody", json!(null), 404, "not_found"),
        (Method::GET, "/api/v2/status", json!(null), 404, "not_found"),
    ] {
        let (answer, body) = ask(&served, method, path, Some(TOKEN), Some(body)).await;
        assert_eq!((answer, &body["error"]["code"]), (status, &json!(code)), "{path}: {body}");
        assert!(body["error"]["message"].as_str().is_some_and(|text| !text.is_empty()));
    }
    assert_eq!(served.fake.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn without_a_token_reading_works_and_a_change_says_what_to_set() {
    let served = Served::new(Fake::default(), None).await;
    assert_eq!(ask(&served, Method::GET, "/api/v1/status", None, None).await.0, 200);
    let (status, body) = ask(&served, Method::POST, "/api/v1/pause", None, None).await;
    assert_eq!(status, 403);
    assert!(body["error"]["message"].as_str().unwrap().contains("token_file"), "{body}");
    assert_eq!(served.fake.asked(), ["status"]);
}

#[tokio::test]
async fn a_page_that_points_its_own_name_at_this_machine_is_refused() {
    let served = Served::new(Fake::default(), None).await;
    let request = Client::new().get(served.url("/api/v1/status")).header("host", "evil.example");
    assert_eq!(request.send().await.unwrap().status(), StatusCode::FORBIDDEN);
    assert_eq!(served.fake.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn a_page_of_another_site_has_no_plan_made_and_the_dashboard_goes_on_asking() {
    let served = Served::new(Fake::default(), None).await;
    let ask = |path: &str, site: &'static str, mode: &'static str| {
        let request = Client::new().get(served.url(path)).header("sec-fetch-site", site);
        request.header("sec-fetch-mode", mode).send()
    };
    for path in ["/api/v1/plan", "/api/v1/store/export"] {
        for (site, mode) in [("cross-site", "no-cors"), ("cross-site", "navigate"), ("same-site", "no-cors")]
        {
            let answer = ask(path, site, mode).await.unwrap();
            assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{site} {mode}");
            assert_eq!(answer.json::<Value>().await.unwrap()["error"]["code"], "forbidden");
        }
    }
    assert_eq!(served.fake.asked(), Vec::<String>::new());
    for (path, site, mode) in [
        ("/", "none", "navigate"),
        ("/", "cross-site", "navigate"),
        ("/dashboard/main.js", "same-origin", "cors"),
        ("/api/v1/plan", "same-origin", "cors"),
    ] {
        assert_eq!(ask(path, site, mode).await.unwrap().status(), StatusCode::OK, "{path} {site}");
    }
    assert_eq!(served.fake.asked(), ["plan"]);
}

#[tokio::test]
async fn plans_and_copies_are_made_one_at_a_time_and_everybody_gets_theirs() {
    const ASKED: usize = 8;
    for path in ["/api/v1/plan", "/api/v1/store/export"] {
        let gate = Arc::new(Notify::new());
        let served = Served::new(Fake { gate: Some(gate.clone()), ..Fake::default() }, None).await;
        let (client, mut answers) = (Client::new(), tokio::task::JoinSet::new());
        for _ in 0..ASKED {
            let request = client.get(served.url(path));
            answers.spawn(async move { request.send().await.unwrap().status() });
        }
        for turn in 1..=ASKED {
            while served.fake.asked().len() < turn {
                tokio::task::yield_now().await;
            }
            gate.notify_one();
            assert_eq!(answers.join_next().await.unwrap().unwrap(), StatusCode::OK);
            assert!(served.fake.asked().len() <= turn + 1, "{path}: {} at once", served.fake.asked().len());
        }
    }
}

#[tokio::test]
async fn a_delivery_reaches_the_daemon_whole_and_its_answer_the_sender() {
    let served = Served::new(Fake::default(), Some(TOKEN)).await;
    let deliver = |id: &'static str, size: usize| {
        let request = Client::new().post(served.url("/webhooks/engage"));
        request.header("X-Engage-Delivery", id).body(vec![b'x'; size]).send()
    };
    assert_eq!(deliver("d1", 3).await.unwrap().status(), 204);
    assert_eq!(deliver("forged", 0).await.unwrap().status(), 401);
    assert_eq!(deliver("largest", 1024 * 1024).await.unwrap().status(), 204);
    let asked = ["webhook d1 3 bytes", "webhook forged 0 bytes", "webhook largest 1048576 bytes"];
    assert_eq!(served.fake.asked(), asked);
}

#[tokio::test]
async fn an_outbound_message_reaches_the_daemon_and_is_answered_in_soap() {
    let served = Served::new(Fake::default(), Some(TOKEN)).await;
    let request = Client::new().post(served.url("/webhooks/salesforce")).body("<soap/>");
    let answer = request.send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-type"]),
        (200, &"text/xml; charset=utf-8".parse().unwrap())
    );
    assert_eq!(answer.text().await.unwrap(), "<Ack/>");
    assert_eq!(served.fake.asked(), ["outbound message of 7 bytes"]);
}

#[tokio::test]
async fn metrics_say_what_the_status_says_and_need_the_token() {
    let served = Served::new(Fake::default(), Some(TOKEN)).await;
    let ask = |token: &'static str| Client::new().get(served.url("/metrics")).bearer_auth(token).send();
    assert_eq!(ask("wrong").await.unwrap().status(), 401);
    let text = ask(TOKEN).await.unwrap().text().await.unwrap();
    assert!(text.contains("# TYPE lockstep_links gauge\nlockstep_links 3.0\n"), "{text}");
}

#[tokio::test]
async fn a_delivery_over_one_mebibyte_is_refused_before_it_is_read_announced_or_not() {
    let served = Served::new(Fake::default(), None).await;
    let announced = "POST /webhooks/engage HTTP/1.1\r\nhost: x\r\ncontent-length: 1048577\r\n\r\n";
    assert_eq!(raw(&served, announced.as_bytes()).await, 413, "not one byte of the body was sent");
    let mut chunked =
        b"POST /webhooks/engage HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    chunked.extend(b"100001\r\n");
    chunked.extend(vec![b'x'; 0x100001]);
    chunked.extend(b"\r\n0\r\n\r\n");
    assert_eq!(raw(&served, &chunked).await, 413);
    assert_eq!(served.fake.asked(), Vec::<String>::new());
}

/// Sends these bytes and tells the status of the answer.
async fn raw(served: &Served, request: &[u8]) -> u16 {
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    // The server may answer and close before it has read everything.
    let _ = stream.write_all(request).await;
    let mut head = [0; 12];
    stream.read_exact(&mut head).await.unwrap();
    std::str::from_utf8(&head[9..]).unwrap().parse().unwrap()
}

#[tokio::test]
async fn more_deliveries_than_places_are_turned_away_for_the_sender_to_try_again() {
    let gate = Arc::new(Notify::new());
    let served = Served::new(Fake { gate: Some(gate.clone()), ..Fake::default() }, None).await;
    let url = served.url("/webhooks/engage");
    let client = Client::new();
    let mut deliveries = tokio::task::JoinSet::new();
    for _ in 0..65 {
        let request = client.post(&url).body("{}");
        deliveries.spawn(async move { request.send().await.unwrap() });
    }
    // Sixty-four are inside and wait, so the only one that can end is the one that was turned away.
    let turned_away = deliveries.join_next().await.unwrap().unwrap();
    assert_eq!(turned_away.status(), 503);
    assert_eq!(turned_away.headers()["retry-after"], "1");
    while !deliveries.is_empty() {
        gate.notify_one();
        if let Some(ended) = deliveries.join_next().await {
            assert_eq!(ended.unwrap().status(), 204);
        }
    }
    assert_eq!(served.fake.asked().len(), 64);
}

#[tokio::test]
async fn asked_to_stop_the_server_finishes_what_it_is_answering() {
    let gate = Arc::new(Notify::new());
    let served = Served::new(Fake { gate: Some(gate.clone()), ..Fake::default() }, None).await;
    let delivery = tokio::spawn(Client::new().post(served.url("/webhooks/engage")).body("{}").send());
    while served.fake.asked().is_empty() {
        tokio::task::yield_now().await;
    }
    let stopped = tokio::spawn(served.stop());
    gate.notify_one();
    assert_eq!(delivery.await.unwrap().unwrap().status(), 204);
    stopped.await.unwrap();
}
