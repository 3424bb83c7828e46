//! The ways of signing in to Salesforce, against the sandbox.

use super::stubs::StubServer;
use super::{at, by_secret, fixtures, free_port, salesforce_config, tells};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lockstep::config::SalesforceFlow;
use lockstep::connector::Retry;
use lockstep::connector::salesforce::Salesforce;
use lockstep::sandbox::salesforce::Org;
use lockstep::sandbox::{Clock, Served};
use secrecy::SecretString;

/// An org being served, and how to get in.
pub struct Door {
    pub org: Org,
    pub clock: Clock,
    pub served: Served,
}

impl Door {
    pub async fn open() -> Door {
        let clock = Clock::driven(at("2026-11-23T06:10:00Z"));
        let org = Org::new(clock.clone());
        let served = org.serve(free_port().await).expect("a server");
        Door { org, clock, served }
    }

    pub fn connector(&self, flow: SalesforceFlow) -> Salesforce {
        let config = salesforce_config(&self.served.base_url(), flow);
        Salesforce::new(&config, tells(&self.clock)).expect("a connector")
    }
}

/// A new private key, and what an admin uploads of it: both PEM.
pub fn rsa_key() -> (SecretString, String) {
    let pem = |label: &str, der: &[u8]| {
        let text = STANDARD.encode(der);
        let lines: Vec<&str> =
            text.as_bytes().chunks(64).filter_map(|line| str::from_utf8(line).ok()).collect();
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
    };
    let key = KeyPair::generate(KeySize::Rsa2048).expect("a key");
    let private = AsDer::<Pkcs8V1Der<'_>>::as_der(&key).expect("PKCS#8");
    let public = AsDer::<PublicKeyX509Der<'_>>::as_der(key.public_key()).expect("X.509");
    (SecretString::from(pem("PRIVATE KEY", private.as_ref())), pem("PUBLIC KEY", public.as_ref()))
}

fn jwt(username: &str, private_key: &SecretString) -> SalesforceFlow {
    SalesforceFlow::Jwt { username: username.to_owned(), private_key: private_key.clone() }
}

#[tokio::test]
async fn a_jwt_signed_with_the_registered_key_signs_in_and_no_other() {
    let door = Door::open().await;
    let ((ours, public), (theirs, _)) = (rsa_key(), rsa_key());
    door.org.register_key("lockstep", "lockstep@example.com", &public);
    door.connector(jwt("lockstep@example.com", &ours)).connect(&[]).await.expect("signed in");
    for (flow, words) in [
        (jwt("lockstep@example.com", &theirs), "invalid assertion"),
        (jwt("somebody@example.com", &ours), "user hasn't approved this consumer"),
    ] {
        let error = door.connector(flow).connect(&[]).await.expect_err(words);
        assert_eq!(
            (error.code.as_str(), error.message.as_str(), error.retry),
            ("invalid_grant", words, Retry::Stop)
        );
    }
}

#[tokio::test]
async fn a_key_that_is_no_key_stops_before_any_call_and_is_not_shown() {
    let door = Door::open().await;
    let flow = jwt("lockstep@example.com", &SecretString::from("hush-hush"));
    let error = door.connector(flow).connect(&[]).await.expect_err("no key");
    assert_eq!(error.retry, Retry::Stop);
    assert!(error.message.contains("private_key_file") && !error.message.contains("hush"), "{error}");
}

#[tokio::test]
async fn many_calls_at_once_ask_for_one_token() {
    let stubs = StubServer::start(&fixtures("salesforce")).await;
    let clock = Clock::driven(at("2026-11-23T05:55:00Z"));
    let config = salesforce_config(&stubs.base_url, by_secret("secret"));
    let connector = Salesforce::new(&config, tells(&clock)).expect("a connector");
    let calls = (0..32).map(|_| {
        let connector = connector.clone();
        tokio::spawn(async move { connector.connect(&[]).await })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.expect("no panic").expect("an answer");
    }
    let journal = stubs.journal();
    let tokens = journal.iter().filter(|made| made.target == "/services/oauth2/token").count();
    assert_eq!((tokens, journal.len()), (1, 33));
}
