//! getUpdated and getDeleted.

use super::{Asked, Refused, Reply, not_found};
use crate::sandbox::salesforce::drive::Org;
use crate::sandbox::salesforce::record::{Record, parse_time, time};
use crate::sandbox::salesforce::writes::Refusal;
use serde_json::json;

const DAY: i64 = 24 * 60 * 60;
/// How far back getUpdated reaches.
const UPDATED_REACH: i64 = 30 * DAY;
/// How far back getDeleted reaches.
const DELETED_REACH: i64 = 15 * DAY;

pub(super) fn updated(org: &Org, object: &str, asked: &Asked) -> Result<Reply, Refused> {
    let now = org.now();
    let (start, end) = window(asked, now, UPDATED_REACH)?;
    let covered = org.state().latest_date_covered(now).min(end);
    let ids: Vec<String> =
        records(org, object, start, end)?.into_iter().filter(|r| !r.deleted).map(|r| r.id).collect();
    Ok(Reply::ok(json!({"ids": ids, "latestDateCovered": time(covered)})))
}

pub(super) fn deleted(org: &Org, object: &str, asked: &Asked) -> Result<Reply, Refused> {
    let now = org.now();
    let (start, end) = window(asked, now, DELETED_REACH)?;
    let covered = org.state().latest_date_covered(now).min(end);
    let gone = records(org, object, start, end)?.into_iter().filter(|record| record.deleted);
    let gone: Vec<_> =
        gone.map(|record| json!({"id": record.id, "deletedDate": time(record.stamp)})).collect();
    Ok(Reply::ok(json!({
        "deletedRecords": gone, "earliestDateAvailable": time(now - DELETED_REACH), "latestDateCovered": time(covered),
    })))
}

/// Seconds are dropped from both ends.
fn window(asked: &Asked, now: i64, reach: i64) -> Result<(i64, i64), Refused> {
    let wrong = |message: &str| Refused::from(Refusal::new("INVALID_REPLICATION_DATE", message));
    let end_of =
        |name: &str| asked.query.get(name).and_then(|text| parse_time(text)).map(|at| at - at.rem_euclid(60));
    let (Some(start), Some(end)) = (end_of("start"), end_of("end")) else {
        return Err(wrong("start and end are expected"));
    };
    if start >= end {
        return Err(wrong("startDate must be before endDate by more than one minute"));
    }
    if start < now - reach {
        return Err(wrong("startDate is too far back"));
    }
    Ok((start, end))
}

fn records(org: &Org, object: &str, start: i64, end: i64) -> Result<Vec<Record>, Refused> {
    let state = org.state();
    let name = &state.object(object).ok_or_else(not_found)?.name;
    let index = state.by_stamp.get(name);
    let range = index.into_iter().flat_map(|index| index.range((start, String::new())..(end, String::new())));
    Ok(range.filter_map(|(_, id)| state.record(id).cloned()).collect())
}
