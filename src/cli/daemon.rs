//! What a running daemon answers: the store's answers, and what only the engine knows.

use crate::admin::{
    Answer, ApplyPlan, Changes, ChangesAsked, Conflict, Copy, Count, Daemon, Explanation, MappingView,
    NotReady, Operations, ParkedRecord, Plan, Refusal, RejectedMapping, Resolve, Resync, ResyncWhich,
    SideState, Status, Stored, Which, mapping_view,
};
use crate::metrics::Metrics;
use crate::model::{Link, Side};
use crate::store::Integrity;
use crate::sync::{Engine, Health, OutboundError, WebhookError};
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use futures_util::future::BoxFuture;
use std::sync::Arc;

/// A running daemon, as the admin port sees it.
pub(super) struct Running {
    engine: Arc<Engine>,
    stored: Stored,
}

impl Running {
    pub(super) fn new(engine: Arc<Engine>, stored: Stored) -> Running {
        Running { engine, stored }
    }

    /// What an operator asked for is due now: the engine need not wait for its next poll.
    async fn then_wake<T>(&self, answer: Answer<'_, T>) -> Result<T, Refusal> {
        let answer = answer.await?;
        self.engine.wake();
        Ok(answer)
    }
}

impl Operations for Running {
    fn status(&self) -> Answer<'_, Status> {
        Box::pin(async {
            let mut status = self.stored.status().await?;
            status.running = true;
            status.mapping_rejected =
                self.engine.rejected_mapping().map(|(at, problems)| RejectedMapping { at, problems });
            for side in Side::BOTH {
                let health = self.engine.health(side);
                let shown = status.sides.get_mut(side);
                shown.state = state(&health);
                shown.why =
                    health.trouble.as_ref().map(|trouble| format!("{}: {}", trouble.code, trouble.message));
                shown.last_answer = health.answered_at;
                shown.lag_ms = health.lag_ms;
                (shown.calls_left, shown.calls_allowed) = (health.calls_left, health.calls_allowed);
                shown.listening = health.listening;
            }
            let budget = self.engine.salesforce_budget();
            let salesforce = &mut status.sides.salesforce;
            salesforce.calls_by_purpose = budget
                .by_purpose
                .iter()
                .map(|(purpose, count)| (purpose.as_str().to_owned(), *count))
                .collect();
            salesforce.calls_kept_free = budget.allowed.map(|_| budget.kept_free);
            salesforce.calls_free_at = budget.closed_until.or(budget.frees_at.filter(|_| budget.is_short()));
            Ok(status)
        })
    }

    fn explain(&self, id: String) -> Answer<'_, Vec<Explanation>> {
        Box::pin(async move {
            if !id.contains('@') {
                return self.stored.explain(id).await;
            }
            // No email is kept: the two systems are asked who has this one.
            let found =
                self.engine.find_by_email(&id).await.map_err(|e| Refusal::unavailable(e.to_string()))?;
            let mut people = Vec::new();
            for id in found {
                for person in self.stored.explain(id.to_string()).await.unwrap_or_default() {
                    if !people.contains(&person) {
                        people.push(person);
                    }
                }
            }
            if people.is_empty() {
                return Err(Refusal::not_found("nobody who is linked has this email address"));
            }
            Ok(people)
        })
    }

    fn conflicts(&self) -> Answer<'_, Vec<Conflict>> {
        self.stored.conflicts()
    }

    fn resolve(&self, resolve: Resolve) -> Answer<'_, Vec<Conflict>> {
        Box::pin(self.then_wake(self.stored.resolve(resolve)))
    }

    fn parked(&self) -> Answer<'_, Vec<ParkedRecord>> {
        self.stored.parked()
    }

    fn retry(&self, which: Which) -> Answer<'_, Count> {
        Box::pin(self.then_wake(self.stored.retry(which)))
    }

    fn drop_parked(&self, which: Which) -> Answer<'_, Count> {
        self.stored.drop_parked(which)
    }

    fn pause(&self) -> Answer<'_, ()> {
        self.stored.pause()
    }

    fn resume(&self) -> Answer<'_, ()> {
        Box::pin(self.then_wake(self.stored.resume()))
    }

    fn resync(&self, resync: Resync) -> Answer<'_, Count> {
        Box::pin(async move {
            match resync.which {
                ResyncWhich::Since(since) => {
                    let records = self.engine.resync_since(since).await;
                    let records = records.map_err(|error| Refusal::unavailable(error.to_string()))?;
                    self.engine.wake();
                    Ok(Count { records: records as u64 })
                }
                _ => self.then_wake(self.stored.resync(resync)).await,
            }
        })
    }

    fn plan(&self) -> Answer<'_, Plan> {
        Box::pin(async {
            let plan = super::planned::plan(&self.engine).await;
            plan.map_err(|error| Refusal::unavailable(error.to_string()))
        })
    }

    fn apply_plan(&self, apply: ApplyPlan) -> Answer<'_, Count> {
        Box::pin(self.then_wake(self.stored.apply_plan(apply)))
    }

    fn links(&self, after: Option<String>) -> Answer<'_, Vec<Link>> {
        self.stored.links(after)
    }

    fn export(&self, journal: bool) -> Answer<'_, Copy> {
        self.stored.export(journal)
    }

    fn verify(&self) -> Answer<'_, Integrity> {
        self.stored.verify()
    }
}

impl Daemon for Running {
    fn not_ready(&self) -> Vec<NotReady> {
        let unanswered = |side: &Side| self.engine.health(*side).answered_at.is_none();
        let why = |side: Side| match self.engine.health(side).trouble {
            Some(trouble) => format!("{side} does not answer: {}: {}", trouble.code, trouble.message),
            None => format!("{side} has not answered yet"),
        };
        let missing = Side::BOTH.into_iter().filter(unanswered);
        missing.map(|side| NotReady { part: side.as_str().to_owned(), why: why(side) }).collect()
    }

    fn changes(&self, asked: ChangesAsked) -> Answer<'_, Changes> {
        Box::pin(self.stored.changes(asked))
    }

    fn mapping(&self) -> Answer<'_, MappingView> {
        Box::pin(async {
            let counts = self.stored.mapping_counts().await?;
            Ok(mapping_view(&self.engine.mapping(), &counts))
        })
    }

    fn metrics(&self) -> &Metrics {
        self.engine.metrics()
    }

    fn outbound_message(&self, body: Bytes) -> BoxFuture<'_, (StatusCode, String)> {
        use crate::connector::salesforce::outbound::{ACK, fault};
        Box::pin(async move {
            let error = match self.engine.take_in_outbound(&body).await {
                Ok(()) => return (StatusCode::OK, ACK.to_owned()),
                Err(error) => error,
            };
            let status = match error {
                OutboundError::NotExpected => StatusCode::NOT_FOUND,
                OutboundError::NoMessage(_) => StatusCode::BAD_REQUEST,
                OutboundError::OtherOrganisation => StatusCode::FORBIDDEN,
                OutboundError::NotSignedIn | OutboundError::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
            };
            (status, fault(&error.to_string()))
        })
    }

    fn webhook(&self, headers: HeaderMap, body: Bytes) -> BoxFuture<'_, StatusCode> {
        Box::pin(async move {
            match self.engine.take_in_webhook(&headers, &body).await {
                Ok(()) => StatusCode::NO_CONTENT,
                Err(WebhookError::Rejected(rejection)) => rejection.status(),
                Err(WebhookError::Store(_)) => StatusCode::SERVICE_UNAVAILABLE,
            }
        })
    }
}

fn state(health: &Health) -> SideState {
    use crate::connector::Retry;
    match &health.trouble {
        None if health.answered_at.is_some() => SideState::Well,
        None => SideState::Unknown,
        Some(error) => match error.retry {
            Retry::Quota => SideState::QuotaExceeded,
            Retry::Stop | Retry::SignIn => SideState::Stopped,
            _ => SideState::Failing,
        },
    }
}
