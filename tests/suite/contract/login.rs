//! The web-server flow with PKCE, against the sandbox: what a consent brings, and what is refused in which words.

use super::refresh_token::{mode, refresh, text};
use super::sign_in::Door;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lockstep::config::SalesforceFlow;
use lockstep::sandbox::salesforce::Consent;
use lockstep::sandbox::{Fault, When};
use reqwest::StatusCode;
use reqwest::redirect::Policy;
use secrecy::SecretString;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;
use url::Url;

const CALLBACK: &str = "http://localhost:8243/callback";
const VERIFIER: &str = "a-verifier-of-more-than-forty-three-characters";

/// An org whose people allow everything, and a public app that rotates its tokens.
async fn willing() -> Door {
    let door = Door::open().await;
    door.org.register_callback("lockstep", CALLBACK, true);
    door.org.set_consent(Consent::Allowed);
    door
}

async fn ask(request: reqwest::RequestBuilder) -> reqwest::Response {
    request.send().await.expect("an answer")
}

fn browser() -> reqwest::Client {
    reqwest::Client::builder().redirect(Policy::none()).build().expect("a client")
}

/// Where the browser is sent to, taken apart.
fn sent(answer: &reqwest::Response) -> HashMap<String, String> {
    assert_eq!(answer.status(), StatusCode::FOUND);
    let to: Url = answer.headers()["location"].to_str().expect("text").parse().expect("a URL");
    assert!(to.as_str().starts_with(CALLBACK), "{to}");
    to.query_pairs().into_owned().collect()
}

/// The code that a consent brings.
async fn code(url: &Url) -> SecretString {
    sent(&ask(browser().get(url.clone())).await).remove("code").expect("a code").into()
}

/// The address that asks for consent, with some of its parts changed.
fn authorize(door: &Door, changed: &[(&str, &str)]) -> Url {
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
    let mut parts = HashMap::from([
        ("response_type", "code"),
        ("client_id", "lockstep"),
        ("redirect_uri", CALLBACK),
        ("state", "a state"),
        ("scope", "api refresh_token"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ]);
    parts.extend(changed.iter().copied());
    Url::parse_with_params(&format!("{}/services/oauth2/authorize", door.served.base_url()), parts)
        .expect("a URL")
}

/// The token endpoint's answer to a code, with some parts of the request changed.
async fn exchange(door: &Door, code: &str, changed: &[(&str, &str)]) -> Value {
    let mut form = HashMap::from([
        ("grant_type", "authorization_code"),
        ("code", code),
        ("client_id", "lockstep"),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ]);
    form.extend(changed.iter().copied());
    let endpoint = format!("{}/services/oauth2/token", door.served.base_url());
    let answer = ask(browser().post(endpoint).form(&form)).await;
    assert_eq!(answer.headers()["cache-control"], "no-cache, no-store");
    answer.json().await.expect("JSON")
}

async fn fresh_code(door: &Door) -> String {
    sent(&ask(browser().get(authorize(door, &[]))).await).remove("code").expect("a code")
}

fn denied(error: &str, description: &str) -> Value {
    json!({"error": error, "error_description": description})
}

fn confidential(file: &Path) -> SalesforceFlow {
    SalesforceFlow::RefreshToken {
        client_secret: Some(SecretString::from("hush")),
        refresh_token_file: file.to_owned(),
    }
}

#[tokio::test]
async fn a_consent_brings_a_token_that_is_kept_and_works_for_apps_with_and_without_a_secret() {
    let dir = tempfile::tempdir().expect("a directory");
    for (number, flow) in [refresh, confidential].into_iter().enumerate() {
        let door = willing().await;
        if number == 1 {
            door.org.register_app("lockstep", "hush");
        }
        let file = dir.path().join(format!("token-{number}"));
        let connector = door.connector(flow(&file));
        let login = connector.begin_login(CALLBACK).await.expect("a login");
        assert!(!file.exists(), "nothing is there before the consent");
        let consent = code(&login.url).await;
        let who = connector.finish_login(login, consent).await.expect("signed in");
        assert_eq!(who.username.as_deref(), Some("lockstep@sandbox.example"));
        assert!(who.organization.starts_with("00D") && who.user.starts_with("005"), "{who:?}");
        assert_eq!(who.instance.as_str().trim_end_matches('/'), door.served.base_url());
        assert!(mode(&file) == 0o600 && text(&file).starts_with("5Aep"));
        // It was used once and followed by another: a restart goes on with that one.
        door.connector(flow(&file)).connect(&[]).await.expect("signed in again");
    }
}

#[tokio::test]
async fn the_address_asks_for_what_is_needed_and_every_login_for_something_else() {
    let door = willing().await;
    let dir = tempfile::tempdir().expect("a directory");
    let connector = door.connector(refresh(&dir.path().join("token")));
    let logins = [
        connector.begin_login(CALLBACK).await.expect("one"),
        connector.begin_login(CALLBACK).await.expect("two"),
    ];
    let [one, two] =
        logins.each_ref().map(|login| -> HashMap<_, _> { login.url.query_pairs().into_owned().collect() });
    let expected = [
        ("response_type", "code"),
        ("client_id", "lockstep"),
        ("redirect_uri", CALLBACK),
        ("scope", "api refresh_token"),
        ("code_challenge_method", "S256"),
    ];
    assert!(expected.iter().all(|(name, value)| one[*name] == *value), "{one:?}");
    assert!(one["state"] != two["state"] && one["code_challenge"] != two["code_challenge"]);
    assert!(logins[0].is_for(&one["state"]) && !logins[0].is_for(&two["state"]) && !logins[0].is_for(""));
}

#[tokio::test]
async fn a_code_is_worth_nothing_to_whoever_did_not_ask_for_it() {
    let door = willing().await;
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("token");
    let connector = door.connector(refresh(&file));
    let (ours, theirs) = (
        connector.begin_login(CALLBACK).await.expect("one"),
        connector.begin_login(CALLBACK).await.expect("two"),
    );
    let error = connector.finish_login(ours, code(&theirs.url).await).await.expect_err("another's code");
    assert_eq!((error.code.as_str(), error.message.as_str()), ("invalid_grant", "invalid code verifier"));
    assert!(!file.exists());
}

#[tokio::test]
async fn a_code_is_good_once_for_ten_minutes_and_for_its_own_callback() {
    let door = willing().await;
    let dead = denied("invalid_grant", "expired authorization code");
    let code = fresh_code(&door).await;
    let granted = exchange(&door, &code, &[]).await;
    assert!(granted["refresh_token"].as_str().is_some_and(|token| token.starts_with("5Aep")), "{granted}");
    assert_eq!(exchange(&door, &code, &[]).await, dead, "the second time");

    let code = fresh_code(&door).await;
    door.clock.advance(Duration::from_secs(10 * 60));
    assert_eq!(exchange(&door, &code, &[]).await, dead, "too late");

    let other = [("redirect_uri", "http://localhost:8243/callback/")];
    let mismatch = denied("redirect_uri_mismatch", "redirect_uri must match configuration");
    let code = fresh_code(&door).await;
    assert_eq!(exchange(&door, &code, &other).await, mismatch);
    for verifier in ["", "short", &VERIFIER.to_uppercase()] {
        let code = fresh_code(&door).await;
        let refused = exchange(&door, &code, &[("code_verifier", verifier)]).await;
        assert_eq!(refused, denied("invalid_grant", "invalid code verifier"), "{verifier}");
    }
}

#[tokio::test]
async fn an_app_with_a_secret_must_show_it_and_the_verifier() {
    let door = willing().await;
    door.org.register_app("lockstep", "hush");
    for (secret, refused) in [("", true), ("wrong", true), ("hush", false)] {
        let code = fresh_code(&door).await;
        let answer = exchange(&door, &code, &[("client_secret", secret)]).await;
        assert_eq!(answer == denied("invalid_client", "invalid client credentials"), refused, "{answer}");
    }
    assert!(!format!("{:?}", door.org).contains("hush"), "nothing that is printed of an org shows it");
}

#[tokio::test]
async fn a_person_decides_on_a_page() {
    let door = willing().await;
    door.org.set_consent(Consent::Asked);
    let url = authorize(&door, &[("state", "\"><script>")]);
    let page = ask(browser().get(url.clone())).await.text().await.expect("a page");
    assert!(page.contains(">Allow<") && page.contains(">Deny<") && !page.contains("<script>"), "{page}");
    let mut form: HashMap<_, _> = url.query_pairs().into_owned().collect();
    let endpoint = format!("{}/services/oauth2/authorize", door.served.base_url());
    for (decision, brings) in [("allow", "code"), ("deny", "error")] {
        form.insert("decision".to_owned(), decision.to_owned());
        let sent = sent(&ask(browser().post(&endpoint).form(&form)).await);
        assert!(sent.contains_key(brings) && sent["state"] == "\"><script>", "{sent:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_allowed_is_sent_back_and_what_cannot_be_sent_back_is_told() {
    let door = willing().await;
    for (changed, error) in [
        (("code_challenge", ""), "invalid_request"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("response_type", "token"), "unsupported_response_type"),
    ] {
        let sent = sent(&ask(browser().get(authorize(&door, &[changed]))).await);
        assert_eq!((sent["error"].as_str(), sent["state"].as_str()), (error, "a state"));
    }
    for (changed, error) in [
        (("redirect_uri", "http://localhost:8244/callback"), "redirect_uri_mismatch"),
        (("redirect_uri", "https://evil.example/"), "redirect_uri_mismatch"),
        (("client_id", "nobody"), "invalid_client_id"),
    ] {
        let answer = ask(browser().get(authorize(&door, &[changed]))).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
        assert!(answer.text().await.expect("a page").contains(error), "{error}");
    }
    door.org.set_consent(Consent::Denied);
    let sent = sent(&ask(browser().get(authorize(&door, &[]))).await);
    assert_eq!((sent["error"].as_str(), sent.get("code")), ("access_denied", None));
}

#[tokio::test]
async fn a_consent_without_a_refresh_token_names_the_scope_that_is_missing() {
    let door = willing().await;
    let dir = tempfile::tempdir().expect("a directory");
    let connector = door.connector(refresh(&dir.path().join("token")));
    let login = connector.begin_login(CALLBACK).await.expect("a login");
    let body = json!({"access_token": "hush", "token_type": "Bearer", "scope": "api"}).to_string();
    let fault = Fault::Answer { status: 200, body, retry_after: None };
    door.org.faults().add(When::next("POST", "/services/oauth2/token"), fault);
    let error = connector.finish_login(login, SecretString::from("a code")).await.expect_err("no token");
    assert!(error.message.contains("refresh_token") && !error.message.contains("hush"), "{error}");
}

#[tokio::test]
async fn a_login_waits_for_a_daemon_that_signs_in_and_the_daemon_goes_on_with_the_new_token() {
    let door = willing().await;
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("token");
    std::fs::write(&file, "first\n").expect("a file");
    door.org.grant_refresh_token("lockstep", "first", true);
    let (daemon, person) = (door.connector(refresh(&file)), door.connector(refresh(&file)));
    let login = person.begin_login(CALLBACK).await.expect("a login");
    let consent = code(&login.url).await;
    let (worked, who) = tokio::join!(daemon.connect(&[]), person.finish_login(login, consent));
    worked.expect("the daemon signs in");
    who.expect("the person signs in");
    door.org.revoke_sessions();
    daemon.who().await.expect("with the token that the login left");
}
