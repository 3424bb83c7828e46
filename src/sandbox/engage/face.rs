//! The API of the default profile: thin.

use super::drive::Product;
use super::pages;
use super::state::{Actor, Refusal, enrollment_json, prospect_json};
use crate::lifecycle;
use crate::sandbox::faults::{self, Fault, Moment};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::collections::HashMap;
use uuid::Uuid;

/// A body larger than this is refused.
const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Seconds a token lives.
const TOKEN_SECONDS: i64 = 3_600;
/// Ids and updates of one call.
const BATCH_ROWS_MAX: usize = 200;

/// The router.
pub(super) fn router(product: Product) -> Router {
    Router::new().fallback(door).with_state(product)
}

/// A request, taken apart, from a client that is known.
struct Asked {
    method: Method,
    parts: Vec<String>,
    query: HashMap<String, String>,
    headers: HeaderMap,
    body: Bytes,
    client: String,
}

pub(super) async fn door(State(product): State<Product>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let call = faults::called(&parts.uri);
    let fault = product.faults.take(parts.method.as_str(), &call);
    faults::delay(fault.as_ref()).await;
    match &fault {
        Some(Fault::DropBefore) => return faults::broken_off(),
        Some(Fault::Answer { status, body, retry_after }) => {
            let mut response = response(*status, Body::from(body.clone()));
            if let Some(seconds) = retry_after {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(*seconds));
            }
            return response;
        }
        _ => {}
    }
    let Ok(body) = axum::body::to_bytes(body, BODY_BYTES_MAX).await else {
        return refused(&Refusal::new(413, "invalid_request", "the body is too large"));
    };
    if product.faults.breaks(parts.method.as_str(), &path, &body) {
        return response(500, Body::from("Internal Server Error"));
    }
    let query =
        url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let asked = Asked {
        method: parts.method,
        parts: path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect(),
        query,
        headers: parts.headers,
        body,
        client: String::new(),
    };
    let method = asked.method.clone();
    product.faults.happen(Moment::Before, method.as_str(), &call);
    let answer = answer(&product, asked, &path);
    product.faults.happen(Moment::After, method.as_str(), &call);
    if fault == Some(Fault::DropAfter) { faults::broken_off() } else { answer }
}

fn answer(product: &Product, mut asked: Asked, path: &str) -> Response {
    if path == "/oauth/token" {
        return token(product, &asked);
    }
    let now = product.now();
    let bearer = asked.headers.get("authorization").and_then(|value| value.to_str().ok());
    let bearer = bearer.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    let client =
        product.state().tokens.get(bearer).filter(|(_, ends)| *ends > now).map(|(client, _)| client.clone());
    let Some(client) = client else {
        return refused(&Refusal::new(401, "unauthorized", "the token is missing, wrong or has ended"));
    };
    asked.client = client;
    let counted = {
        let mut state = product.state();
        state.call_log.push(format!("{} {path}", asked.method));
        state.count_call(now)
    };
    let (limit, left, resets) = match counted {
        Ok(counted) => counted,
        Err(seconds) => {
            let mut response = refused(&Refusal::new(429, "rate_limited", "too many calls in this minute"));
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            return response;
        }
    };
    let mut response = match route(product, &asked) {
        Ok(body) => json_response(200, &body),
        Err(refusal) => refused(&refusal),
    };
    let headers = response.headers_mut();
    headers.insert("x-ratelimit-limit", HeaderValue::from(limit));
    headers.insert("x-ratelimit-remaining", HeaderValue::from(left));
    headers.insert("x-ratelimit-reset", HeaderValue::from(resets));
    response
}

fn token(product: &Product, asked: &Asked) -> Response {
    let form: HashMap<String, String> = url::form_urlencoded::parse(&asked.body).into_owned().collect();
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    if field("grant_type") != "client_credentials" {
        return json_response(400, &json!({"error": "unsupported_grant_type"}));
    }
    let now = product.now();
    let mut state = product.state();
    let known = state.clients.get(field("client_id")).is_some_and(|secret| secret == field("client_secret"));
    if !known {
        return json_response(401, &json!({"error": "invalid_client"}));
    }
    let token = Uuid::new_v4().simple().to_string();
    let ends = now.saturating_add(SignedDuration::from_secs(TOKEN_SECONDS)).unwrap_or(now);
    state.tokens.insert(token.clone(), (field("client_id").to_owned(), ends));
    json_response(200, &json!({"access_token": token, "token_type": "Bearer", "expires_in": TOKEN_SECONDS}))
}

fn route(product: &Product, asked: &Asked) -> Result<Value, Refusal> {
    let parts: Vec<&str> = asked.parts.iter().map(String::as_str).collect();
    match (asked.method.as_str(), parts.as_slice()) {
        ("GET", ["api", "v1", "prospects"]) => match asked.query.get("ids") {
            Some(ids) => some(product, ids),
            None => pages::list(&product.state(), &asked.query, product.now()),
        },
        ("POST", ["api", "v1", "prospects", "batch"]) => batch(product, asked),
        ("POST", ["api", "v1", "prospects"]) => create(product, asked),
        ("GET", ["api", "v1", "prospects", id]) => {
            product.state().prospect(id).map(prospect_json).ok_or_else(|| Refusal::not_found("such prospect"))
        }
        ("PATCH", ["api", "v1", "prospects", id]) => patch(product, asked, id),
        ("POST", ["api", "v1", "prospects", id, "sequences", verb @ ("pause" | "resume" | "finish")]) => {
            let (now, actor) = (product.now(), Actor::api(&asked.client));
            let changed = product.state().move_sequences(id, verb, &actor, now)?;
            Ok(json!({"enrollments": changed.iter().map(enrollment_json).collect::<Vec<_>>()}))
        }
        ("GET", ["api", "v1", "enrollments"]) => {
            let ids = ids(asked.query.get("prospect_ids").map(String::as_str).unwrap_or_default())?;
            let state = product.state();
            let all = ids.iter().flat_map(|id| state.enrollments_of(id)).map(enrollment_json);
            Ok(json!({"enrollments": all.collect::<Vec<_>>()}))
        }
        ("GET", ["api", "v1", "sequences"]) => {
            let state = product.state();
            let all = state.kept.sequences.values().map(|sequence| {
                json!({"id": sequence.id, "name": sequence.name, "active": sequence.active,
                       "update_person_status_on_stage_change": sequence.moves_status})
            });
            Ok(json!({"sequences": all.collect::<Vec<_>>()}))
        }
        ("GET", ["api", "v1", "statuses"]) => Ok(statuses(product)),
        _ => Err(Refusal::not_found("such resource")),
    }
}

fn statuses(product: &Product) -> Value {
    let built_in = lifecycle::BUILT_IN
        .iter()
        .map(|status| json!({"key": status.key, "label": status.label, "group": status.group}));
    let state = product.state();
    let own = state
        .kept
        .custom_statuses
        .iter()
        .map(|(key, label, group)| json!({"key": key, "label": label, "group": group}));
    json!({"statuses": built_in.chain(own).collect::<Vec<_>>()})
}

fn ids(text: &str) -> Result<Vec<String>, Refusal> {
    let ids: Vec<String> = text.split(',').filter(|id| !id.is_empty()).map(str::to_owned).collect();
    if ids.len() > BATCH_ROWS_MAX {
        return Err(Refusal::new(400, "invalid_request", format!("at most {BATCH_ROWS_MAX} ids")));
    }
    Ok(ids)
}

fn some(product: &Product, text: &str) -> Result<Value, Refusal> {
    let ids = ids(text)?;
    let state = product.state();
    let known = ids.iter().filter_map(|id| state.prospect(id)).map(prospect_json);
    Ok(json!({"prospects": known.collect::<Vec<_>>()}))
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "invalid_request", message)
}

fn body(asked: &Asked) -> Result<Value, Refusal> {
    serde_json::from_slice(&asked.body).map_err(|error| invalid(format!("the body is no JSON: {error}")))
}

fn batch(product: &Product, asked: &Asked) -> Result<Value, Refusal> {
    let body = body(asked)?;
    let updates = body["updates"].as_array().ok_or_else(|| invalid("updates is expected"))?;
    if updates.len() > BATCH_ROWS_MAX {
        return Err(invalid(format!("at most {BATCH_ROWS_MAX} updates")));
    }
    let results = updates.iter().map(|update| {
        let id = update["id"].as_str().unwrap_or_default();
        match set(product, asked, id, update, update["if_version"].as_u64()) {
            Ok(prospect) => json!({"id": id, "ok": true, "prospect": prospect}),
            Err(refusal) => json!({"id": id, "ok": false, "error": refusal.json()}),
        }
    });
    Ok(json!({"results": results.collect::<Vec<_>>()}))
}

fn create(product: &Product, asked: &Asked) -> Result<Value, Refusal> {
    let body = body(asked)?;
    let text = |key: &str| body[key].as_str().unwrap_or_default();
    if text("email").is_empty() {
        return Err(Refusal::new(422, "invalid_request", "email is expected"));
    }
    let status = body["status"].as_str().unwrap_or("just_added");
    if !product.state().knows_status(status) {
        return Err(Refusal::new(422, "unknown_status", format!("there is no status {status:?}")));
    }
    let link = body["salesforce"]["id"].as_str().and_then(|id| id.parse().ok());
    let id = product.create(text("email"), text("first_name"), text("last_name"), text("company"), link);
    let (now, actor) = (product.now(), Actor::api(&asked.client));
    let mut state = product.state();
    state.set(id.as_str(), &body, None, actor, now)?;
    state.writes += 1;
    state.prospect(id.as_str()).map(prospect_json).ok_or_else(|| Refusal::not_found("such prospect"))
}

fn patch(product: &Product, asked: &Asked, id: &str) -> Result<Value, Refusal> {
    let wanted = match asked.headers.get("if-match").map(|value| value.to_str().unwrap_or_default()) {
        Some(tag) => Some(tag.trim_matches('"').parse().map_err(|_| invalid("If-Match is no version"))?),
        None => None,
    };
    set(product, asked, id, &body(asked)?, wanted)
}

fn set(
    product: &Product,
    asked: &Asked,
    id: &str,
    update: &Value,
    if_version: Option<u64>,
) -> Result<Value, Refusal> {
    let known = ["status", "first_name", "last_name", "company", "title"];
    if known.iter().all(|key| update.get(*key).is_none()) {
        return Err(invalid("status is expected"));
    }
    if let Some(key) = update.as_object().and_then(|o| {
        o.keys().find(|key| !["id", "if_version"].contains(&key.as_str()) && !known.contains(&key.as_str()))
    }) {
        return Err(invalid(format!("{key} cannot be set")));
    }
    let now = product.now();
    let mut state = product.state();
    let before = state.prospect(id).map(|prospect| prospect.version);
    state.set(id, update, if_version, Actor::api(&asked.client), now)?;
    if state.prospect(id).map(|prospect| prospect.version) != before {
        state.writes += 1;
        *state.writes_of.entry(id.to_owned()).or_default() += 1;
    }
    state.prospect(id).map(prospect_json).ok_or_else(|| Refusal::not_found("such prospect"))
}

fn refused(refusal: &Refusal) -> Response {
    json_response(refusal.status, &json!({"error": refusal.json()}))
}

fn json_response(status: u16, body: &Value) -> Response {
    let mut response = response(status, Body::from(body.to_string()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn response(status: u16, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}
