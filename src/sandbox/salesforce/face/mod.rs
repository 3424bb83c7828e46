//! The REST API: thin. Every path goes through one door, since names are case-insensitive and a slash at the end
//! means nothing.

mod auth;
mod bulk;
mod collections;
mod consent;
mod csv_text;
mod describe;
mod query;
mod replication;
mod rows;
mod soap;

use super::drive::Org;
use super::writes::Refusal;
use crate::sandbox::faults::{self, Fault, Moment};
use crate::sandbox::served::OverTls;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;

/// A body larger than this is refused.
const BODY_BYTES_MAX: usize = 150 * 1_000 * 1_000;
/// The longest URI (facts/salesforce-api.md 2.9).
const URI_BYTES_MAX: usize = 16_384;
/// The versions that are served.
const VERSIONS: std::ops::RangeInclusive<u32> = 31..=68;

/// The router.
pub(super) fn router(org: Org) -> Router {
    Router::new().fallback(door).with_state(org)
}

/// Headers besides those that every answer has.
type Told = Vec<(&'static str, String)>;

/// An answer before it is one.
struct Reply {
    status: StatusCode,
    body: Option<Value>,
    /// JSON that is text already.
    text: Option<Arc<str>>,
    /// Rows of a bulk job, and what the headers say of them.
    csv: Option<(Vec<u8>, Told)>,
}

impl Reply {
    fn ok(body: Value) -> Reply {
        Reply::of(StatusCode::OK, body)
    }

    fn of(status: StatusCode, body: Value) -> Reply {
        Reply { body: Some(body), ..Reply::empty(status) }
    }

    fn empty(status: StatusCode) -> Reply {
        Reply { status, body: None, text: None, csv: None }
    }

    fn text(text: Arc<str>) -> Reply {
        Reply { text: Some(text), ..Reply::empty(StatusCode::OK) }
    }

    fn csv(rows: Vec<u8>, headers: Told) -> Reply {
        Reply { csv: Some((rows, headers)), ..Reply::empty(StatusCode::OK) }
    }
}

/// A refusal with its HTTP status.
struct Refused(StatusCode, Refusal);

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Refused {
        let status = match refusal.code {
            "NOT_FOUND" | "ENTITY_IS_DELETED" => StatusCode::NOT_FOUND,
            "REQUEST_LIMIT_EXCEEDED" => StatusCode::FORBIDDEN,
            _ => StatusCode::BAD_REQUEST,
        };
        Refused(status, refusal)
    }
}

fn not_found() -> Refused {
    Refusal::new("NOT_FOUND", "The requested resource does not exist").into()
}

/// A request, taken apart.
struct Asked {
    method: Method,
    /// Behind `/services/data/vNN.0`, without empty parts.
    parts: Vec<String>,
    version: String,
    query: HashMap<String, String>,
    headers: HeaderMap,
    body: Bytes,
    over_tls: bool,
    /// What change events will say of this call.
    origin: String,
}

impl Asked {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    fn form(&self) -> HashMap<String, String> {
        url::form_urlencoded::parse(&self.body).into_owned().collect()
    }

    fn json(&self) -> Result<Value, Refused> {
        serde_json::from_slice(&self.body)
            .map_err(|error| Refusal::new("JSON_PARSER_ERROR", format!("Unexpected input: {error}")).into())
    }
}

pub(super) async fn door(State(org): State<Org>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let call = faults::called(&parts.uri);
    let fault = org.faults.take(parts.method.as_str(), &call);
    faults::delay(fault.as_ref()).await;
    match &fault {
        Some(Fault::DropBefore) => return faults::broken_off(),
        Some(Fault::Answer { status, body, retry_after }) => {
            return canned(&org, *status, body, *retry_after);
        }
        _ => {}
    }
    let Ok(body) = axum::body::to_bytes(body, BODY_BYTES_MAX).await else {
        return plain(StatusCode::PAYLOAD_TOO_LARGE);
    };
    if org.faults.breaks(parts.method.as_str(), &call, &body) {
        return plain(StatusCode::INTERNAL_SERVER_ERROR);
    }
    org.faults.happen(Moment::Before, parts.method.as_str(), &call);
    let answer = answer(&org, &parts, body);
    org.faults.happen(Moment::After, parts.method.as_str(), &call);
    if fault == Some(Fault::DropAfter) { faults::broken_off() } else { answer }
}

fn answer(org: &Org, request: &Parts, body: Bytes) -> Response {
    let uri = &request.uri;
    let path = uri.path();
    if uri.path_and_query().is_some_and(|all| all.as_str().len() > URI_BYTES_MAX) {
        return plain(StatusCode::URI_TOO_LONG);
    }
    let parts: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
    let query: HashMap<String, String> =
        url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let over_tls = request.extensions.get::<OverTls>().is_some();
    let (method, headers) = (request.method.clone(), request.headers.clone());
    let mut asked = Asked {
        method,
        parts,
        version: String::new(),
        query,
        headers,
        body,
        over_tls,
        origin: String::new(),
    };
    if let Some(response) = auth::answer(org, &asked) {
        return response;
    }
    let lower: Vec<String> = asked.parts.iter().map(|part| part.to_ascii_lowercase()).collect();
    let Some(version) = (match lower.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["services", "data"] => return json_response(org, StatusCode::OK, &describe::versions(), false),
        ["services", "data", version, ..] => version.strip_prefix('v').map(str::to_owned),
        _ => None,
    }) else {
        return refused(org, not_found());
    };
    let served = version.strip_suffix(".0").and_then(|number| number.parse::<u32>().ok());
    if !served.is_some_and(|number| VERSIONS.contains(&number)) {
        let status = if served.is_some_and(|number| number < *VERSIONS.start()) {
            StatusCode::GONE
        } else {
            StatusCode::NOT_FOUND
        };
        return refused(
            org,
            Refused(
                status,
                Refusal::new("UNSUPPORTED_API_VERSION", format!("API version v{version} is not served")),
            ),
        );
    }
    if !auth::is_signed_in(org, &asked) {
        let refusal = Refusal::new("INVALID_SESSION_ID", "Session expired or invalid");
        return refused(org, Refused(StatusCode::UNAUTHORIZED, refusal));
    }
    let now = org.now();
    let counted = {
        let mut state = org.state();
        state.call_log.push(format!("{} {path}", asked.method));
        state.count_call(now)
    };
    if !counted {
        return refused(org, Refusal::new("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.").into());
    }
    asked.version = format!("v{version}");
    asked.origin = origin("rest", &version, asked.header("sforce-call-options"));
    asked.parts.drain(..3);
    match route(org, &asked) {
        Ok(Reply { csv: Some((rows, headers)), .. }) => with_usage(org, csv_response(rows, headers)),
        Ok(Reply { status, text: Some(text), .. }) => text_response(org, status, text.to_string(), true),
        Ok(Reply { status, body: Some(body), .. }) => json_response(org, status, &body, true),
        Ok(Reply { status, body: None, .. }) => with_usage(org, plain(status)),
        Err(refusal) => refused(org, refusal),
    }
}

/// `com/salesforce/api/rest/67.0;client=lockstep`; without `;client=` when the call names none (facts 4.4).
fn origin(api: &str, version: &str, options: Option<&str>) -> String {
    let client = options.into_iter().flat_map(|options| options.split(',')).find_map(|option| {
        let (name, client) = option.split_once('=')?;
        name.trim().eq_ignore_ascii_case("client").then(|| format!(";client={}", client.trim()))
    });
    format!("com/salesforce/api/{api}/{version}{}", client.unwrap_or_default())
}

fn route(org: &Org, asked: &Asked) -> Result<Reply, Refused> {
    let lower: Vec<String> = asked.parts.iter().map(|part| part.to_ascii_lowercase()).collect();
    let parts: Vec<&str> = lower.iter().map(String::as_str).collect();
    let own = |index: usize| asked.parts.get(index).map(String::as_str).unwrap_or_default();
    match (asked.method.as_str(), parts.as_slice()) {
        ("GET", []) => Ok(Reply::ok(describe::resources(asked))),
        ("GET", ["limits"]) => Ok(Reply::ok(describe::limits(org))),
        ("GET", ["sobjects"]) => Ok(Reply::ok(describe::global(org))),
        ("GET", ["sobjects", object, "describe"]) => describe::object(org, object, asked),
        ("GET", ["sobjects", object, "updated"]) => replication::updated(org, object, asked),
        ("GET", ["sobjects", object, "deleted"]) => replication::deleted(org, object, asked),
        ("GET", ["sobjects", object, "eventschema"]) => describe::event_schema(org, object),
        ("GET", ["event", "eventschema", _]) => describe::event_schema_of(org, own(2)),
        ("GET", ["sobjects", object]) => describe::basic(org, object),
        ("POST", ["sobjects", object]) => rows::create(org, object, asked),
        ("GET", ["sobjects", object, _]) => rows::read(org, object, own(2), asked),
        ("PATCH", ["sobjects", object, _]) => rows::update(org, object, own(2), asked),
        ("DELETE", ["sobjects", object, _]) => rows::delete(org, object, own(2), asked),
        ("GET", ["query"]) => query::first(org, asked, false),
        ("GET", ["queryall"]) => query::first(org, asked, true),
        ("GET", ["query" | "queryall", _]) => query::next(org, own(1), asked),
        ("PATCH", ["composite", "sobjects"]) => collections::update(org, asked),
        ("POST", ["composite", "sobjects"]) => collections::create(org, asked),
        ("DELETE", ["composite", "sobjects"]) => collections::delete(org, asked),
        ("GET" | "POST", ["composite", "sobjects", object]) => collections::read(org, object, asked),
        (_, ["jobs", ..]) => bulk::route(org, asked),
        (_, ["query" | "queryall" | "limits" | "sobjects" | "composite", ..]) => {
            let refusal = Refusal::new(
                "METHOD_NOT_ALLOWED",
                format!("HTTP Method '{}' not allowed. Allowed are HEAD,GET,POST,PATCH,DELETE", asked.method),
            );
            Err(Refused(StatusCode::METHOD_NOT_ALLOWED, refusal))
        }
        _ => Err(not_found()),
    }
}

/// `[{"message","errorCode","fields"}]`.
fn refused(org: &Org, Refused(status, refusal): Refused) -> Response {
    let mut error = json!({"message": refusal.message, "errorCode": refusal.code});
    if !refusal.fields.is_empty()
        || refusal.code == "CANNOT_UPDATE_CONVERTED_LEAD"
        || refusal.code == "ENTITY_IS_DELETED"
    {
        error["fields"] = json!(refusal.fields);
    }
    json_response(org, status, &json!([error]), status != StatusCode::UNAUTHORIZED)
}

fn json_response(org: &Org, status: StatusCode, body: &Value, usage: bool) -> Response {
    text_response(org, status, body.to_string(), usage)
}

fn text_response(org: &Org, status: StatusCode, json: String, usage: bool) -> Response {
    let mut response = Response::new(Body::from(json));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json;charset=UTF-8"));
    date(org, headers);
    if usage { with_usage(org, response) } else { response }
}

/// The server's clock, which the driven one must be too.
fn date(org: &Org, headers: &mut HeaderMap) {
    let at =
        std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(org.now().max(0).unsigned_abs());
    if let Ok(date) = HeaderValue::from_str(&httpdate::fmt_http_date(at)) {
        headers.insert(header::DATE, date);
    }
}

fn with_usage(org: &Org, mut response: Response) -> Response {
    let now = org.now();
    let (used, limit) = {
        let mut state = org.state();
        (state.used(now), state.daily_limit)
    };
    if let Ok(value) = HeaderValue::from_str(&format!("api-usage={used}/{limit}")) {
        response.headers_mut().insert("sforce-limit-info", value);
    }
    date(org, response.headers_mut());
    response
}

fn csv_response(rows: Vec<u8>, headers: Told) -> Response {
    let mut response = Response::new(Body::from(rows));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv;charset=UTF-8"));
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn plain(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

fn canned(org: &Org, status: u16, body: &str, retry_after: Option<u64>) -> Response {
    let mut response = Response::new(Body::from(body.to_owned()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    date(org, response.headers_mut());
    response
}
