//! The network of a simulation: it carries calls to both systems, loses and refuses some, lets others act at the very moment
//! of a call, and may be the last thing that the process sees.

use super::stage::Stage;
use axum::body::Bytes;
use axum::http::{HeaderValue, Request, Response};
use futures_util::future::BoxFuture;
use lockstep::connector::{Lost, Wire};
use lockstep::model::Side;
use lockstep::store::Flush;
use rand::prelude::*;
use std::hash::{DefaultHasher, Hash};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What may go wrong with a call or with the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The request never arrives (F1).
    NotSent,
    /// Everything happens, and the answer never comes (F2).
    NoAnswer,
    /// 500 or 503 before anything happens (F3).
    ServerError,
    /// 502 or 504 after everything has happened (F2).
    ErrorAfter,
    /// 429 or the quota, with or without `Retry-After` (F3, F23).
    TooMany,
    /// The session has ended (F4).
    SignedOut,
    /// Another program's page with 200, or half an answer (F34).
    NoJson,
    /// The process is killed before a call takes effect (F27).
    KilledBefore,
    /// The process is killed after it (F27).
    KilledAfter,
    /// The process dies in a flush, before anything is durable, or the disk refuses (F25, F26, F27).
    DiesInFlush,
    /// ... and after everything is.
    DiesAfterFlush,
    /// Somebody acts between the daemon's look and its write, or just behind a call (F8, F9).
    ActsMeanwhile,
    /// An answer takes its time.
    Slow,
}

/// All of them.
pub const FAULTS: [Fault; 13] = [
    Fault::NotSent,
    Fault::NoAnswer,
    Fault::ServerError,
    Fault::ErrorAfter,
    Fault::TooMany,
    Fault::SignedOut,
    Fault::NoJson,
    Fault::KilledBefore,
    Fault::KilledAfter,
    Fault::DiesInFlush,
    Fault::DiesAfterFlush,
    Fault::ActsMeanwhile,
    Fault::Slow,
];

/// What the wire and the disk share with whoever leads the simulation.
pub struct Play {
    /// Both systems.
    pub stage: Stage,
    /// How likely each fault is, a call or a flush.
    pub rates: Vec<(Fault, f64)>,
    /// The process is dead: nothing it asked for is answered any more.
    pub killed: bool,
    /// Of every call and its answer.
    pub trace: DefaultHasher,
    /// Calls that were carried.
    pub calls: u64,
    /// Faults that happened.
    pub faults: Vec<(Fault, u64)>,
}

/// [`Play`], shared.
#[derive(Clone)]
pub struct Shared(Arc<Mutex<Play>>);

impl Shared {
    /// Shares it.
    pub fn new(play: Play) -> Shared {
        Shared(Arc::new(Mutex::new(play)))
    }

    /// For a moment.
    pub fn lock(&self) -> MutexGuard<'_, Play> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the next flush ends.
    pub fn flush(&self) -> Flush {
        let mut play = self.lock();
        if play.killed {
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
        play.killed = true;
        fate
    }
}

impl Play {
    fn strikes(&mut self, fault: Fault) -> bool {
        let rate = self.rates.iter().find(|(other, _)| *other == fault).map_or(0.0, |(_, rate)| *rate);
        let strikes = rate > 0.0 && self.stage.random.random_bool(rate);
        if strikes {
            match self.faults.iter_mut().find(|(other, _)| *other == fault) {
                Some((_, count)) => *count += 1,
                None => self.faults.push((fault, 1)),
            }
        }
        strikes
    }

    fn act_meanwhile(&mut self) {
        if self.strikes(Fault::ActsMeanwhile) {
            self.stage.act();
        }
    }
}

fn answer(status: u16, body: &str) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::copy_from_slice(body.as_bytes()));
    *answer.status_mut() = status.try_into().expect("a status");
    answer.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    answer
}

fn refusal(side: Side, status: u16, code: &str) -> Response<Bytes> {
    match side {
        Side::Salesforce => {
            answer(status, &format!(r#"[{{"errorCode":"{code}","message":"as the simulation asked"}}]"#))
        }
        Side::Engage => {
            answer(status, &format!(r#"{{"error":{{"code":"{code}","message":"as the simulation asked"}}}}"#))
        }
    }
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
        let (org, product, what) = {
            let mut play = self.lock();
            let what = format!("{} {to} {}", request.method(), request.uri().path());
            // Grants hold nothing that matters, and a form's order is the client's.
            (&what, request.body().as_ref(), request.uri().query()).hash(&mut play.trace);
            play.calls += 1;
            if play.killed {
                return None;
            }
            if let Some(instead) = play.before(to, &what) {
                return instead;
            }
            play.act_meanwhile();
            play.stage.look_before();
            (play.stage.org.clone(), play.stage.product.clone(), what)
        };
        let answer = match to {
            Side::Salesforce => org.answer(request).await,
            Side::Engage => product.answer(request).await,
        };
        let mut play = self.lock();
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

impl Play {
    /// What comes instead of carrying a call.
    #[allow(clippy::option_option)] // dead, or an answer, or nothing instead
    fn before(&mut self, to: Side, what: &str) -> Option<Option<Result<Response<Bytes>, Lost>>> {
        let instead = |play: &mut Play, fault: Fault, answer: Option<Result<Response<Bytes>, Lost>>| {
            play.stage.tell(format!("FAULT    {fault:?}: {what}"));
            Some(answer)
        };
        if self.strikes(Fault::KilledBefore) {
            self.killed = true;
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
                self.killed = true;
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
                self.stage.believe();
                Some(Ok(carried))
            }
        }
    }
}
