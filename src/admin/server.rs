//! The listeners.

use super::guard::Guard;
use super::live::Live;
use super::operations::{Daemon, NotReady, Refusal};
use super::{api, dashboard, webhooks};
use crate::emit;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, HeaderValue, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use secrecy::SecretString;
use serde::Serialize;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// How long requests that are being answered may take once the ports are to close. The whole daemon has 10 s, which
/// `cli/run.rs` adds up.
pub(crate) const STOP_WITHIN: Duration = Duration::from_secs(2);

/// Serves health, webhooks and the API until `shutdown`, then lets what is being answered finish.
///
/// # Errors
/// The listener failed.
pub async fn serve(
    daemon: Arc<dyn Daemon>,
    token: Option<SecretString>,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    let (stop, stopping) = watch::channel(false);
    let shutdown = async move {
        shutdown.await;
        // Streams that nobody ends would hold up the end of everything; there may be none.
        let _ = stop.send(true);
    };
    let guard = Arc::new(Guard { token, loopback: address.ip().is_loopback() });
    let router = health()
        .merge(webhooks::router())
        .merge(dashboard::router())
        .nest("/api/v1", api::router())
        .route("/metrics", get(super::metrics::metrics))
        .layer(Extension(Live::new(stopping)))
        .fallback(async || Refusal::not_found("there is nothing at this path"))
        .layer(middleware::from_fn_with_state(guard, guarded))
        .with_state(daemon);
    emit!(ADMIN_LISTENING, address = %address, "listening on {address}");
    run(router, listener, shutdown).await
}

/// Serves webhooks and health alone, for `[webhooks] listen`.
///
/// # Errors
/// The listener failed.
pub async fn serve_webhooks(
    daemon: Arc<dyn Daemon>,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    emit!(WEBHOOKS_LISTENING, address = %address, "listening for webhooks on {address}");
    run(health().merge(webhooks::router()).with_state(daemon), listener, shutdown).await
}

async fn run(
    router: Router,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (stopping, asked_to_stop) = tokio::sync::oneshot::channel::<()>();
    let shutdown = async move {
        shutdown.await;
        let _ = stopping.send(());
    };
    let too_late = async {
        // An error means that the server has ended by itself: then the other branch answers.
        match asked_to_stop.await {
            Ok(()) => tokio::time::sleep(STOP_WITHIN).await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        ended = axum::serve(listener, router).with_graceful_shutdown(shutdown) => ended,
        () = too_late => Ok(()),
    }
}

fn health() -> Router<Arc<dyn Daemon>> {
    Router::new().route("/livez", get(async || Json(Alive { alive: true }))).route("/readyz", get(ready))
}

#[derive(Serialize)]
struct Alive {
    alive: bool,
}

#[derive(Serialize)]
struct Ready {
    ready: bool,
    why_not: Vec<NotReady>,
}

async fn ready(State(daemon): State<Arc<dyn Daemon>>) -> Response {
    let why_not = daemon.not_ready();
    let ready = why_not.is_empty();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Ready { ready, why_not })).into_response()
}

async fn guarded(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let refused = guard.check(request.method(), request.uri().path(), request.headers()).err();
    let mut response = match refused {
        None => next.run(request).await,
        Some(refusal) => {
            let mut response = refusal.into_response();
            if response.status() == StatusCode::UNAUTHORIZED {
                response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            response
        }
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
