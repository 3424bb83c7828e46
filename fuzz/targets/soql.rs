//! Queries, asked of a small org by its own REST API.

use super::wire;
use bytes::Bytes;
use lockstep::sandbox::Clock;
use lockstep::sandbox::salesforce::Org;
use std::cell::RefCell;

/// An org writes down every call; after so many it is made anew.
const CALLS: u32 = 2_000;

thread_local! {
    static ORG: RefCell<Option<(Org, String, u32)>> = const { RefCell::new(None) };
}

fn ask(org: &Org, request: http::request::Builder, body: String) -> (u16, Bytes) {
    let request = request.body(Bytes::from(body)).expect("a request");
    let answer = wire::run(org.answer(request));
    (answer.status().as_u16(), answer.into_body())
}

/// A small org, and the header that one is signed in by.
fn org() -> (Org, String) {
    let org = Org::new(Clock::driven(wire::now()));
    org.set_daily_limit(1_000_000_000, 0);
    org.register_app("lockstep", "secret");
    for (name, status) in [("Doe", "New"), ("Roe", "Working"), ("100%_\\'", "Nurture")] {
        org.create_lead("Jane", name, "Acme", "jane@example.com", status);
    }
    org.create_contact("Poe", "poe@example.com", "New");
    let request = http::Request::post("/services/oauth2/token")
        .header("content-type", "application/x-www-form-urlencoded");
    let form = "grant_type=client_credentials&client_id=lockstep&client_secret=secret";
    let (_, granted) = ask(&org, request, form.to_owned());
    let granted: serde_json::Value = serde_json::from_slice(&granted).expect("a token");
    (org, format!("Bearer {}", granted["access_token"].as_str().expect("a token")))
}

/// Asks it as a query of living rows and of deleted ones too, and gives it to a bulk job.
pub fn run(bytes: &[u8]) {
    let Ok(query) = std::str::from_utf8(bytes) else { return };
    let (org, token) = ORG.with_borrow_mut(|known| {
        let (org, token, calls) = known.take().unwrap_or_else(|| {
            let (org, token) = org();
            (org, token, 0)
        });
        *known = (calls < CALLS).then(|| (org.clone(), token.clone(), calls + 1));
        (org, token)
    });
    let encoded: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
    if encoded.len() < 16_000 {
        for path in ["query", "queryAll"] {
            let uri = format!("/services/data/v67.0/{path}?q={encoded}");
            let (status, body) =
                ask(&org, http::Request::get(uri).header("authorization", &token), String::new());
            assert!(matches!(status, 200 | 400), "HTTP status {status}");
            let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
            assert_eq!(status == 200, body["done"] == true, "{body}");
        }
    }
    let job = serde_json::json!({"operation": "query", "query": query, "contentType": "CSV"}).to_string();
    let request = http::Request::post("/services/data/v67.0/jobs/query").header("authorization", &token);
    let (status, made) = ask(&org, request.header("content-type", "application/json"), job);
    assert!(matches!(status, 200 | 400), "HTTP status {status}");
    let made: serde_json::Value = serde_json::from_slice(&made).expect("JSON");
    if let Some(id) = made["id"].as_str() {
        let look =
            |path: String| ask(&org, http::Request::get(path).header("authorization", &token), String::new());
        for _ in 0..3 {
            look(format!("/services/data/v67.0/jobs/query/{id}"));
        }
        look(format!("/services/data/v67.0/jobs/query/{id}/results"));
    }
}
