//! Both systems, the people in them, and what everybody does to them: salespeople, prospects and admins, never Lockstep.

use super::check::Checker;
use super::company::{Company, OUT, STATUSES, VALUES};
use lockstep::model::{ProspectId, SalesforceId};
use lockstep::sandbox::Clock;
use lockstep::sandbox::engage::Product;
use lockstep::sandbox::salesforce::Org;
use rand::prelude::*;
use rand::rngs::StdRng;
use serde_json::json;
use std::time::Duration;

/// Somebody whom both systems know.
#[derive(Debug, Clone)]
pub struct Person {
    /// The Lead they began as.
    pub lead: SalesforceId,
    /// The prospect.
    pub prospect: ProspectId,
}

/// What may happen outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// A salesperson sets a status in Salesforce.
    SetInSalesforce,
    /// A salesperson sets a status in Engage.
    SetInEngage,
    /// The person unsubscribes.
    Unsubscribe,
    /// Somebody ticks the opt-out box.
    Tick,
    /// Somebody takes an opt-out back in Salesforce.
    ClearInSalesforce,
    /// Somebody takes an opt-out back in Engage.
    ClearInEngage,
    /// A record is saved without a change.
    Touch,
    /// A Lead is converted.
    Convert,
    /// A Lead loses a merge.
    Merge,
    /// A record is deleted.
    Delete,
    /// It is taken out of the bin.
    Undelete,
    /// A prospect is deleted.
    DeleteProspect,
    /// A user pauses a person's sequences.
    Pause,
    /// A mail bounces.
    Bounce,
}

/// All of them.
pub const ACTS: [Act; 14] = [
    Act::SetInSalesforce,
    Act::SetInEngage,
    Act::Unsubscribe,
    Act::Tick,
    Act::ClearInSalesforce,
    Act::ClearInEngage,
    Act::Touch,
    Act::Convert,
    Act::Merge,
    Act::Delete,
    Act::Undelete,
    Act::DeleteProspect,
    Act::Pause,
    Act::Bounce,
];

/// Everything outside Lockstep.
pub struct Stage {
    /// The one clock.
    pub clock: Clock,
    /// Salesforce.
    pub org: Org,
    /// Engage.
    pub product: Product,
    /// Whose mapping it is.
    pub company: &'static Company,
    /// Who is linked at the start.
    pub people: Vec<Person>,
    /// Leads that nobody knows, to be merged into.
    pub strangers: Vec<SalesforceId>,
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
        let now = self.clock.now();
        self.story.push(format!("{} {what}", now.strftime("%d %H:%M:%S%.3f")));
    }

    /// What a record says.
    pub fn value(&self, id: SalesforceId) -> String {
        let field = if id.object() == lockstep::model::SalesforceObject::Lead {
            "Status"
        } else {
            "Engagement_Status__c"
        };
        self.org.get(id, field).as_str().unwrap_or_default().to_owned()
    }

    /// Whether a record says that its person is opted out.
    pub fn is_out(&self, id: SalesforceId) -> bool {
        self.org.get(id, "HasOptedOutOfEmail") == json!(true) || self.value(id) == OUT
    }

    /// Whether a record is deleted, converted or merged away.
    pub fn is_gone(&self, id: SalesforceId) -> bool {
        self.org.get(id, "IsDeleted") == json!(true) || self.org.get(id, "IsConverted") == json!(true)
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

    /// Something happens outside.
    pub fn act(&mut self) {
        let Some(act) = self.acts.choose(&mut self.random).copied() else { return };
        let who = self.random.random_range(0..self.people.len());
        let person = self.people[who].clone();
        let record = self.record_of(&person);
        let gone = self.is_gone(record);
        let (org, product) = (self.org.clone(), self.product.clone());
        let status_field = if record == person.lead { "Status" } else { "Engagement_Status__c" };
        let before = (self.value(record), product.status(&person.prospect));
        let mut told = None;
        match act {
            Act::SetInSalesforce if !gone => {
                let value = VALUES[self.random.random_range(0..VALUES.len())];
                // Clearing an opt-out is an act of its own.
                if value != OUT && !self.is_out(record) && value != before.0 {
                    org.edit(record, &[(status_field, json!(value))]);
                    told = Some(format!("{record} set to {value:?} (was {:?})", before.0));
                    self.checker.edited_in_salesforce(who, value);
                }
            }
            Act::SetInEngage => {
                let (_, status) = STATUSES[self.random.random_range(0..STATUSES.len())];
                let from_out = before.1 == "opted_out";
                if status != "opted_out"
                    && !from_out
                    && status != before.1
                    && product.set_status(&person.prospect, status).is_ok()
                {
                    told = Some(format!("{} set to {status} (was {})", person.prospect, before.1));
                    self.checker.edited_in_engage(who, status);
                }
            }
            Act::Unsubscribe if product.unsubscribe(&person.prospect).is_ok() => {
                told = Some(format!("{} unsubscribes (was {})", person.prospect, before.1));
                self.checker.opted_out(who);
            }
            Act::Tick if !gone && !self.is_out(record) => {
                org.edit(record, &[("HasOptedOutOfEmail", json!(true))]);
                told = Some(format!("{record} is ticked as opted out"));
                self.checker.opted_out(who);
            }
            Act::ClearInSalesforce if !gone && self.is_out(record) => {
                let value = VALUES[self.random.random_range(0..7)];
                org.edit(record, &[("HasOptedOutOfEmail", json!(false)), (status_field, json!(value))]);
                told = Some(format!("{record} is opted out no more, says {value:?}"));
                self.checker.cleared(who);
            }
            Act::ClearInEngage
                if before.1 == "opted_out" && product.set_status(&person.prospect, "approaching").is_ok() =>
            {
                told = Some(format!("{} is opted out no more, approaching", person.prospect));
                self.checker.cleared(who);
            }
            Act::Touch if !gone => {
                org.touch(record);
                told = Some(format!("{record} is saved without a change"));
            }
            Act::Convert if !gone && record == person.lead => {
                let contact = org.convert(record);
                told = Some(format!("{record} is converted to {contact:?}"));
                self.checker.moved(who);
            }
            Act::Merge if !gone && record == person.lead => {
                if let Some(winner) = self.strangers.pop() {
                    org.merge(winner, record);
                    told = Some(format!(
                        "{record} loses a merge to {winner}, which says {:?}",
                        self.value(winner)
                    ));
                    self.checker.moved(who);
                }
            }
            Act::Delete if !gone => {
                org.delete(record);
                told = Some(format!("{record} is deleted"));
                self.checker.moved(who);
            }
            Act::Undelete if org.get(record, "IsDeleted") == json!(true) => {
                org.undelete(record);
                told = Some(format!("{record} is taken out of the bin"));
                self.checker.moved(who);
            }
            Act::DeleteProspect if self.random.random_bool(0.3) => {
                product.delete(&person.prospect);
                told = Some(format!("{} is deleted", person.prospect));
                self.checker.moved(who);
            }
            Act::Pause => {
                product.pause_as_user(&person.prospect);
                told = Some(format!("a user pauses the sequences of {}", person.prospect));
                self.checker.paused(who);
            }
            Act::Bounce if before.1 != "opted_out" && product.bounce(&person.prospect).is_ok() => {
                told = Some(format!("a mail to {} bounces (was {})", person.prospect, before.1));
                self.checker.edited_in_engage(who, "bounced");
                self.checker.bounced(who);
            }
            _ => {}
        }
        if let Some(told) = told {
            self.checker.hit(act);
            self.tell(format!("OUTSIDE  {told}"));
        }
    }

    /// Time passes.
    pub fn pass(&mut self, most: Duration) {
        let millis = self.random.random_range(0..=most.as_millis() as u64);
        self.clock.advance(Duration::from_millis(millis));
    }
}
