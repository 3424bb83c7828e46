//! What can be asked of a daemon, and done to it.

use super::views::*;
use crate::metrics::Metrics;
use crate::model::Link;
use crate::store::Integrity;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use serde::{Deserialize, Serialize};

/// What an operation answers, sooner or later.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, Refusal>>;

/// What the commands ask for. Answered by the running daemon, by a client that asks one over its admin port, and in
/// part by a store alone when no daemon runs.
pub trait Operations: Send + Sync {
    /// One screen: both sides, what is due, what waits for a person.
    fn status(&self) -> Answer<'_, Status>;
    /// All that is known of one person, by Salesforce id, prospect id or email. Several when an email is not unique.
    fn explain(&self, id: String) -> Answer<'_, Vec<Explanation>>;
    /// The links on which a person has to decide, oldest first.
    fn conflicts(&self) -> Answer<'_, Vec<Conflict>>;
    /// Decides one conflict: it is carried out when the link is next looked at, which is soon.
    fn resolve(&self, resolve: Resolve) -> Answer<'_, Vec<Conflict>>;
    /// The writes a system refused for good, oldest first.
    fn parked(&self) -> Answer<'_, Vec<ParkedRecord>>;
    /// Tries parked records again.
    fn retry(&self, which: Which) -> Answer<'_, Count>;
    /// Forgets parked records: the link is left as it is until either side changes.
    fn drop_parked(&self, which: Which) -> Answer<'_, Count>;
    /// Stops writing; reading goes on, and nothing is lost.
    fn pause(&self) -> Answer<'_, ()>;
    /// Writes again.
    fn resume(&self) -> Answer<'_, ()>;
    /// Has records compared again, by the plan's rules.
    fn resync(&self, resync: Resync) -> Answer<'_, Count>;
    /// What a run would do now. Writes nothing anywhere.
    fn plan(&self) -> Answer<'_, Plan>;
    /// Lets what waits through: those very writes, and nothing that was decided later (rulings.md 11). With an id only
    /// when it is still that plan that waits.
    fn apply_plan(&self, apply: ApplyPlan) -> Answer<'_, Count>;
    /// Both baselines of linked people, page by page, in the order of prospect ids.
    fn links(&self, after: Option<String>) -> Answer<'_, Vec<Link>>;
    /// A copy of what the store knows, as it is now; of the journal too, if asked for.
    fn export(&self, journal: bool) -> Answer<'_, Copy>;
    /// Looks at every row of the store.
    fn verify(&self) -> Answer<'_, Integrity>;
}

/// The bytes of a copy, as they come.
pub type Copy = BoxStream<'static, std::io::Result<Bytes>>;

/// A running daemon.
pub trait Daemon: Operations {
    /// Why the daemon cannot do its work yet; nothing once store and configuration are open and both systems have
    /// answered once (rulings.md 25). Asked often: must not wait.
    fn not_ready(&self) -> Vec<NotReady>;
    /// What was seen, decided and written of late, in pages.
    fn changes(&self, asked: ChangesAsked) -> Answer<'_, Changes>;
    /// The mapping in use, with live counts.
    fn mapping(&self) -> Answer<'_, MappingView>;
    /// What is counted, up to now.
    fn metrics(&self) -> &Metrics;
    /// A delivery, not yet verified. 204 once the event is durable; 401, 400 or 503 otherwise (engage-api.md, Webhooks).
    fn webhook(&self, headers: HeaderMap, body: Bytes) -> BoxFuture<'_, StatusCode>;
    /// An outbound message of Salesforce, not yet read: the status, and the SOAP to answer with. 200 with an Ack once all
    /// of it is durable; 400, 403, 404 or 503 otherwise.
    fn outbound_message(&self, body: Bytes) -> BoxFuture<'_, (StatusCode, String)>;
}

/// One reason why the daemon is not ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct NotReady {
    /// `store`, `configuration`, `salesforce`, `engage`.
    pub part: String,
    /// In words.
    pub why: String,
}

/// An operation that was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// What kind of refusal.
    pub kind: RefusalKind,
    /// What is wrong and what to do instead, for people.
    pub message: String,
}

/// Kinds of refusal. The names are the API's error codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// There is no such record, conflict or path.
    NotFound,
    /// The request makes no sense.
    InvalidRequest,
    /// The admin token is missing or wrong.
    Unauthorized,
    /// Not allowed here, whatever the token.
    Forbidden,
    /// Not possible without a running daemon, or not just now.
    Unavailable,
    /// It should have worked, and did not.
    Failed,
}

impl RefusalKind {
    /// The HTTP status.
    pub fn status(self) -> StatusCode {
        match self {
            RefusalKind::NotFound => StatusCode::NOT_FOUND,
            RefusalKind::InvalidRequest => StatusCode::BAD_REQUEST,
            RefusalKind::Unauthorized => StatusCode::UNAUTHORIZED,
            RefusalKind::Forbidden => StatusCode::FORBIDDEN,
            RefusalKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            RefusalKind::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl Refusal {
    /// A refusal of this kind.
    pub fn new(kind: RefusalKind, message: impl Into<String>) -> Refusal {
        Refusal { kind, message: message.into() }
    }

    /// There is no such thing.
    pub fn not_found(message: impl Into<String>) -> Refusal {
        Refusal::new(RefusalKind::NotFound, message)
    }

    /// The request makes no sense.
    pub fn invalid(message: impl Into<String>) -> Refusal {
        Refusal::new(RefusalKind::InvalidRequest, message)
    }

    /// Not possible just now.
    pub fn unavailable(message: impl Into<String>) -> Refusal {
        Refusal::new(RefusalKind::Unavailable, message)
    }

    /// It did not work.
    pub fn failed(message: impl Into<String>) -> Refusal {
        Refusal::new(RefusalKind::Failed, message)
    }
}

/// The body of a refusal: `{"error":{"code":"not_found","message":"..."}}`.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RefusalBody {
    /// The refusal.
    pub error: RefusalDetail,
}

/// Inside of [`RefusalBody`].
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RefusalDetail {
    /// Its kind.
    pub code: RefusalKind,
    /// Its message.
    pub message: String,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = RefusalBody { error: RefusalDetail { code: self.kind, message: self.message } };
        (self.kind.status(), axum::Json(body)).into_response()
    }
}
