//! Salesforce over REST and the Pub/Sub API: signing in, reading, writing, hearing of changes, and staying within the
//! day's calls.

mod auth;
mod budget;
mod bulk;
mod call;
mod changes;
mod errors;
mod events;
mod login;
mod org;
pub mod outbound;
mod read;
mod refresh;
mod soql;
mod token_file;
mod wire;
mod write;

pub use budget::{Budget, CallsByHour, Purpose};
pub use bulk::{BulkKind, BulkPage, BulkState};
pub use changes::Page;
pub use events::{Batch, ChangeEvent, ReplayId, Subscription, Topic, What, Whom};
pub use login::{Login, Who};
pub use org::{Field, OrgInfo, Rights};
pub use read::Replaced;
pub use write::SalesforceWrite;

use crate::config::SalesforceConfig;
use crate::connector::http::{Http, Reach, is_loopback};
use crate::connector::{CallError, Network};
use crate::model::Side;
use auth::Session;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

/// Tells the time. Tests hand in their own.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// A connection to one org. Cheap to clone; all clones share the session and the budget.
#[derive(Clone)]
pub struct Salesforce(Arc<Shared>);

struct Shared {
    config: SalesforceConfig,
    http: Http,
    clock: Clock,
    /// Held while somebody signs in: the others wait for that one token.
    session: tokio::sync::Mutex<Option<Session>>,
    /// A rotated refresh token that is alive and could not be written, behind the one it follows.
    unkept: Mutex<Option<refresh::Rotation>>,
    budget: Mutex<budget::Meter>,
    /// How far the server's clock is ahead of ours, by its `Date` header: whole seconds.
    skew: Mutex<Option<SignedDuration>>,
    /// The `Date` of the last answer.
    told: Mutex<Option<Timestamp>>,
    /// Event schemas by id. A handful: a new one comes when an admin changes an object's fields.
    schemas: Mutex<HashMap<String, Arc<events::EventSchema>>>,
}

impl Salesforce {
    /// Nothing is called yet.
    ///
    /// # Errors
    /// When HTTPS cannot be set up.
    pub fn new(config: &SalesforceConfig, clock: Clock) -> Result<Salesforce, CallError> {
        Salesforce::over(config, clock, Network::default())
    }

    /// The same, over a network of one's own.
    ///
    /// # Errors
    /// When HTTPS cannot be set up.
    pub fn over(config: &SalesforceConfig, clock: Clock, network: Network) -> Result<Salesforce, CallError> {
        // Its own answers say where the next calls go. The sandbox is on this machine.
        let reach = if is_loopback(&config.login_url) { Reach::AsConfigured } else { Reach::PublicOnly };
        Ok(Salesforce(Arc::new(Shared {
            http: Http::new(Side::Salesforce, reach, network)?,
            budget: Mutex::new(budget::Meter::new(config.keep_free, config.quota_retry.clone())),
            config: config.clone(),
            clock,
            session: tokio::sync::Mutex::new(None),
            unkept: Mutex::new(None),
            skew: Mutex::new(None),
            told: Mutex::new(None),
            schemas: Mutex::default(),
        })))
    }

    /// What is left of the day's calls, and what they were used for.
    pub fn budget(&self) -> Budget {
        lock(&self.0.budget).view()
    }

    /// The calls that this process made, by purpose.
    pub fn calls_made(&self) -> BTreeMap<Purpose, u64> {
        lock(&self.0.budget).made().clone()
    }

    /// What was used of the day, hour by hour, to be kept.
    pub fn calls_by_hour(&self) -> CallsByHour {
        lock(&self.0.budget).hours().clone()
    }

    /// Takes over what an earlier process has used of the day.
    pub fn restore_calls(&self, earlier: CallsByHour) {
        lock(&self.0.budget).restore(earlier);
    }

    /// The server's time, as nearly as its `Date` header and our own clock tell: never later than it really is there, unless
    /// our clock was set since the last answer.
    pub fn server_now(&self) -> Timestamp {
        let skew = lock(&self.0.skew).unwrap_or(SignedDuration::ZERO);
        self.now().saturating_add(skew).unwrap_or(Timestamp::MIN)
    }

    /// The server's time when it last answered: a lower bound even if our own clock was set since, so that what protects an
    /// edit can rest on it.
    pub fn server_told(&self) -> Timestamp {
        let told = *lock(&self.0.told);
        told.unwrap_or_else(|| self.server_now())
    }

    /// The organisation that we are signed in to; nothing before the first sign-in.
    pub async fn organisation(&self) -> Option<String> {
        let session = self.0.session.lock().await;
        session.as_ref().and_then(|token| token.organisation()).map(str::to_owned)
    }

    fn now(&self) -> Timestamp {
        (self.0.clock)()
    }
}

/// A lock that a panicking thread left behind guards plain data, which is still whole.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
