//! Both systems and the people in them, and the time that passes for all of them.

use super::acts::Act;
use super::check::Checker;
use super::company::{Company, OUT, VALUES};
use lockstep::model::{ProspectId, SalesforceId, SalesforceObject, Side};
use lockstep::sandbox::Clock;
use lockstep::sandbox::engage::Product;
use lockstep::sandbox::salesforce::{OpenTransaction, Org};
use rand::prelude::*;
use rand::rngs::StdRng;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a Flow that is not part of the transaction waits.
const LATE: Duration = Duration::from_secs(5);

/// Somebody whom both systems know.
#[derive(Debug, Clone)]
pub struct Person {
    /// The Lead they began as.
    pub lead: SalesforceId,
    /// The prospect.
    pub prospect: ProspectId,
    /// A webhook of theirs that may be sent once more.
    pub late_event: Option<(Vec<(String, String)>, String)>,
    /// Leads that they were, until Engage named another one.
    pub former_leads: Vec<SalesforceId>,
}

impl Person {
    /// Somebody of whom nothing is known yet.
    pub fn new(lead: SalesforceId, prospect: ProspectId) -> Person {
        Person { lead, prospect, late_event: None, former_leads: Vec::new() }
    }
}

/// A long transaction of somebody else's (F14).
pub struct Open {
    pub(super) transaction: OpenTransaction,
    pub(super) who: usize,
    pub(super) record: SalesforceId,
    /// How long it stays open yet.
    pub(super) left: Duration,
}

/// Everything outside Lockstep.
pub struct Stage {
    /// Our clock, Salesforce's and Engage's: all move alike.
    pub clocks: [Clock; 3],
    /// Salesforce.
    pub org: Org,
    /// Engage.
    pub product: Product,
    /// Whose mapping it is.
    pub company: &'static Company,
    /// Whose it was before.
    pub former: Vec<&'static Company>,
    /// Who is linked.
    pub people: Vec<Person>,
    /// Leads that nobody knows, to be merged into; they share an address.
    pub strangers: Vec<SalesforceId>,
    /// Prospects with an address that several Leads have.
    pub ambiguous: Vec<ProspectId>,
    /// Transactions that are not committed yet.
    pub open: Vec<Open>,
    /// Titles, a scope, and records that Engage names anew.
    pub wider: bool,
    /// Somebody has made a rule that may refuse a write.
    pub may_park: bool,
    /// What Flows make of a status that is set: from and to.
    pub rewrites: Vec<(&'static str, &'static str)>,
    /// What a Flow makes of a status some seconds after it is set (F10).
    pub late_flow: Option<(&'static str, &'static str)>,
    /// By person: what their record said a moment ago, and when such a Flow is to act on it.
    pub late: Vec<(String, Option<Duration>)>,
    /// What somebody's status was before it was last set by hand, by person and side: people take back what they did.
    pub earlier: BTreeMap<(usize, bool), &'static str>,
    /// Systems whose admin has switched our user off (F5).
    pub switched_off: Vec<Side>,
    /// What may happen.
    pub acts: Vec<Act>,
    /// What must hold.
    pub checker: Checker,
    /// What happened, to be read.
    pub story: Vec<String>,
    /// Decides what happens outside and on the way; seeded anew for each step.
    pub random: StdRng,
}

impl Stage {
    /// Tells the story.
    pub fn tell(&mut self, what: String) {
        let now = self.clocks[0].now();
        self.story.push(format!("{} {what}", now.strftime("%d %H:%M:%S%.3f")));
    }

    /// What a record says.
    pub fn value(&self, id: SalesforceId) -> String {
        self.org.get(id, status_field(id)).as_str().unwrap_or_default().to_owned()
    }

    /// Whether a record says that its person is opted out.
    pub fn is_out(&self, id: SalesforceId) -> bool {
        self.org.get(id, "HasOptedOutOfEmail") == json!(true) || self.value(id) == OUT
    }

    /// Whether a record is deleted, converted or merged away.
    pub fn is_gone(&self, id: SalesforceId) -> bool {
        let is = |field| self.org.get(id, field) == json!(true);
        is("IsDeleted") || is("IsConverted") || self.org.get(id, "Id").is_null()
    }

    /// The record that somebody is by now.
    pub fn record_of(&self, person: &Person) -> SalesforceId {
        let mut id = person.lead;
        for _ in 0..8 {
            let next = ["ConvertedContactId", "MasterRecordId"].map(|field| self.org.get(id, field));
            match next.iter().filter_map(|id| id.as_str()).find_map(|id| id.parse().ok()) {
                Some(next) => id = next,
                None => break,
            }
        }
        id
    }

    /// Another person whose record this is too, and who is not opted out by themselves.
    pub(super) fn twin_out_by(&self, who: usize, record: SalesforceId) -> Option<usize> {
        let twin = self.checker.ledgers[who].twin?;
        let person = &self.people[twin];
        let shares = self.record_of(person) == record && self.product.status(&person.prospect) != "opted_out";
        shares.then_some(twin)
    }

    /// Time passes, at most so much.
    pub fn pass(&mut self, most: Duration) {
        let millis = self.random.random_range(0..=most.as_millis() as u64);
        self.advance(Duration::from_millis(millis));
    }

    /// Time passes.
    pub fn advance(&mut self, by: Duration) {
        self.clocks.iter().for_each(|clock| clock.advance(by));
        self.open.iter_mut().for_each(|open| open.left = open.left.saturating_sub(by));
        while let Some(place) = self.open.iter().position(|open| open.left.is_zero()) {
            let open = self.open.remove(place);
            self.commit(open);
        }
        self.late_flows(by);
    }

    /// A Flow that waits some seconds looks at what was set.
    fn late_flows(&mut self, by: Duration) {
        let Some((from, to)) = self.late_flow else { return };
        for who in 0..self.people.len() {
            let record = self.record_of(&self.people[who]);
            let value = self.value(record);
            if self.late.len() <= who {
                self.late.push((value.clone(), None));
            }
            let (before, left) = std::mem::replace(&mut self.late[who], (value.clone(), None));
            let left = match left {
                Some(left) => Some(left.saturating_sub(by)),
                None => (value == from && before != from).then_some(LATE),
            };
            let free = !self.is_gone(record) && self.open.iter().all(|open| open.record != record);
            match left {
                Some(left) if value == from && !(left.is_zero() && free) => self.late[who].1 = Some(left),
                Some(_) if value == from => {
                    self.org.edit(record, &[(status_field(record), json!(to))]);
                    let now = self.value(record);
                    self.late[who].0.clone_from(&now);
                    self.tell(format!("OUTSIDE  the late Flow makes {now:?} of {record}"));
                    self.edited_in_salesforce(who, &now);
                }
                _ => {}
            }
        }
    }

    /// Whatever is open is committed.
    pub fn commit_all(&mut self) {
        for open in std::mem::take(&mut self.open) {
            self.commit(open);
        }
    }

    fn commit(&mut self, open: Open) {
        let Open { transaction, who, record, .. } = open;
        transaction.commit();
        self.org.lock(record, false);
        let value = self.value(record);
        self.tell(format!("OUTSIDE  the transaction of {record} commits: {value:?}"));
        self.edited_in_salesforce(who, &value);
    }

    /// A salesperson's edit in Salesforce was made.
    pub(super) fn edited_in_salesforce(&mut self, who: usize, value: &str) {
        let status = self.product.status(&self.people[who].prospect);
        let mapped = self.company.inbound(value).is_some() && !self.company.agree(value, &status);
        self.checker.edited_in_salesforce(who, value, mapped);
    }

    /// A status was set in Engage.
    pub(super) fn edited_in_engage(&mut self, who: usize, status: &str) {
        let value = self.value(self.record_of(&self.people[who]));
        let mapped = self.company.outbound(status).is_some() && !self.company.agree(&value, status);
        self.checker.edited_in_engage(who, status, mapped);
    }

    /// Admins put right what they had made difficult.
    pub fn mend_everything(&mut self) {
        self.org.drop_rules();
        self.org.rewrite_nothing();
        self.org.set_daily_limit(100_000, 0);
        self.org.withdraw_field("Lead", "Status", false);
        for value in VALUES {
            self.org.retire_picklist_value("Contact", "Engagement_Status__c", value, false);
        }
        (self.late_flow, self.late) = (None, Vec::new());
        self.switched_off.clear();
    }

    /// What Flows make of a value that is set: one after the other, as they were made.
    pub(super) fn made_by_flows<'a>(&self, value: &'a str) -> &'a str {
        self.rewrites.iter().fold(value, |value, (from, to)| if value == *from { to } else { value })
    }

    /// Another mapping from now on. What rests, rests.
    pub fn reload(&mut self, company: &'static Company) {
        self.former.push(std::mem::replace(&mut self.company, company));
        let pair =
            |person: &Person| (self.value(self.record_of(person)), self.product.status(&person.prospect));
        let pairs = self.people.iter().map(pair).collect();
        self.checker.reloaded(pairs);
        self.tell("PROCESS  has another mapping".to_owned());
    }

    /// The mapping in use and those before it.
    pub fn companies(&self) -> impl Iterator<Item = &'static Company> + '_ {
        self.former.iter().copied().chain([self.company])
    }

    /// Hours since it all began, by our clock.
    pub fn hours(&self) -> u64 {
        let start = "2026-11-23T09:00:00Z".parse().expect("a time");
        self.clocks[0].now().duration_since(start).as_hours().unsigned_abs()
    }
}

/// The field that holds a record's status.
pub(super) fn status_field(id: SalesforceId) -> &'static str {
    if id.object() == SalesforceObject::Lead { "Status" } else { "Engagement_Status__c" }
}
