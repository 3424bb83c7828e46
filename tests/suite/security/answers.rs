//! A hostile other side: answers that are too large, too deep, another program's, or that lead elsewhere.

use crate::contract::{at, by_secret, engage_config, free_port, salesforce_config, tells};
use axum::Router;
use axum::extract::Request;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use lockstep::connector::CallError;
use lockstep::connector::engage::Engage;
use lockstep::connector::salesforce::Salesforce;
use lockstep::model::SalesforceObject::Lead;
use lockstep::sandbox::Clock;
use serde_json::json;
use std::sync::{Arc, Mutex};

/// A server that grants a token and answers every other call in one way. What it was asked, in order.
struct Hostile {
    base_url: String,
    asked: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Hostile {
    async fn answering(answer: impl Fn(&str) -> Response + Send + Sync + 'static) -> Hostile {
        let listener = free_port().await;
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let (asked, instance, answer) =
            (Arc::<Mutex<Vec<String>>>::default(), base_url.clone(), Arc::new(answer));
        let noted = asked.clone();
        let router = Router::new().fallback(async move |request: Request| {
            let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
            noted.lock().unwrap().push(path.clone());
            match path.contains("/token") {
                true => axum::Json(json!({
                    "access_token": "t", "token_type": "Bearer", "instance_url": instance, "id": "x/00D/005",
                }))
                .into_response(),
                false => answer(&path),
            }
        });
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Hostile { base_url, asked, task }
    }

    /// What a search in Salesforce ends with, and what a list of Engage's statuses does.
    async fn refused(&self) -> [CallError; 2] {
        let clock = tells(&Clock::driven(at("2026-11-23T06:10:00Z")));
        let salesforce =
            Salesforce::new(&salesforce_config(&self.base_url, by_secret("s")), clock.clone()).unwrap();
        let engage = Engage::new(&engage_config(&self.base_url, "s"), clock).unwrap();
        let found = salesforce.find_by_email(Lead, &["a@b.example".to_owned()]).await;
        [found.expect_err("no answer of Salesforce"), engage.statuses().await.expect_err("none of Engage")]
    }

    fn asked(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|path| !path.contains("/token")).cloned().collect()
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Zeros in a gzip file, made by hand: after one zero, "the last byte 258 times again" takes 13 bits.
fn bomb(repeats: usize) -> Vec<u8> {
    let (mut bytes, mut bits, mut count) = (vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255], 0u64, 0);
    let mut put = |value: u64, width: u32, bytes: &mut Vec<u8>| {
        bits |= value << count;
        count += width;
        while count >= 8 {
            bytes.push(bits as u8);
            (bits, count) = (bits >> 8, count - 8);
        }
    };
    // Codes are packed from their highest bit.
    let code = |value: u64, width: u32| value.reverse_bits() >> (64 - width);
    put(0b011, 3, &mut bytes);
    put(code(0b0011_0000, 8), 8, &mut bytes);
    for _ in 0..repeats {
        put(code(0b1100_0101, 8), 8, &mut bytes);
        put(0, 5, &mut bytes);
    }
    put(0, 7, &mut bytes);
    put(0, 7, &mut bytes);
    let zeros = vec![0; 1 + repeats * 258];
    bytes.extend(crc32fast::hash(&zeros).to_le_bytes());
    bytes.extend((zeros.len() as u32).to_le_bytes());
    bytes
}

fn gzipped(body: Vec<u8>) -> Response {
    ([(header::CONTENT_ENCODING, "gzip"), (header::CONTENT_TYPE, "application/json")], body).into_response()
}

#[tokio::test]
async fn an_answer_over_five_megabytes_is_not_read_to_its_end() {
    let hostile = Hostile::answering(|_| format!("\"{}\"", "x".repeat(5_000_000)).into_response()).await;
    for error in hostile.refused().await {
        assert_eq!(
            (error.code.as_str(), error.message.as_str()),
            ("bad-answer", "the answer is larger than 5 MB")
        );
    }
}

#[tokio::test]
async fn a_gzip_bomb_is_refused_at_five_megabytes_and_a_small_gzip_answer_is_unpacked() {
    let large = bomb(200_000);
    assert!(large.len() < 400_000, "51 MB in {} bytes", large.len());
    let hostile = Hostile::answering(move |_| gzipped(large.clone())).await;
    for error in hostile.refused().await {
        assert_eq!(error.message, "the answer is larger than 5 MB");
    }
    // The same by hand in small is unpacked, so the bomb was one.
    let small = bomb(10);
    let hostile = Hostile::answering(move |_| gzipped(small.clone())).await;
    for error in hostile.refused().await {
        assert!(error.message.contains("expected value at line 1 column 1"), "{error}");
    }
}

#[tokio::test]
async fn json_that_is_nested_without_end_is_refused_and_overflows_nothing() {
    for nested in
        ["[".repeat(100_000), "{\"a\":".repeat(100_000), format!("{{\"records\":{}", "[".repeat(100_000))]
    {
        let hostile = Hostile::answering(move |_| nested.clone().into_response()).await;
        for error in hostile.refused().await {
            assert_eq!(error.code, "bad-answer");
        }
    }
}

#[tokio::test]
async fn another_programs_page_in_the_place_of_json_is_no_answer_and_is_not_quoted() {
    let page = "<html><title>Sign in, Quetzalcoatlus</title></html>";
    let hostile =
        Hostile::answering(move |_| ([(header::CONTENT_TYPE, "text/html")], page).into_response()).await;
    for error in hostile.refused().await {
        assert_eq!(error.code, "bad-answer");
        assert!(!error.to_string().contains("Quetzalcoatlus"), "{error}");
    }
}

#[tokio::test]
async fn values_of_an_answer_that_cannot_be_read_are_not_quoted() {
    for body in [
        json!({"done": true, "records": "Quetzalcoatlus", "statuses": "Quetzalcoatlus"}),
        json!({"done": "Quetzalcoatlus", "records": [], "statuses": [{"key": {"Quetzalcoatlus": 1}}]}),
        json!("Quetzalcoatlus"),
    ] {
        let hostile = Hostile::answering(move |_| axum::Json(body.clone()).into_response()).await;
        for error in hostile.refused().await {
            assert!(error.message.contains("cannot be read"), "{error}");
            assert!(!error.to_string().contains("Quetzalcoatlus"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_with_the_token() {
    for status in [301, 302, 303, 307, 308] {
        let elsewhere = Hostile::answering(|_| "{}".into_response()).await;
        let target = format!("{}/stolen", elsewhere.base_url);
        let hostile = Hostile::answering(move |_| {
            let status = axum::http::StatusCode::from_u16(status).unwrap();
            (status, [(header::LOCATION, target.clone())]).into_response()
        })
        .await;
        for error in hostile.refused().await {
            assert_eq!(error.status, Some(status));
        }
        assert_eq!(elsewhere.asked(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn the_next_page_of_a_query_leads_to_no_other_host_and_no_other_door() {
    for next in [
        "https://evil.example/services/data/v67.0/query/x",
        "//evil.example/services/data/v67.0/query/x",
        "/services/data/../oauth2/revoke",
        "/services/data/%2e%2e/oauth2/revoke",
        "/services/data/v67.0/query?q=SELECT+Id+FROM+User",
        "/services/apexrest/x",
        "/services/data/\\\\evil.example/x",
    ] {
        let hostile = Hostile::answering(move |_| {
            axum::Json(json!({"done": false, "records": [], "nextRecordsUrl": next})).into_response()
        })
        .await;
        let [error, _] = hostile.refused().await;
        assert!(error.message.contains("is no path of the API"), "{next}: {error}");
        let asked = hostile.asked();
        assert_eq!(asked.iter().filter(|path| path.contains("revoke") || path.contains("User")).count(), 0);
        assert_eq!(asked.len(), 2, "one call each, and no second page: {asked:?}");
    }
}

#[tokio::test]
async fn a_query_that_always_names_a_next_page_is_given_up_after_five_hundred() {
    let hostile = Hostile::answering(|_| {
        let next = "/services/data/v67.0/query/01g5f-2000";
        axum::Json(json!({"done": false, "records": [], "nextRecordsUrl": next})).into_response()
    })
    .await;
    let [error, _] = hostile.refused().await;
    assert_eq!(error.message, "a query has more than 500 pages of rows");
    let asked = hostile.asked();
    assert_eq!(asked.iter().filter(|path| path.starts_with("/services/data/")).count(), 500);
}

#[tokio::test]
async fn the_token_is_not_sent_to_an_instance_that_the_answer_names_elsewhere() {
    for instance in [
        "https://evil.example",
        "https://acme.my.salesforce.com.evil.example",
        "https://169.254.169.254",
        "http://acme.my.salesforce.com",
        "https://acme.my.salesforce.com:8443",
    ] {
        let listener = free_port().await;
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let calls = Arc::<Mutex<Vec<String>>>::default();
        let noted = calls.clone();
        let router = Router::new().fallback(async move |request: Request| {
            noted.lock().unwrap().push(request.uri().path().to_owned());
            axum::Json(json!({"access_token": "t", "token_type": "Bearer", "instance_url": instance}))
        });
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let clock = tells(&Clock::driven(at("2026-11-23T06:10:00Z")));
        let salesforce = Salesforce::new(&salesforce_config(&base_url, by_secret("s")), clock).unwrap();
        let error = salesforce.find_by_email(Lead, &["a@b.example".to_owned()]).await.expect_err(instance);
        assert_eq!(error.code, "cannot-sign-in", "{instance}");
        assert_eq!(*calls.lock().unwrap(), ["/services/oauth2/token"]);
        task.abort();
    }
}
