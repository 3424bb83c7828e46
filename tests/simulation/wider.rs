//! Wider days: mappings with a scope and a further field besides, and an Engage that names another record for somebody.

use super::plan::Plan;
use super::stage::Stage;
use super::titles::TITLES;
use super::{Act, company};
use lockstep::model::{SalesforceId, SalesforceObject, Side};
use rand::prelude::*;
use rand::rngs::StdRng;
use serde_json::json;

/// What happens on wider days besides.
pub const WIDER_ACTS: [Act; 4] =
    [Act::SetTitleInSalesforce, Act::SetTitleInEngage, Act::Scope, Act::NameAnew];

/// What happens where people are named anew: an opt-out that Engage cannot take has to go along with them.
const NAMED_ANEW: [Act; 9] = [
    Act::NameAnew,
    Act::NameAnew,
    Act::NameAnew,
    Act::Bounce,
    Act::Tick,
    Act::Convert,
    Act::Merge,
    Act::SetInSalesforce,
    Act::SetTitleInEngage,
];

impl Plan {
    /// The plan of a seed's wider day: the ordinary one, and more.
    pub fn wider(seed: u64) -> Plan {
        let mut plan = Plan::of(seed);
        let random = &mut StdRng::seed_from_u64(!seed);
        let more: Vec<Act> = WIDER_ACTS.into_iter().filter(|_| random.random_bool(0.6)).collect();
        // On a day that is about few acts each is as likely as one of those; on another one it would hardly ever come.
        let times = 1 + plan.acts.len() / 8;
        plan.acts.extend(more.iter().cycle().take(times * more.len()));
        if random.random_bool(0.25) {
            plan.theme = "people are named anew";
            plan.acts = NAMED_ANEW.to_vec();
        }
        plan.wider = true;
        plan
    }
}

impl Stage {
    /// A Lead that is new to all, as a wider day has it.
    pub(super) fn rate(&mut self, lead: SalesforceId) {
        if self.wider {
            let rating = if self.random.random_bool(0.8) { company::IN_SCOPE } else { "Cold" };
            self.org.edit(lead, &[("Rating", json!(rating))]);
        }
    }

    /// Whether a record is out of the scope of the mapping.
    pub(super) fn is_outside(&self, record: SalesforceId) -> bool {
        let scoped = self.company.scoped && record.object() == SalesforceObject::Lead;
        scoped && self.org.get(record, "Rating") != json!(company::IN_SCOPE)
    }

    /// `record`: theirs, where somebody may write to it.
    pub(super) fn act_wider(&mut self, act: Act, who: usize, record: Option<SalesforceId>) -> Option<String> {
        match act {
            Act::SetTitleInSalesforce => {
                let (record, title) = (record?, TITLES[self.random.random_range(0..TITLES.len())]);
                let was = self.title(record);
                (title != was).then(|| self.set_title(who, Side::Salesforce, title))
            }
            Act::SetTitleInEngage => {
                let title = TITLES[self.random.random_range(0..TITLES.len())];
                let was = self.product.field(&self.people[who].prospect, "title");
                (title != was).then(|| self.set_title(who, Side::Engage, title))
            }
            Act::Scope => {
                let record = record.filter(|record| *record == self.people[who].lead)?;
                let leaves = self.org.get(record, "Rating") == json!(company::IN_SCOPE);
                let rating = if leaves { "Cold" } else { company::IN_SCOPE };
                self.org.edit(record, &[("Rating", json!(rating))]);
                Some(format!("{record} is rated {rating}"))
            }
            Act::NameAnew => self.name_anew(who),
            _ => None,
        }
    }

    /// A title is set by hand.
    pub(super) fn set_title(&mut self, who: usize, side: Side, title: &str) -> String {
        let person = &self.people[who];
        let (record, prospect) = (self.record_of(person), person.prospect.clone());
        self.checker.ledgers[who].titles.edited(side, title);
        match side {
            Side::Salesforce => {
                self.org.edit(record, &[("Title", json!(title))]);
                format!("{record} has the title {title:?}")
            }
            Side::Engage => {
                self.product.set_field(&prospect, "title", title);
                format!("{prospect} has the title {title:?}")
            }
        }
    }

    fn name_anew(&mut self, who: usize) -> Option<String> {
        let (prospect, product) = (self.people[who].prospect.clone(), self.product.clone());
        let present = self.record_of(&self.people[who]);
        let is_out = product.status(&prospect) == "opted_out";
        let other = match self.random.random_range(0..5) {
            // Who was named somebody else a moment ago is not looked for: nobody may have seen that yet.
            0 if self.people[who].former_leads.is_empty() => {
                product.link(&prospect, None);
                return Some(format!("{prospect} is linked to no record"));
            }
            1 => {
                // The Lead that they were before it was converted or merged away is nothing new either.
                let named = if self.random.random_bool(0.5) { present } else { self.people[who].lead };
                product.link(&prospect, Some(named));
                return Some(format!("{prospect} is linked to {named}, as whom they are known"));
            }
            2 | 3 => {
                let mut former = self.people[who].former_leads.iter().rev().copied();
                former.find(|lead| *lead != present && !self.is_gone(*lead))?
            }
            _ => {
                let value = company::VALUES[self.random.random_range(0..7)];
                let email = format!("again{}-{}@example.com", who, self.people[who].former_leads.len());
                let lead = self.org.create_lead("Jane", "Doe", "Acme", &email, value)?;
                self.rate(lead);
                lead
            }
        };
        product.link(&prospect, Some(other));
        self.now_is(who, other);
        self.checker.leaves_behind(who, is_out);
        Some(format!("{prospect} is linked to {other}, which says {:?}", self.value(other)))
    }

    /// Somebody is another Lead from now on; the one they were is nobody's.
    pub(super) fn now_is(&mut self, who: usize, lead: SalesforceId) {
        let former = std::mem::replace(&mut self.people[who].lead, lead);
        self.people[who].former_leads.push(former);
        self.checker.moved(who);
    }
}
