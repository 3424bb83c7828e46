//! Deterministic simulation: the real intake, gather, decide, plan, write and record code over simulated Salesforce, Engage,
//! network, clock and disk, in one thread, from one seed.
//!
//! A run makes a company, people, and a random subset of faults with random rates; steps play; then the faults stop, it
//! settles, and what the two systems show is judged by rules that know nothing of the planner.

#![allow(dead_code)] // used by a test and by an example, each in its own way

mod check;
mod company;
mod shrink;
mod stage;
mod wire;

pub use company::POOL_SIZE;
pub use shrink::shrunk;
pub use stage::{ACTS, Act};
pub use wire::{FAULTS, Fault};

use check::Checker;
use company::{Company, STATUSES};
use lockstep::config::{
    AdminConfig, Bulk, Config, EngageConfig, LogConfig, LogFormat, SalesforceChanges, SalesforceConfig,
    SalesforceFlow, StoreConfig, SyncConfig,
};
use lockstep::connector::Network;
use lockstep::model::Side;
use lockstep::sandbox::Clock;
use lockstep::sandbox::engage::Product;
use lockstep::sandbox::salesforce::Org;
use lockstep::store::{Resolution, SimulatedDisk, Store, marks};
use lockstep::sync::{Cycle, Engine};
use rand::prelude::*;
use rand::rngs::StdRng;
use secrecy::SecretString;
use stage::{Person, Stage};
use std::future::poll_fn;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use wire::{Play, Shared};

const CLIENT: &str = "lockstep";
const SECRET: &str = "made for this simulation only";

/// One step of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Something happens outside.
    Act,
    /// A turn that polls both sides.
    Poll,
    /// A turn that polls one side.
    PollOne(Side),
    /// A turn that looks at what is due.
    Due,
    /// Everything is compared.
    Sweep,
    /// Engage sends a webhook, perhaps twice.
    Webhook,
    /// The process is stopped and started.
    Restart,
    /// Hours pass.
    Hours,
    /// An operator decides a conflict.
    Resolve,
}

/// Everything that a run is made from: kept as it is when a run is shrunk.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where it all came from.
    pub seed: u64,
    /// Whose mapping.
    pub company: usize,
    /// How many people.
    pub people: usize,
    /// What goes wrong, and how often.
    pub rates: Vec<(Fault, f64)>,
    /// What may happen outside.
    pub acts: Vec<Act>,
    /// What happens, each with a seed of its own, so that taking one out leaves the others as they are.
    pub steps: Vec<(Step, u64)>,
}

impl Plan {
    /// The plan of a seed.
    pub fn of(seed: u64) -> Plan {
        let random = &mut StdRng::seed_from_u64(seed);
        // A swarm: each seed has some of the faults, one in eight has none.
        let calm = random.random_bool(0.125);
        let rates = FAULTS
            .into_iter()
            .filter(|_| !calm && random.random_bool(0.35))
            .collect::<Vec<_>>()
            .into_iter()
            .map(|fault| (fault, [0.01, 0.03, 0.1, 0.25][random.random_range(0..4)]))
            .collect();
        let mut acts: Vec<Act> = ACTS.into_iter().filter(|_| random.random_bool(0.4)).collect();
        if acts.is_empty() {
            acts.push(Act::SetInSalesforce);
        }
        let count = random.random_range(6..36);
        let steps = (0..count)
            .map(|_| {
                let step = match random.random_range(0..40) {
                    0..14 => Step::Act,
                    14..24 => Step::Poll,
                    24..26 => Step::PollOne(Side::Salesforce),
                    26..28 => Step::PollOne(Side::Engage),
                    28..31 => Step::Due,
                    31 => Step::Sweep,
                    32..35 => Step::Webhook,
                    35..37 => Step::Restart,
                    37 => Step::Hours,
                    _ => Step::Resolve,
                };
                (step, random.random())
            })
            .collect();
        Plan {
            seed,
            company: random.random_range(0..POOL_SIZE),
            people: random.random_range(1..5),
            rates,
            acts,
            steps,
        }
    }
}

/// What came of a run.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The rule that was broken, and how.
    pub broken: Option<String>,
    /// Of everything that went over the wire.
    pub hash: u64,
    /// What happened, line by line.
    pub story: Vec<String>,
    /// The mapping.
    pub mapping: String,
    /// Calls that were made.
    pub calls: u64,
    /// Faults that happened.
    pub faults: Vec<(Fault, u64)>,
    /// What happened outside.
    pub acts: Vec<(Act, u64)>,
}

/// Plays a plan.
pub fn play(plan: &Plan) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime of one thread");
    lockstep::connector::without_jitter();
    runtime.block_on(async { Run::new(plan).play(plan).await })
}

struct Run {
    shared: Shared,
    disk: SimulatedDisk,
    config: Config,
    clock: Clock,
    company: &'static Company,
    process: Option<(Arc<Engine>, Store)>,
}

impl Run {
    fn new(plan: &Plan) -> Run {
        let mut random = StdRng::seed_from_u64(plan.seed ^ 0x5eed);
        let clock = Clock::driven("2026-11-23T09:00:00Z".parse().expect("a time"));
        let (org, product) = (Org::new(clock.clone()), Product::new(clock.clone()));
        org.register_app(CLIENT, SECRET);
        product.register_client(CLIENT, SECRET);
        product.set_calls_a_minute(1_000_000);
        let values = company::VALUES;
        org.set_picklist("Contact", "Engagement_Status__c", &values, false);
        let company = Company::number(plan.company);
        let sequence = product.add_sequence("Outreach", false, &[Duration::from_secs(400 * 24 * 3600)]);
        let pairs: Vec<(&str, &str)> = STATUSES
            .iter()
            .filter(|(_, key)| !["opted_out", "bounced"].contains(key))
            .flat_map(|(_, key)| values.iter().map(move |value| (*value, *key)))
            .filter(|(value, key)| company.agree(value, key))
            .collect();
        let people = (0..plan.people)
            .map(|number| {
                let (value, status) = pairs[random.random_range(0..pairs.len())];
                let email = format!("person{number}@example.com");
                let lead = org.create_lead("Jane", "Doe", "Acme", &email, value).expect("a Lead");
                let prospect = product.create(&email, "Jane", "Doe", "Acme", Some(lead));
                product.enroll(&prospect, &sequence);
                product.set_status(&prospect, status).expect("a status that a user may set");
                Person { lead, prospect }
            })
            .collect::<Vec<_>>();
        let strangers = (0..2)
            .filter_map(|n| {
                org.create_lead("John", "Roe", "Acme", &format!("stranger{n}@example.com"), values[n])
            })
            .collect();
        let stage = Stage {
            clock: clock.clone(),
            org,
            product,
            company,
            checker: Checker::new(people.len()),
            people,
            strangers,
            acts: plan.acts.clone(),
            story: Vec::new(),
            random,
        };
        let play = Play {
            stage,
            rates: Vec::new(),
            killed: false,
            trace: DefaultHasher::new(),
            calls: 0,
            faults: Vec::new(),
        };
        let shared = Shared::new(play);
        let disk = SimulatedDisk::default();
        let fates = shared.clone();
        disk.decide_flushes(move || fates.flush());
        Run { shared, disk, config: config(), clock, company, process: None }
    }

    async fn play(mut self, plan: &Plan) -> Outcome {
        // Everybody is looked at once and agrees.
        self.turn(Cycle::POLL).await;
        self.turn(Cycle::DUE).await;
        self.clock.advance(Duration::from_secs(60));
        self.shared.lock().rates.clone_from(&plan.rates);
        for (step, seed) in &plan.steps {
            {
                let mut play = self.shared.lock();
                play.stage.random = StdRng::seed_from_u64(*seed);
                play.stage.pass(Duration::from_secs(90));
            }
            self.step(*step).await;
            if self.shared.lock().stage.checker.broken.is_some() {
                break;
            }
        }
        self.settle().await;
        let play = self.shared.lock();
        let mut trace = play.trace.clone();
        play.stage.story.hash(&mut trace);
        Outcome {
            broken: play.stage.checker.broken.clone(),
            hash: trace.finish(),
            story: play.stage.story.clone(),
            mapping: self.company.text.clone(),
            calls: play.calls,
            faults: play.faults.clone(),
            acts: play.stage.checker.hits().iter().map(|(act, count)| (*act, *count)).collect(),
        }
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Act => self.shared.lock().stage.act(),
            Step::Poll => self.turn(Cycle::POLL).await,
            Step::PollOne(Side::Salesforce) => self.turn(Cycle { poll_engage: false, ..Cycle::POLL }).await,
            Step::PollOne(Side::Engage) => self.turn(Cycle { poll_salesforce: false, ..Cycle::POLL }).await,
            Step::Due => self.turn(Cycle::DUE).await,
            Step::Sweep => self.turn(Cycle { sweep: true, ..Cycle::DUE }).await,
            Step::Webhook => self.webhook().await,
            Step::Restart => {
                self.tell("PROCESS  stopped and started");
                self.process = None;
            }
            Step::Hours => self.shared.lock().stage.pass(Duration::from_secs(30 * 3600)),
            Step::Resolve => self.resolve().await,
        }
    }

    fn tell(&self, what: &str) {
        self.shared.lock().stage.tell(what.to_owned());
    }

    /// The process that runs, or a new one on what the last one has left.
    fn process(&mut self) -> Option<(Arc<Engine>, Store)> {
        if self.process.is_none() {
            self.shared.lock().killed = false;
            let store = Store::simulated(&self.disk, "simulated").ok()?;
            let clock = self.clock.clone();
            let engine = Engine::over(
                &self.config,
                self.company.mapping.clone(),
                store.clone(),
                Arc::new(move || clock.now()),
                Network::simulated(Arc::new(self.shared.clone())),
            );
            self.process = Some((Arc::new(engine.expect("settings that are right")), store));
        }
        self.process.clone()
    }

    /// One turn of the daemon, which may be its last.
    async fn turn(&mut self, cycle: Cycle) {
        let Some((engine, _)) = self.process() else { return };
        let shared = self.shared.clone();
        let report = {
            let mut turning = std::pin::pin!(engine.cycle(cycle));
            poll_fn(|context| match turning.as_mut().poll(context) {
                Poll::Ready(report) => Poll::Ready(report.ok()),
                Poll::Pending if shared.lock().killed => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            })
            .await
        };
        if report.is_none() {
            self.process = None;
        }
    }

    async fn webhook(&mut self) {
        let Some((engine, _)) = self.process() else { return };
        let (prospect, times) = {
            let mut play = self.shared.lock();
            let people = play.stage.people.len();
            let who = play.stage.random.random_range(0..people);
            (play.stage.people[who].prospect.clone(), play.stage.random.random_range(1..3))
        };
        for _ in 0..times {
            let (headers, body) = self.shared.lock().stage.product.signed_event(&prospect, &[SECRET]);
            let headers = headers
                .iter()
                .filter_map(|(name, value)| Some((name.parse().ok()?, value.parse().ok()?)))
                .collect();
            if engine.take_in_webhook(&headers, body.as_bytes()).await.is_err() && self.shared.lock().killed {
                self.process = None;
                return;
            }
        }
    }

    /// An operator takes a side.
    async fn resolve(&mut self) {
        let Some((_, store)) = self.process() else { return };
        let Ok(held) = store.read(|reader| reader.held_after(None, 1)).await else { return };
        let Some(mut held) = held.into_iter().next() else { return };
        let (take, now) = {
            let mut play = self.shared.lock();
            let take = if play.stage.random.random_bool(0.5) { Side::Salesforce } else { Side::Engage };
            let who = play.stage.people.iter().position(|person| person.prospect == held.prospect);
            if let Some(who) = who {
                // A named person may do anything, an opt-out taken back included.
                play.stage.checker.decided(who);
            }
            play.stage.tell(format!("OPERATOR takes {take} for {}", held.prospect));
            (take, self.clock.now())
        };
        held.resolution = Some(Resolution { take, by: "op".to_owned() });
        let seen = lockstep::store::Seen {
            side: None,
            source: lockstep::store::Source::Operator,
            at: now,
            value: None,
            by: None,
        };
        let done = store
            .write(move |tx| {
                tx.put_held(&held)?;
                tx.mark_due(&held.prospect, seen).map(drop)
            })
            .await;
        if done.is_err() {
            self.process = None;
        }
    }

    /// Faults and people stop; then it must become quiet, and every person must agree or be listed.
    async fn settle(&mut self) {
        {
            let mut play = self.shared.lock();
            play.rates.clear();
            play.stage.random = StdRng::seed_from_u64(1);
            play.stage.tell("SETTLE   nothing goes wrong any more".to_owned());
        }
        for round in 0..6 {
            self.clock.advance(Duration::from_secs(if round == 0 { 3 } else { 1_801 }));
            for cycle in [Cycle::POLL, Cycle::DUE] {
                self.turn(cycle).await;
                self.clock.advance(Duration::from_secs(3));
            }
            self.let_through().await;
        }
        let writes = self.writes();
        self.turn(Cycle { sweep: true, ..Cycle::POLL }).await;
        self.clock.advance(Duration::from_secs(3));
        self.turn(Cycle::POLL).await;
        let Some((_, store)) = self.process() else { return };
        let people = self.shared.lock().stage.people.clone();
        if self.writes() != writes {
            self.shared.lock().stage.checker.breaks("rule 1: it is quiet, and something was written");
        }
        for (who, person) in people.into_iter().enumerate() {
            let id = person.prospect.clone();
            let state = store.read(move |reader| {
                let listed = reader.held(&id)?.is_some() || reader.parked(&id)?.is_some();
                let journal = reader.journal_of(&id, 1_000)?;
                let overwrites = journal.iter().filter(|entry| entry.what == "overwrote").count();
                Ok((reader.link(&id)?.is_some(), listed, overwrites as u64))
            });
            let (linked, listed, overwrites) = state.await.expect("a store that works");
            self.shared.lock().stage.judge_the_end(who, linked, listed, overwrites);
        }
    }

    /// An operator lets through whatever asks first.
    async fn let_through(&mut self) {
        let Some((_, store)) = self.process() else { return };
        let through = store.write(|tx| {
            let (waiting, _) = tx.waiting_after(None, 10_000)?;
            waiting.iter().try_for_each(|due| tx.let_through(&due.prospect).map(drop))?;
            tx.set_meta(marks::FIRST_RUN_DONE, "true")
        });
        through.await.expect("a store that works");
    }

    fn writes(&self) -> (u64, u64, u64) {
        let play = self.shared.lock();
        let (calls, rows) = play.stage.org.writes();
        (calls, rows, play.stage.product.writes())
    }
}

fn config() -> Config {
    let secret = || SecretString::from(SECRET.to_owned());
    Config {
        tenant: "simulated".to_owned(),
        mapping: "simulated.toml".into(),
        salesforce: SalesforceConfig {
            login_url: "http://127.0.0.1:1".parse().expect("a URL"),
            api_version: "67.0".to_owned(),
            flow: SalesforceFlow::ClientCredentials { client_secret: secret() },
            client_id: CLIENT.to_owned(),
            changes: vec![SalesforceChanges::Poll],
            pubsub_endpoint: "http://127.0.0.1:1".parse().expect("a URL"),
            pubsub_channel: None,
            bulk: Bulk::Never,
            poll_every: Duration::from_secs(60),
            overlap: Duration::from_secs(600),
            keep_free: 0.2,
            quota_retry: [1, 5, 15, 30].map(|minutes| Duration::from_secs(minutes * 60)).to_vec(),
        },
        engage: EngageConfig {
            profile: "default".to_owned(),
            base_url: "http://127.0.0.1:2".parse().expect("a URL"),
            client_id: CLIENT.to_owned(),
            client_secret: secret(),
            webhook_secrets: vec![secret()],
            webhook: true,
            poll_every: Duration::from_secs(60),
            overlap: Duration::from_secs(600),
        },
        store: StoreConfig { path: "simulated".into() },
        sync: SyncConfig { sweep_every: Duration::from_secs(24 * 3600) },
        admin: AdminConfig { listen: ([127, 0, 0, 1], 0).into(), token: None },
        webhooks_listen: None,
        log: LogConfig { format: LogFormat::Json, level: "off".to_owned(), personal_data: false },
    }
}
