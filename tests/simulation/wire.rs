//! The network of a simulation: it carries calls to both systems, loses and refuses some, lets others act at the very moment
//! of a call, and may be the last thing that the process sees.

use super::fault::{self, Fault, refusal};
use super::matrix::{Matrix, State};
use super::stage::Stage;
use axum::body::Bytes;
use axum::http::{HeaderValue, Request, Response};
use futures_util::future::BoxFuture;
use lockstep::connector::{Lost, Wire};
use lockstep::model::{SalesforceId, Side};
use lockstep::store::{Flush, Store};
use rand::prelude::*;
use std::hash::{DefaultHasher, Hash};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What the wire and the disk share with whoever leads the simulation.
pub struct Play {
    /// Both systems.
    pub stage: Stage,
    /// How likely each fault is, a call or a flush.
    pub rates: Vec<(Fault, f64)>,
    /// It goes wrong with calls that write, and with the flush behind them, alone.
    pub aimed: bool,
    /// The last call that was made writes.
    pub writing: bool,
    /// By daemon: its process is dead, and nothing it asked for is answered any more.
    pub killed: [bool; 2],
    /// Of every call and its answer.
    pub trace: DefaultHasher,
    /// Calls that were carried.
    pub calls: u64,
    /// ... those that sign in.
    pub grants: u64,
    /// Processes that were started.
    pub processes: u64,
    /// Faults that happened.
    pub faults: Vec<(Fault, u64)>,
    /// ... and whom they met.
    pub matrix: Matrix,
    /// The state of everybody, where the matrix is asked for.
    pub states: Vec<State>,
    /// Where to look those up.
    pub store: Option<Store>,
    /// Seconds by which our own clock was set.
    pub ahead: Ahead,
    /// The last page of a listing that goes on, and where it goes on.
    pub page: Option<(String, Bytes)>,
}

/// Seconds by which our own clock was set, shared with the process.
#[derive(Clone, Default)]
pub struct Ahead(Arc<AtomicI64>);

impl Ahead {
    /// Read without a lock: the daemon asks for the time wherever it is.
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// [`Play`], shared, as one of the daemons meets it.
#[derive(Clone)]
pub struct Shared(Arc<Mutex<Play>>, usize);

impl Shared {
    /// Shares it.
    pub fn new(play: Play) -> Shared {
        Shared(Arc::new(Mutex::new(play)), 0)
    }

    /// As this daemon meets it.
    pub fn of(&self, daemon: usize) -> Shared {
        Shared(self.0.clone(), daemon)
    }

    /// Whether this daemon's process is dead.
    pub fn is_killed(&self) -> bool {
        self.lock().killed[self.1]
    }

    /// For a moment.
    pub fn lock(&self) -> MutexGuard<'_, Play> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// By how much our own clock was set.
    pub fn ahead(&self) -> Ahead {
        self.lock().ahead.clone()
    }

    /// How the next flush ends.
    pub fn flush(&self) -> Flush {
        let mut play = self.lock();
        if play.killed[self.1] {
            return Flush::FailsBefore;
        }
        if play.strikes(Fault::DiskRefuses) {
            play.stage.tell("FAULT    the disk refuses a flush".to_owned());
            return Flush::FailsBefore;
        }
        let fate = if play.strikes(Fault::DiesInFlush) {
            Flush::FailsBefore
        } else if play.strikes(Fault::DiesAfterFlush) {
            Flush::FailsAfter
        } else {
            return Flush::Done;
        };
        play.stage.tell(format!("FAULT    the process dies in a flush: {fate:?}"));
        play.killed[self.1] = true;
        fate
    }
}

impl Play {
    fn strikes(&mut self, fault: Fault) -> bool {
        if self.aimed && !self.writing {
            return false;
        }
        let rate = self.rates.iter().find(|(other, _)| *other == fault).map_or(0.0, |(_, rate)| *rate);
        let strikes = rate > 0.0 && self.stage.random.random_bool(rate);
        if strikes {
            match self.faults.iter_mut().find(|(other, _)| *other == fault) {
                Some((_, count)) => *count += 1,
                None => self.faults.push((fault, 1)),
            }
            self.matrix.hit(fault, &self.states);
        }
        strikes
    }

    fn act_meanwhile(&mut self) {
        if self.strikes(Fault::ActsMeanwhile) {
            self.stage.act();
        }
    }
}

/// Whether a call changes what somebody holds.
pub(super) fn writes(to: Side, what: &str) -> bool {
    what.starts_with("PATCH") || (to == Side::Engage && what.starts_with("POST") && !what.contains("oauth"))
}

impl Wire for Shared {
    fn carry(&self, to: Side, request: Request<Bytes>) -> BoxFuture<'static, Result<Response<Bytes>, Lost>> {
        let shared = self.clone();
        Box::pin(async move {
            match shared.carried(to, request).await {
                Some(answer) => answer,
                // Nobody is there any more to be answered.
                None => std::future::pending().await,
            }
        })
    }
}

impl Shared {
    /// `None`: the process is dead.
    async fn carried(&self, to: Side, request: Request<Bytes>) -> Option<Result<Response<Bytes>, Lost>> {
        self.look_up_states().await;
        let locked;
        let (org, product, what) = {
            let mut play = self.lock();
            let what = format!("{} {to} {}", request.method(), request.uri().path());
            // Grants hold nothing that matters, and a form's order is the client's.
            (&what, request.body().as_ref(), request.uri().query()).hash(&mut play.trace);
            play.calls += 1;
            if play.killed[self.1] {
                return None;
            }
            play.stage.checker.daemon = self.1;
            play.writing = writes(to, &what);
            if play.writing {
                let one_process = play.processes == 1;
                play.stage.asked(&what, request.body(), one_process);
            }
            if play.stage.switched_off.contains(&to) {
                play.stage.tell(format!("LOCKSTEP {what} -> switched off"));
                play.stage.pass(Duration::from_millis(300));
                return Some(Ok(fault::switched_off(to, what.contains("oauth"))));
            }
            play.grants += u64::from(what.contains("oauth"));
            play.times_change();
            if let Some(instead) = play.before(to, &what) {
                return instead;
            }
            play.act_meanwhile();
            play.stage.look_before();
            locked = play.lock_somebody();
            (play.stage.org.clone(), play.stage.product.clone(), what)
        };
        let answer = match to {
            Side::Salesforce => org.answer(request).await,
            Side::Engage => product.answer(request).await,
        };
        let mut play = self.lock();
        play.stage.checker.daemon = self.1;
        play.writing = writes(to, &what);
        if let Some(record) = locked {
            play.stage.org.lock(record, false);
        }
        (answer.status().as_u16(), answer.body().len()).hash(&mut play.trace);
        play.stage.tell(format!("LOCKSTEP {what} -> {}", answer.status().as_u16()));
        play.stage.look_after(to, &what, answer.body());
        play.act_meanwhile();
        if play.strikes(Fault::Slow) {
            play.stage.pass(Duration::from_secs(30));
        } else {
            play.stage.pass(Duration::from_millis(300));
        }
        play.after(to, &what, answer)
    }
}

impl Shared {
    async fn look_up_states(&self) {
        let (store, people) = {
            let play = self.lock();
            let Some(store) = play.store.clone() else { return };
            (store, play.stage.people.clone())
        };
        let states = store
            .read(move |reader| people.iter().map(|person| State::of(reader, &person.prospect)).collect());
        if let Ok(states) = states.await {
            self.lock().states = states;
        }
    }
}

impl Play {
    /// The process stands still, or its clock is set.
    fn times_change(&mut self) {
        if self.strikes(Fault::Stopped) {
            self.stage.tell("FAULT    the process stands still for ten minutes".to_owned());
            self.stage.advance(Duration::from_secs(600));
        }
        if self.strikes(Fault::ClockSet) {
            let ahead = self.stage.random.random_range(-300..=300);
            self.stage.tell(format!("FAULT    our clock is {ahead} s ahead"));
            self.ahead.0.store(ahead, Ordering::Relaxed);
        }
    }

    /// Somebody else writes to a record while a call comes.
    fn lock_somebody(&mut self) -> Option<SalesforceId> {
        if !self.strikes(Fault::Locked) {
            return None;
        }
        let who = self.stage.random.random_range(0..self.stage.people.len());
        let record = self.stage.record_of(&self.stage.people[who]);
        // A transaction that is open has the lock already, and lets it go itself.
        let free = self.stage.open.iter().all(|open| open.record != record);
        free.then(|| {
            self.stage.org.lock(record, true);
            self.stage.tell(format!("FAULT    somebody else has the lock of {record}"));
            record
        })
    }

    /// What comes instead of carrying a call.
    #[allow(clippy::option_option)] // dead, or an answer, or nothing instead
    fn before(&mut self, to: Side, what: &str) -> Option<Option<Result<Response<Bytes>, Lost>>> {
        let instead = |play: &mut Play, fault: Fault, answer: Option<Result<Response<Bytes>, Lost>>| {
            play.stage.tell(format!("FAULT    {fault:?}: {what}"));
            Some(answer)
        };
        if self.strikes(Fault::KilledBefore) {
            self.killed[self.stage.checker.daemon] = true;
            return instead(self, Fault::KilledBefore, None);
        }
        if self.strikes(Fault::NotSent) {
            return instead(self, Fault::NotSent, Some(Err(Lost { sent: false })));
        }
        if self.strikes(Fault::ServerError) {
            let status = if self.stage.random.random_bool(0.5) { 500 } else { 503 };
            return instead(self, Fault::ServerError, Some(Ok(refusal(to, status, "SERVER_UNAVAILABLE"))));
        }
        if self.strikes(Fault::TooMany) {
            let mut answer = match to {
                Side::Salesforce => refusal(to, 403, "REQUEST_LIMIT_EXCEEDED"),
                Side::Engage => refusal(to, 429, "rate_limited"),
            };
            if self.stage.random.random_bool(0.5) {
                answer.headers_mut().insert("retry-after", HeaderValue::from_static("20"));
            }
            return instead(self, Fault::TooMany, Some(Ok(answer)));
        }
        let conditional = what.starts_with("PATCH") && what.contains("/sobjects/");
        if (conditional || what.ends_with("/prospects/batch")) && self.strikes(Fault::Overtaken) {
            let answer = match to {
                Side::Salesforce => refusal(to, 412, "ENTITY_FAILED_IFLASTMODIFIED_ON_UPDATE"),
                Side::Engage => refusal(to, 409, "version_mismatch"),
            };
            return instead(self, Fault::Overtaken, Some(Ok(answer)));
        }
        if what.contains("/query/") && self.strikes(Fault::LocatorExpired) {
            let answer = refusal(to, 400, "INVALID_QUERY_LOCATOR");
            return instead(self, Fault::LocatorExpired, Some(Ok(answer)));
        }
        if what.contains("/query/")
            && let Some((_, page)) = self.page.clone().filter(|(next, _)| what.ends_with(next))
            && self.strikes(Fault::PageRepeated)
        {
            let answer = refusal(to, 200, "").map(|_| page);
            return instead(self, Fault::PageRepeated, Some(Ok(answer)));
        }
        if self.strikes(Fault::Elsewhere) {
            return instead(self, Fault::Elsewhere, Some(Ok(fault::redirect())));
        }
        if self.strikes(Fault::SignedOut) {
            let code = if to == Side::Salesforce { "INVALID_SESSION_ID" } else { "unauthorized" };
            return instead(self, Fault::SignedOut, Some(Ok(refusal(to, 401, code))));
        }
        None
    }

    /// What becomes of an answer on its way.
    fn after(
        &mut self,
        to: Side,
        what: &str,
        carried: Response<Bytes>,
    ) -> Option<Result<Response<Bytes>, Lost>> {
        let fault = [Fault::KilledAfter, Fault::NoAnswer, Fault::ErrorAfter, Fault::NoJson]
            .into_iter()
            .find(|fault| self.strikes(*fault));
        if let Some(fault) = fault {
            self.stage.tell(format!("FAULT    {fault:?}: {what}"));
        }
        match fault {
            Some(Fault::KilledAfter) => {
                self.killed[self.stage.checker.daemon] = true;
                None
            }
            Some(Fault::NoAnswer) => Some(Err(Lost { sent: true })),
            Some(Fault::ErrorAfter) => Some(Ok(refusal(to, 502, "BAD_GATEWAY"))),
            Some(Fault::NoJson) => {
                let half = carried.body().slice(..carried.body().len() / 2);
                let page = Bytes::from_static(b"<html>log in</html>");
                let body = if self.stage.random.random_bool(0.5) { half } else { page };
                Some(Ok(carried.map(|_| body)))
            }
            _ => {
                let carried = self.changed_on_its_way(what, carried);
                self.stage.believe();
                Some(Ok(carried))
            }
        }
    }

    /// An answer that says less than it should, or leads astray.
    fn changed_on_its_way(&mut self, what: &str, carried: Response<Bytes>) -> Response<Bytes> {
        let rows = what.contains("/composite/sobjects") || what.ends_with("/prospects/batch");
        if rows
            && let Some(half) = fault::half(&carried)
            && self.strikes(Fault::HalfAnswer)
        {
            self.stage.tell(format!("FAULT    {:?}: {what}", Fault::HalfAnswer));
            return carried.map(|_| half);
        }
        if what.contains("/query")
            && let Some((next, elsewhere)) = fault::led_elsewhere(&carried)
        {
            self.page = Some((next, carried.body().clone()));
            if self.strikes(Fault::Elsewhere) {
                self.stage.tell(format!("FAULT    {:?}: {what}", Fault::Elsewhere));
                return carried.map(|_| elsewhere);
            }
        }
        carried
    }
}
