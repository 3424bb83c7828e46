//! The stage: both systems, the engine, and one clock.

use super::listening::Ears;
use lockstep::config::{
    AdminConfig, Bulk, Config, EngageConfig, LogConfig, LogFormat, SalesforceChanges, SalesforceConfig,
    SalesforceFlow, StoreConfig, SyncConfig,
};
use lockstep::model::{Link, ProspectId, SalesforceId, Side};
use lockstep::sandbox::engage::Product;
use lockstep::sandbox::salesforce::Org;
use lockstep::sandbox::{Clock, Served};
use lockstep::store::{Held, JournalEntry, Newcomer, Parked, Resolution, Seen, Source, Store, StoreOptions};
use lockstep::sync::{Cycle, Engine, PassReport, WebhookError};
use secrecy::SecretString;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

pub const WEBHOOK_SECRET: &str = "made for this test only";
const CLIENT: &str = "lockstep";
const SECRET: &str = "also made for this test";

/// A linked person.
#[derive(Debug, Clone)]
pub struct Person {
    pub lead: SalesforceId,
    pub prospect: ProspectId,
}

pub struct World {
    pub org: Org,
    pub product: Product,
    pub engine: Arc<Engine>,
    pub store: Store,
    pub clock: Clock,
    sequence: String,
    config: Config,
    mapping: lockstep::mapping::Mapping,
    pub ears: Ears,
    _served: (Served, Served),
    _dir: tempfile::TempDir,
}

/// Both systems on loopback, and a configuration that leads there.
pub async fn config(org: &Org, product: &Product, dir: &std::path::Path) -> (Config, (Served, Served)) {
    org.register_app(CLIENT, SECRET);
    product.register_client(CLIENT, SECRET);
    let listen = || async { TcpListener::bind("127.0.0.1:0").await.unwrap() };
    let served = (org.serve(listen().await).unwrap(), product.serve(listen().await).unwrap());
    let secret = || SecretString::from(SECRET.to_owned());
    let config = Config {
        tenant: "test".to_owned(),
        mapping: dir.join("mapping.toml"),
        salesforce: SalesforceConfig {
            login_url: served.0.base_url().parse().unwrap(),
            api_version: "67.0".to_owned(),
            flow: SalesforceFlow::ClientCredentials { client_secret: secret() },
            client_id: CLIENT.to_owned(),
            changes: vec![SalesforceChanges::Poll],
            pubsub_endpoint: served.0.base_url().parse().unwrap(),
            pubsub_channel: None,
            bulk: Bulk::Auto,
            poll_every: Duration::from_secs(60),
            overlap: Duration::from_secs(600),
            keep_free: 0.2,
            quota_retry: [1, 5, 15, 30].map(|minutes| Duration::from_secs(minutes * 60)).to_vec(),
        },
        engage: EngageConfig {
            profile: "default".to_owned(),
            base_url: served.1.base_url().parse().unwrap(),
            client_id: CLIENT.to_owned(),
            client_secret: secret(),
            webhook_secrets: vec![SecretString::from(WEBHOOK_SECRET.to_owned())],
            webhook: true,
            poll_every: Duration::from_secs(60),
            overlap: Duration::from_secs(600),
        },
        store: StoreConfig { path: dir.join("store") },
        sync: SyncConfig { sweep_every: Duration::from_secs(24 * 3600) },
        admin: AdminConfig { listen: ([127, 0, 0, 1], 0).into(), token: None },
        webhooks_listen: None,
        log: LogConfig { format: LogFormat::Json, level: "info".to_owned(), personal_data: false },
    };
    (config, served)
}

impl World {
    /// The specification document's own table.
    pub async fn example() -> World {
        World::with_mapping(include_str!("../../../mapping/example.toml")).await
    }

    pub async fn with_mapping(mapping: &str) -> World {
        World::with(mapping, Bulk::Auto).await
    }

    pub async fn with(mapping: &str, bulk: Bulk) -> World {
        World::configured(mapping, |config| config.salesforce.bulk = bulk).await
    }

    pub async fn configured(mapping: &str, change: impl FnOnce(&mut Config)) -> World {
        let clock = Clock::driven("2026-11-23T09:00:00Z".parse().unwrap());
        let (org, product) = (Org::new(clock.clone()), Product::new(clock.clone()));
        product.set_calls_a_minute(1_000_000);
        let dir = tempfile::tempdir().unwrap();
        let (mut config, served) = config(&org, &product, dir.path()).await;
        change(&mut config);
        let mapping =
            lockstep::mapping::parse("test.toml", mapping).unwrap_or_else(|problems| panic!("{problems}"));
        let store = Store::open(&config.store.path, "test", StoreOptions::default()).unwrap();
        let now = clock.clone();
        let engine =
            Engine::new(&config, mapping.mapping.clone(), store.clone(), Arc::new(move || now.now()))
                .unwrap();
        let engine = Arc::new(engine);
        let sequence = product.add_sequence("Outreach", true, &[Duration::from_secs(365 * 24 * 3600)]);
        let mapping = mapping.mapping;
        World {
            org,
            product,
            engine,
            store,
            clock,
            sequence,
            config,
            mapping,
            ears: Ears::default(),
            _served: served,
            _dir: dir,
        }
    }

    /// The same world with another process in it, on the same store.
    pub async fn restarted(self) -> World {
        let now = self.clock.clone();
        let clock = Arc::new(move || now.now());
        let engine = Engine::new(&self.config, self.mapping.clone(), self.store.clone(), clock).unwrap();
        World { engine: Arc::new(engine), ears: Ears::default(), ..self }
    }

    /// A copy of the store as it is now.
    pub fn backed_up(&self) -> Vec<u8> {
        let mut copy = Vec::new();
        self.store.export(&mut copy, self.clock.now(), false).unwrap();
        copy
    }

    /// The same world, whose store was put back from a copy.
    pub fn put_back(self, copy: &[u8]) -> World {
        let World { org, product, engine, store, clock, sequence, config, mapping, ears: _, _served, _dir } =
            self;
        drop((engine, store));
        let file = _dir.path().join("copy.jsonl");
        std::fs::write(&file, copy).unwrap();
        Store::import(&config.store.path, "test", &file, true).unwrap();
        let store = Store::open(&config.store.path, "test", StoreOptions::default()).unwrap();
        let now = clock.clone();
        let engine =
            Engine::new(&config, mapping.clone(), store.clone(), Arc::new(move || now.now())).unwrap();
        let (engine, ears) = (Arc::new(engine), Ears::default());
        World { org, product, engine, store, clock, sequence, config, mapping, ears, _served, _dir }
    }

    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    pub async fn person(&self, status: &str, person: &str) -> Person {
        let number = self.product.prospects().len();
        let email = format!("person{number}@example.com");
        let lead = self.org.create_lead("Jane", "Doe", "Acme", &email, status).unwrap();
        let prospect = self.product.create(&email, "Jane", "Doe", "Acme", Some(lead));
        self.product.set_status(&prospect, person).unwrap();
        Person { lead, prospect }
    }

    pub async fn people(&self, count: usize, status: &str, person: &str) -> Vec<Person> {
        let mut people = Vec::new();
        for _ in 0..count {
            people.push(self.person(status, person).await);
        }
        people
    }

    pub async fn second_prospect_of(&self, person: &Person, status: &str) -> Person {
        let prospect = self.product.create("twin@example.com", "Jane", "Doe", "Acme", Some(person.lead));
        self.product.set_status(&prospect, status).unwrap();
        Person { lead: person.lead, prospect }
    }

    pub fn lead_without_prospect(&self, status: &str) -> SalesforceId {
        self.org.create_lead("John", "Roe", "Acme", "john@example.com", status).unwrap()
    }

    pub fn enroll(&self, person: &Person) -> Person {
        let status = self.product.status(&person.prospect);
        self.product.enroll(&person.prospect, &self.sequence);
        self.product.set_status(&person.prospect, &status).unwrap();
        person.clone()
    }

    /// Everybody is looked at once and agrees; then time passes, so that what follows is clearly later.
    pub async fn agree(&self) {
        let report = self.cycle().await;
        assert_eq!(report.written, 0, "everybody agrees to begin with");
        self.advance(Duration::from_secs(60));
    }

    /// One turn of the handle: polls both sides, and looks at what is due.
    pub async fn cycle(&self) -> PassReport {
        let polls = self.ears.hear(self).await;
        let mut report = self.engine.cycle(polls).await.unwrap();
        // A write that must wait for the server's next second is made in the next turn.
        self.advance(Duration::from_secs(2));
        let again = self.engine.cycle(Cycle::DUE).await.unwrap();
        report.planned += again.planned;
        report.written += again.written;
        report.interrupted |= again.interrupted;
        report
    }

    /// Everything linked is compared.
    pub async fn sweep(&self) -> PassReport {
        self.advance(Duration::from_secs(60));
        let sweep = Cycle { poll_salesforce: true, poll_engage: true, sweep: true };
        self.engine.cycle(sweep).await.unwrap()
    }

    /// Three turns, a minute apart.
    pub async fn turns(&self) {
        for _ in 0..3 {
            self.advance(Duration::from_secs(60));
            self.cycle().await;
        }
    }

    /// Turns until nothing is due any more.
    pub async fn settle(&self) {
        for _ in 0..4 {
            self.cycle().await;
        }
    }

    /// Every byte that the store has on disk.
    pub fn stored_bytes(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self._dir.path().join("store")).unwrap();
        let mut bytes = Vec::new();
        for entry in files {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => {
                    let inner = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
                    inner
                        .filter(|path| path.is_file())
                        .for_each(|path| bytes.extend(std::fs::read(path).unwrap()));
                }
                false => bytes.extend(std::fs::read(path).unwrap()),
            }
        }
        bytes
    }

    /// Nobody changes anything: nothing is written, and nothing is planned.
    pub async fn is_quiet(&self) {
        for _ in 0..2 {
            let before = (self.org.writes(), self.product.writes());
            self.advance(Duration::from_secs(60));
            let report = self.cycle().await;
            assert_eq!(report.planned, 0, "a quiet world needs no plan");
            assert_eq!((self.org.writes(), self.product.writes()), before, "no echo");
        }
    }

    // ---- what both sides say ------------------------------------------------------------------

    pub fn lead_status(&self, person: &Person) -> String {
        self.org.get(person.lead, "Status").as_str().unwrap_or_default().to_owned()
    }

    pub fn lead_field(&self, person: &Person, field: &str) -> String {
        self.org.get(person.lead, field).as_str().unwrap_or_default().to_owned()
    }

    pub fn detail(&self, person: &Person, field: &str) -> String {
        self.product.field(&person.prospect, field)
    }

    pub fn record_status(&self, id: SalesforceId) -> String {
        let field = if id.as_str().starts_with("003") { "Engagement_Status__c" } else { "Status" };
        self.org.get(id, field).as_str().unwrap_or_default().to_owned()
    }

    pub fn lead_is_opted_out(&self, person: &Person) -> bool {
        self.org.get(person.lead, "HasOptedOutOfEmail") == json!(true)
    }

    pub fn person_status(&self, person: &Person) -> String {
        self.product.status(&person.prospect)
    }

    pub fn enrollment_state(&self, person: &Person) -> String {
        self.product.enrollment_states(&person.prospect).join(",")
    }

    // ---- what Lockstep remembers ---------------------------------------------------------------

    pub async fn link(&self, person: &Person) -> Option<Link> {
        let id = person.prospect.clone();
        self.store.read(move |reader| reader.link(&id)).await.unwrap()
    }

    pub async fn link_of(&self, prospect: &ProspectId) -> Option<Link> {
        let id = prospect.clone();
        self.store.read(move |reader| reader.link(&id)).await.unwrap()
    }

    pub async fn due(&self) -> u64 {
        self.store.read(|reader| reader.due_count()).await.unwrap()
    }

    pub async fn held(&self) -> Vec<Held> {
        self.store.read(|reader| reader.held_after(None, 100)).await.unwrap()
    }

    pub async fn parked(&self) -> Vec<Parked> {
        self.store.read(|reader| reader.parked_after(None, 100)).await.unwrap()
    }

    pub async fn journal(&self, person: &Person) -> Vec<JournalEntry> {
        let id = person.prospect.clone();
        self.store.read(move |reader| reader.journal_of(&id, 100)).await.unwrap()
    }

    pub async fn resolve(&self, person: &Person, take: Side, by: &str) {
        let (id, by, now) = (person.prospect.clone(), by.to_owned(), self.clock.now());
        self.store
            .write(move |tx| {
                let mut held = tx.held(&id)?.expect("a conflict to resolve");
                held.resolution = Some(Resolution { take, by });
                tx.put_held(&held)?;
                let seen = Seen { side: None, source: Source::Operator, at: now, value: None, by: None };
                tx.mark_due(&id, seen).map(drop)
            })
            .await
            .unwrap();
    }

    pub async fn approve_plan(&self) {
        self.store
            .write(|tx| {
                let (waiting, _) = tx.waiting_after(None, 10_000)?;
                let mut shown = waiting.iter().filter_map(|due| Some((&due.prospect, due.waiting?)));
                shown.try_for_each(|(prospect, what)| tx.let_through(prospect, what).map(drop))?;
                tx.set_meta(lockstep::store::marks::FIRST_RUN_DONE, "true")
            })
            .await
            .unwrap();
    }

    pub async fn approve_newcomers(&self) {
        self.store
            .write(|tx| {
                for newcomer in tx.newcomers()?.into_iter().filter(|newcomer| newcomer.waiting) {
                    tx.put_newcomer(&Newcomer { waiting: false, approved: true, ..newcomer })?;
                }
                Ok(())
            })
            .await
            .unwrap();
    }

    pub fn leads_with(&self, email: &str) -> Vec<SalesforceId> {
        let all = self.org.leads().into_iter();
        all.filter(|id| self.org.get(*id, "Email").as_str() == Some(email)).collect()
    }

    pub fn only_lead_with(&self, email: &str) -> SalesforceId {
        let leads = self.leads_with(email);
        assert_eq!(leads.len(), 1, "{email}: {leads:?}");
        leads[0]
    }

    pub fn only_prospect_with(&self, email: &str) -> ProspectId {
        let all = self.product.prospects().into_iter();
        let with: Vec<ProspectId> = all.filter(|id| self.product.field(id, "email") == email).collect();
        assert_eq!(with.len(), 1, "{email}: {with:?}");
        with[0].clone()
    }

    pub async fn webhook(&self, person: &Person) -> Result<(), WebhookError> {
        let (headers, body) = self.product.signed_event(&person.prospect, &[WEBHOOK_SECRET]);
        let headers =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        self.engine.take_in_webhook(&headers, body.as_bytes()).await
    }
}
