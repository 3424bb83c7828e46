//! The private key: what is signed with it, and by what.

use crate::contract::sign_in::rsa_key;
use crate::contract::{at, salesforce_config, tells};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use lockstep::config::SalesforceFlow;
use lockstep::connector::salesforce::Salesforce;
use lockstep::connector::{Lost, Network, Wire};
use lockstep::model::Side;
use lockstep::sandbox::Clock;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// Keeps the bodies, and answers nothing.
#[derive(Clone, Default)]
struct Silent(Arc<Mutex<Vec<Bytes>>>);

impl Wire for Silent {
    fn carry(
        &self,
        _: Side,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'static, Result<http::Response<Bytes>, Lost>> {
        self.0.lock().unwrap().push(request.into_body());
        Box::pin(std::future::ready(Err(Lost { sent: true })))
    }
}

#[tokio::test]
async fn an_assertion_lives_for_three_minutes_at_most_and_is_meant_for_one_host() {
    let (now, silent) = (at("2026-11-23T06:10:00Z"), Silent::default());
    let flow = SalesforceFlow::Jwt { username: "me@acme.example".to_owned(), private_key: rsa_key().0 };
    let config = salesforce_config("https://acme.my.salesforce.com", flow);
    let network = Network::simulated(Arc::new(silent.clone()));
    let salesforce = Salesforce::over(&config, tells(&Clock::driven(now)), network).unwrap();
    salesforce.connect(&[]).await.expect_err("nobody answers");
    let bodies = silent.0.lock().unwrap();
    let form: Vec<(String, String)> = url::form_urlencoded::parse(&bodies[0]).into_owned().collect();
    let assertion = &form.iter().find(|(name, _)| name == "assertion").expect("an assertion").1;
    let parts: Vec<&str> = assertion.split('.').collect();
    let read =
        |part: &str| -> Value { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap() };
    let (header, claims) = (read(parts[0]), read(parts[1]));
    assert_eq!(header["alg"], "RS256");
    let lives = claims["exp"].as_i64().unwrap() - now.as_second();
    assert!((60..=180).contains(&lives), "{lives} seconds");
    assert_eq!(
        (&claims["iss"], &claims["sub"], &claims["aud"]),
        (&json!("lockstep"), &json!("me@acme.example"), &json!("https://acme.my.salesforce.com"))
    );
}

#[test]
fn no_crate_that_is_banned_is_in_the_lock_file() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lock = std::fs::read_to_string(root.join("Cargo.lock")).unwrap();
    let names: Vec<&str> =
        lock.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"')).collect();
    assert!(names.contains(&"aws-lc-rs") && names.contains(&"rustls"), "the file was not read");
    for banned in ["rsa", "openssl", "openssl-sys", "native-tls", "tokio-native-tls"] {
        assert!(!names.contains(&banned), "{banned}: see deny.toml");
    }
    for source in lock.lines().filter_map(|line| line.strip_prefix("source = ")) {
        assert_eq!(source, "\"registry+https://github.com/rust-lang/crates.io-index\"");
    }
}

#[test]
fn every_exception_from_the_advisories_has_a_date_and_a_reason() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let deny: toml::Value =
        toml::from_str(&std::fs::read_to_string(root.join("deny.toml")).unwrap()).unwrap();
    let exceptions = deny["advisories"]["ignore"].as_array().unwrap();
    assert!(!exceptions.is_empty());
    for exception in exceptions {
        let reason = exception["reason"].as_str().unwrap_or_default();
        let (date, why) = reason.split_once(": ").unwrap_or_else(|| panic!("{exception}"));
        assert!(date.parse::<jiff::civil::Date>().is_ok() && why.len() > 20, "{exception}");
    }
}
