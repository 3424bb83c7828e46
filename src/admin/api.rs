//! `/api/v1/...`: each handler asks one operation.

use super::audit::Acting;
use super::operations::{Daemon, Refusal};
use super::views::*;
use crate::model::{Link, Side};
use crate::store::Integrity;
use axum::body::{Body, Bytes};
use axum::extract::rejection::JsonRejection;
use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json, Router};
use serde::Deserialize;
use std::sync::Arc;
use tokio::sync::Mutex;

type App = State<Arc<dyn Daemon>>;
/// A JSON body, or why it is none.
type Read<T> = Result<Json<T>, JsonRejection>;

/// What costs much is done for one at a time; whoever asks meanwhile waits for their turn.
#[derive(Clone, Default)]
pub(super) struct Turns {
    plan: Arc<Mutex<()>>,
    export: Arc<Mutex<()>>,
}

/// The paths below `/api/v1`. What reads is GET, what changes is POST: the guard relies on it.
pub fn router() -> Router<Arc<dyn Daemon>> {
    super::routes::routes()
        .into_iter()
        .fold(Router::new(), |router, route| router.route(route.path, route.serve))
        .layer(Extension(Turns::default()))
}

#[derive(Deserialize)]
pub(super) struct Wanted {
    id: String,
}

/// The value as JSON, or the refusal.
type Reply<T> = Result<Json<T>, Refusal>;

pub(super) async fn status(State(daemon): App) -> Reply<Status> {
    Ok(Json(daemon.status().await?))
}

pub(super) async fn explain(State(daemon): App, Query(wanted): Query<Wanted>) -> Reply<Vec<Explanation>> {
    Ok(Json(daemon.explain(wanted.id).await?))
}

pub(super) async fn changes(State(daemon): App, Query(asked): Query<ChangesAsked>) -> Reply<Changes> {
    Ok(Json(daemon.changes(asked).await?))
}

pub(super) async fn mapping(State(daemon): App) -> Reply<MappingView> {
    Ok(Json(daemon.mapping().await?))
}

pub(super) async fn conflicts(State(daemon): App) -> Reply<Vec<Conflict>> {
    Ok(Json(daemon.conflicts().await?))
}

pub(super) async fn resolve(State(daemon): App, body: Read<Resolve>) -> Reply<Vec<Conflict>> {
    let resolve = read(body)?;
    if resolve.by.trim().is_empty() {
        return Err(Refusal::invalid("`by` is empty: say who decides, it goes into the journal"));
    }
    let (acting, id) = (Acting::named(&resolve.by), resolve.id.clone());
    let action = match resolve.take {
        Side::Salesforce => "resolve: take salesforce",
        Side::Engage => "resolve: take engage",
    };
    let decided = daemon.resolve(resolve).await?;
    acting.did(action, Some(&id));
    Ok(Json(decided))
}

pub(super) async fn parked(State(daemon): App) -> Reply<Vec<ParkedRecord>> {
    Ok(Json(daemon.parked().await?))
}

pub(super) async fn retry(
    State(daemon): App,
    Query(acting): Query<Acting>,
    body: Read<Which>,
) -> Reply<Count> {
    let which = read(body)?;
    let count = daemon.retry(which.clone()).await?;
    acting.did("retry parked", which.id.as_deref());
    Ok(Json(count))
}

pub(super) async fn drop_parked(
    State(daemon): App,
    Query(acting): Query<Acting>,
    body: Read<Which>,
) -> Reply<Count> {
    let which = read(body)?;
    let count = daemon.drop_parked(which.clone()).await?;
    acting.did("drop parked", which.id.as_deref());
    Ok(Json(count))
}

pub(super) async fn pause(State(daemon): App, Query(acting): Query<Acting>) -> Reply<()> {
    daemon.pause().await?;
    acting.did("pause", None);
    Ok(Json(()))
}

pub(super) async fn resume(State(daemon): App, Query(acting): Query<Acting>) -> Reply<()> {
    daemon.resume().await?;
    acting.did("resume", None);
    Ok(Json(()))
}

pub(super) async fn plan(State(daemon): App, Extension(turns): Extension<Turns>) -> Reply<Plan> {
    let _turn = turns.plan.lock().await;
    Ok(Json(daemon.plan().await?))
}

/// Without a body it is whatever waits.
pub(super) async fn apply_plan(
    State(daemon): App,
    Query(acting): Query<Acting>,
    body: Bytes,
) -> Reply<Count> {
    let apply: ApplyPlan = match body.is_empty() {
        true => ApplyPlan::default(),
        false => serde_json::from_slice(&body).map_err(|error| Refusal::invalid(error.to_string()))?,
    };
    let count = daemon.apply_plan(apply).await?;
    acting.did("apply plan", None);
    Ok(Json(count))
}

#[derive(Deserialize)]
pub(super) struct After {
    after: Option<String>,
}

pub(super) async fn links(State(daemon): App, Query(page): Query<After>) -> Reply<Vec<Link>> {
    Ok(Json(daemon.links(page.after).await?))
}

#[derive(Deserialize)]
pub(super) struct Wish {
    #[serde(default)]
    journal: bool,
}

/// JSON Lines, as they are read. Whether the copy is whole says its last line.
pub(super) async fn export(
    State(daemon): App,
    Extension(turns): Extension<Turns>,
    Query(wish): Query<Wish>,
) -> Result<Response, Refusal> {
    let turn = turns.export.lock_owned().await;
    // A copy that is being made is made to its end, though whoever asked for it has gone: the next one waits for that.
    let made = tokio::spawn(async move {
        let copy = daemon.export(wish.journal).await;
        drop(turn);
        copy
    });
    let copy = made.await.map_err(|error| Refusal::failed(error.to_string()))??;
    Ok(([(CONTENT_TYPE, "application/jsonl")], Body::from_stream(copy)).into_response())
}

pub(super) async fn verify(State(daemon): App) -> Reply<Integrity> {
    Ok(Json(daemon.verify().await?))
}

pub(super) async fn resync(
    State(daemon): App,
    Query(acting): Query<Acting>,
    body: Read<Resync>,
) -> Reply<Count> {
    let resync = read(body)?;
    let whom = match &resync.which {
        ResyncWhich::All => None,
        ResyncWhich::Since(since) => Some(format!("since {since}")),
        ResyncWhich::Ids(ids) => Some(ids.join(" ")),
    };
    let count = daemon.resync(resync).await?;
    acting.did("resync", whom.as_deref());
    Ok(Json(count))
}

fn read<T>(body: Read<T>) -> Result<T, Refusal> {
    match body {
        Ok(Json(value)) => Ok(value),
        Err(rejection) => Err(Refusal::invalid(rejection.body_text())),
    }
}
