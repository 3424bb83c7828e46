//! The way to the two systems: HTTPS, or what a simulation puts in its place.

use crate::model::Side;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::sync::Arc;

/// What stands in the place of the network in a simulation.
pub trait Wire: Send + Sync {
    /// Carries a request to a system, and its answer back.
    fn carry(
        &self,
        to: Side,
        request: ::http::Request<Bytes>,
    ) -> BoxFuture<'static, Result<::http::Response<Bytes>, Lost>>;
}

/// No answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost {
    /// Whether the request went out: then it may have had its effect.
    pub sent: bool,
}

/// The way to the two systems.
#[derive(Clone, Default)]
pub struct Network(pub(super) Option<Arc<dyn Wire>>);

impl Network {
    /// A network that a simulation plays. Nothing leaves the process.
    pub fn simulated(wire: Arc<dyn Wire>) -> Network {
        Network(Some(wire))
    }
}
