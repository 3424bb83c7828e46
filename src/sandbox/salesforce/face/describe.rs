//! What there is: versions, resources, objects, limits.

use super::{Asked, Refused, Reply, VERSIONS, not_found};
use crate::sandbox::salesforce::drive::Org;
use axum::http::StatusCode;
use serde_json::{Map, Value, json};

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

pub(super) fn resources(version: &str) -> Value {
    let names = ["sobjects", "query", "queryAll", "limits", "composite"];
    let paths =
        names.iter().map(|name| ((*name).to_owned(), json!(format!("/services/data/{version}/{name}"))));
    Value::Object(paths.collect::<Map<_, _>>())
}

pub(super) fn global(org: &Org) -> Value {
    let state = org.state();
    let objects = state.kept.objects.iter().map(|object| {
        let mut described = object.describe();
        if let Some(described) = described.as_object_mut() {
            described.remove("fields");
        }
        described
    });
    json!({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": objects.collect::<Vec<_>>()})
}

pub(super) fn object(org: &Org, name: &str, asked: &Asked) -> Result<Reply, Refused> {
    if asked.header("if-modified-since").is_some_and(|date| httpdate::parse_http_date(date).is_ok()) {
        return Ok(Reply::empty(StatusCode::NOT_MODIFIED));
    }
    let state = org.state();
    state.object(name).map(|object| Reply::ok(object.describe())).ok_or_else(not_found)
}

pub(super) fn limits(org: &Org) -> Value {
    let now = org.now();
    let mut state = org.state();
    let remaining = state.daily_limit.saturating_sub(state.used(now));
    json!({"DailyApiRequests": {"Max": state.daily_limit, "Remaining": remaining}})
}
