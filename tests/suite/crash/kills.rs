//! Hundreds of kills, at named points and at random, while people edit both sides, both sides misbehave, webhooks come in
//! and an operator works.
//!
//! A short slice runs with the suite. The long run, of a release build, is `.ci/kills` (300 kills), or `.ci/kills 5000`.

use super::company::{Company, Home};
use super::ledger::Ledger;
use super::points::POINTS;
use crate::process::setting;
use lockstep::sandbox::{Fault, Moment, When};
use rand::prelude::*;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// People of a company: few, so that everybody is in the middle of something at each kill.
const PEOPLE: usize = 40;

/// The longest life after a daemon is up, in milliseconds: a few turns.
const LIFE_MS: u64 = 250;

/// How long a point is waited for: it may be that faults keep a daemon from ever reaching it.
const REACHED_WITHIN: Duration = Duration::from_secs(1);

/// After so many kills the store is looked into, whether or not anything was acknowledged.
const LOOK_EVERY: u64 = 10;

/// What came of a run.
#[derive(Debug, Default)]
struct Totals {
    kills: BTreeMap<String, u64>,
    missed: u64,
    acknowledged: u64,
    looks: u64,
}

impl Totals {
    fn count(&mut self, point: impl Into<String>) {
        *self.kills.entry(point.into()).or_default() += 1;
    }

    fn add(&mut self, other: Totals) {
        for (point, kills) in other.kills {
            *self.kills.entry(point).or_default() += kills;
        }
        self.missed += other.missed;
        self.acknowledged += other.acknowledged;
        self.looks += other.looks;
    }

    fn all(&self) -> u64 {
        self.kills.values().sum()
    }
}

#[test]
fn however_often_it_is_killed_nothing_acknowledged_is_lost_and_every_start_succeeds() {
    let (kills, lanes) = (setting("LOCKSTEP_KILLS", 24), setting("LOCKSTEP_LANES", 2));
    let seed = setting("LOCKSTEP_SEED", 1);
    let begin = Instant::now();
    let share = |lane: u64| kills / lanes + u64::from(lane < kills % lanes);
    let mut totals = Totals::default();
    std::thread::scope(|scope| {
        let lanes: Vec<_> =
            (0..lanes).map(|lane| scope.spawn(move || run(seed * 1_000 + lane, share(lane)))).collect();
        for lane in lanes {
            totals.add(lane.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
    });
    let seconds = begin.elapsed().as_secs_f64();
    assert_eq!(totals.all(), kills);
    let by_point: Vec<String> =
        totals.kills.iter().map(|(point, kills)| format!("{point} {kills}")).collect();
    println!(
        "L3: {kills} kills in {seconds:.0} s ({:.1} a second), seed {seed}, {} points not reached in time, {} acknowledged, \
         {} stores looked into, 0 lost, every start succeeded; by point: {}",
        kills as f64 / seconds,
        totals.missed,
        totals.acknowledged,
        totals.looks,
        by_point.join(", ")
    );
}

/// One company, killed so often, with a runtime of its own for its two systems.
fn run(seed: u64, kills: u64) -> Totals {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let (mut company, mut ledger, mut totals) =
            (Company::of(PEOPLE, seed).await, Ledger::default(), Totals::default());
        company.is_known().await;
        for kill in 1..=kills {
            live_and_die(&mut company, &mut ledger, &mut totals).await;
            company.sandbox.org.faults().clear();
            company.sandbox.product.faults().clear();
            company.nobody_is_opted_in_again();
            if ledger.has_news() || kill % LOOK_EVERY == 0 {
                ledger.look(&company);
            }
        }
        company.people.iter().for_each(|person| company.sandbox.org.lock(person.lead, false));
        let mut daemon = company.daemon(false);
        daemon.up().unwrap_or_else(|ended| panic!("after {kills} kills it does not start: {ended:?}"));
        ledger.end(&mut company, &daemon).await;
        (totals.acknowledged, totals.looks) = (ledger.acknowledged, ledger.looks);
        totals
    })
}

/// How a life ends.
#[derive(Debug, Clone, Copy)]
enum End {
    /// While it starts.
    Starting,
    /// Some time after it is up.
    Anytime,
    /// At a point.
    At(usize, Moment),
    /// Just after a delivery was acknowledged.
    Webhook,
    /// Just after an operator's command was.
    Command,
}

fn end(random: &mut StdRng) -> End {
    match random.random_range(0..20) {
        0..3 => End::Starting,
        3..9 => End::Anytime,
        9..17 => {
            let moment = if random.random() { Moment::Before } else { Moment::After };
            End::At(random.random_range(0..POINTS.len()), moment)
        }
        17..19 => End::Webhook,
        _ => End::Command,
    }
}

async fn live_and_die(company: &mut Company, ledger: &mut Ledger, totals: &mut Totals) {
    let end = end(company.random());
    for _ in 0..company.random().random_range(0..3) {
        company.somebody_edits();
    }
    somebody_may_opt_out(company);
    if company.random().random_ratio(1, 3) {
        misbehave(company);
    }
    let trap = match end {
        End::At(point, moment) => {
            POINTS[point].provoke(company);
            Some(POINTS[point].trap(company, moment))
        }
        _ => None,
    };
    let listens = company.random().random_ratio(1, 4);
    let mut daemon = company.daemon(listens);
    if let End::Starting = end {
        let wait = company.random().random_range(0..50_000);
        std::thread::sleep(Duration::from_micros(wait));
        daemon.kill();
        return totals.count("while starting");
    }
    if let (Some(trap), End::At(point, moment)) = (trap, end) {
        trap.is_for(daemon.killer());
        if trap.springs_within(REACHED_WITHIN) {
            return totals.count(POINTS[point].at(moment));
        }
        totals.missed += 1;
        daemon.kill();
        return totals.count("at random");
    }
    daemon.up().unwrap_or_else(|ended| panic!("it does not start after a kill: {ended:?}"));
    match end {
        End::Webhook => {
            let at = company.anybody();
            company.somebody_edits();
            ledger.webhook(company, &daemon, at).await;
            totals.count("after a webhook");
        }
        End::Command => {
            if !ledger.decides(company, &daemon, "engage").await {
                let pause = company.random().random();
                ledger.pause(company, &daemon, pause).await;
            }
            totals.count("after a command");
        }
        _ => {
            let life = company.random().random_range(0..LIFE_MS * 1_000);
            std::thread::sleep(Duration::from_micros(life / 2));
            company.somebody_edits();
            std::thread::sleep(Duration::from_micros(life / 2));
            totals.count("at random");
        }
    }
    daemon.kill();
}

/// Seldom, and never so many that nobody is left to edit.
fn somebody_may_opt_out(company: &mut Company) {
    let out = company.people.iter().filter(|person| person.is_out).count();
    if out * 3 > company.people.len() || !company.random().random_ratio(1, 12) {
        return;
    }
    let home = *[Home::Salesforce, Home::Engage, Home::Both].choose(company.random()).unwrap();
    if let Some(at) = company.mailable(home) {
        let in_salesforce = company.random().random();
        company.opts_out(at, in_salesforce);
    }
}

/// Something goes wrong on either side in this life: with and without effect, refused, too much, signed out, locked.
fn misbehave(company: &mut Company) {
    let (kind, who) = (company.random().random_range(0..10), company.random().random_range(0..PEOPLE));
    let lead = company.people[who].lead;
    let (org, product) = (&company.sandbox.org, &company.sandbox.product);
    let on = |method, path| When { times: 2, ..When::next(method, path) };
    let answer =
        |status, body: &str, retry_after| Fault::Answer { status, body: body.to_owned(), retry_after };
    match kind {
        0 => org.faults().add(on("PATCH", "sobjects"), Fault::DropAfter),
        1 => org.faults().add(on("PATCH", "sobjects"), Fault::DropBefore),
        2 => {
            let body = r#"[{"errorCode":"SERVER_UNAVAILABLE","message":"later"}]"#;
            org.faults().add(on("GET", "/query"), answer(503, body, Some(1)));
        }
        3 => org.faults().add(on("PATCH", "sobjects"), answer(500, "", None)),
        4 => org.revoke_sessions(),
        5 => org.lock(lead, company.people[who].in_salesforce.is_multiple_of(2)),
        6 => product.faults().add(on("POST", "/batch"), Fault::DropAfter),
        7 => product.faults().add(on("POST", "/batch"), Fault::DropBefore),
        8 => {
            let body = r#"{"error":{"code":"rate_limited","message":"slower"}}"#;
            product.faults().add(on("GET", "/prospects"), answer(429, body, Some(1)));
        }
        _ => product.revoke_tokens(),
    }
}
