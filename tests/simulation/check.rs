//! What must hold, judged by what the two systems show alone: rules 1 to 9 of the contract, without a look into the planner.

use super::company::OUT;
use super::stage::{Act, Stage};
use lockstep::model::{SalesforceId, Side};
use std::collections::{BTreeMap, BTreeSet};

/// What both systems show of somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Shown {
    record: SalesforceId,
    value: String,
    out: bool,
    gone: bool,
    status: String,
    sequences: Vec<String>,
}

/// What is known of somebody.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    /// Edits of the status by salespeople in Salesforce, and the last.
    pub salesforce: (u64, Option<String>),
    /// Edits of the status in Engage, and the last.
    pub engage: (u64, Option<String>),
    /// Said to be opted out, and nobody has taken it back since.
    pub opted_out: bool,
    /// Somebody took an opt-out back.
    pub cleared: bool,
    /// Converted, merged, deleted or brought back.
    pub moved: bool,
    /// A mail bounced.
    pub bounced: bool,
    /// A named operator has decided: whatever they took is taken.
    pub decided: bool,
    paused: bool,
    changes: u64,
    writes: [u64; 2],
    believed: [Option<String>; 2],
    values: BTreeSet<String>,
    statuses: BTreeSet<String>,
    /// Edits that a call without a precondition overwrote.
    pub unguarded: u64,
}

/// Holds the rules.
#[derive(Default)]
pub struct Checker {
    /// By person.
    pub ledgers: Vec<Ledger>,
    /// The first rule that was broken, and how.
    pub broken: Option<String>,
    before: Vec<Shown>,
    read: Vec<(usize, Side, String)>,
    hits: BTreeMap<Act, u64>,
}

impl Checker {
    /// For so many people.
    pub fn new(people: usize) -> Checker {
        Checker { ledgers: vec![Ledger::default(); people], ..Checker::default() }
    }

    /// A rule is broken.
    pub fn breaks(&mut self, rule: &str) {
        self.broken.get_or_insert_with(|| rule.to_owned());
    }

    /// What happened outside, by kind.
    pub fn hits(&self) -> &BTreeMap<Act, u64> {
        &self.hits
    }

    pub(super) fn hit(&mut self, act: Act) {
        *self.hits.entry(act).or_default() += 1;
    }

    fn changed(&mut self, who: usize) -> &mut Ledger {
        let ledger = &mut self.ledgers[who];
        ledger.changes += 1;
        ledger
    }

    pub(super) fn edited_in_salesforce(&mut self, who: usize, value: &str) {
        let ledger = self.changed(who);
        ledger.salesforce = (ledger.salesforce.0 + 1, Some(value.to_owned()));
    }

    pub(super) fn edited_in_engage(&mut self, who: usize, status: &str) {
        let ledger = self.changed(who);
        ledger.engage = (ledger.engage.0 + 1, Some(status.to_owned()));
    }

    pub(super) fn opted_out(&mut self, who: usize) {
        self.changed(who).opted_out = true;
    }

    pub(super) fn cleared(&mut self, who: usize) {
        let ledger = self.changed(who);
        (ledger.opted_out, ledger.cleared) = (false, true);
    }

    pub(super) fn moved(&mut self, who: usize) {
        self.changed(who).moved = true;
    }

    pub(super) fn bounced(&mut self, who: usize) {
        self.ledgers[who].bounced = true;
    }

    pub(super) fn decided(&mut self, who: usize) {
        let ledger = self.changed(who);
        (ledger.opted_out, ledger.cleared, ledger.decided) = (false, true, true);
    }

    pub(super) fn paused(&mut self, who: usize) {
        self.ledgers[who].paused = true;
    }
}

impl Stage {
    fn shown(&self, who: usize, record: SalesforceId) -> Shown {
        let person = &self.people[who];
        Shown {
            record,
            value: self.value(record),
            out: self.is_out(record),
            gone: self.is_gone(record),
            status: self.product.status(&person.prospect),
            sequences: self.product.enrollment_states(&person.prospect),
        }
    }

    /// Just before a call takes effect.
    pub(super) fn look_before(&mut self) {
        let shown = |who: usize| self.shown(who, self.record_of(&self.people[who]));
        let before: Vec<Shown> = (0..self.people.len()).map(shown).collect();
        for (ledger, shown) in self.checker.ledgers.iter_mut().zip(&before) {
            ledger.values.insert(if shown.out { OUT.to_owned() } else { shown.value.clone() });
            ledger.statuses.insert(shown.status.clone());
        }
        self.checker.before = before;
    }

    /// Just after: whatever is different now, Lockstep did.
    pub(super) fn look_after(&mut self, to: Side, what: &str, answer: &[u8]) {
        let before = std::mem::take(&mut self.checker.before);
        let text = String::from_utf8_lossy(answer);
        let writes = what.starts_with("PATCH") || (to == Side::Engage && what.starts_with("POST"));
        let reads = !writes;
        self.checker.read.clear();
        for (who, before) in before.into_iter().enumerate() {
            let after = self.shown(who, before.record);
            let written = match to {
                Side::Salesforce => (&before.value, before.out) != (&after.value, after.out),
                Side::Engage => before.status != after.status,
            };
            if written {
                self.judge(who, to, what, &before, &after);
            }
            let woken = before.sequences.iter().any(|state| state == "paused")
                && after.sequences.iter().all(|state| state == "active");
            if woken && self.checker.ledgers[who].paused {
                self.checker.breaks(&format!("9: a user's pause of person {who} was taken back"));
            }
            let (id, value) = match to {
                Side::Salesforce => (before.record.to_string(), after.value),
                Side::Engage => (self.people[who].prospect.to_string(), after.status),
            };
            if reads && text.contains(&id) {
                self.checker.read.push((who, to, value));
            }
        }
    }

    fn judge(&mut self, who: usize, to: Side, what: &str, before: &Shown, after: &Shown) {
        let company = self.company;
        let (old, new) = match to {
            Side::Salesforce => (before.value.clone(), after.value.clone()),
            Side::Engage => (before.status.clone(), after.status.clone()),
        };
        self.tell(format!("WRITTEN  person {who}, {to}: {old} -> {new}"));
        let ledger = &mut self.checker.ledgers[who];
        let side = usize::from(to == Side::Engage);
        ledger.writes[side] += 1;
        let believed = ledger.believed[side].replace(new.clone());
        let mut broken = Vec::new();
        if ledger.writes[side] > ledger.changes {
            broken.push(format!("7: {} writes for {} changes", ledger.writes[side], ledger.changes));
        }
        if to == Side::Salesforce && before.gone {
            broken.push("8: a record that is gone was written to".to_owned());
        }
        let mailable = match to {
            Side::Salesforce => before.out && !after.out,
            Side::Engage => before.status == "opted_out" && after.status != "opted_out",
        };
        if mailable && !ledger.decided && !(company.follows_cleared && ledger.cleared) {
            broken.push("5: an opt-out was taken back".to_owned());
        }
        let known = match to {
            Side::Salesforce => ledger.statuses.iter().any(|status| company.outbound(status) == Some(&new)),
            Side::Engage => ledger.values.iter().any(|value| company.inbound(value) == Some(&new)),
        };
        let is_out = new == OUT || new == "opted_out";
        if old != new && !known && !is_out {
            broken.push(format!("4: {new} stands for nothing that was seen on the other side"));
        }
        if believed.as_ref().is_some_and(|believed| *believed != old) {
            // The declared window: Collections calls have no precondition (facts 2.8).
            match to == Side::Salesforce && what.contains("/composite/") {
                true => ledger.unguarded += 1,
                false => {
                    broken.push(format!("3: {old} was overwritten, and {believed:?} is what had been read"))
                }
            }
        }
        if let Some(broken) = broken.first() {
            self.checker.breaks(&format!("rule {broken} (person {who}, {to}, {what})"));
        }
    }

    /// The answer has reached the daemon: it knows by now what stood in it.
    pub(super) fn believe(&mut self) {
        for (who, side, value) in std::mem::take(&mut self.checker.read) {
            self.checker.ledgers[who].believed[usize::from(side == Side::Engage)] = Some(value);
        }
    }

    /// When everything is quiet: every person agrees, or a list says why not. `listed`: held or parked.
    pub(super) fn judge_the_end(&mut self, who: usize, linked: bool, listed: bool, overwrites: u64) {
        let (company, person) = (self.company, self.people[who].clone());
        let shown = self.shown(who, self.record_of(&person));
        let ledger = self.checker.ledgers[who].clone();
        let (value, status) = (shown.value.as_str(), shown.status.as_str());
        let mut broken = Vec::new();
        let both_out = shown.out && status == "opted_out";
        if ledger.unguarded > overwrites {
            broken.push(format!("3: {} edits overwritten, {overwrites} reported", ledger.unguarded));
        }
        if linked && !listed && !shown.gone {
            let unmapped = company.inbound(value).is_none() || company.outbound(status).is_none();
            let agree = company.agree(value, status) || unmapped || both_out;
            if !agree && !ledger.moved && !ledger.decided {
                broken.push(format!("2: {value:?} and {status} disagree, and nothing says so"));
            }
            if (shown.out || status == "opted_out") && !both_out && !ledger.cleared {
                broken.push(format!("5: opted out on one side only: {value:?}, {status}"));
            }
            if ledger.opted_out && !both_out {
                broken.push(format!("5: an opt-out is gone: {value:?}, {status}"));
            }
        }
        let lone =
            !ledger.moved && !ledger.decided && !ledger.opted_out && !ledger.cleared && ledger.unguarded == 0;
        match (&ledger.salesforce, &ledger.engage) {
            ((1.., Some(last)), (0, _)) if lone && last != value => {
                broken.push(format!("3: only Salesforce was edited, to {last:?}, and says {value:?}"));
            }
            ((0, _), (1.., Some(last))) if lone && last != status => {
                broken.push(format!("3: only Engage was edited, to {last}, and says {status}"));
            }
            _ => {}
        }
        if let Some(broken) = broken.first() {
            self.checker.breaks(&format!("rule {broken} (person {who}, at the end)"));
        }
    }
}
