//! The sandbox's own page: a list of people, with a status that somebody at the browser can change. What is changed on it
//! is changed by a user, past the API, and without signing in: a sandbox holds nobody real.

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// People shown, at most: the newest.
pub(super) const SHOWN_MAX: usize = 100;

/// A system whose people can be listed and moved by hand.
pub(super) trait People: Send + Sync {
    /// Its people, the newest first, [`SHOWN_MAX`] at most.
    fn listed(&self) -> Listed;
    /// A user sets somebody's status.
    ///
    /// # Errors
    /// With the system's own words, where it forbids that.
    fn set(&self, id: &str, status: &str) -> Result<(), String>;
}

/// What the page shows.
#[derive(Debug, Serialize)]
pub(super) struct Listed {
    /// Its heading.
    pub(super) title: &'static str,
    /// Which system it is.
    pub(super) system: &'static str,
    /// The statuses that a user can choose, in their order: value and label.
    pub(super) statuses: Vec<(String, String)>,
    /// The people.
    pub(super) people: Vec<Person>,
}

/// One of them.
#[derive(Debug, Serialize)]
pub(super) struct Person {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) company: String,
    pub(super) status: String,
}

/// `/people`, and what its page asks for.
pub(super) fn router(people: Arc<dyn People>) -> Router {
    Router::new()
        .route("/people", get(async || page("text/html; charset=utf-8", include_str!("people/people.html"))))
        .route(
            "/people/page.css",
            get(async || page("text/css; charset=utf-8", include_str!("people/people.css"))),
        )
        .route(
            "/people/page.js",
            get(async || page("text/javascript; charset=utf-8", include_str!("people/people.js"))),
        )
        .route("/people/icon.svg", get(async || page("image/svg+xml", include_str!("people/icon.svg"))))
        .route("/people/list", get(async |State(people): State<Arc<dyn People>>| Json(people.listed())))
        .route("/people/status", post(set))
        .with_state(people)
}

fn page(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, kind),
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, text).into_response()
}

#[derive(Deserialize)]
struct Wanted {
    id: String,
    status: String,
}

#[derive(Serialize)]
struct Done {
    /// Why it was not done.
    error: Option<String>,
}

async fn set(State(people): State<Arc<dyn People>>, Json(wanted): Json<Wanted>) -> Json<Done> {
    Json(Done { error: people.set(&wanted.id, &wanted.status).err() })
}
