//! A canary in the place of every secret: a real daemon works with it at the most talkative level, and it is found
//! nowhere afterwards.

use super::daemon::{CLIENT, Secrets, Stage, closed_file};
use crate::contract::sign_in::rsa_key;
use lockstep::sandbox::{Fault, When};
use regex::Regex;
use secrecy::ExposeSecret;
use serde_json::json;
use std::fs;
use uuid::Uuid;

/// Nobody writes this by chance, in whatever way letters and digits are encoded for a URL, a header or JSON.
fn canary(slot: &str) -> String {
    format!("canary{slot}{}", Uuid::new_v4().simple())
}

fn secrets() -> Secrets {
    Secrets {
        engage: canary("engage"),
        webhook: [canary("webhooknew"), canary("webhookold")],
        admin: canary("admin"),
    }
}

/// What must not be found, and everywhere that was looked.
struct Search {
    canaries: Vec<String>,
    places: Vec<(String, Vec<u8>)>,
}

impl Search {
    fn look(&mut self, place: &str, bytes: impl Into<Vec<u8>>) {
        self.places.push((place.to_owned(), bytes.into()));
    }

    fn finds_nothing(&self) {
        assert!(
            self.places.iter().all(|(_, bytes)| !bytes.is_empty()),
            "a place is empty: nothing was looked at"
        );
        for (place, bytes) in &self.places {
            let text = String::from_utf8_lossy(bytes);
            for canary in &self.canaries {
                assert!(!text.contains(canary.as_str()), "{canary} is in {place}");
            }
            // The sandbox's own forms of an access token and of a refresh token.
            for form in
                [r"00D\w{12,15}![0-9a-f]", r"5Aep\w", r"[Bb]earer [0-9A-Za-z!]{8}", r"eyJ[0-9A-Za-z_-]{20}"]
            {
                let found = Regex::new(form).unwrap().find(&text).map(|found| found.as_str().to_owned());
                assert_eq!(found, None, "a token is in {place}");
            }
        }
    }
}

/// Asks everything that can be asked over HTTP, rightly and wrongly. What was answered, headers and all.
async fn asked(stage: &Stage, secrets: &Secrets) -> String {
    let (client, base) = (reqwest::Client::new(), stage.address());
    let mut answers = String::new();
    for path in [
        "/",
        "/livez",
        "/readyz",
        "/metrics",
        "/api/v1/status",
        "/api/v1/plan",
        "/api/v1/links",
        "/api/v1/parked",
    ] {
        for token in ["", "wrong", &secrets.admin[..20], &secrets.admin] {
            let answer = client.get(format!("{base}{path}")).bearer_auth(token).send().await.unwrap();
            answers.push_str(&format!("{:?}\n", answer.headers()));
            answers.push_str(&answer.text().await.unwrap());
        }
    }
    for (path, body) in
        [("pause", json!({})), ("resume", json!({})), ("resync", json!({"which": &secrets.webhook[0][..3]}))]
    {
        let request = client.post(format!("{base}/api/v1/{path}")).bearer_auth(&secrets.admin).json(&body);
        answers.push_str(&request.send().await.unwrap().text().await.unwrap());
    }
    for signed_by in [secrets.webhook[0].as_str(), &secrets.webhook[1], "somebody else"] {
        let (headers, body) = stage.product.signed_event(&stage.prospect, &[signed_by]);
        let mut request = client.post(format!("{base}/webhooks/engage")).body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), if signed_by.starts_with("canary") { 204 } else { 401 });
        answers.push_str(&format!("{:?}\n", answer.headers()));
    }
    answers
}

/// A day in small with these ways of signing in, and then the search.
async fn nothing_leaks(mut stage: Stage, sign_in: &str, mut canaries: Vec<String>) {
    let secrets = secrets();
    canaries.extend([secrets.engage.clone(), secrets.admin.clone()]);
    canaries.extend(secrets.webhook.clone());
    let mut search = Search { canaries, places: Vec::new() };
    stage.configure(sign_in, &secrets);

    stage.start();
    stage.hears("pass.finished").await;
    search.look("answers", asked(&stage, &secrets).await);
    stage.org.edit(stage.lead, &[("Status", json!("Nurture"))]);
    stage.hears("status.written").await;
    // Sessions end, passwords are refused, and answers are no answers: what then is said must not say too much either.
    let wrong = |status, body: &str| Fault::Answer { status, body: body.to_owned(), retry_after: None };
    let token = |times| When { times, ..When::next("POST", "oauth") };
    stage.org.revoke_sessions();
    stage.product.revoke_tokens();
    stage.product.faults().add(token(1), wrong(200, "{\"access_token\":7}"));
    stage.org.faults().add(token(1), wrong(200, "{\"access_token\":"));
    stage.hears("call.failed").await;
    stage.org.edit(stage.lead, &[("Status", json!("Not interested"))]);
    let both = |said: &str| said.matches("\"event\":\"status.written\"").count() >= 2;
    stage.until("a second status.written", both).await;
    stage.product.faults().add(token(1), wrong(401, "{\"error\":\"invalid_client\"}"));
    stage.product.revoke_tokens();
    stage.hears("side.stopped").await;
    search.look(
        "readiness",
        reqwest::get(format!("{}/readyz", stage.address())).await.unwrap().text().await.unwrap(),
    );
    stage.stop().await;

    search.look("log lines", stage.said());
    search.look("the store", stage.stored());
    for command in [&["status"][..], &["parked"], &["conflicts"], &["check"], &["check", "--live"], &["plan"]]
    {
        let arguments = [command, &["-c", "lockstep.toml"]].concat();
        search.look(&command.join(" "), stage.command(&arguments).await);
    }
    // A file with mistakes is shown, and so is a secret that somebody has put where it does not belong.
    let broken = fs::read_to_string(stage.dir.path().join("lockstep.toml")).unwrap().replace(
        "tenant = \"acme\"",
        &format!("tenant = 7\n[salesforce]\nclient_secret = \"{}\"\n", search.canaries[0]),
    );
    fs::write(stage.dir.path().join("broken.toml"), broken).unwrap();
    search.look("the mistakes", stage.command(&["check", "-c", "broken.toml"]).await);
    let config =
        lockstep::config::load(&stage.dir.path().join("lockstep.toml"), vec![]).expect("sound").config;
    search.look("Debug", format!("{config:?}"));
    let stderr = stage.stderr();
    search.look("standard error", format!("(begins)\n{stderr}"));
    search.finds_nothing();
}

/// Names and an address that are nobody else's.
const NAME: &str = "Quetzalcoatlus";
const EMAIL: &str = "q.northropi@texas.example";

#[tokio::test(flavor = "multi_thread")]
async fn a_client_secret_is_found_nowhere() {
    let stage = Stage::set(NAME, EMAIL).await;
    let secret = canary("salesforce");
    stage.org.register_app(CLIENT, &secret);
    closed_file(&stage.dir.path().join("salesforce-secret"), &secret);
    let sign_in = "flow = \"client-credentials\"\nclient_secret_file = \"salesforce-secret\"";
    nothing_leaks(stage, sign_in, vec![secret]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_key_and_what_it_signs_are_found_nowhere() {
    let stage = Stage::set(NAME, EMAIL).await;
    let (private, public) = rsa_key();
    stage.org.register_key(CLIENT, "me@acme.example", &public);
    let pem = private.expose_secret();
    closed_file(&stage.dir.path().join("key.pem"), pem);
    // Each line is a canary of its own: a part of a key is too much as well.
    let lines: Vec<String> = pem.lines().filter(|line| !line.starts_with('-')).map(str::to_owned).collect();
    assert!(lines.len() > 20);
    let sign_in = "flow = \"jwt\"\nusername = \"me@acme.example\"\nprivate_key_file = \"key.pem\"";
    nothing_leaks(stage, sign_in, lines).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_and_its_successors_are_found_nowhere() {
    let stage = Stage::set(NAME, EMAIL).await;
    let (token, secret) = (canary("refresh"), canary("salesforce"));
    stage.org.register_app(CLIENT, &secret);
    stage.org.grant_refresh_token(CLIENT, &token, true);
    closed_file(&stage.dir.path().join("salesforce-secret"), &secret);
    closed_file(&stage.dir.path().join("refresh-token"), &token);
    let sign_in = "flow = \"refresh-token\"\nclient_secret_file = \"salesforce-secret\"\n\
                   refresh_token_file = \"refresh-token\"";
    nothing_leaks(stage, sign_in, vec![token, secret]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_addresses_of_people_stand_in_no_log_line_no_metric_and_not_in_the_store() {
    let mut stage = Stage::set(NAME, EMAIL).await;
    let secret = canary("salesforce");
    stage.org.register_app(CLIENT, &secret);
    closed_file(&stage.dir.path().join("salesforce-secret"), &secret);
    let secrets = secrets();
    stage.configure("flow = \"client-credentials\"\nclient_secret_file = \"salesforce-secret\"", &secrets);
    // Somebody without a link is looked for by address.
    stage.org.create_lead("Loose", "Pterodactylus", "Solnhofen", "loose@solnhofen.example", "New");
    stage.product.create("loose@solnhofen.example", "Loose", "Pterodactylus", "Solnhofen", None);
    stage.start();
    stage.hears("pass.finished").await;
    stage.org.edit(stage.lead, &[("Status", json!("Nurture"))]);
    stage.hears("status.written").await;
    // An answer of another shape is quoted nowhere.
    let body = format!("{{\"items\":\"{NAME} <{EMAIL}>\",\"prospects\":\"{NAME}\"}}");
    let fault = Fault::Answer { status: 200, body, retry_after: None };
    stage.product.faults().add(When { times: 3, ..When::next("GET", "prospects") }, fault);
    stage.hears("call.failed").await;
    let metrics =
        reqwest::Client::new().get(format!("{}/metrics", stage.address())).bearer_auth(&secrets.admin);
    let metrics = metrics.send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("lockstep_links"), "{metrics}");
    stage.stop().await;
    let stored = stage.stored();
    for (place, text) in [
        ("the log", stage.said()),
        ("the metrics", metrics),
        ("the store", String::from_utf8_lossy(&stored).into_owned()),
    ] {
        for word in [NAME, EMAIL, "northropi", "texas.example", "Pterodactylus", "solnhofen", "Solnhofen"] {
            assert!(!text.contains(word), "{word} is in {place}");
        }
    }
    let known = stage.prospect.to_string();
    assert!(String::from_utf8_lossy(&stored).contains(&known), "ids are there, so the search works");
}
