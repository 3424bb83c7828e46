//! The port that Salesforce sends the browser back to.

use super::page::{self, Page};
use axum::Router;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use secrecy::SecretString;
use serde::Deserialize;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// Where the answer is brought to.
pub(super) const PATH: &str = "/callback";

/// How long a browser may take to fetch the last page. It may hold connections open that it never uses.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);

/// What a browser brought.
pub(super) struct Answer {
    pub(super) code: Option<SecretString>,
    pub(super) state: Option<String>,
    pub(super) error: Option<String>,
    pub(super) browser: Browser,
}

/// A browser that waits for its page.
pub(super) struct Browser(oneshot::Sender<Page>);

impl Browser {
    /// Shows the page.
    pub(super) fn show(self, page: Page) {
        // Whoever closed the window wants no page any more.
        let _ = self.0.send(page);
    }
}

/// The port, served.
pub(super) struct Callback {
    answers: mpsc::Receiver<Answer>,
    close: oneshot::Sender<()>,
    server: JoinHandle<std::io::Result<()>>,
}

impl Callback {
    /// Serves the callback, and says of everything else that it is not here: browsers ask for icons too.
    pub(super) fn serve(listener: TcpListener) -> Callback {
        let (send, answers) = mpsc::channel(1);
        let (close, closed) = oneshot::channel();
        let router = Router::new()
            .route(PATH, get(brought))
            .fallback(async || page::NOTHING)
            .method_not_allowed_fallback(async || page::NOTHING)
            .with_state(send);
        let server = axum::serve(listener, router).with_graceful_shutdown(async {
            // An error means that nobody waits any more, which is an end too.
            let _ = closed.await;
        });
        Callback { answers, close, server: tokio::spawn(server.into_future()) }
    }

    /// The next answer; none when the port is closed.
    pub(super) async fn next(&mut self) -> Option<Answer> {
        self.answers.recv().await
    }

    /// Tells whoever else comes that the answer is there.
    pub(super) fn take_no_more(&mut self) {
        self.answers.close();
        while self.answers.try_recv().is_ok() {}
    }

    /// Closes the port once the pages have been fetched.
    pub(super) async fn close(self) {
        let _ = self.close.send(());
        // A page that is not fetched by then is missed by nobody: the terminal says it too.
        let _ = tokio::time::timeout(CLOSE_WITHIN, self.server).await;
    }
}

#[derive(Deserialize)]
struct Brought {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
}

async fn brought(
    State(send): State<mpsc::Sender<Answer>>,
    brought: Result<Query<Brought>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let Ok(Query(Brought { code, state, error })) = brought else {
        return page::NOT_OURS.into_response();
    };
    let (show, shown) = oneshot::channel();
    let answer = Answer { code: code.map(SecretString::from), state, error, browser: Browser(show) };
    if send.send(answer).await.is_err() {
        return page::TAKEN.into_response();
    }
    shown.await.unwrap_or(page::TAKEN).into_response()
}
