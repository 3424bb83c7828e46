//! `GET /api/v1/live`: what is added to the journal, as server-sent events. A stream that broke off is resumed by the
//! number of the last change that was seen, so that nothing is missed.

use super::operations::{Daemon, Refusal};
use super::views::{Change, ChangesAsked};
use axum::Extension;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::{Stream, stream};
use serde::Deserialize;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Streams at once: each looks into the store twice a second.
const MOST_AT_ONCE: usize = 16;
/// How long to wait before the journal is looked at again.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A line that says nothing, so that whatever stands between does not take the connection for dead.
const ALIVE_EVERY: Duration = Duration::from_secs(15);

/// What all streams share: the places, and the word to end.
#[derive(Clone)]
pub struct Live {
    places: Arc<Semaphore>,
    stopping: watch::Receiver<bool>,
}

impl Live {
    /// Streams end once `stopping` says so.
    pub fn new(stopping: watch::Receiver<bool>) -> Live {
        Live { places: Arc::new(Semaphore::new(MOST_AT_ONCE)), stopping }
    }
}

#[derive(Debug, Deserialize)]
pub struct Behind {
    after: Option<u64>,
}

struct Watching {
    daemon: Arc<dyn Daemon>,
    after: u64,
    waiting: VecDeque<Change>,
    stopping: watch::Receiver<bool>,
    _place: OwnedSemaphorePermit,
}

pub async fn live(
    State(daemon): State<Arc<dyn Daemon>>,
    Extension(live): Extension<Live>,
    Query(behind): Query<Behind>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refusal> {
    let Ok(place) = live.places.clone().try_acquire_owned() else {
        return Err(Refusal::unavailable("too many are watching already; try again in a while"));
    };
    let last_seen = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let after = match last_seen.or(behind.after) {
        Some(after) => after,
        None => {
            let newest = daemon.changes(ChangesAsked { limit: Some(1), ..ChangesAsked::default() }).await?;
            newest.changes.first().map_or(0, |change| change.number)
        }
    };
    let watching =
        Watching { daemon, after, waiting: VecDeque::new(), stopping: live.stopping, _place: place };
    let events = stream::unfold(watching, |mut watching| async move {
        let change = watching.next().await?;
        // A change is plain data with text keys, which always can be written.
        let data = serde_json::to_string(&change).unwrap_or_default();
        Some((Ok(Event::default().id(change.number.to_string()).event("change").data(data)), watching))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(ALIVE_EVERY)))
}

impl Watching {
    /// The next change; none once the daemon stops or its store fails.
    async fn next(&mut self) -> Option<Change> {
        loop {
            if let Some(change) = self.waiting.pop_front() {
                self.after = change.number;
                return Some(change);
            }
            let asked = ChangesAsked { after: Some(self.after), ..ChangesAsked::default() };
            self.waiting.extend(self.daemon.changes(asked).await.ok()?.changes);
            if self.waiting.is_empty() {
                tokio::select! {
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                    () = stopped(&mut self.stopping) => return None,
                }
            }
        }
    }
}

/// Waits until the daemon stops; that its sender is gone means the same.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stop| *stop).await;
}
