//! `/api/v1/...`: each handler asks one operation.

use super::operations::{Daemon, Refusal};
use super::views::{ApplyPlan, Conflict, Count, Explanation, Resolve, Resync, Which};
use crate::model::Link;
use axum::body::{Body, Bytes};
use axum::extract::rejection::JsonRejection;
use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use std::sync::Arc;

type App = State<Arc<dyn Daemon>>;
/// A JSON body, or why it is none.
type Read<T> = Result<Json<T>, JsonRejection>;

/// The paths below `/api/v1`. What reads is GET, what changes is POST: the guard relies on it.
pub fn router() -> Router<Arc<dyn Daemon>> {
    Router::new()
        .route("/status", get(async |State(daemon): App| daemon.status().await.map(Json)))
        .route("/explain", get(explain))
        .route("/conflicts", get(async |State(daemon): App| daemon.conflicts().await.map(Json)))
        .route("/conflicts/resolve", post(resolve))
        .route("/parked", get(async |State(daemon): App| daemon.parked().await.map(Json)))
        .route("/parked/retry", post(retry))
        .route("/parked/drop", post(drop_parked))
        .route("/pause", post(async |State(daemon): App| daemon.pause().await.map(Json)))
        .route("/resume", post(async |State(daemon): App| daemon.resume().await.map(Json)))
        .route("/resync", post(resync))
        .route("/plan", get(async |State(daemon): App| daemon.plan().await.map(Json)))
        .route("/plan/apply", post(apply_plan))
        .route("/links", get(links))
        .route("/store/export", get(export))
        .route("/store/verify", get(async |State(daemon): App| daemon.verify().await.map(Json)))
}

#[derive(Deserialize)]
struct Wanted {
    id: String,
}

/// The value as JSON, or the refusal.
type Reply<T> = Result<Json<T>, Refusal>;

async fn explain(State(daemon): App, Query(wanted): Query<Wanted>) -> Reply<Vec<Explanation>> {
    Ok(Json(daemon.explain(wanted.id).await?))
}

async fn resolve(State(daemon): App, body: Read<Resolve>) -> Reply<Vec<Conflict>> {
    let resolve = read(body)?;
    if resolve.by.trim().is_empty() {
        return Err(Refusal::invalid("`by` is empty: say who decides, it goes into the journal"));
    }
    Ok(Json(daemon.resolve(resolve).await?))
}

async fn retry(State(daemon): App, body: Read<Which>) -> Reply<Count> {
    Ok(Json(daemon.retry(read(body)?).await?))
}

async fn drop_parked(State(daemon): App, body: Read<Which>) -> Reply<Count> {
    Ok(Json(daemon.drop_parked(read(body)?).await?))
}

/// Without a body it is whatever waits.
async fn apply_plan(State(daemon): App, body: Bytes) -> Reply<Count> {
    let apply = match body.is_empty() {
        true => ApplyPlan::default(),
        false => serde_json::from_slice(&body).map_err(|error| Refusal::invalid(error.to_string()))?,
    };
    Ok(Json(daemon.apply_plan(apply).await?))
}

#[derive(Deserialize)]
struct After {
    after: Option<String>,
}

async fn links(State(daemon): App, Query(page): Query<After>) -> Reply<Vec<Link>> {
    Ok(Json(daemon.links(page.after).await?))
}

#[derive(Deserialize)]
struct Wish {
    #[serde(default)]
    journal: bool,
}

/// JSON Lines, as they are read. Whether the copy is whole says its last line.
async fn export(State(daemon): App, Query(wish): Query<Wish>) -> Result<Response, Refusal> {
    let copy = daemon.export(wish.journal).await?;
    Ok(([(CONTENT_TYPE, "application/jsonl")], Body::from_stream(copy)).into_response())
}

async fn resync(State(daemon): App, body: Read<Resync>) -> Reply<Count> {
    Ok(Json(daemon.resync(read(body)?).await?))
}

fn read<T>(body: Read<T>) -> Result<T, Refusal> {
    match body {
        Ok(Json(value)) => Ok(value),
        Err(rejection) => Err(Refusal::invalid(rejection.body_text())),
    }
}
