//! The sandbox's time: the machine's, or one that is turned by hand.

use jiff::{SignedDuration, Timestamp};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Tells the sandbox the time. Cheap to clone; all clones tell the same.
#[derive(Debug, Clone, Default)]
pub struct Clock(Option<Arc<Mutex<Timestamp>>>);

impl Clock {
    /// The machine's time.
    pub fn real() -> Clock {
        Clock(None)
    }

    /// A time that stands still until it is moved.
    pub fn driven(start: Timestamp) -> Clock {
        Clock(Some(Arc::new(Mutex::new(start))))
    }

    /// Whether it is moved by hand.
    pub fn is_driven(&self) -> bool {
        self.0.is_some()
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            None => Timestamp::now(),
            Some(at) => *at.lock().unwrap_or_else(std::sync::PoisonError::into_inner),
        }
    }

    /// Moves a driven clock on; the machine's moves by itself.
    pub fn advance(&self, by: Duration) {
        if let Some(at) = &self.0 {
            let mut at = at.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
            *at = at.saturating_add(by).unwrap_or(Timestamp::MAX);
        }
    }
}
