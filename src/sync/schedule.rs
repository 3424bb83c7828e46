//! The loop: what turns the handle, and when.

use super::engine::{Engine, lock};
use super::pass::Cycle;
use crate::emit;
use crate::mapping::Mapping;
use crate::model::Side;
use crate::store::StoreError;
use crate::store::marks;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// How often the mapping file is looked at. Content is compared, not times: a mounted file may be swapped by link.
const MAPPING_EVERY: Duration = Duration::from_secs(2);

/// The least time between two turns that something due woke, so that a flood becomes batches.
const WAKE_EVERY: Duration = Duration::from_millis(50);

/// While a flood of events comes in, the turn waits for more of it, so that it becomes full batches; but not for longer
/// than this.
const FLOOD_MAX: Duration = Duration::from_secs(2);

/// So many changes within [`WAKE_EVERY`] are a flood.
const FLOOD: u64 = 20;

/// How often due marks that wait for a time (a retry) are looked at, when nothing else happens.
const DUE_EVERY: Duration = Duration::from_secs(1);

/// The least time between a poll of Salesforce and the next one that is asked for. Whoever asks without end (by events that
/// cannot be read, or by messages about Leads that do not exist) gets some 35,000 calls a day for it, two a poll: a third of
/// the 100,000 that an org has at least, besides Developer Editions. A shorter one would leave too little for the rest.
const ASKED_EVERY: Duration = Duration::from_secs(5);

/// How long a turn may go on after SIGTERM. The process has 10 s in all, which `cli/run.rs` adds up.
pub(crate) const STOP_WITHIN: Duration = Duration::from_secs(5);

/// What the outside tells the loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGHUP: read the mapping again now.
    Reload,
    /// SIGTERM: finish what is in flight and end.
    Stop,
}

/// Runs until told to stop. What is in flight then is finished; everything else is durable already.
///
/// # Errors
/// When the store fails. The process should end: whatever was not acknowledged comes again.
pub async fn run(
    engine: Arc<Engine>,
    mut watch: MappingWatch,
    mut signals: mpsc::Receiver<Signal>,
) -> Result<(), StoreError> {
    let mut streams = JoinSet::new();
    for topic in engine.topics() {
        streams.spawn(super::follow::follow(engine.clone(), topic));
    }
    let start = Instant::now();
    let (mut next_salesforce, mut next_engage) = (start, start);
    let (mut next_mapping, mut next_due) = (start + MAPPING_EVERY, start);
    loop {
        let now = Instant::now();
        if let Some(wait) = engine.asked_poll_in() {
            next_salesforce = next_salesforce.min(now + wait);
        } else if !engine.polls_can_rest() {
            // A stream that broke while polls rested.
            next_salesforce = next_salesforce.min(now + engine.salesforce_poll_every());
        }
        let sweep = engine.sweep_is_due().await?;
        let cycle = Cycle { poll_salesforce: next_salesforce <= now, poll_engage: next_engage <= now, sweep };
        if cycle != Cycle::DUE || next_due <= now {
            if turn(&engine, cycle, &mut signals, &mut watch).await? == Turned::Stop {
                return Ok(());
            }
            let poll = engine.poll_every;
            if cycle.poll_salesforce {
                let every = match engine.polls_can_rest() {
                    true => engine.sweep_every,
                    false => engine.salesforce_poll_every(),
                };
                next_salesforce = Instant::now() + engine.next_try(Side::Salesforce, every);
            }
            if cycle.poll_engage {
                next_engage = Instant::now() + engine.next_try(Side::Engage, poll.engage);
            }
            next_due = Instant::now() + DUE_EVERY;
        }
        if next_mapping <= Instant::now() || watch.asked {
            watch.look(&engine, false);
            next_mapping = Instant::now() + MAPPING_EVERY;
        }
        let next = next_salesforce.min(next_engage).min(next_mapping).min(next_due);
        // Whichever comes first: the stop signal is never waited for behind a timer, and a wake-up that comes
        // while a turn is under way is kept by Notify until here.
        tokio::select! {
            signal = signals.recv() => match signal {
                Some(Signal::Reload) => watch.look(&engine, true),
                Some(Signal::Stop) | None => return Ok(()),
            },
            () = engine.wake.notified() => {
                engine.let_gather().await;
                next_due = Instant::now();
            }
            // A stream ends only when the store fails.
            Some(ended) = streams.join_next() => {
                if let Ok(ended) = ended {
                    ended?;
                }
            }
            () = sleep_until(next) => {}
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turned {
    Done,
    Stop,
}

/// One turn, during which signals are heard too. On a stop, no new batch is begun and the one in flight is
/// finished; past [`STOP_WITHIN`] it is let go, which is safe, since a turn may be cut off anywhere.
async fn turn(
    engine: &Engine,
    cycle: Cycle,
    signals: &mut mpsc::Receiver<Signal>,
    watch: &mut MappingWatch,
) -> Result<Turned, StoreError> {
    let mut turning = std::pin::pin!(engine.cycle(cycle));
    loop {
        tokio::select! {
            report = &mut turning => return report.map(|_| Turned::Done),
            signal = signals.recv() => match signal {
                // The mapping is swapped between two turns, never inside one: what was decided by a table is
                // written by it.
                Some(Signal::Reload) => watch.asked = true,
                Some(Signal::Stop) | None => {
                    engine.stop();
                    return match tokio::time::timeout(STOP_WITHIN, turning).await {
                        Ok(report) => report.map(|_| Turned::Stop),
                        Err(_) => Ok(Turned::Stop),
                    };
                }
            },
        }
    }
}

impl Engine {
    /// Lets a few more changes come in before they are looked at together.
    async fn let_gather(&self) {
        let until = Instant::now() + FLOOD_MAX;
        loop {
            let before = lock(&self.live).number();
            tokio::time::sleep(WAKE_EVERY).await;
            if lock(&self.live).number() - before < FLOOD || Instant::now() >= until {
                return;
            }
        }
    }

    async fn sweep_is_due(&self) -> Result<bool, StoreError> {
        if !self.is_open(Side::Salesforce) || !self.is_open(Side::Engage) {
            return Ok(false);
        }
        // Comparing everything can wait until calls are free again.
        if self.salesforce.budget().is_short() {
            return Ok(false);
        }
        let now = self.now();
        let (first_pass_done, swept_at) =
            self.store.read(|reader| Ok((marks::first_pass_done(reader)?, marks::swept_at(reader)?))).await?;
        if !first_pass_done {
            return Ok(false);
        }
        let Some(swept_at) = swept_at else {
            // The first pass has just looked at everybody.
            self.store.write(move |tx| tx.set_meta(marks::SWEPT_AT, &now.to_string())).await?;
            return Ok(false);
        };
        Ok(now.duration_since(swept_at).unsigned_abs() >= self.sweep_every)
    }

    /// How long until `side` is polled again: its own rhythm, or sooner when it is to be tried again.
    fn next_try(&self, side: Side, every: Duration) -> Duration {
        let now = self.now();
        match &lock(&self.sides).get(side).trouble {
            Some(trouble) => Duration::try_from(trouble.retry_at.duration_since(now))
                .unwrap_or(Duration::ZERO)
                .max(DUE_EVERY),
            None => every,
        }
    }

    /// Polls grow rarer as the day's calls run out: twice as far apart near the end, and as far as the calls that are kept
    /// for others allow when only they are left.
    fn salesforce_poll_every(&self) -> Duration {
        let (budget, every) = (self.salesforce.budget(), self.poll_every.salesforce);
        match budget.spendable_share() {
            _ if budget.is_short() => budget.short_poll_every().max(every),
            Some(share) if share < 0.1 => every * 2,
            _ => every,
        }
    }

    /// How long a poll of Salesforce that somebody has asked for still waits; `None` when nobody has. It comes at once after
    /// some quiet, and while only what is kept for others is left of the day's calls, no sooner than polls come by themselves.
    pub fn asked_poll_in(&self) -> Option<Duration> {
        if !self.wants_poll() {
            return None;
        }
        let gap = match self.salesforce.budget().is_short() {
            true => self.salesforce_poll_every(),
            false => ASKED_EVERY,
        };
        let Some(polled) = *lock(&self.salesforce_polled) else { return Some(Duration::ZERO) };
        // A clock that was set back tells nothing, and the poll comes all the same.
        let since = Duration::try_from(self.now().duration_since(polled)).unwrap_or_default();
        Some(gap.saturating_sub(since))
    }

    /// Reads a changed mapping file: checked first, swapped whole, kept as it was when the new one is wrong.
    pub fn reload_mapping(&self, parsed: Result<Mapping, String>) {
        match parsed {
            Ok(mapping) => {
                emit!(MAPPING_LOADED, to = %mapping.file, "the mapping of {} is in use: {} rows", mapping.company, mapping.rows.len());
                self.use_mapping(mapping);
            }
            Err(problems) => {
                emit!(
                    MAPPING_REJECTED,
                    reason = problems,
                    "the mapping file has mistakes; the one in use stays in use"
                );
                self.reject_mapping(problems);
            }
        }
    }
}

/// Looks at the mapping file, and says when it is another one than before.
///
/// Made before the mapping is loaded: what changes between the two, while the store opens for instance, is seen as a
/// change then, and not taken for what is in use.
pub struct MappingWatch {
    file: PathBuf,
    last: Option<Vec<u8>>,
    /// SIGHUP came during a turn.
    asked: bool,
}

impl MappingWatch {
    /// Watches `file`, from what stands in it now.
    pub fn new(file: PathBuf) -> MappingWatch {
        let last = crate::mapping::read(&file).ok();
        MappingWatch { file, last, asked: false }
    }

    fn look(&mut self, engine: &Engine, asked: bool) {
        let now = crate::mapping::read(&self.file).ok();
        let asked = std::mem::take(&mut self.asked) || asked;
        if now == self.last && !asked {
            return;
        }
        self.last = now;
        engine.reload_mapping(
            crate::verify::load(&self.file)
                .map(|loaded| loaded.mapping)
                .map_err(|problems| problems.to_string()),
        );
    }
}
