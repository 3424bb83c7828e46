//! Kill points that have names and lie outside the daemon: the moment at which one of its calls arrives at a system, or
//! has had its effect and waits for its answer. The binary knows nothing of them.

use super::company::{Company, Home};
use super::ledger::Ledger;
use crate::process::{Killer, WITHIN};
use lockstep::model::Side;
use lockstep::sandbox::{Moment, When};
use serde_json::json;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// What has to happen for the daemon to make such a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Every start makes it.
    Nothing,
    /// Sales changed somebody's status.
    SalesEdit,
    /// Sales set somebody to Nurture, whose sequences go on.
    Nurture,
    /// One person's status was changed in Engage.
    OneStatus,
    /// Several were, so that they are written together.
    Statuses,
}

/// A kind of call.
#[derive(Debug, Clone, Copy)]
pub struct Point {
    /// Its name; `before` or `after` goes before it.
    pub name: &'static str,
    side: Side,
    method: &'static str,
    path: &'static str,
    needs: Needs,
}

/// A kind of call to one side: its method, and a part of its path or query.
pub const fn point(
    name: &'static str,
    side: Side,
    method: &'static str,
    path: &'static str,
    needs: Needs,
) -> Point {
    Point { name, side, method, path, needs }
}

/// Every kind of call that a daemon makes in these days. Bulk jobs, for which 5,000 people are needed, are in `bulk`.
pub const POINTS: [Point; 13] = [
    point("salesforce token", Side::Salesforce, "POST", "/services/oauth2/token", Needs::Nothing),
    point("salesforce describe", Side::Salesforce, "GET", "/describe", Needs::Nothing),
    point("salesforce poll", Side::Salesforce, "GET", "/query", Needs::Nothing),
    point("salesforce covered", Side::Salesforce, "GET", "/updated/", Needs::Nothing),
    point("salesforce read", Side::Salesforce, "POST", "/composite/sobjects/Lead", Needs::OneStatus),
    point("salesforce write", Side::Salesforce, "PATCH", "/sobjects/Lead/", Needs::OneStatus),
    point("salesforce write many", Side::Salesforce, "PATCH", "/composite/sobjects", Needs::Statuses),
    point("engage token", Side::Engage, "POST", "/oauth/token", Needs::Nothing),
    point("engage poll", Side::Engage, "GET", "/prospects?limit=", Needs::Nothing),
    point("engage read", Side::Engage, "GET", "/prospects?ids=", Needs::SalesEdit),
    point("engage enrollments", Side::Engage, "GET", "/enrollments", Needs::Nurture),
    point("engage pause", Side::Engage, "POST", "/sequences/pause", Needs::Nurture),
    point("engage write", Side::Engage, "POST", "/prospects/batch", Needs::SalesEdit),
];

/// A trap at a point: whoever makes that call first is killed.
pub struct Trap {
    victim: Sender<Killer>,
    pub sprung: Receiver<()>,
}

impl Trap {
    /// Names the one to be killed. The call waits for this.
    pub fn is_for(&self, victim: Killer) {
        // An error means that the trap was given up.
        let _ = self.victim.send(victim);
    }

    /// Whether somebody ran into it in time.
    pub fn springs_within(&self, within: Duration) -> bool {
        self.sprung.recv_timeout(within).is_ok()
    }
}

impl Point {
    /// Its name with its moment.
    pub fn at(&self, moment: Moment) -> String {
        let when = if moment == Moment::Before { "before" } else { "after" };
        format!("{when} {}", self.name)
    }

    /// Sets a trap for the next such call.
    pub fn trap(&self, company: &Company, moment: Moment) -> Trap {
        let faults = match self.side {
            Side::Salesforce => company.sandbox.org.faults(),
            Side::Engage => company.sandbox.product.faults(),
        };
        let ((victim, who), (spring, sprung)) = (channel::<Killer>(), channel());
        faults.at(moment, When::next(self.method, self.path), move || {
            if let Ok(who) = who.recv() {
                who.kill();
                let _ = spring.send(());
            }
        });
        Trap { victim, sprung }
    }

    /// Sees to it that there is a reason for the call.
    pub fn provoke(&self, company: &mut Company) {
        match self.needs {
            Needs::Nothing => {}
            Needs::SalesEdit => company.is_edited(Home::Salesforce, 1),
            Needs::OneStatus => company.is_edited(Home::Engage, 1),
            Needs::Statuses => company.is_edited(Home::Engage, 3),
            Needs::Nurture => company.is_nurtured(),
        }
    }
}

impl Company {
    /// So many people of this home are edited, as far as there is anybody left.
    fn is_edited(&mut self, home: Home, count: usize) {
        for _ in 0..count {
            let Some(at) = self.mailable(home) else { return };
            self.edits_something(at);
        }
    }

    /// Sales sets somebody to Nurture who gets emails just now: their sequences have to be put on hold.
    fn is_nurtured(&mut self) {
        let Some(at) = self.mailable(Home::Salesforce) else { return };
        let (lead, prospect) = (self.people[at].lead, self.people[at].prospect.clone());
        self.sandbox.product.enroll(&prospect, &self.sequence);
        if self.sandbox.org.get(lead, "Status") == json!("Nurture") {
            self.sets(at, "Attempting to contact");
        }
        self.sets(at, "Nurture");
    }
}

/// Every point once, on one store.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_before_and_after_the_effect_of_each_kind_of_call_nothing_is_lost() {
    let (mut company, mut ledger) = (Company::of(30, 7).await, Ledger::default());
    company.is_known().await;
    for point in POINTS {
        for moment in [Moment::Before, Moment::After] {
            if point.needs == Needs::OneStatus {
                // Whatever is still open would be written with it, by another call.
                company.is_quiet().await;
            }
            point.provoke(&mut company);
            let trap = point.trap(&company, moment);
            let daemon = company.daemon(false);
            trap.is_for(daemon.killer());
            assert!(trap.springs_within(WITHIN), "{} is never reached", point.at(moment));
            company.nobody_is_opted_in_again();
            ledger.look(&company);
        }
    }
    let mut daemon = company.daemon(false);
    daemon.up().unwrap();
    ledger.end(&mut company, &daemon).await;
}

/// The promise in a 204, and in an operator's command.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_just_after_an_acknowledgement_the_store_has_what_was_acknowledged() {
    let (mut company, mut ledger) = (Company::of(20, 8).await, Ledger::default());
    company.is_known().await;
    for round in 0..6 {
        // Nobody decides while it is paused, so that what came in is still open at the kill.
        let mut daemon = company.daemon(false);
        daemon.up().unwrap();
        if round % 2 == 0 {
            ledger.pause(&company, &daemon, true).await;
        }
        let at = company.mailable(Home::Engage).unwrap();
        company.edits(at, false);
        assert!(ledger.webhook(&company, &daemon, at).await, "a delivery is acknowledged");
        daemon.kill();
        ledger.look(&company);
        let mut daemon = company.daemon(false);
        daemon.up().unwrap();
        ledger.pause(&company, &daemon, false).await;
        daemon.kill();
        ledger.look(&company);
    }
    // Both sides change: that is an operator's matter.
    let at = company.mailable(Home::Both).unwrap();
    let mut daemon = company.daemon(false);
    daemon.up().unwrap();
    company.sets(at, "Nurture");
    company.sets_status(at, "not_interested");
    company.settles(&daemon, |status| status["held"] == 1).await;
    assert!(ledger.decides(&mut company, &daemon, "salesforce").await);
    daemon.kill();
    ledger.look(&company);
    let mut daemon = company.daemon(false);
    daemon.up().unwrap();
    ledger.end(&mut company, &daemon).await;
}
