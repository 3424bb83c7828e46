//! `GET /metrics`, for Prometheus: what the status says, as numbers, and what the daemon counts.

use super::operations::{Daemon, Refusal};
use super::views::{SideState, Status};
use crate::metrics::{self, CONTENT_TYPE, Metrics};
use crate::model::{HoldReason, Side};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

pub(super) async fn metrics(State(daemon): State<Arc<dyn Daemon>>) -> Result<Response, Refusal> {
    let status = daemon.status().await?;
    let metrics = daemon.metrics();
    measure(&status, metrics);
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], metrics.text()).into_response())
}

fn measure(status: &Status, metrics: &Metrics) {
    let set = |metric, value: f64| metrics.set(metric, &[], Some(value));
    metrics.set(&metrics::BUILD_INFO, &[env!("CARGO_PKG_VERSION")], Some(1.0));
    set(&metrics::LINKS, status.links as f64);
    set(&metrics::DUE, status.due as f64);
    set(&metrics::QUEUE_OLDEST, seconds(status.oldest_due_ms.unwrap_or(0)));
    for kind in HoldReason::KINDS {
        let held = status.held_by_kind.get(kind).copied().unwrap_or(0);
        metrics.set(&metrics::HELD, &[kind], Some(held as f64));
    }
    set(&metrics::HELD_ROWS, status.held_rows.len() as f64);
    set(&metrics::PAUSED, yes(status.paused));
    set(&metrics::PLAN_WAITING, yes(status.plan_waits.is_some()));
    set(&metrics::LISTENING, yes(status.sides.salesforce.listening));
    set(&metrics::STORE_BYTES, status.store_bytes as f64);
    set(&metrics::JOURNAL_ENTRIES, status.journal_entries as f64);
    for side in Side::BOTH {
        let shown = status.sides.get(side);
        let set = |metric, value: Option<f64>| metrics.set(metric, &[side.as_str()], value);
        let number = |value: Option<u64>| value.map(|value| value as f64);
        set(&metrics::PARKED, number(Some(*status.parked_by_side.get(side))));
        set(&metrics::SIDE_UP, Some(yes(shown.state == SideState::Well)));
        set(&metrics::LAG, shown.lag_ms.map(seconds));
        set(&metrics::CALLS_LEFT, number(shown.calls_left));
        set(&metrics::CALLS_ALLOWED, number(shown.calls_allowed));
        set(&metrics::CALLS_KEPT_FREE, number(shown.calls_kept_free));
    }
}

fn yes(is: bool) -> f64 {
    f64::from(u8::from(is))
}

fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}
