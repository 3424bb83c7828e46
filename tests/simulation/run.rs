//! A run: the daemon's process on a simulated disk, led step by step through what its plan says.

use super::Outcome;
use super::check::Checker;
use super::company::{self, Company};
use super::matrix::Matrix;
use super::people::people;
use super::plan::{Plan, Step};
use super::settings::{CLIENT, SECRET, config};
use super::stage::{Person, Stage};
use super::wire::{Play, Shared};
use jiff::Timestamp;
use lockstep::config::Config;
use lockstep::connector::Network;
use lockstep::model::Side;
use lockstep::sandbox::Clock;
use lockstep::sandbox::engage::Product;
use lockstep::sandbox::salesforce::Org;
use lockstep::store::{Resolution, Seen, SimulatedDisk, Source, Store, StoreError, marks};
use lockstep::sync::{Cycle, Engine};
use rand::prelude::*;
use rand::rngs::StdRng;
use std::future::poll_fn;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

pub(super) struct Run {
    pub(super) shared: Shared,
    /// Of each daemon; there are two only where the plan says so.
    disks: [SimulatedDisk; 2],
    backup: Option<SimulatedDisk>,
    config: Config,
    pub(super) clock: Clock,
    company: &'static Company,
    pub(super) processes: [Option<(Arc<Engine>, Store)>; 2],
    /// The daemon that is led at present, and whether there is another one (F29).
    pub(super) daemon: usize,
    pub(super) twins: bool,
    kept: usize,
    with_matrix: bool,
    introduced: Vec<(String, String, String)>,
}

fn clock(ahead: i64) -> Clock {
    let start: Timestamp = "2026-11-23T09:00:00Z".parse().expect("a time");
    Clock::driven(start + jiff::SignedDuration::from_secs(ahead))
}

impl Run {
    pub(super) fn new(plan: &Plan, with_matrix: bool) -> Run {
        let mut random = StdRng::seed_from_u64(plan.seed ^ 0x5eed);
        let clocks = [clock(0), clock(plan.skew[0]), clock(plan.skew[1])];
        let (org, product) = (Org::new(clocks[1].clone()), Product::new(clocks[2].clone()));
        org.register_app(CLIENT, SECRET);
        org.set_page_rows(plan.page_rows);
        product.register_client(CLIENT, SECRET);
        product.set_calls_a_minute(1_000_000);
        org.set_picklist("Contact", "Engagement_Status__c", &company::VALUES, true);
        let company = Company::number(plan.company, plan.wider);
        let people = people(plan.people, company, &org, &product, &mut random);
        // Two share an address: nobody may guess which of them is meant.
        let stranger =
            |name| org.create_lead("John", name, "Acme", "stranger@example.com", company::VALUES[0]);
        let strangers = ["Roe", "Poe"].into_iter().filter_map(stranger).collect();
        let clock = clocks[0].clone();
        let introduce = |person: &Person| {
            let value = org.get(person.lead, "Status");
            let held = format!("{} and {}", value, product.status(&person.prospect));
            (person.lead.to_string(), person.prospect.to_string(), held)
        };
        let introduced = people.iter().map(introduce).collect();
        let stage = Stage {
            clocks,
            org,
            product,
            company,
            former: Vec::new(),
            checker: Checker::new(people.len()),
            people,
            strangers,
            ambiguous: Vec::new(),
            open: Vec::new(),
            wider: plan.wider,
            may_park: false,
            rewrites: Vec::new(),
            late_flow: None,
            late: Vec::new(),
            earlier: Default::default(),
            switched_off: Vec::new(),
            acts: plan.acts.clone(),
            story: Vec::new(),
            random,
        };
        let shared = Shared::new(Play {
            stage,
            rates: Vec::new(),
            aimed: plan.aimed,
            writing: false,
            killed: [false; 2],
            trace: DefaultHasher::new(),
            calls: 0,
            grants: 0,
            processes: 0,
            faults: Vec::new(),
            matrix: Matrix::default(),
            states: Vec::new(),
            store: None,
            ahead: Default::default(),
            page: None,
        });
        let disks = [0, 1].map(|daemon| {
            let (disk, fates) = (SimulatedDisk::default(), shared.of(daemon));
            disk.decide_flushes(move || fates.flush());
            disk
        });
        shared.lock().stage.checker.twins = plan.twins;
        Run {
            shared,
            disks,
            backup: None,
            config: config(),
            clock,
            company,
            processes: [None, None],
            daemon: 0,
            twins: plan.twins,
            kept: plan.kept,
            with_matrix,
            introduced,
        }
    }

    pub(super) async fn play(mut self, plan: &Plan) -> Outcome {
        // Everybody is looked at once and agrees.
        for daemon in 0..=usize::from(plan.twins) {
            self.daemon = daemon;
            self.turn(Cycle::POLL).await;
            self.turn(Cycle::DUE).await;
        }
        self.shared.lock().stage.advance(Duration::from_secs(60));
        self.shared.lock().rates.clone_from(&plan.rates);
        for (step, seed) in &plan.steps {
            {
                let mut play = self.shared.lock();
                play.stage.random = StdRng::seed_from_u64(*seed);
                play.stage.pass(Duration::from_secs(90));
            }
            self.daemon = usize::from(plan.twins && seed % 2 == 1);
            self.step(*step).await;
            if self.shared.lock().stage.checker.broken.is_some() {
                break;
            }
        }
        self.settle().await;
        if plan.wider {
            self.epilogue().await;
        }
        if plan.canary {
            self.shared.lock().stage.checker.breaks("the canary");
        }
        let play = self.shared.lock();
        let mut trace = play.trace.clone();
        let mappings: Vec<&str> = play.stage.companies().map(|company| company.text.as_str()).collect();
        play.stage.story.hash(&mut trace);
        Outcome {
            broken: play.stage.checker.broken.clone(),
            hash: trace.finish(),
            story: play.stage.story.clone(),
            people: self.introduced.clone(),
            mapping: mappings.join("\nand this one, once the process has another mapping:\n"),
            calls: play.calls,
            faults: play.faults.clone(),
            acts: play.stage.checker.hits().iter().map(|(act, count)| (*act, *count)).collect(),
            matrix: play.matrix.clone(),
        }
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Act => self.shared.lock().stage.act(),
            Step::Do(act) => self.shared.lock().stage.happens(act),
            Step::Poll => self.turn(Cycle::POLL).await,
            Step::PollOne(Side::Salesforce) => self.turn(Cycle { poll_engage: false, ..Cycle::POLL }).await,
            Step::PollOne(Side::Engage) => self.turn(Cycle { poll_salesforce: false, ..Cycle::POLL }).await,
            Step::Due => self.turn(Cycle::DUE).await,
            Step::Sweep => self.turn(Cycle { sweep: true, ..Cycle::DUE }).await,
            Step::Webhook => self.webhook().await,
            Step::Restart => {
                self.tell("PROCESS  stopped and started");
                self.processes[self.daemon] = None;
            }
            Step::Hours => {
                let mut play = self.shared.lock();
                // No transaction stays open for hours.
                play.stage.commit_all();
                play.stage.pass(Duration::from_secs(30 * 3600));
            }
            Step::Resolve => self.resolve().await,
            Step::Reload => self.reload(),
            Step::Pause => self.pause().await,
            Step::Backup => self.backup = Some(self.disks[0].copied()),
            Step::Restore => {
                let Some(backup) = &self.backup else { return };
                self.tell("PROCESS  started on an old copy of its store");
                self.processes[0] = None;
                self.disks[0].put_back(backup);
                self.shared.lock().stage.checker.restored = true;
            }
        }
    }

    pub(super) fn tell(&self, what: &str) {
        self.shared.lock().stage.tell(what.to_owned());
    }

    /// The process that runs, or a new one on what the last one has left.
    pub(super) fn process(&mut self) -> Option<(Arc<Engine>, Store)> {
        if self.processes[self.daemon].is_none() {
            let shared = self.shared.of(self.daemon);
            {
                let mut play = shared.lock();
                play.killed[self.daemon] = false;
                play.processes += 1;
            }
            let store = Store::simulated(&self.disks[self.daemon], "simulated").ok()?;
            self.shared.lock().store = self.with_matrix.then(|| store.clone());
            let (clock, ahead) = (self.clock.clone(), self.shared.ahead());
            let now = move || clock.now() + jiff::SignedDuration::from_secs(ahead.get());
            let network = Network::simulated(Arc::new(shared));
            let mapping = self.company.mapping.clone();
            let engine = Engine::over(&self.config, mapping, store.clone(), Arc::new(now), network);
            let engine = Arc::new(engine.expect("settings that are right").keeping(self.kept));
            self.processes[self.daemon] = Some((engine, store));
        }
        self.processes[self.daemon].clone()
    }

    /// One turn of the daemon, which may be its last.
    pub(super) async fn turn(&mut self, cycle: Cycle) {
        let Some((engine, store)) = self.process() else { return };
        let shared = self.shared.of(self.daemon);
        // An old copy of the store knows nothing of a pause.
        let is_paused = store.read(marks::is_paused).await.unwrap_or(false);
        self.shared.lock().stage.checker.is_paused = is_paused;
        let report = {
            let mut turning = std::pin::pin!(engine.cycle(cycle));
            poll_fn(|context| match turning.as_mut().poll(context) {
                Poll::Ready(report) => Poll::Ready(report.ok()),
                Poll::Pending if shared.is_killed() => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            })
            .await
        };
        if report.is_none() {
            self.processes[self.daemon] = None;
        } else if self.shared.lock().stage.wider {
            self.note_latches(&store).await;
        }
    }

    /// Of whom the store knows that they are opted out: it has to stay known, whoever they are by then.
    async fn note_latches(&self, store: &Store) {
        let people = self.shared.lock().stage.people.clone();
        let latched = store.read(move |reader| {
            let is_latched =
                |person: &Person| Ok(reader.link(&person.prospect)?.is_some_and(|link| link.latch.is_some()));
            people.iter().map(is_latched).collect::<Result<Vec<bool>, StoreError>>()
        });
        let Ok(latched) = latched.await else { return };
        let ledgers = &mut self.shared.lock().stage.checker.ledgers;
        for (ledger, is_latched) in ledgers.iter_mut().zip(latched) {
            ledger.latched[0] = is_latched;
            // An older one says nothing of a newer one.
            ledger.told_out |= is_latched && ledger.opted_out && !ledger.latched[1];
        }
    }

    /// An operator stops the writing of this daemon, or lets it go on.
    async fn pause(&mut self) {
        let Some((_, store)) = self.process() else { return };
        let toggled = store.write(|tx| {
            let was_paused = marks::is_paused(tx)?;
            match was_paused {
                true => tx.remove_meta(marks::PAUSED)?,
                false => tx.set_meta(marks::PAUSED, "by the simulation")?,
            };
            Ok(was_paused)
        });
        if let Ok(was_paused) = toggled.await {
            self.tell(if was_paused {
                "OPERATOR lets the writing go on"
            } else {
                "OPERATOR stops the writing"
            });
        }
    }

    /// A webhook comes, perhaps twice, perhaps long after what it tells of (F11, F12).
    async fn webhook(&mut self) {
        let Some((engine, _)) = self.process() else { return };
        let (delivery, times) = {
            let stage = &mut self.shared.lock().stage;
            let who = stage.random.random_range(0..stage.people.len());
            let fresh = stage.product.signed_event(&stage.people[who].prospect, &[SECRET]);
            let late = stage.people[who].late_event.take().filter(|_| stage.random.random_bool(0.5));
            stage.people[who].late_event = Some(fresh.clone());
            stage.tell(format!(
                "WEBHOOK  of person {who}{}",
                if late.is_some() { ", a late one" } else { "" }
            ));
            (late.unwrap_or(fresh), stage.random.random_range(1..3))
        };
        for _ in 0..times {
            let (headers, body) = &delivery;
            let headers = headers
                .iter()
                .filter_map(|(name, value)| Some((name.parse().ok()?, value.parse().ok()?)))
                .collect();
            let taken_in = engine.take_in_webhook(&headers, body.as_bytes()).await;
            if matches!(taken_in, Err(lockstep::sync::WebhookError::Store(_))) {
                self.processes[self.daemon] = None;
                return;
            }
        }
    }

    fn reload(&mut self) {
        let mut play = self.shared.lock();
        if play.stage.random.random_bool(0.25) {
            let rows = self.company.text.find("]\n[salesforce").unwrap_or_default();
            let half = &self.company.text[..play.stage.random.random_range(0..rows)];
            play.stage.tell("PROCESS  is given half a mapping file".to_owned());
            drop(play);
            let parsed = lockstep::verify::parse("simulated.toml", half).map(|loaded| loaded.mapping);
            if let Some((engine, _)) = &self.processes[self.daemon] {
                engine.reload_mapping(parsed.map_err(|problems| problems.to_string()));
            }
            return;
        }
        let number = play.stage.random.random_range(0..company::POOL_SIZE);
        self.company = Company::number(number, play.stage.wider);
        play.stage.reload(self.company);
        drop(play);
        for (engine, _) in self.processes.iter().flatten() {
            engine.use_mapping(self.company.mapping.clone());
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
        let seen = Seen { side: None, source: Source::Operator, at: now, value: None, by: None };
        let done = store
            .write(move |tx| {
                tx.put_held(&held)?;
                tx.mark_due(&held.prospect, seen).map(drop)
            })
            .await;
        if done.is_err() {
            self.processes[self.daemon] = None;
        }
    }
}
