//! Doing it. A change goes through these files in this order:
//!
//! 1. [`intake`]: what was polled or received marks its link due, in one transaction with the cursor ([`follow`] and
//!    [`events`] do the same for a stream of events);
//! 2. [`gather`]: both sides of what is due are read, in bulk;
//! 3. [`settle`]: each is decided, and everything that needs no write is recorded;
//! 4. [`write`]: the intents are made durable, both sides are read once more, and the rest is written;
//! 5. [`record`]: baselines, journal and the due mark's removal, in one transaction.
//!
//! The daily sweep, a resync, a dry run, the first pass and the recovery after a crash are this same path with
//! other input. One task walks it, so no link is ever in two hands; what runs side by side are the calls of one
//! step.

mod ask;
mod backfill;
mod bisect;
mod box_alone;
mod breaker;
mod bulk_write;
mod carry_out;
mod counted;
mod details;
mod detect;
mod dry_run;
mod engage_write;
mod engine;
mod events;
mod failed;
mod follow;
mod gather;
mod intake;
mod link_by_email;
mod live;
mod long_work;
mod look_again;
mod many;
mod named_anew;
mod newcomers;
mod not_unique;
mod observe;
mod outbound;
mod own_write;
mod parting;
mod pass;
mod record;
mod replay;
mod salesforce_write;
mod schedule;
mod settle;
mod show;
mod side;
mod spool;
mod sweep;
mod vanished;
mod who_is_new;
mod write;

pub use ask::Health;
pub use dry_run::{DryRun, DryRunError};
pub use engine::{Clock, Engine, StartError};
pub use follow::{ListenError, Listening};
pub use gather::calls_to_look;
pub use intake::WebhookError;
pub use long_work::LongWork;
pub use outbound::OutboundError;
pub use pass::{Cycle, PassReport};
pub use record::{from_to, reason as reason_of};
pub(crate) use schedule::STOP_WITHIN;
pub use schedule::{MappingWatch, Signal, run};
