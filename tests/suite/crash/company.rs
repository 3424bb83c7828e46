//! A company on both sides, and what its people do while the daemon between them is killed. Whatever is done is written
//! down, so that the end can be judged by it alone.

use super::daemon::configuration;
use crate::process::Process;
use jiff::Timestamp;
use lockstep::model::{ProspectId, SalesforceId};
use lockstep::sandbox::{Clock, Options, Sandbox};
use rand::prelude::*;
use rand::rngs::StdRng;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

pub const TOKEN: &str = "made-for-this-test-only";
pub const WEBHOOK_SECRET: &str = "also made for this test";

/// What stands in Salesforce for each status that people set here, in the example's table.
pub const ROWS: [(&str, &str); 4] = [
    ("approaching", "Attempting to contact"),
    ("just_added", "In progress"),
    ("not_interested", "Not interested"),
    ("success", "Nurture"),
];

/// Where a person is edited. Of those who are edited on one side alone the end is known exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Home {
    Salesforce,
    Engage,
    /// Edited on both: a conflict is held, and an operator decides.
    Both,
}

/// A linked person, and what was done to them.
#[derive(Debug, Clone)]
pub struct Person {
    pub lead: SalesforceId,
    pub prospect: ProspectId,
    pub home: Home,
    /// Changes in Salesforce, by anybody but us.
    pub in_salesforce: u64,
    /// Changes in Engage, by anybody but us.
    pub in_engage: u64,
    /// Conflicts of theirs that an operator decided.
    pub decided: u64,
    /// Who is opted out stays so.
    pub is_out: bool,
    /// Where they were last seen opted out: in Salesforce, and in Engage.
    pub seen_out: (bool, bool),
    /// When they were last changed in Salesforce.
    pub changed_in_salesforce: Option<Timestamp>,
}

/// Both systems, the people in them, and a configuration.
pub struct Company {
    pub sandbox: Sandbox,
    pub people: Vec<Person>,
    pub config: PathBuf,
    pub http: reqwest::Client,
    pub sequence: String,
    /// What daemons are started with.
    pub variables: Vec<(&'static str, &'static str)>,
    /// Where the store is; a test may move it.
    pub store: PathBuf,
    random: StdRng,
    dir: TempDir,
}

impl Company {
    /// A company of `count` people who agree.
    pub async fn of(count: usize, seed: u64) -> Company {
        let loopback = ([127, 0, 0, 1], 0).into();
        let options = Options {
            pubsub: loopback,
            salesforce: loopback,
            engage: loopback,
            records: 0,
            seed,
            state: None,
            faults: None,
            clock: Clock::real(),
        };
        let sandbox = Sandbox::start(options).await.unwrap();
        sandbox.product.set_calls_a_minute(10_000_000);
        sandbox.org.set_daily_limit(100_000_000, 0);
        let sequence =
            sandbox.product.add_sequence("Outreach", false, &[Duration::from_secs(365 * 24 * 3600)]);
        let people = (0..count)
            .map(|number| {
                let email = format!("person{number}@example.com");
                let (org, product) = (&sandbox.org, &sandbox.product);
                let lead = org.create_lead("Jane", "Doe", "Acme", &email, "Attempting to contact").unwrap();
                let prospect = product.create(&email, "Jane", "Doe", "Acme", Some(lead));
                product.enroll(&prospect, &sequence);
                product.set_status(&prospect, "approaching").unwrap();
                let home = match number % 5 {
                    0 | 1 => Home::Salesforce,
                    2 | 3 => Home::Engage,
                    _ => Home::Both,
                };
                Person {
                    lead,
                    prospect,
                    home,
                    in_salesforce: 0,
                    in_engage: 0,
                    decided: 0,
                    is_out: false,
                    seen_out: (false, false),
                    changed_in_salesforce: None,
                }
            })
            .collect();
        let dir = tempfile::tempdir().unwrap();
        let config = configuration(&sandbox, dir.path());
        // People are edited far more often here than two automations would have to fight to be noticed.
        let mapping = dir.path().join("mapping.toml");
        let text = std::fs::read_to_string(&mapping).unwrap();
        std::fs::write(&mapping, format!("{text}writes_per_record_per_hour = 1000000\n")).unwrap();
        Company {
            sandbox,
            people,
            config,
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            sequence,
            variables: Company::VARIABLES.to_vec(),
            store: dir.path().join("store"),
            random: StdRng::seed_from_u64(seed),
            dir,
        }
    }

    /// What the daemon is started with. Polls look back for a second only, so that what a cursor has passed is never
    /// read again: only the store knows it then.
    const VARIABLES: [(&str, &str); 7] = [
        ("LOCKSTEP_ADMIN__TOKEN", TOKEN),
        ("LOCKSTEP_ENGAGE__WEBHOOK_SECRET", WEBHOOK_SECRET),
        ("LOCKSTEP_ENGAGE__CHANGES", "webhook,poll"),
        ("LOCKSTEP_SALESFORCE__POLL_EVERY", "100ms"),
        ("LOCKSTEP_SALESFORCE__OVERLAP", "1s"),
        ("LOCKSTEP_ENGAGE__POLL_EVERY", "100ms"),
        ("LOCKSTEP_ENGAGE__OVERLAP", "1s"),
    ];

    /// Starts a daemon that polls, or one that listens to events too.
    pub fn daemon(&self, listens: bool) -> Process {
        self.daemon_on(&self.store, listens)
    }

    /// The same, on a store of one's own choice.
    pub fn daemon_on(&self, store: &Path, listens: bool) -> Process {
        let store = store.display().to_string();
        let changes = if listens { "pubsub,poll" } else { "poll" };
        let mut variables = self.variables.clone();
        variables.extend([("LOCKSTEP_SALESFORCE__CHANGES", changes), ("LOCKSTEP_STORE__PATH", &store)]);
        Process::start(&self.config, &variables)
    }

    /// A place for further files.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Starts a daemon, waits until everybody was looked at once, and stops it: before that, a change is first sight.
    pub async fn is_known(&self) {
        let mut daemon = self.daemon(false);
        daemon.up().unwrap();
        self.settles(&daemon, |status| status["first_pass_done"] == true && status["due"] == 0).await;
        daemon.stops_well();
    }

    /// A daemon carries out all that is open, and stops.
    pub async fn is_quiet(&self) {
        let mut daemon = self.daemon(false);
        daemon.up().unwrap();
        self.agrees_or_says_why(&daemon).await;
        self.settles(&daemon, |status| status["due"] == 0).await;
        daemon.stops_well();
    }

    /// Somebody gets a status that they never had: what two daemons do to a change that is taken back and made again,
    /// neither of them can know.
    pub fn somebody_edits_anew(&mut self) {
        let changes = |person: &Person| (person.in_salesforce + person.in_engage) as usize;
        let fresh: Vec<usize> = (0..self.people.len())
            .filter(|at| !self.people[*at].is_out && changes(&self.people[*at]) + 1 < ROWS.len())
            .collect();
        let Some(at) = fresh.choose(&mut self.random).copied() else { return };
        let (status, value) = ROWS[changes(&self.people[at]) + 1];
        let in_salesforce = match self.people[at].home {
            Home::Salesforce => true,
            Home::Engage => false,
            Home::Both => self.random.random(),
        };
        if in_salesforce { self.sets(at, value) } else { self.sets_status(at, status) }
    }

    /// Somebody edits one of the people who are still mailable: as sales does, or whoever works in Engage.
    pub fn somebody_edits(&mut self) {
        let mailable: Vec<usize> = (0..self.people.len()).filter(|at| !self.people[*at].is_out).collect();
        if let Some(at) = mailable.choose(&mut self.random).copied() {
            let in_salesforce = match self.people[at].home {
                Home::Salesforce => true,
                Home::Engage => false,
                Home::Both => self.random.random(),
            };
            self.edits(at, in_salesforce);
        }
    }

    /// Somebody gives a person another status, on one side.
    pub fn edits(&mut self, at: usize, in_salesforce: bool) {
        let (status, value) = *ROWS.choose(&mut self.random).unwrap();
        if in_salesforce { self.sets(at, value) } else { self.sets_status(at, status) }
    }

    /// Somebody gives a person a status that is not theirs, at home.
    pub fn edits_something(&mut self, at: usize) {
        let changes = |company: &Company| company.people[at].in_salesforce + company.people[at].in_engage;
        let before = changes(self);
        while changes(self) == before {
            self.edits(at, self.people[at].home == Home::Salesforce);
        }
    }

    /// Sales sets a Lead's status.
    pub fn sets(&mut self, at: usize, value: &str) {
        let (org, person) = (&self.sandbox.org, &mut self.people[at]);
        if org.get(person.lead, "Status") != json!(value) {
            org.edit(person.lead, &[("Status", json!(value))]);
            person.in_salesforce += 1;
            person.changed_in_salesforce = Some(Timestamp::now());
        }
    }

    /// Somebody sets a person's status in Engage.
    pub fn sets_status(&mut self, at: usize, status: &str) {
        let (product, person) = (&self.sandbox.product, &mut self.people[at]);
        if product.status(&person.prospect) != status {
            product.set_status(&person.prospect, status).unwrap();
            person.in_engage += 1;
        }
    }

    /// A person opts out, on one side.
    pub fn opts_out(&mut self, at: usize, in_salesforce: bool) {
        let (org, product, person) = (&self.sandbox.org, &self.sandbox.product, &mut self.people[at]);
        person.is_out = true;
        if in_salesforce {
            org.edit(person.lead, &[("HasOptedOutOfEmail", json!(true))]);
            person.in_salesforce += 1;
            person.changed_in_salesforce = Some(Timestamp::now());
        } else {
            product.unsubscribe(&person.prospect).unwrap();
            person.in_engage += 1;
        }
    }

    /// Somebody who is still mailable, of this home.
    pub fn mailable(&mut self, home: Home) -> Option<usize> {
        let of: Vec<usize> = (0..self.people.len())
            .filter(|at| self.people[*at].home == home && !self.people[*at].is_out)
            .collect();
        of.choose(&mut self.random).copied()
    }

    /// Anybody, opted out or not.
    pub fn anybody(&mut self) -> usize {
        self.random.random_range(0..self.people.len())
    }

    pub fn random(&mut self) -> &mut StdRng {
        &mut self.random
    }

    // ---- what both sides say ----------------------------------------------------------------------

    pub fn lead_status(&self, person: &Person) -> String {
        self.sandbox.org.get(person.lead, "Status").as_str().unwrap_or_default().to_owned()
    }

    pub fn lead_is_out(&self, person: &Person) -> bool {
        self.sandbox.org.get(person.lead, "HasOptedOutOfEmail") == json!(true)
            || self.lead_status(person) == "Unsubscribed"
    }

    pub fn prospect_status(&self, person: &Person) -> String {
        self.sandbox.product.status(&person.prospect)
    }

    /// Whether the two sides agree by the example's table.
    pub fn agrees(&self, person: &Person) -> bool {
        let (lead, prospect) = (self.lead_status(person), self.prospect_status(person));
        match (self.lead_is_out(person), prospect == "opted_out") {
            (false, false) => ROWS.contains(&(&prospect, &lead)),
            (lead, prospect) => lead && prospect,
        }
    }
}
