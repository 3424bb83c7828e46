//! The web-server flow: a person allows an app to come in, and the app fetches its tokens for the code it was brought.

use super::auth::{Denied, app, grant, secret_fits};
use super::{Asked, plain};
use crate::sandbox::salesforce::app::{Code, Consent};
use crate::sandbox::salesforce::drive::Org;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use url::Url;
use uuid::Uuid;

/// How long a code is good for.
const CODE_SECONDS: i64 = 10 * 60;

/// What the page sends back unchanged.
const CARRIED: [&str; 7] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
];

/// Lengths of a verifier (facts/salesforce-api.md 1.4).
const VERIFIER_LENGTHS: std::ops::RangeInclusive<usize> = 43..=128;

/// `/services/oauth2/authorize`: the page, or where the browser is sent from it.
pub(super) fn authorize(org: &Org, asked: &Asked) -> Response {
    let form = asked.form();
    let field = |name: &str| form.get(name).or_else(|| asked.query.get(name)).map_or("", String::as_str);
    let client = field("client_id");
    let Some(known) = org.state().apps.get(client).cloned() else {
        return told("invalid_client_id", "client identifier invalid");
    };
    // Nobody is sent to an address that the app's admin did not name.
    let callback = match Url::parse(field("redirect_uri")) {
        Ok(callback) if known.callbacks.contains(field("redirect_uri")) => callback,
        _ => return told("redirect_uri_mismatch", "redirect_uri must match configuration"),
    };
    let back = |answer: &[(&str, &str)]| sent_to(callback.clone(), answer, field("state"));
    let refused = |error, description| back(&[("error", error), ("error_description", description)]);
    if field("response_type") != "code" {
        return refused("unsupported_response_type", "response type not supported");
    }
    if field("code_challenge").is_empty() {
        return refused("invalid_request", "missing required code challenge");
    }
    if field("code_challenge_method") != "S256" {
        return refused("invalid_request", "code challenge method not supported");
    }
    let consent = org.state().consent;
    let decided = match (consent, field("decision")) {
        (Consent::Allowed, _) | (Consent::Asked, "allow") => true,
        (Consent::Denied, _) | (Consent::Asked, "deny") => false,
        (Consent::Asked, _) => return page(&form_page(client, field)),
    };
    if !decided {
        return refused("access_denied", "end-user denied authorization");
    }
    let scope = field("scope");
    let lasting = scope.split(' ').any(|scope| matches!(scope, "refresh_token" | "offline_access" | "full"));
    // As Salesforce's own, it ends in signs that a URL has to escape.
    let code = format!("aPrx{}==", Uuid::new_v4().simple());
    let made = Code {
        client: client.to_owned(),
        callback: field("redirect_uri").to_owned(),
        challenge: field("code_challenge").to_owned(),
        lasting: lasting || scope.is_empty(),
        made: org.now(),
    };
    org.state().codes.insert(code.clone(), made);
    back(&[("code", &code)])
}

/// Tokens for a code. Whatever comes of it, the code is used up.
pub(super) fn exchange(org: &Org, asked: &Asked, form: &HashMap<String, String>) -> Result<Value, Denied> {
    const DEAD: Denied = ("invalid_grant", "expired authorization code");
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    let (client, known) = app(org, asked, form)?;
    if known.secret.is_some() {
        secret_fits(&known, asked, form)?;
    }
    let code = org.state().codes.remove(field("code")).ok_or(DEAD)?;
    if code.client != client || org.now() >= code.made + CODE_SECONDS {
        return Err(DEAD);
    }
    if code.callback != field("redirect_uri") {
        return Err(("redirect_uri_mismatch", "redirect_uri must match configuration"));
    }
    let verifier = field("code_verifier");
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
    if !VERIFIER_LENGTHS.contains(&verifier.len()) || challenge != code.challenge {
        return Err(("invalid_grant", "invalid code verifier"));
    }
    let lasting = code.lasting.then(|| org.state().new_refresh_token(&client)).flatten();
    Ok(grant(org, asked, lasting))
}

fn sent_to(mut callback: Url, answer: &[(&str, &str)], state: &str) -> Response {
    callback.query_pairs_mut().extend_pairs(answer);
    if !state.is_empty() {
        callback.query_pairs_mut().append_pair("state", state);
    }
    let mut response = plain(StatusCode::FOUND);
    if let Ok(location) = HeaderValue::from_str(callback.as_str()) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// What cannot be sent back to the app is told to the person.
fn told(error: &str, description: &str) -> Response {
    let mut response = page(&format!("<p>error={error}&amp;error_description={description}</p>"));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response
}

fn form_page<'a>(client: &str, field: impl Fn(&str) -> &'a str) -> String {
    let carried: String = CARRIED
        .iter()
        .map(|name| format!("<input type=\"hidden\" name=\"{name}\" value=\"{}\">", escaped(field(name))))
        .collect();
    format!(
        "<h1>Allow access?</h1><p>{} asks for: {}</p><form method=\"post\" action=\"/services/oauth2/authorize\">{carried}\
         <button name=\"decision\" value=\"allow\">Allow</button> <button name=\"decision\" value=\"deny\">Deny</button></form>",
        escaped(client),
        escaped(field("scope")),
    )
}

fn page(body: &str) -> Response {
    let html = format!("<!doctype html><title>Sandbox</title>{body}\n");
    let mut response = Response::new(Body::from(html));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html;charset=UTF-8"));
    response
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
