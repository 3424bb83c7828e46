//! A Salesforce of each kind, with the same Leads in it.

use crate::contract::stubs::StubServer;
use crate::contract::{MINUTE, at, by_secret, fixtures, free_port, salesforce_config, tells, wiremock};
use lockstep::connector::CallError;
use lockstep::connector::salesforce::{Purpose, Salesforce, SalesforceWrite};
use lockstep::model::SalesforceObject::Lead;
use lockstep::model::{FieldName, FieldValue, Fields, SalesforceId, SalesforceRecord};
use lockstep::sandbox::salesforce::Org;
use lockstep::sandbox::{Clock, Fault, Served, When};
use serde_json::json;
use std::collections::HashMap;

/// When every Lead was made: nobody but those named below has been touched since.
pub(super) const MADE_AT: &str = "2026-11-23T05:50:00Z";

/// The daemon's time at the start of a test. Each answer of a stub says 06:10, so there the daemon's clock is slow.
const NOW: &str = "2026-11-23T05:55:00Z";

/// Leads by what is told of them. All were made at [`MADE_AT`].
pub(super) struct Leads {
    /// Living; somebody was merged into it.
    pub(super) winner: SalesforceId,
    pub(super) deleted: SalesforceId,
    pub(super) converted: SalesforceId,
    /// What `converted` became.
    pub(super) contact: SalesforceId,
    /// Merged into `winner`.
    pub(super) loser: SalesforceId,
    /// Untouched.
    pub(super) calm: SalesforceId,
    pub(super) locked: SalesforceId,
    /// A validation rule refuses "Nurture".
    pub(super) ruled: SalesforceId,
    /// Edited two minutes later.
    pub(super) moved: SalesforceId,
    /// In a long transaction, which began at 05:59 and sets "Nurture".
    pub(super) late: SalesforceId,
    /// For one test each.
    pub(super) ended: SalesforceId,
    pub(super) shut: SalesforceId,
    pub(super) guard: SalesforceId,
    pub(super) quota: SalesforceId,
    pub(super) page: SalesforceId,
    pub(super) lost: SalesforceId,
    /// There is no such Lead.
    pub(super) nobody: SalesforceId,
}

impl Leads {
    fn named(mut id: impl FnMut(&str) -> SalesforceId) -> Leads {
        Leads {
            winner: id("1"),
            deleted: id("2"),
            converted: id("3"),
            contact: "0035f000000000g".parse().expect("an id"),
            loser: id("4"),
            calm: id("5"),
            locked: id("6"),
            ruled: id("7"),
            moved: id("8"),
            late: id("9"),
            ended: id("a"),
            shut: id("b"),
            guard: id("c"),
            quota: id("d"),
            page: id("e"),
            lost: id("f"),
            nobody: "00Q5f0000000zzz".parse().expect("an id"),
        }
    }
}

/// A Salesforce of one of the three kinds, with the connector at its door.
pub(super) struct World {
    pub(super) salesforce: Salesforce,
    pub(super) clock: Clock,
    pub(super) leads: Leads,
    pub(super) base_url: String,
    /// Only in the sandbox has anything to be done: the stub files say already what happens to whom.
    pub(super) org: Option<Org>,
    _served: Option<Served>,
    pub(super) stubs: Option<StubServer>,
}

impl World {
    fn new(base_url: String, leads: Leads, clock: Clock) -> World {
        let config = salesforce_config(&base_url, by_secret("secret"));
        let salesforce = Salesforce::new(&config, tells(&clock)).expect("a connector");
        World { salesforce, clock, leads, base_url, org: None, _served: None, stubs: None }
    }

    fn of_stubs(base_url: String) -> World {
        let leads = Leads::named(|letter| format!("00Q5f000000000{letter}").parse().expect("an id"));
        World::new(base_url, leads, Clock::driven(at(NOW)))
    }

    pub(super) async fn of_stub_files() -> World {
        let stubs = StubServer::start(&fixtures("salesforce")).await;
        let world = World::of_stubs(stubs.base_url.clone());
        World { stubs: Some(stubs), ..world }
    }

    pub(super) fn of_wiremock() -> Option<World> {
        wiremock("LOCKSTEP_WIREMOCK_SALESFORCE").map(World::of_stubs)
    }

    pub(super) async fn of_sandbox() -> World {
        let clock = Clock::driven(at(MADE_AT));
        let org = Org::new(clock.clone());
        org.register_app("lockstep", "secret");
        org.set_daily_limit(15_000, 17);
        let mut leads = Leads::named(|name| {
            let email = format!("{name}@example.com");
            org.create_lead("Jane", "Carter", "Harbor Freightways", &email, "In progress").expect("a Lead")
        });
        clock.advance(2 * MINUTE);
        org.delete(leads.deleted);
        leads.contact = org.convert(leads.converted).expect("a Contact");
        org.merge(leads.winner, leads.loser);
        org.edit(leads.moved, &[("Rating", json!("Hot"))]);
        org.lock(leads.locked, true);
        clock.advance(3 * MINUTE);
        let served = org.serve(free_port().await).expect("a server");
        let world = World::new(served.base_url(), leads, clock);
        World { org: Some(org), _served: Some(served), ..world }
    }

    pub(super) fn in_the_sandbox(&self, act: impl FnOnce(&Org)) {
        if let Some(org) = &self.org {
            act(org);
        }
    }

    /// The next call like this goes wrong, `times` times.
    pub(super) fn fails(&self, method: &str, path: &str, times: u32, fault: Fault) {
        self.in_the_sandbox(|org| {
            org.faults().add(When { times, ..When::next(method, path) }, fault);
        });
    }

    pub(super) async fn set_one(
        &self,
        id: SalesforceId,
        unless_since: Option<&str>,
    ) -> Result<(), CallError> {
        self.salesforce.update_one(&nurture(id), unless_since.map(at), Purpose::Write).await
    }

    pub(super) async fn read(&self, ids: &[SalesforceId]) -> Result<Vec<SalesforceRecord>, CallError> {
        self.salesforce.read(Lead, ids, &watched(), Purpose::Read).await
    }

    /// One poll to its end: the rows by id, and where the next one goes on.
    pub(super) async fn poll(
        &self,
        cursor: Option<String>,
    ) -> (HashMap<SalesforceId, SalesforceRecord>, String) {
        let (mut rows, mut cursor) = (HashMap::new(), cursor);
        loop {
            let page = self.salesforce.changes(Lead, cursor.as_deref(), &watched()).await.expect("a page");
            rows.extend(page.records.into_iter().map(|record| (record.id, record)));
            if page.done {
                return (rows, page.cursor);
            }
            cursor = Some(page.cursor);
        }
    }

    pub(super) fn calls_for(&self, purpose: Purpose) -> u64 {
        self.salesforce.budget().by_purpose.get(&purpose).copied().unwrap_or(0)
    }
}

fn watched() -> Vec<FieldName> {
    ["Status", "HasOptedOutOfEmail"].map(FieldName::from).to_vec()
}

pub(super) fn write(id: SalesforceId, status: &str) -> SalesforceWrite {
    SalesforceWrite { id, fields: Fields::from([(FieldName::from("Status"), FieldValue::text(status))]) }
}

pub(super) fn nurture(id: SalesforceId) -> SalesforceWrite {
    write(id, "Nurture")
}

pub(super) fn answers(status: u16, body: &str) -> Fault {
    Fault::Answer { status, body: body.to_owned(), retry_after: None }
}
