//! Deliveries: bounded in size, in number and in time before anything looks into them.

use super::operations::Daemon;
use crate::emit;
use crate::metrics::WEBHOOKS;
use crate::model::Side;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Extension, Router};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// The largest delivery (engage-api.md, Webhooks).
const LARGEST_BODY_BYTES: usize = 1024 * 1024;
/// Deliveries looked at side by side. The sender tries again, so more than this are turned away rather than queued: at
/// the largest size they take 64 MiB together.
const MOST_AT_ONCE: usize = 64;
/// The sender waits this long for the answer, so a body that comes slower is lost anyway.
const BODY_WITHIN: Duration = Duration::from_secs(5);

/// `/webhooks/engage` and `/webhooks/salesforce`.
pub fn router() -> Router<Arc<dyn Daemon>> {
    Router::new()
        .route("/webhooks/engage", post(engage))
        .route("/webhooks/salesforce", post(salesforce))
        .layer(Extension(Arc::new(Places { free: Semaphore::new(MOST_AT_ONCE), away: Mutex::default() })))
}

/// How often the log tells of deliveries that were turned away: a flood of them is not to become a flood of lines.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// Places for deliveries, and how many found none.
struct Places {
    free: Semaphore,
    away: Mutex<TurnedAway>,
}

#[derive(Default)]
struct TurnedAway {
    since_told: u64,
    told_at: Option<Instant>,
}

impl Places {
    /// There is no place: nothing of the delivery is read.
    fn turn_away(&self, daemon: &Arc<dyn Daemon>, side: Side) -> Response {
        count(daemon, side, StatusCode::SERVICE_UNAVAILABLE);
        let mut away = self.away.lock().unwrap_or_else(PoisonError::into_inner);
        away.since_told += 1;
        if away.told_at.is_none_or(|at| at.elapsed() >= TOLD_EVERY) {
            let (status, count) = (StatusCode::SERVICE_UNAVAILABLE, std::mem::take(&mut away.since_told));
            away.told_at = Some(Instant::now());
            emit!(
                WEBHOOK_REJECTED,
                side = side.as_str(),
                code = status.as_u16(),
                count,
                reason = "too many deliveries at once",
                "too many deliveries at once: {count} were turned away, to come again"
            );
        }
        with_retry_after(StatusCode::SERVICE_UNAVAILABLE)
    }
}

async fn engage(
    State(daemon): State<Arc<dyn Daemon>>,
    Extension(places): Extension<Arc<Places>>,
    request: Request,
) -> Response {
    let Ok(_place) = places.free.try_acquire() else { return places.turn_away(&daemon, Side::Engage) };
    let (parts, body) = request.into_parts();
    match read(&parts.headers, body).await {
        // Whoever verifies the delivery also logs what is wrong with it.
        Ok(body) => {
            let status = daemon.webhook(parts.headers, body).await;
            count(&daemon, Side::Engage, status);
            with_retry_after(status)
        }
        Err((status, why)) => refuse(&daemon, Side::Engage, status, why),
    }
}

async fn salesforce(
    State(daemon): State<Arc<dyn Daemon>>,
    Extension(places): Extension<Arc<Places>>,
    request: Request,
) -> Response {
    let Ok(_place) = places.free.try_acquire() else { return places.turn_away(&daemon, Side::Salesforce) };
    let (parts, body) = request.into_parts();
    match read(&parts.headers, body).await {
        Ok(body) => {
            let (status, soap) = daemon.outbound_message(body).await;
            count(&daemon, Side::Salesforce, status);
            (status, [(CONTENT_TYPE, "text/xml; charset=utf-8")], soap).into_response()
        }
        Err((status, why)) => refuse(&daemon, Side::Salesforce, status, why),
    }
}

async fn read(headers: &HeaderMap, body: Body) -> Result<axum::body::Bytes, (StatusCode, &'static str)> {
    const TOO_LARGE: (StatusCode, &str) =
        (StatusCode::PAYLOAD_TOO_LARGE, "the delivery is larger than 1 MiB");
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > LARGEST_BODY_BYTES as u64) {
        return Err(TOO_LARGE);
    }
    match tokio::time::timeout(BODY_WITHIN, axum::body::to_bytes(body, LARGEST_BODY_BYTES)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(error)) if is_length_limit(&error) => Err(TOO_LARGE),
        Ok(Err(_)) => Err((StatusCode::BAD_REQUEST, "the delivery broke off")),
        Err(_) => Err((StatusCode::REQUEST_TIMEOUT, "the delivery came too slowly")),
    }
}

/// Whether the body was too long, rather than broken off: the limit is told by the innermost cause only.
fn is_length_limit(error: &axum::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.to_string().contains("length limit exceeded") {
            return true;
        }
        cause = error.source();
    }
    false
}

fn refuse(daemon: &Arc<dyn Daemon>, side: Side, status: StatusCode, why: &str) -> Response {
    let code = status.as_u16();
    emit!(WEBHOOK_REJECTED, side = side.as_str(), code, reason = why, "a delivery was refused: {why}");
    count(daemon, side, status);
    with_retry_after(status)
}

fn count(daemon: &Arc<dyn Daemon>, side: Side, status: StatusCode) {
    let outcome = match status {
        StatusCode::SERVICE_UNAVAILABLE => "refused",
        status if status.is_success() => "accepted",
        _ => "rejected",
    };
    daemon.metrics().add(&WEBHOOKS, &[side.as_str(), outcome], 1);
}

fn with_retry_after(status: StatusCode) -> Response {
    match status {
        StatusCode::SERVICE_UNAVAILABLE => (status, [(RETRY_AFTER, "1")]).into_response(),
        _ => status.into_response(),
    }
}
