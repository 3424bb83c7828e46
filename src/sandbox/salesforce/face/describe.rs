//! What there is: versions, resources, objects, limits.

use super::auth::identity;
use super::{Asked, Refused, Reply, VERSIONS, not_found};
use crate::sandbox::salesforce::drive::Org;
use crate::sandbox::salesforce::schema::Object;
use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;

/// In which jobs and deliveries count against their limits: a rolling day.
const DAY_SECONDS: i64 = 24 * 60 * 60;

/// Objects that are kept with what describe says of them, by each thread: some 100 kB.
const DESCRIBED_MAX: usize = 16;

/// The release that a version came with: three a year, Spring '26 being 66.0.
fn release(version: u32) -> String {
    let season = ["Spring", "Summer", "Winter"][(version as usize) % 3];
    let year = 26 + (i64::from(version) - 66 + if season == "Winter" { 1 } else { 0 }).div_euclid(3);
    format!("{season} '{year}")
}

pub(super) fn versions() -> Value {
    let versions = VERSIONS.map(|version| {
        json!({"label": release(version), "url": format!("/services/data/v{version}.0"), "version": format!("{version}.0")})
    });
    Value::Array(versions.collect())
}

pub(super) fn resources(asked: &Asked) -> Value {
    let names = ["sobjects", "query", "queryAll", "limits", "composite", "jobs"];
    let path = |name: &str| json!(format!("/services/data/{}/{name}", asked.version));
    let mut paths: Map<_, _> = names.iter().map(|name| ((*name).to_owned(), path(name))).collect();
    paths.insert("identity".to_owned(), json!(identity(asked)));
    Value::Object(paths)
}

/// An object without its fields, and what was used of it lately: nothing, as for a program's user.
pub(super) fn basic(org: &Org, name: &str) -> Result<Reply, Refused> {
    let described = org.state().object(name).map(without_fields).ok_or_else(not_found)?;
    Ok(Reply::ok(json!({"objectDescribe": described, "recentItems": []})))
}

fn without_fields(object: &Object) -> Value {
    let mut described = object.describe();
    if let Some(described) = described.as_object_mut() {
        described.remove("fields");
    }
    described
}

/// The schema of an object's change events: what the Pub/Sub API's `GetSchema` answers.
pub(super) fn event_schema(org: &Org, event: &str) -> Result<Reply, Refused> {
    let mut state = org.state();
    let object = event.strip_suffix("changeevent").and_then(|name| state.object(name)).cloned();
    let id = object.map(|object| state.bus.schema_of(&object)).ok_or_else(not_found)?;
    schema(state.bus.schemas.get(&id))
}

/// The same by the schema's id.
pub(super) fn event_schema_of(org: &Org, id: &str) -> Result<Reply, Refused> {
    schema(org.state().bus.schemas.get(id))
}

fn schema(json: Option<&String>) -> Result<Reply, Refused> {
    json.and_then(|json| serde_json::from_str(json).ok()).map(Reply::ok).ok_or_else(not_found)
}

pub(super) fn global(org: &Org) -> Value {
    let state = org.state();
    let objects = state.kept.objects.iter().map(without_fields);
    json!({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": objects.collect::<Vec<_>>()})
}

pub(super) fn object(org: &Org, name: &str, asked: &Asked) -> Result<Reply, Refused> {
    let state = org.state();
    let object = state.object(name).ok_or_else(not_found)?;
    let known = asked.header("if-modified-since").and_then(|date| httpdate::parse_http_date(date).ok());
    let known = known.and_then(|date| date.duration_since(std::time::UNIX_EPOCH).ok());
    if known.is_some_and(|known| i64::try_from(known.as_secs()).unwrap_or(i64::MAX) >= state.described) {
        return Ok(Reply::empty(StatusCode::NOT_MODIFIED));
    }
    Ok(Reply::text(described(object)))
}

/// What describe says of an object. Every program asks for it at each start, and putting it together costs more than most
/// other answers: it is kept for as long as the object stays as it is.
fn described(object: &Object) -> Arc<str> {
    thread_local! {
        static DESCRIBED: RefCell<VecDeque<(Object, Arc<str>)>> = const { RefCell::new(VecDeque::new()) };
    }
    DESCRIBED.with_borrow_mut(|kept| {
        if let Some((_, text)) = kept.iter().find(|(known, _)| known == object) {
            return text.clone();
        }
        let text: Arc<str> = object.describe().to_string().into();
        kept.truncate(DESCRIBED_MAX - 1);
        kept.push_front((object.clone(), text.clone()));
        text
    })
}

pub(super) fn limits(org: &Org) -> Value {
    let now = org.now();
    let mut state = org.state();
    let remaining = state.daily_limit.saturating_sub(state.used(now));
    let (delivered, deliveries) = state.bus.deliveries(now);
    let started = state.jobs.values().filter(|job| job.made > now - DAY_SECONDS).count();
    json!({
        "DailyApiRequests": {"Max": state.daily_limit, "Remaining": remaining},
        "DailyBulkApiBatches": {"Max": 15_000, "Remaining": 15_000_usize.saturating_sub(started)},
        "DailyBulkV2QueryJobs": {"Max": 10_000, "Remaining": 10_000_usize.saturating_sub(started)},
        "DailyDeliveredPlatformEvents": {"Max": deliveries, "Remaining": deliveries.saturating_sub(delivered)},
    })
}
