//! What happens to all at once: admins and their automations, and newcomers.

use super::Act;
use super::company::VALUES;
use super::stage::{Person, Stage};
use lockstep::model::Side;
use rand::prelude::*;
use serde_json::json;

impl Stage {
    pub(super) fn act_on_all(&mut self, act: Act) -> Option<String> {
        let (org, product) = (self.org.clone(), self.product.clone());
        match act {
            Act::Rule => {
                self.may_park = true;
                if self.random.random_bool(0.4) {
                    org.drop_rules();
                    return Some("every validation rule is dropped".to_owned());
                }
                let value = self.random.random_bool(0.8).then(|| VALUES[self.random.random_range(0..7)]);
                org.refuse("Lead", "Status", value.map(|value| json!(value)), "as the simulation asked");
                Some(format!("a rule refuses {value:?}"))
            }
            Act::Freeze => {
                self.may_park = true;
                org.refuse("Lead", "Status", None, "as the simulation asked");
                Some("a rule refuses every status of a Lead".to_owned())
            }
            Act::Flow => {
                let (from, to) =
                    (*VALUES[..7].choose(&mut self.random)?, *VALUES[..7].choose(&mut self.random)?);
                if from == to || self.rewrites.iter().any(|(other, _)| *other == from) {
                    return None;
                }
                org.rewrite("Lead", "Status", json!(from), json!(to));
                self.rewrites.push((from, to));
                Some(format!("a Flow makes {to:?} of {from:?}"))
            }
            Act::LateFlow => {
                if self.late_flow.take().is_some() {
                    self.late.clear();
                    return Some("the late Flow is dropped".to_owned());
                }
                let (from, to) =
                    (*VALUES[..7].choose(&mut self.random)?, *VALUES[..7].choose(&mut self.random)?);
                if from == to {
                    return None;
                }
                self.late_flow = Some((from, to));
                Some(format!("a Flow makes {to:?} of {from:?}, some seconds later"))
            }
            Act::SwitchOff => {
                let side = if self.random.random_bool(0.5) { Side::Salesforce } else { Side::Engage };
                let was_off = self.switched_off.contains(&side);
                match was_off {
                    true => self.switched_off.retain(|other| *other != side),
                    false => self.switched_off.push(side),
                }
                Some(format!("our user is switched {} in {side}", if was_off { "on" } else { "off" }))
            }
            Act::Retire => {
                self.may_park = true;
                let value = VALUES[self.random.random_range(0..7)];
                org.retire_picklist_value("Contact", "Engagement_Status__c", value, true);
                Some(format!("{value:?} is retired for Contacts"))
            }
            Act::Hide => {
                let hidden = self.random.random_bool(0.5);
                org.withdraw_field("Lead", "Status", hidden);
                Some(format!("Lead.Status is {}", if hidden { "hidden" } else { "shown" }))
            }
            Act::Quota => {
                let used = if self.random.random_bool(0.5) { 99_995 } else { 0 };
                org.set_daily_limit(100_000, used);
                Some(format!("others have used {used} of 100000 calls"))
            }
            Act::Everybody => {
                let side = if self.random.random_bool(0.5) { Side::Salesforce } else { Side::Engage };
                for who in 0..self.people.len() {
                    let told = match side {
                        Side::Salesforce => self.set_if_free(who),
                        Side::Engage if product.status(&self.people[who].prospect) == "opted_out" => None,
                        Side::Engage => self.set_in_engage(who),
                    };
                    if let Some(told) = told {
                        self.tell(format!("OUTSIDE  {told}"));
                    }
                }
                Some(format!("everybody's status is set in {side}"))
            }
            Act::Newcomer => {
                let number = self.people.len();
                let (value, email) =
                    (VALUES[self.random.random_range(0..7)], format!("new{number}@example.com"));
                let lead = org.create_lead("Jill", "Coe", "Acme", &email, value)?;
                self.rate(lead);
                let prospect = product.create(&email, "Jill", "Coe", "Acme", None);
                self.people.push(Person::new(lead, prospect.clone()));
                self.checker.newcomer();
                Some(format!("{lead} ({value:?}) and {prospect} are made, with one address"))
            }
            Act::Namesake if self.strangers.len() == 2 && self.ambiguous.is_empty() => {
                let prospect = product.create("stranger@example.com", "John", "Oe", "Acme", None);
                // They stay two.
                self.acts.retain(|act| *act != Act::Merge);
                self.ambiguous.push(prospect.clone());
                Some(format!("{prospect} is made, with an address of two Leads"))
            }
            _ => None,
        }
    }
}
