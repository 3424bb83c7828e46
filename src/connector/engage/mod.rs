//! Revenue Engage, by the default profile of `engage-api.md`. All knowledge of its wire stands in this room.

mod call;
mod errors;
mod pace;
mod prospects;
mod sequences;
mod webhook;
mod wire;

pub use prospects::{EngageWrite, NewProspect, Page};
pub use sequences::{Sequence, Status};
pub use webhook::{BODY_BYTES_MAX, Delivery, Rejection, verify};

use crate::config::EngageConfig;
use crate::connector::http::{Http, Reach};
use crate::connector::{CallError, Effect, Network, Purpose, Retry};
use crate::model::Side;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Tells the time. Tests hand in their own.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// A connection to one tenant's Engage. Cheap to clone; all clones share the token and the pace.
#[derive(Clone)]
pub struct Engage(Arc<Shared>);

struct Shared {
    config: EngageConfig,
    http: Http,
    clock: Clock,
    /// Held while somebody asks for a token: the others wait for that one.
    token: tokio::sync::Mutex<Option<call::Token>>,
    pace: Mutex<pace::Pace>,
}

/// Calls left in the present minute, and what was called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calls {
    /// Calls left before the window resets, as last told.
    pub left: Option<u64>,
    /// Calls allowed a window.
    pub allowed: Option<u64>,
    /// Calls this process made, by operation.
    pub by_operation: BTreeMap<&'static str, u64>,
}

/// What an operation of Engage's API is for, in the words that are used for Salesforce's calls.
const PURPOSES: [(&str, Purpose); 10] = [
    ("list", Purpose::Poll),
    ("read", Purpose::Read),
    ("enrollments", Purpose::Read),
    ("write", Purpose::Write),
    ("create", Purpose::Write),
    ("pause", Purpose::Write),
    ("resume", Purpose::Write),
    ("finish", Purpose::Write),
    ("statuses", Purpose::Describe),
    ("sequences", Purpose::Describe),
];

impl Calls {
    /// The same by purpose.
    pub fn by_purpose(&self) -> BTreeMap<Purpose, u64> {
        let mut calls = BTreeMap::new();
        for (operation, count) in &self.by_operation {
            let purpose = PURPOSES.iter().find(|(known, _)| known == operation);
            *calls.entry(purpose.map_or(Purpose::Read, |(_, purpose)| *purpose)).or_default() += count;
        }
        calls
    }
}

impl Engage {
    /// Nothing is called yet.
    ///
    /// # Errors
    /// When the profile is not the default one, or HTTPS cannot be set up.
    pub fn new(config: &EngageConfig, clock: Clock) -> Result<Engage, CallError> {
        Engage::over(config, clock, Network::default())
    }

    /// The same, over a network of one's own.
    ///
    /// # Errors
    /// When the profile is not the default one, or HTTPS cannot be set up.
    pub fn over(config: &EngageConfig, clock: Clock, network: Network) -> Result<Engage, CallError> {
        if config.profile != "default" {
            return Err(CallError {
                side: Side::Engage,
                status: None,
                code: "unknown-profile".to_owned(),
                message: format!(
                    "[engage] profile = {:?}: this version knows only \"default\"",
                    config.profile
                ),
                fields: Vec::new(),
                retry: Retry::Stop,
                effect: Effect::None,
            });
        }
        Ok(Engage(Arc::new(Shared {
            http: Http::new(Side::Engage, Reach::AsConfigured, network)?,
            config: config.clone(),
            clock,
            token: tokio::sync::Mutex::new(None),
            pace: Mutex::default(),
        })))
    }

    /// What is left of this minute's calls, and what they were used for.
    pub fn calls(&self) -> Calls {
        self.pace().view()
    }

    fn now(&self) -> Timestamp {
        (self.0.clock)()
    }

    /// A lock that a panicking thread left behind guards plain data, which is still whole.
    fn pace(&self) -> std::sync::MutexGuard<'_, pace::Pace> {
        self.0.pace.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
