//! `GET /metrics`, for Prometheus: what the status says, as numbers. All label values are bounded.

use super::operations::{Daemon, Refusal};
use super::views::Status;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use std::fmt::Write;
use std::sync::Arc;

pub(super) async fn metrics(State(daemon): State<Arc<dyn Daemon>>) -> Result<Response, Refusal> {
    let text = text(&daemon.status().await?);
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

fn text(status: &Status) -> String {
    let mut text = String::new();
    let mut gauge = |name: &str, help: &str, samples: &[(String, u64)]| {
        // Into a text, nothing can fail.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
        for (labels, value) in samples {
            let _ = writeln!(text, "{name}{labels} {value}");
        }
    };
    let one = |value: u64| vec![(String::new(), value)];
    gauge("lockstep_links", "People who are linked.", &one(status.links));
    gauge("lockstep_due", "Links that have to be looked at.", &one(status.due));
    gauge("lockstep_held", "Links that wait for a person's decision.", &one(status.held));
    gauge("lockstep_parked", "Writes that were refused for good.", &one(status.parked));
    gauge(
        "lockstep_held_rows",
        "Rows of the mapping whose value a system refuses.",
        &one(status.held_rows.len() as u64),
    );
    gauge("lockstep_paused", "1 while writing is stopped by an operator.", &one(u64::from(status.paused)));
    let salesforce = &status.sides.salesforce;
    let by_purpose: Vec<_> = salesforce
        .calls_by_purpose
        .iter()
        .map(|(purpose, count)| (format!("{{purpose=\"{purpose}\"}}"), *count))
        .collect();
    gauge(
        "lockstep_salesforce_calls_last_day",
        "Calls that this daemon made to Salesforce in the last 24 hours.",
        &by_purpose,
    );
    let sides = [("salesforce", salesforce), ("engage", &status.sides.engage)];
    let labelled = |of: &dyn Fn(&super::views::SideStatus) -> Option<u64>| -> Vec<(String, u64)> {
        let sample = |(name, side): &(&str, &super::views::SideStatus)| {
            of(side).map(|value| (format!("{{side=\"{name}\"}}"), value))
        };
        sides.iter().filter_map(sample).collect()
    };
    gauge(
        "lockstep_calls_left",
        "Calls left in the present period (a day, or a minute).",
        &labelled(&|side| side.calls_left),
    );
    gauge("lockstep_calls_allowed", "Calls allowed in that period.", &labelled(&|side| side.calls_allowed));
    gauge(
        "lockstep_lag_milliseconds",
        "How long ago a side was last asked well.",
        &labelled(&|side| side.lag_ms),
    );
    gauge(
        "lockstep_listening",
        "1 while all changes of Salesforce come by events.",
        &one(u64::from(salesforce.listening)),
    );
    text
}
