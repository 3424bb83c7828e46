//! A daemon that only remembers what it was asked.

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use futures_util::future::BoxFuture;
use lockstep::admin::*;
use lockstep::metrics::Metrics;
use lockstep::model::{BySide, Link, Side};
use secrecy::SecretString;
use std::future::ready;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};

#[derive(Default)]
pub struct Fake {
    /// What was asked, in order.
    pub asked: Mutex<Vec<String>>,
    /// Why it is not ready.
    pub not_ready: Mutex<Vec<NotReady>>,
    /// What it lists.
    pub conflicts: Mutex<Vec<Conflict>>,
    pub parked: Mutex<Vec<ParkedRecord>>,
    /// Its journal, the oldest first.
    pub changes: Mutex<Vec<Change>>,
    /// What it counts.
    pub metrics: Metrics,
    /// Deliveries, plans and copies wait for this, when set.
    pub gate: Option<Arc<Notify>>,
}

impl Fake {
    fn note<T: Send + 'static>(&self, what: String, answer: T) -> Answer<'_, T> {
        self.asked.lock().unwrap().push(what);
        Box::pin(ready(Ok(answer)))
    }

    /// The same, once the gate lets it through.
    fn costly<T: Send + 'static>(&self, what: String, answer: T) -> Answer<'_, T> {
        self.asked.lock().unwrap().push(what);
        Box::pin(async move {
            if let Some(gate) = &self.gate {
                gate.notified().await;
            }
            Ok(answer)
        })
    }

    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Operations for Fake {
    fn export(&self, journal: bool) -> Answer<'_, Copy> {
        use futures_util::StreamExt;
        self.costly(format!("export {journal}"), futures_util::stream::empty().boxed())
    }
    fn verify(&self) -> Answer<'_, lockstep::store::Integrity> {
        let found = lockstep::store::Integrity {
            whole: false,
            rows: 3,
            kinds: Default::default(),
            problems: vec!["2 rows of Link, and the books say 3".into()],
            only_journal: false,
        };
        self.note("verify".into(), found)
    }
    fn status(&self) -> Answer<'_, Status> {
        let status = Status {
            held_rows: vec![],
            tenant: "acme".into(),
            version: "0".into(),
            running: true,
            paused: false,
            first_pass_done: true,
            links: 3,
            due: 1,
            held: self.conflicts.lock().unwrap().len() as u64,
            parked: self.parked.lock().unwrap().len() as u64,
            plan_waits: None,
            mapping_rejected: None,
            restored: None,
            restored_links: 0,
            held_by_kind: Default::default(),
            parked_by_side: BySide::default(),
            oldest_due_ms: Some(1_500),
            journal_entries: 9,
            store_bytes: 4_096,
            sides: BySide::default(),
        };
        self.note("status".into(), status)
    }
    fn explain(&self, id: String) -> Answer<'_, Vec<Explanation>> {
        if id == "nobody" {
            return Box::pin(ready(Err(Refusal::not_found("nothing is known of nobody"))));
        }
        self.note(format!("explain {id}"), vec![])
    }
    fn conflicts(&self) -> Answer<'_, Vec<Conflict>> {
        self.note("conflicts".into(), self.conflicts.lock().unwrap().clone())
    }
    fn resolve(&self, resolve: Resolve) -> Answer<'_, Vec<Conflict>> {
        let Resolve { id, take, by } = resolve;
        assert_ne!(take, Side::Engage, "the tests take salesforce");
        self.note(format!("resolve {id} {} {by}", take.as_str()), vec![])
    }
    fn parked(&self) -> Answer<'_, Vec<ParkedRecord>> {
        self.note("parked".into(), self.parked.lock().unwrap().clone())
    }
    fn retry(&self, which: Which) -> Answer<'_, Count> {
        self.note(format!("retry {:?}", which.id), Count { records: 2 })
    }
    fn drop_parked(&self, which: Which) -> Answer<'_, Count> {
        self.note(format!("drop {:?}", which.id), Count { records: 1 })
    }
    fn pause(&self) -> Answer<'_, ()> {
        self.note("pause".into(), ())
    }
    fn resume(&self) -> Answer<'_, ()> {
        self.note("resume".into(), ())
    }
    fn resync(&self, resync: Resync) -> Answer<'_, Count> {
        self.note(format!("resync {:?}", resync.which), Count { records: 3 })
    }
    fn plan(&self) -> Answer<'_, Plan> {
        self.costly("plan".into(), Plan::default())
    }
    fn apply_plan(&self, apply: ApplyPlan) -> Answer<'_, Count> {
        let what = apply.id.map_or_else(|| "apply".to_owned(), |id| format!("apply {id}"));
        self.note(what, Count { records: 2 })
    }
    fn links(&self, after: Option<String>) -> Answer<'_, Vec<Link>> {
        self.note(format!("links after {after:?}"), vec![])
    }
}

impl Daemon for Fake {
    fn not_ready(&self) -> Vec<NotReady> {
        self.not_ready.lock().unwrap().clone()
    }
    fn changes(&self, asked: ChangesAsked) -> Answer<'_, Changes> {
        let after = asked.after;
        let all = self.changes.lock().unwrap().clone();
        let changes = match after {
            Some(after) => all.into_iter().filter(|change| change.number > after).collect(),
            None => all.into_iter().rev().take(asked.limit.unwrap_or(100)).collect(),
        };
        Box::pin(ready(Ok(Changes { changes, more: false })))
    }
    fn mapping(&self) -> Answer<'_, MappingView> {
        self.note("mapping".into(), MappingView::default())
    }
    fn metrics(&self) -> &Metrics {
        &self.metrics
    }
    fn outbound_message(&self, body: Bytes) -> BoxFuture<'_, (StatusCode, String)> {
        self.asked.lock().unwrap().push(format!("outbound message of {} bytes", body.len()));
        Box::pin(ready((StatusCode::OK, "<Ack/>".to_owned())))
    }
    fn webhook(&self, headers: HeaderMap, body: Bytes) -> BoxFuture<'_, StatusCode> {
        Box::pin(async move {
            let delivery = headers.get("x-engage-delivery").map_or("-", |id| id.to_str().unwrap());
            self.asked.lock().unwrap().push(format!("webhook {delivery} {} bytes", body.len()));
            if let Some(gate) = &self.gate {
                gate.notified().await;
            }
            if delivery == "forged" { StatusCode::UNAUTHORIZED } else { StatusCode::NO_CONTENT }
        })
    }
}

/// A served daemon. Dropping it asks the server to stop.
pub struct Served {
    pub fake: Arc<Fake>,
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    ended: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Served {
    pub async fn new(fake: Fake, token: Option<&str>) -> Served {
        Served::on("127.0.0.1:0", fake, token).await
    }

    /// The same, listening there.
    pub async fn on(bind: &str, fake: Fake, token: Option<&str>) -> Served {
        let listener = TcpListener::bind(bind).await.unwrap();
        let address = listener.local_addr().unwrap();
        let fake = Arc::new(fake);
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async move {
            let _ = stopped.await;
        };
        let ended = tokio::spawn(serve(fake.clone(), token.map(SecretString::from), listener, shutdown));
        Served { fake, address, stop: Some(stop), ended }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub async fn stop(mut self) {
        let _ = self.stop.take().unwrap().send(());
        self.ended.await.unwrap().unwrap();
    }
}
