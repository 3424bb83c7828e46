//! What everybody does to both systems: salespeople, prospects, admins and their automations, never Lockstep.

use super::company::{OUT, STATUSES, VALUES};
use super::stage::{Open, Person, Stage, status_field};
use lockstep::model::{SalesforceId, Side};
use rand::prelude::*;
use serde_json::json;
use std::time::Duration;

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
    /// A Lead is converted (F19).
    Convert,
    /// A Lead loses a merge (F20).
    Merge,
    /// A record is deleted (F21).
    Delete,
    /// It is taken out of the bin.
    Undelete,
    /// It is deleted for good.
    Purge,
    /// A prospect is deleted.
    DeleteProspect,
    /// A user pauses a person's sequences (F22).
    Pause,
    /// A mail bounces.
    Bounce,
    /// A long transaction begins; others see it minutes later (F14).
    LongTransaction,
    /// A validation rule is made, or all are dropped (F24).
    Rule,
    /// A Flow that sets another status is made, or all are dropped.
    Flow,
    /// A field is taken out of sight, or shown again (F17).
    Hide,
    /// Others use the day's calls up, or the day is over (F23).
    Quota,
    /// One record becomes two prospects' (F20).
    LinkTwice,
    /// Somebody new is known to both systems, by one address.
    Newcomer,
    /// Somebody new in Engage has an address that two Leads have.
    Namesake,
    /// Everybody's status is set at once, in one of the systems (F36).
    Everybody,
    /// A Flow is made that answers a status some seconds later, or it is dropped (F10).
    LateFlow,
    /// An admin switches our user off in one system, or on again (F5).
    SwitchOff,
    /// A value of the Contacts' restricted picklist is retired (F18).
    Retire,
    /// A validation rule is made that refuses every status of a Lead (F24).
    Freeze,
    /// A salesperson sets a title in Salesforce.
    SetTitleInSalesforce,
    /// A salesperson sets a title in Engage.
    SetTitleInEngage,
    /// A Lead leaves the scope of the mapping, or comes back into it.
    Scope,
    /// Engage names another record for somebody, or none.
    NameAnew,
}

/// Those of an ordinary day; a wider one has [`WIDER_ACTS`](super::wider::WIDER_ACTS) besides.
pub const ACTS: [Act; 28] = [
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
    Act::Purge,
    Act::DeleteProspect,
    Act::Pause,
    Act::Bounce,
    Act::LongTransaction,
    Act::Rule,
    Act::Flow,
    Act::Hide,
    Act::Quota,
    Act::LinkTwice,
    Act::Newcomer,
    Act::Namesake,
    Act::Everybody,
    Act::LateFlow,
    Act::SwitchOff,
    Act::Retire,
    Act::Freeze,
];

impl Stage {
    /// Something happens outside.
    pub fn act(&mut self) {
        if let Some(act) = self.acts.choose(&mut self.random).copied() {
            self.happens(act);
        }
    }

    /// This happens outside, to somebody whom it can happen to.
    pub fn happens(&mut self, act: Act) {
        let who = self.random.random_range(0..self.people.len());
        let record = self.record_of(&self.people[who]);
        // Nobody else writes to a record that a transaction holds.
        let free = !self.is_gone(record) && self.open.iter().all(|open| open.record != record);
        let told = match act {
            _ if free => self.act_on_record(act, who, record),
            Act::Undelete if self.org.get(record, "IsDeleted") == json!(true) => {
                self.org.undelete(record);
                self.checker.moved(who);
                Some(format!("{record} is taken out of the bin"))
            }
            _ => None,
        };
        let told = told.or_else(|| self.act_in_engage(act, who)).or_else(|| self.act_on_all(act));
        let told = told.or_else(|| self.act_wider(act, who, free.then_some(record)));
        if let Some(told) = told {
            self.checker.hit(act);
            self.tell(format!("OUTSIDE  {told}"));
        }
    }

    /// A record that is there and free.
    fn act_on_record(&mut self, act: Act, who: usize, record: SalesforceId) -> Option<String> {
        let (was, is_out, org) = (self.value(record), self.is_out(record), self.org.clone());
        let is_lead = record == self.people[who].lead;
        match act {
            // Clearing an opt-out is an act of its own.
            Act::SetInSalesforce if !is_out => self.set_in_salesforce(who, record),
            Act::LongTransaction if !is_out => {
                let value = *VALUES[..7].choose(&mut self.random).filter(|value| **value != was)?;
                let mut transaction = org.begin();
                transaction.edit(record, &[(status_field(record), json!(value))]);
                org.lock(record, true);
                let left = Duration::from_secs(self.random.random_range(1..300));
                self.open.push(Open { transaction, who, record, left });
                Some(format!("a transaction begins that sets {record} to {value:?} (was {was:?})"))
            }
            Act::Tick if !is_out => {
                org.edit(record, &[("HasOptedOutOfEmail", json!(true))]);
                self.checker.opted_out(who);
                Some(format!("{record} is ticked as opted out"))
            }
            Act::ClearInSalesforce if is_out => {
                let value = VALUES[self.random.random_range(0..7)];
                org.edit(
                    record,
                    &[("HasOptedOutOfEmail", json!(false)), (status_field(record), json!(value))],
                );
                self.checker.cleared(who);
                if let Some(twin) = self.twin_out_by(who, record) {
                    self.checker.cleared(twin);
                }
                Some(format!("{record} is opted out no more, says {:?}", self.value(record)))
            }
            Act::Touch => {
                match self.random.random_bool(0.5) {
                    true => org.touch(record),
                    false => org.change_owner(record),
                }
                Some(format!("{record} is saved without a change of status"))
            }
            Act::Convert if is_lead => {
                let contact = org.convert(record);
                self.checker.moved(who);
                Some(format!("{record} is converted to {contact:?}"))
            }
            Act::Merge if is_lead => {
                let winner = self.strangers.pop()?;
                self.rate(winner);
                org.merge(winner, record);
                self.checker.moved(who);
                Some(format!("{record} loses a merge to {winner}, which says {:?}", self.value(winner)))
            }
            Act::Delete => {
                org.delete(record);
                self.checker.moved(who);
                Some(format!("{record} is deleted"))
            }
            Act::Purge => {
                org.purge(record);
                self.checker.moved(who);
                Some(format!("{record} is deleted for good"))
            }
            _ => None,
        }
    }

    fn set_in_salesforce(&mut self, who: usize, record: SalesforceId) -> Option<String> {
        let was = self.value(record);
        let value = self.chosen(who, false, &VALUES)?;
        if value == OUT || value == was {
            return None;
        }
        self.remember(who, false, &VALUES, &was);
        self.org.edit(record, &[(status_field(record), json!(value))]);
        let now = self.value(record);
        if now != was {
            self.edited_in_salesforce(who, &now);
        }
        Some(format!("{record} set to {value:?}, says {now:?} (was {was:?})"))
    }

    /// A value to set by hand: any, and now and then the one before.
    fn chosen(&mut self, who: usize, engage: bool, all: &[&'static str]) -> Option<&'static str> {
        let value = all.choose(&mut self.random).copied();
        let earlier = self.earlier.get(&(who, engage)).copied();
        if self.random.random_bool(0.3) { earlier.or(value) } else { value }
    }

    fn remember(&mut self, who: usize, engage: bool, all: &[&'static str], was: &str) {
        if let Some(was) = all.iter().find(|value| **value == was) {
            self.earlier.insert((who, engage), was);
        }
    }

    pub(super) fn set_if_free(&mut self, who: usize) -> Option<String> {
        let record = self.record_of(&self.people[who]);
        let free = !self.is_gone(record) && self.open.iter().all(|open| open.record != record);
        if free && !self.is_out(record) { self.set_in_salesforce(who, record) } else { None }
    }

    pub(super) fn set_in_engage(&mut self, who: usize) -> Option<String> {
        let prospect = self.people[who].prospect.clone();
        let (keys, was) = (STATUSES.map(|(_, key)| key), self.product.status(&prospect));
        let status = self.chosen(who, true, &keys)?;
        let refused = |status: &str| self.product.set_status(&prospect, status).is_err();
        if status == "opted_out" || status == was || refused(status) {
            return None;
        }
        self.remember(who, true, &keys, &was);
        self.edited_in_engage(who, status);
        Some(format!("{prospect} set to {status} (was {was})"))
    }

    fn act_in_engage(&mut self, act: Act, who: usize) -> Option<String> {
        let (prospect, product) = (self.people[who].prospect.clone(), self.product.clone());
        let was = product.status(&prospect);
        let is_out = was == "opted_out";
        match act {
            Act::SetInEngage if !is_out => self.set_in_engage(who),
            // Who is opted out already leaves no trace by unsubscribing again: nobody can know of it.
            Act::Unsubscribe if !is_out => {
                product.unsubscribe(&prospect).ok()?;
                self.checker.opted_out(who);
                Some(format!("{prospect} unsubscribes (was {was})"))
            }
            Act::ClearInEngage if is_out => {
                product.set_status(&prospect, "approaching").ok()?;
                self.checker.cleared(who);
                Some(format!("{prospect} is opted out no more, approaching"))
            }
            Act::Bounce if !is_out => {
                product.bounce(&prospect).ok()?;
                self.edited_in_engage(who, "bounced");
                self.checker.bounced(who);
                Some(format!("a mail to {prospect} bounces (was {was})"))
            }
            // Pausing what is paused changes nothing: it stays the pause of whoever made it.
            Act::Pause if product.enrollment_states(&prospect).iter().any(|state| state == "active") => {
                product.pause_as_user(&prospect);
                self.checker.paused(who);
                Some(format!("a user pauses the sequences of {prospect}"))
            }
            Act::DeleteProspect if self.random.random_bool(0.3) => {
                product.delete(&prospect);
                self.checker.moved(who);
                Some(format!("{prospect} is deleted"))
            }
            Act::LinkTwice if self.people.len() > 1 => {
                let other = (who + 1) % self.people.len();
                let lead = self.people[other].lead;
                product.link(&prospect, Some(lead));
                self.now_is(who, lead);
                self.checker.moved(other);
                self.checker.linked_twice(who, other, is_out);
                Some(format!("{prospect} is linked to {lead}, which is another one's"))
            }
            _ => None,
        }
    }
}
