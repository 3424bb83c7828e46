//! Behind a wider day: everybody who is in step is edited once more, and what was set has to arrive. What a day has left
//! behind that nobody sees, a link that hears nothing any more, shows here.

use super::company::{OUT, STATUSES, VALUES};
use super::run::Run;
use super::settle::Known;
use super::stage::{Stage, status_field};
use lockstep::model::Side;
use rand::prelude::*;
use serde_json::json;

/// What was set, and where, and what has to be there in the end.
struct Edit {
    who: usize,
    status: Option<(Side, &'static str)>,
    title: Option<(Side, String)>,
}

impl Run {
    /// Everybody who is in step is edited, and the polls alone carry it over.
    pub(super) async fn epilogue(&mut self) {
        let Some(known) = self.known().await else { return };
        let edits: Vec<Edit> = {
            let stage = &mut self.shared.lock().stage;
            stage.tell("EPILOGUE everybody who is in step is edited once more".to_owned());
            let known = known.iter().enumerate();
            known.filter(|(who, known)| stage.is_in_step(*who, known)).map(|(who, _)| who).collect::<Vec<_>>()
        }
        .into_iter()
        .map(|who| self.shared.lock().stage.edit_once_more(who))
        .collect();
        self.until_quiet().await;
        let Some(known) = self.known().await else { return };
        let stage = &mut self.shared.lock().stage;
        for edit in edits {
            if let Some(broken) = stage.has_not_arrived(&edit, &known[edit.who]) {
                stage.checker.breaks(&format!("rule 3: {broken} (person {}, in the epilogue)", edit.who));
            }
        }
    }
}

impl Stage {
    /// Nothing keeps an edit of theirs from arriving.
    fn is_in_step(&self, who: usize, known: &Known) -> bool {
        let record = self.record_of(&self.people[who]);
        let status = self.product.status(&self.people[who].prospect);
        let free = !self.is_gone(record) && !self.is_outside(record) && !self.is_out(record);
        let moves = !["opted_out", "bounced", ""].contains(&status.as_str());
        known.linked && !known.listed && free && moves && self.checker.ledgers[who].twin.is_none()
    }

    fn edit_once_more(&mut self, who: usize) -> Edit {
        let person = self.people[who].clone();
        let record = self.record_of(&person);
        let (value, status) = (self.value(record), self.product.status(&person.prospect));
        let company = self.company;
        let side = if self.random.random_bool(0.5) { Side::Salesforce } else { Side::Engage };
        let moves = |key: &str| !["opted_out", "bounced"].contains(&key);
        let set = match side {
            Side::Salesforce => {
                let leads = |to: &&str| {
                    let key = company.inbound(to).filter(|key| moves(key));
                    *to != value && key.is_some() && !company.agree(to, &status)
                };
                VALUES.into_iter().filter(|to| *to != OUT).filter(leads).choose(&mut self.random)
            }
            Side::Engage => {
                let leads = |key: &&str| {
                    let to = company.outbound(key).filter(|to| *to != OUT);
                    *key != status && moves(key) && to.is_some() && !company.agree(&value, key)
                };
                STATUSES.map(|(_, key)| key).into_iter().filter(leads).choose(&mut self.random)
            }
        };
        let set = set.filter(|set| match side {
            Side::Salesforce => {
                self.org.edit(record, &[(status_field(record), json!(set))]);
                self.edited_in_salesforce(who, set);
                true
            }
            Side::Engage => {
                let is_set = self.product.set_status(&person.prospect, set).is_ok();
                if is_set {
                    self.edited_in_engage(who, set);
                }
                is_set
            }
        });
        let goes_to = company.titles.map(|policy| policy.goes_to).unwrap_or_default();
        let from = match goes_to {
            [true, true] if self.random.random_bool(0.5) => Some(Side::Salesforce),
            [true, _] => Some(Side::Engage),
            [false, true] => Some(Side::Salesforce),
            [false, false] => None,
        };
        let title = from.map(|from| (from, format!("Epilogue {who}")));
        if let Some((from, title)) = &title {
            self.set_title(who, *from, title);
        }
        self.tell(format!("OUTSIDE  person {who}: {set:?} set in {side}, title {title:?}"));
        Edit { who, status: set.map(|set| (side, set)), title }
    }

    fn has_not_arrived(&self, edit: &Edit, known: &Known) -> Option<String> {
        let record = self.record_of(&self.people[edit.who]);
        let (value, status) = (self.value(record), self.product.status(&self.people[edit.who].prospect));
        if known.listed {
            return Some(format!("{:?} and {:?} were set, and are listed", edit.status, edit.title));
        }
        if let Some((side, set)) = edit.status {
            let stands = if side == Side::Salesforce { value == set } else { status == set };
            if !stands || !self.company.agree(&value, &status) {
                return Some(format!("{set:?} was set in {side}, and they say {value:?} and {status}"));
            }
        }
        let titles = self.titles(edit.who, record);
        let title = edit.title.as_ref().filter(|(_, title)| titles.iter().any(|held| held != title))?;
        Some(format!("the title {title:?} was set, and they say {titles:?}"))
    }
}
