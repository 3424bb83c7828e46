//! Queries, page by page.

use super::{Asked, Refused, Reply};
use crate::sandbox::salesforce::drive::Org;
use crate::sandbox::salesforce::soql;
use crate::sandbox::salesforce::state::Locator;
use crate::sandbox::salesforce::writes::Refusal;
use serde_json::{Value, json};

pub(super) fn first(org: &Org, asked: &Asked, deleted: bool) -> Result<Reply, Refused> {
    let Some(text) = asked.query.get("q") else {
        return Err(Refusal::new("MALFORMED_QUERY", "A query string has to be specified").into());
    };
    let query =
        soql::parse(text).map_err(|why| Refusal::new("MALFORMED_QUERY", format!("{}\n{}", text, why.0)))?;
    let now = org.now();
    let mut state = org.state();
    if asked.query.get("columns").is_some_and(|wanted| wanted == "true") {
        let columns = query.fields.iter().map(|name| {
            json!({"aggregate": false, "apexType": "String", "booleanType": false, "columnName": name, "custom": false,
                   "displayName": name, "foreignKeyName": null, "insertable": true, "joinColumns": [],
                   "numberType": false, "textType": true, "updatable": true})
        });
        return Ok(Reply::ok(
            json!({"columnMetadata": columns.collect::<Vec<_>>(), "entityName": query.object,
            "groupBy": false, "idSelected": true, "keyPrefix": null}),
        ));
    }
    let rows = soql::run(&state, &query, deleted, &asked.version)?;
    if query.count {
        return Ok(Reply::ok(json!({"totalSize": rows.len(), "done": true, "records": []})));
    }
    let asked_rows = asked
        .header("sforce-query-options")
        .and_then(|options| {
            options.to_lowercase().split_once("batchsize=").map(|(_, size)| size.trim().to_owned())
        })
        .and_then(|size| size.parse::<usize>().ok())
        .map_or(2_000, |size| size.clamp(200, 2_000));
    let page = asked_rows.min(state.page_rows_max);
    state.drop_old_locators(now);
    if rows.len() <= page {
        return Ok(Reply::ok(json!({"totalSize": rows.len(), "done": true, "records": rows})));
    }
    let total = rows.len();
    let number = state.next_number();
    let locator = crate::sandbox::salesforce::ids::numbered("0r8", number);
    let first: Vec<Value> = rows[..page].to_vec();
    state.locators.insert(locator.clone(), Locator { rows, page, made: now });
    let next = format!("/services/data/{}/query/{locator}-{page}", asked.version);
    Ok(Reply::ok(json!({"totalSize": total, "done": false, "nextRecordsUrl": next, "records": first})))
}

pub(super) fn next(org: &Org, place: &str, asked: &Asked) -> Result<Reply, Refused> {
    let now = org.now();
    let mut state = org.state();
    state.drop_old_locators(now);
    let place =
        place.split_once('-').and_then(|(locator, start)| Some((locator, start.parse::<usize>().ok()?)));
    let found = place.and_then(|(locator, start)| Some((locator, start, state.locators.get(locator)?)));
    let Some((locator, start, known)) = found.filter(|(_, start, known)| *start < known.rows.len()) else {
        return Err(Refusal::new("INVALID_QUERY_LOCATOR", "invalid query locator").into());
    };
    let end = (start + known.page).min(known.rows.len());
    let mut body = json!({"totalSize": known.rows.len(), "done": end == known.rows.len(), "records": known.rows[start..end]});
    if end < known.rows.len() {
        body["nextRecordsUrl"] = json!(format!("/services/data/{}/query/{locator}-{end}", asked.version));
    }
    Ok(Reply::ok(body))
}
