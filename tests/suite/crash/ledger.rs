//! What was acknowledged, and whether it still holds: after each kill in the store that was left, and at the end on both
//! sides.

use super::company::{Company, Home, Person, TOKEN, WEBHOOK_SECRET};
use crate::process::{Process, WITHIN};
use jiff::Timestamp;
use lockstep::model::{Baseline, FieldValue, ProspectId, Side};
use lockstep::store::{Reader, Store, StoreError, StoreOptions, marks};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

/// How long everything may take to agree once nobody kills any more.
const SETTLES_WITHIN: Duration = Duration::from_secs(120);

/// What the daemon has acknowledged.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Deliveries that were answered 204 since the store was last looked into: whose, and how often they had been changed
    /// by then.
    webhooks: Vec<(ProspectId, u64)>,
    /// What an operator was told last; nothing, where the answer never came.
    paused: Option<bool>,
    /// Conflicts that an operator decided: its id, whose it is, and how often they had been changed by then.
    decisions: Vec<(String, ProspectId, u64)>,
    /// How many of each there were.
    pub acknowledged: u64,
    /// How often the store was looked into.
    pub looks: u64,
}

impl Person {
    fn changes(&self) -> u64 {
        self.in_salesforce + self.in_engage
    }
}

impl Company {
    async fn ask(&self, daemon: &Process, path: &str, body: Option<Value>) -> Option<Value> {
        let url = format!("http://{}/api/v1/{path}", daemon.address());
        let request = match body {
            None => self.http.get(url),
            Some(body) => self.http.post(url).json(&body),
        };
        // No answer is what a kill looks like from here.
        let answer = request.bearer_auth(TOKEN).timeout(WITHIN).send().await.ok()?;
        if !answer.status().is_success() {
            return None;
        }
        answer.json().await.ok()
    }

    /// Waits until the daemon says of itself what is asked for.
    pub async fn settles(&self, daemon: &Process, is_so: impl Fn(&Value) -> bool) {
        let until = Instant::now() + SETTLES_WITHIN;
        loop {
            let status = self.ask(daemon, "status", None).await.unwrap_or_default();
            if is_so(&status) {
                return;
            }
            assert!(Instant::now() < until, "it does not settle: {status}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until every two sides agree, or are listed as held or parked.
    pub async fn agrees_or_says_why(&self, daemon: &Process) {
        let until = Instant::now() + SETTLES_WITHIN;
        loop {
            let listed =
                self.listed(daemon, "conflicts").await.len() + self.listed(daemon, "parked").await.len();
            let open = self.people.iter().filter(|person| !self.agrees(person)).count();
            if open <= listed {
                return;
            }
            if Instant::now() >= until {
                let told = self.why_not(daemon).await;
                panic!("{open} people do not agree, and {listed} are listed: {told}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What is known of those who do not agree, and what the daemon says of them.
    async fn why_not(&self, daemon: &Process) -> String {
        let mut told = String::new();
        for person in self.people.iter().filter(|person| !self.agrees(person)) {
            let says = self.ask(daemon, &format!("explain?id={}", person.prospect), None).await;
            let says = says.map(|says| says.to_string()).unwrap_or_default();
            told.push_str(&format!("\n{person:?} {:?}\n{says}", self.says(person)));
        }
        let status = self.ask(daemon, "status", None).await.unwrap_or_default();
        format!("{told}\n{status}\nit is {}", Timestamp::now())
    }

    async fn listed(&self, daemon: &Process, what: &str) -> Vec<Value> {
        self.ask(daemon, what, None).await.and_then(|found| found.as_array().cloned()).unwrap_or_default()
    }
}

impl Ledger {
    /// Engage tells of a person. Says whether it was acknowledged.
    pub async fn webhook(&mut self, company: &Company, daemon: &Process, at: usize) -> bool {
        let (prospect, changes) = (&company.people[at].prospect, company.people[at].changes());
        let (headers, body) = company.sandbox.product.signed_event(prospect, &[WEBHOOK_SECRET]);
        let url = format!("http://{}/webhooks/engage", daemon.address());
        let mut request = company.http.post(url).body(body).timeout(WITHIN);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let taken = request.send().await.is_ok_and(|answer| answer.status() == 204);
        if taken {
            self.webhooks.push((prospect.clone(), changes));
            self.acknowledged += 1;
        }
        taken
    }

    /// An operator stops writing, or lets it go on.
    pub async fn pause(&mut self, company: &Company, daemon: &Process, paused: bool) {
        let verb = if paused { "pause" } else { "resume" };
        let told = company.ask(daemon, verb, Some(json!({}))).await.is_some();
        self.paused = told.then_some(paused);
        self.acknowledged += u64::from(told);
    }

    /// An operator decides the first conflict there is.
    pub async fn decides(&mut self, company: &mut Company, daemon: &Process, take: &str) -> bool {
        let open = company.listed(daemon, "conflicts").await;
        let Some(conflict) = open.iter().find(|conflict| conflict["resolution"].is_null()) else {
            return false;
        };
        let (id, prospect) = (conflict["id"].as_str().unwrap(), conflict["prospect"].as_str().unwrap());
        let prospect: ProspectId = prospect.parse().unwrap();
        let person = company.people.iter_mut().find(|person| person.prospect == prospect).unwrap();
        // Without an answer it may be carried out all the same.
        person.decided += 1;
        let changes = person.changes();
        let decision = json!({"id": id, "take": take, "by": "Ann Lee"});
        let told = company.ask(daemon, "conflicts/resolve", Some(decision)).await.is_some();
        if told {
            self.decisions.push((id.to_owned(), prospect, changes));
            self.acknowledged += 1;
        }
        told
    }

    /// Looks into what a kill left: into a copy, so that it is the daemon that must cope with the store itself.
    pub fn look(&mut self, company: &Company) {
        let copy = tempfile::tempdir().unwrap();
        copy_files(&company.store, copy.path());
        let store = Store::open(copy.path(), "killed", StoreOptions::default())
            .unwrap_or_else(|error| panic!("the store does not open after a kill: {error}"));
        assert_eq!(store.damaged(), []);
        let seen = store.read_blocking(|reader| {
            let people = reader.links_after(None, usize::MAX)?.into_iter();
            let people = people.map(|link| Kept::of(reader, link)).collect::<Result<Vec<_>, _>>()?;
            let cursor = reader.cursor("salesforce.lead")?;
            Ok((people, cursor, marks::is_paused(reader)?))
        });
        let (kept, cursor, paused) = seen.unwrap();
        self.looks += 1;
        if let Some(told) = self.paused {
            assert_eq!(paused, told, "an operator was told so");
        }
        let passed = cursor.and_then(|text| serde_json::from_str::<Value>(&text).ok());
        let passed =
            passed.and_then(|cursor| cursor["from"].as_str().and_then(|from| from.parse::<Timestamp>().ok()));
        for person in &company.people {
            let Some(kept) = kept.iter().find(|kept| kept.prospect == person.prospect) else {
                panic!("the link of {person:?} is lost");
            };
            // What was changed since may lie behind it; the end tells whether that arrives.
            let told = self.webhooks.contains(&(person.prospect.clone(), person.changes()));
            let says = company.says(person);
            let in_engage = kept.waits || kept.holds(company, person, Side::Engage);
            assert!(
                in_engage || !told,
                "a delivery was acknowledged, and is lost: {person:?} {says:?} {kept:?}"
            );
            // Salesforce's times are whole seconds.
            let behind = person.changed_in_salesforce.zip(passed);
            let behind = behind.is_some_and(|(changed, passed)| passed.as_second() > changed.as_second() + 1);
            let in_salesforce = kept.waits || kept.holds(company, person, Side::Salesforce);
            assert!(
                in_salesforce || !behind,
                "the cursor has passed what is lost: {person:?} {says:?} {kept:?}"
            );
        }
        for (id, prospect, changes) in self.decisions.drain(..) {
            let person = company.people.iter().find(|person| person.prospect == prospect).unwrap();
            let open = kept.iter().any(|kept| kept.undecided.as_ref() == Some(&id));
            assert!(
                !open || person.changes() > changes,
                "a decision was acknowledged, and is lost: {person:?}"
            );
        }
        self.webhooks.clear();
    }

    /// Whether anything was acknowledged since the store was last looked into.
    pub fn has_news(&self) -> bool {
        !self.webhooks.is_empty() || !self.decisions.is_empty()
    }

    /// Lets the last daemon bring everything to its end, and judges that.
    pub async fn close(&mut self, company: &mut Company, daemon: &Process) {
        self.close_with(company, daemon, 1).await;
    }

    /// The same, and stops it.
    pub async fn end(&mut self, company: &mut Company, daemon: &Process) {
        self.close(company, daemon).await;
        daemon.stops_well();
    }

    /// The same, where each change may have been written so many times.
    pub async fn close_with(&mut self, company: &mut Company, daemon: &Process, times: u64) {
        if self.paused != Some(false) {
            self.pause(company, daemon, false).await;
        }
        company.ask(daemon, "parked/retry", Some(json!({}))).await;
        company.agrees_or_says_why(daemon).await;
        let until = Instant::now() + SETTLES_WITHIN;
        loop {
            // What is held while others are decided is decided in the next turn.
            while self.decides(company, daemon, "salesforce").await {}
            let status = company.ask(daemon, "status", None).await.unwrap_or_default();
            if status["held"] == 0 && status["parked"] == 0 && status["due"] == 0 {
                break;
            }
            assert!(Instant::now() < until, "it does not settle: {status}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        company.agrees_or_says_why(daemon).await;
        company.is_as_it_must_be(times);
        let writes = || (company.sandbox.org.writes(), company.sandbox.product.writes());
        let before = writes();
        // Several polls of both sides.
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(writes(), before, "no echo");
    }
}

/// What the store knows of a person.
#[derive(Debug)]
struct Kept {
    prospect: ProspectId,
    baseline: Option<Baseline>,
    /// Due, held or parked: not forgotten.
    waits: bool,
    /// The conflict that nobody has decided.
    undecided: Option<String>,
}

impl Kept {
    fn of(reader: &Reader<'_>, link: lockstep::model::Link) -> Result<Kept, StoreError> {
        let (due, held) = (reader.due(&link.prospect)?, reader.held(&link.prospect)?);
        let waits = due.is_some() || held.is_some() || reader.parked(&link.prospect)?.is_some();
        let undecided = held.filter(|held| held.resolution.is_none()).map(|held| held.id);
        Ok(Kept { prospect: link.prospect, baseline: link.baseline, waits, undecided })
    }

    /// Whether a side holds exactly what its baseline says: then nothing of it is left to be known.
    fn holds(&self, company: &Company, person: &Person, side: Side) -> bool {
        let Some(base) = &self.baseline else { return false };
        match side {
            Side::Engage => base.engage.key() == company.prospect_status(person),
            Side::Salesforce => base.salesforce.iter().all(|(name, value)| {
                let now = company.sandbox.org.get(person.lead, name);
                match value {
                    FieldValue::Text(text) => now == json!(&**text),
                    FieldValue::Bool(is) => now == json!(is),
                    _ => true,
                }
            }),
        }
    }
}

impl Company {
    /// What both sides say of a person.
    fn says(&self, person: &Person) -> (String, String) {
        (self.lead_status(person), self.prospect_status(person))
    }

    /// Nothing that was seen opted out is mailable again, on either side: to be asked after each kill.
    pub fn nobody_is_opted_in_again(&mut self) {
        for at in 0..self.people.len() {
            let person = &self.people[at];
            let now = (self.lead_is_out(person), self.prospect_status(person) == "opted_out");
            let seen = person.seen_out;
            assert!((now.0 || !seen.0) && (now.1 || !seen.1), "an opt-out was taken back: {person:?}");
            self.people[at].seen_out = now;
        }
    }

    /// Every person is what the changes of people make of them, and was written to at most so many times for each.
    pub fn is_as_it_must_be(&mut self, times: u64) {
        self.nobody_is_opted_in_again();
        for person in &self.people {
            assert!(self.agrees(person), "{:?} {person:?}", self.says(person));
            assert!(!person.is_out || self.lead_is_out(person), "an opt-out is lost: {person:?}");
            let leads = self.sandbox.org.writes_of(person.lead);
            let prospects = self.sandbox.product.writes_of(&person.prospect);
            let written = format!("written {leads} and {prospects} times: {person:?}");
            // Where both sides are edited, a change of either may take a write: such as one that sets back what we wrote
            // just before we died.
            let (for_leads, for_prospects) = match person.home {
                Home::Both => (person.changes(), person.changes()),
                _ => (person.in_engage, person.in_salesforce),
            };
            assert!(leads <= times * for_leads + person.decided, "{written}");
            assert!(prospects <= times * for_prospects + person.decided, "{written}");
            // Whoever is edited on one side alone is never written to there: the last edit stands.
            match person.home {
                Home::Salesforce if !person.is_out => assert!(leads <= person.decided, "{written}"),
                Home::Engage if !person.is_out => assert!(prospects <= person.decided, "{written}"),
                _ => {}
            }
        }
    }
}

pub fn copy_files(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_name() == "ballast" {
            continue; // it only takes up room
        }
        if entry.file_type().unwrap().is_dir() {
            copy_files(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
