//! Listing prospects by (`updated_at`, `id`), page by page, while they go on moving.

use super::state::{Refusal, State, prospect_json, time};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::ops::Bound;

const LIMIT: usize = 100;
const LIMIT_MAX: usize = 500;

pub(super) fn list(state: &State, query: &HashMap<String, String>, now: Timestamp) -> Result<Value, Refusal> {
    let wrong = |field: &'static str| Refusal {
        field: Some(field),
        ..Refusal::new(400, "invalid_request", format!("{field} cannot be read"))
    };
    let limit = match query.get("limit") {
        Some(text) => {
            text.parse().ok().filter(|n| (1..=LIMIT_MAX).contains(n)).ok_or_else(|| wrong("limit"))?
        }
        None => LIMIT,
    };
    let since = match query.get("updated_since") {
        Some(text) => Some(text.parse::<Timestamp>().map_err(|_| wrong("updated_since"))?),
        None => None,
    };
    let start = match query.get("after") {
        // A prospect that moves goes to the end of the list, so a page never hides one.
        Some(text) => Bound::Excluded(place(text).ok_or_else(|| wrong("after"))?),
        None => Bound::Included((since.unwrap_or(Timestamp::MIN), String::new())),
    };
    let mut page: Vec<_> = state.by_update.range((start, Bound::Unbounded)).take(limit + 1).collect();
    let more = page.len() > limit;
    page.truncate(limit);
    let next = page
        .last()
        .filter(|_| more)
        .map(|(at, id)| URL_SAFE_NO_PAD.encode(format!("{} {id}", at.as_millisecond())));
    let prospects = page.iter().filter_map(|(_, id)| state.prospect(id)).map(prospect_json);
    Ok(json!({"prospects": prospects.collect::<Vec<_>>(), "next": next, "as_of": time(now)}))
}

fn place(text: &str) -> Option<(Timestamp, String)> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    let (at, id) = text.split_once(' ')?;
    Some((Timestamp::from_millisecond(at.parse().ok()?).ok()?, id.to_owned()))
}
