//! What must hold, judged by what the two systems show alone: rules 1 to 9 of the contract, without a look into the planner.

use super::company::{OUT, VALUES};
pub(super) use super::ledger::{Checker, Read};
use super::settle::Known;
use super::stage::Stage;
use super::titles::Written;
use super::wire::writes;
use lockstep::model::{SalesforceId, Side};
use std::collections::BTreeSet;

/// What both systems show of somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    record: SalesforceId,
    value: String,
    out: bool,
    gone: bool,
    outside: bool,
    status: String,
    titles: [String; 2],
    sequences: Vec<String>,
}

impl Stage {
    fn shown(&self, who: usize, record: SalesforceId) -> Shown {
        let person = &self.people[who];
        Shown {
            record,
            value: self.value(record),
            out: self.is_out(record),
            gone: self.is_gone(record),
            outside: self.is_outside(record),
            status: self.product.status(&person.prospect),
            titles: self.titles(who, record),
            sequences: self.product.enrollment_states(&person.prospect),
        }
    }

    /// A write is asked for, whatever becomes of the call: whoever asks knows by now what it is for. `one_process`: nobody
    /// asks who may have forgotten a pause that was asked for before.
    pub(super) fn asked(&mut self, what: &str, request: &[u8], one_process: bool) {
        let request = String::from_utf8_lossy(request);
        let is_out = request.contains(OUT) || request.contains("opted_out");
        for (who, person) in self.people.iter().enumerate() {
            let names = |id: &str| what.contains(id) || request.contains(id);
            if !names(person.prospect.as_str()) && !names(self.record_of(person).as_str()) {
                continue;
            }
            let ledger = &mut self.checker.ledgers[who];
            ledger.known_out |= is_out;
            ledger.told_out |= is_out;
            ledger.asked_to_pause |= what.ends_with("/sequences/pause");
            if what.ends_with("/sequences/resume") && one_process && !ledger.asked_to_pause {
                let broken = format!("rule 9: person {who} is to be resumed, and no pause of theirs is ours");
                self.checker.breaks(&broken);
            }
        }
    }

    /// Just before a call takes effect.
    pub(super) fn look_before(&mut self) {
        let shown = |who: usize| self.shown(who, self.record_of(&self.people[who]));
        let before: Vec<Shown> = (0..self.people.len()).map(shown).collect();
        let company = self.company;
        for (ledger, shown) in self.checker.ledgers.iter_mut().zip(&before) {
            if ledger.agreed[0].is_empty() || company.agree(&shown.value, &shown.status) {
                ledger.agreed[0].insert(shown.value.clone());
                ledger.agreed[1].insert(shown.status.clone());
            }
            if company.agree(&shown.value, &shown.status) {
                ledger.uncarried = [false, false];
            }
            ledger.values.insert(if shown.out { OUT.to_owned() } else { shown.value.clone() });
            ledger.statuses.insert(shown.status.clone());
            ledger.titles.saw(&shown.titles);
        }
        self.checker.before = before;
    }

    /// Just after: whatever is different now, Lockstep did.
    pub(super) fn look_after(&mut self, to: Side, what: &str, answer: &[u8]) {
        let before = std::mem::take(&mut self.checker.before);
        let text = String::from_utf8_lossy(answer);
        let reads = !writes(to, what);
        self.checker.read.clear();
        for (who, before) in before.into_iter().enumerate() {
            let after = self.shown(who, before.record);
            let written = match to {
                Side::Salesforce => (&before.value, before.out) != (&after.value, after.out),
                Side::Engage => before.status != after.status,
            };
            let place = usize::from(to == Side::Engage);
            let retitled = before.titles[place] != after.titles[place];
            if written || retitled {
                self.judge_place(who, to, &before, &after);
            }
            if written {
                self.judge(who, to, what, &before, &after);
            }
            if retitled {
                let (before, new) = (&before.titles, after.titles[place].as_str());
                if let Some(broken) = self.judge_title(&Written { who, to, what, before, new }) {
                    self.checker.breaks(&format!("rule {broken} (person {who}, {to}, {what})"));
                }
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
                let gone = to == Side::Salesforce && after.gone;
                let (outside, [salesforce, engage]) = (after.outside, after.titles);
                let title = if to == Side::Salesforce { salesforce } else { engage };
                self.checker.read.push(Read { who, side: to, value, title, gone, outside });
            }
        }
    }

    /// Whatever was written: whether it might be at all.
    fn judge_place(&mut self, who: usize, to: Side, before: &Shown, after: &Shown) {
        let ledger = &self.checker.ledgers[who];
        // A record that goes on as another one has told of an opt-out with its last word.
        let last_word = ledger.moved && to == Side::Engage && after.status == "opted_out";
        let known_outside = ledger.known_outside[self.checker.daemon] && !last_word;
        let broken = if self.checker.is_paused {
            "13: written while an operator has stopped it"
        } else if to == Side::Salesforce && before.gone {
            "8: a record that is gone was written to"
        } else if before.outside && known_outside {
            "8 (scope): somebody was written whose record is known to be out of scope"
        } else {
            return;
        };
        self.checker.breaks(&format!("rule {broken} (person {who}, {to})"));
    }

    fn judge(&mut self, who: usize, to: Side, what: &str, before: &Shown, after: &Shown) {
        let company = self.company;
        let (old, new) = match to {
            Side::Salesforce => (before.value.clone(), after.value.clone()),
            Side::Engage => (before.status.clone(), after.status.clone()),
        };
        self.tell(format!("WRITTEN  person {who}, {to}: {old} -> {new}"));
        // What a Flow made of it inside the write is a change of the Flow's.
        let meant: Vec<&str> =
            VALUES.into_iter().filter(|value| *value != new && self.made_by_flows(value) == new).collect();
        let stands_for = |value: &str| value == new || (to == Side::Salesforce && meant.contains(&value));
        let known = self.companies().any(|company| {
            let ledger = &self.checker.ledgers[who];
            match to {
                Side::Salesforce => {
                    ledger.statuses.iter().filter_map(|status| company.outbound(status)).any(stands_for)
                }
                Side::Engage => {
                    ledger.values.iter().filter_map(|value| company.inbound(value)).any(stands_for)
                }
            }
        });
        let follows_cleared = self.companies().any(|company| company.follows_cleared);
        let (restored, daemon) = (self.checker.restored, self.checker.daemon);
        // Two daemons may take each other's writes for somebody's changes, and answer them.
        let counts = !restored && !self.checker.twins;
        // A record that two share changes for both.
        let twins = self.checker.ledgers[who].twin.is_some();
        let ledger = &mut self.checker.ledgers[who];
        ledger.changes += u64::from(to == Side::Salesforce && !meant.is_empty());
        let side = usize::from(to == Side::Engage);
        ledger.writes[side] += 1;
        let beliefs = &mut ledger.believed[daemon];
        let both_read =
            beliefs[0].as_ref() == Some(&before.value) && beliefs[1].as_ref() == Some(&before.status);
        let believed = match to == Side::Salesforce && !meant.is_empty() {
            true => beliefs[side].take(),
            false => beliefs[side].replace(new.clone()),
        };
        let mut broken = Vec::new();
        if ledger.writes[side] > ledger.changes && counts && !twins {
            broken.push(format!("7: {} writes for {} changes", ledger.writes[side], ledger.changes));
        }
        let mailable = match to {
            Side::Salesforce => before.out && !after.out,
            Side::Engage => before.status == "opted_out" && after.status != "opted_out",
        };
        if mailable && !ledger.decided && !(follows_cleared && ledger.cleared) {
            broken.push("5: an opt-out was taken back".to_owned());
        }
        let is_out = new == OUT || new == "opted_out";
        if to == Side::Engage && ledger.known_gone[daemon] && before.gone && !is_out && !twins {
            broken.push("8: a record that is known to be gone was carried over".to_owned());
        }
        if ledger.uncarried[side] && old != new && !is_out {
            ledger.overruled += 1;
        }
        ledger.uncarried = [false, false];
        ledger.agreed = [&after.value, &after.status].map(|value| BTreeSet::from([value.clone()]));
        // What was carried over is what had been read: going back to it is no change.
        let source = 1 - side;
        if let Some(carried) = &ledger.believed[daemon][source] {
            ledger.agreed[source].insert(carried.clone());
        }
        let was_out = before.out || before.status == "opted_out";
        if old != new && !known && !is_out && !twins {
            broken.push(format!("4: {new} stands for nothing that was seen on the other side"));
        }
        let agreed = both_read && company.agree(&before.value, &before.status);
        if old != new && agreed && !was_out && !is_out && !twins {
            broken.push(format!("1: {:?} and {} agree, and {new} was written", before.value, before.status));
        }
        // The box may be written alone: then nobody's status is overwritten.
        if believed.as_ref().is_some_and(|believed| *believed != old) && old != new && !twins {
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
        for Read { who, side, value, title, gone, outside } in std::mem::take(&mut self.checker.read) {
            let present = match side {
                Side::Salesforce => self.value(self.record_of(&self.people[who])),
                Side::Engage => self.product.status(&self.people[who].prospect),
            };
            let (daemon, place) = (self.checker.daemon, usize::from(side == Side::Engage));
            let ledger = &mut self.checker.ledgers[who];
            let is_present = present == value;
            ledger.believed[daemon][place] = Some(value);
            ledger.titles.read(daemon, side, title);
            // The two systems are read one after the other: what was read may agree, though the two never did at one time.
            if let [Some(value), Some(status)] = &ledger.believed[daemon] {
                if self.company.agree(value, status) {
                    ledger.agreed[0].insert(value.clone());
                    ledger.agreed[1].insert(status.clone());
                    ledger.uncarried[place] &= !is_present;
                } else if self.company.leaves(value, status) {
                    ledger.left.insert((value.clone(), status.clone()));
                }
            }
            if side == Side::Salesforce {
                ledger.known_gone[daemon] = gone;
                ledger.known_outside[daemon] = outside;
            }
        }
    }

    /// When everything is quiet: every person agrees, or a list says why not.
    pub(super) fn judge_the_end(&mut self, who: usize, known: &Known) {
        let (company, person) = (self.company, self.people[who].clone());
        let shown = self.shown(who, self.record_of(&person));
        let ledger = self.checker.ledgers[who].clone();
        let (value, status) = (shown.value.as_str(), shown.status.as_str());
        let mut broken = Vec::new();
        let both_out = shown.out && status == "opted_out";
        if ledger.unguarded > known.overwrites && !self.checker.restored {
            broken.push(format!("3: {} edits overwritten, {} reported", ledger.unguarded, known.overwrites));
        }
        let policy = !self.checker.restored
            && !self.checker.twins
            && !ledger.moved
            && !ledger.decided
            && ledger.unguarded == 0;
        let calm = !ledger.cleared && !ledger.opted_out && self.rewrites.is_empty() && self.former.is_empty();
        if policy && calm && ledger.overruled > known.overruled {
            broken.push(format!("3: {} edits overruled, {} journalled", ledger.overruled, known.overruled));
        }
        let follows = self.companies().any(|company| company.follows_cleared);
        let came_back = ledger.cleared && ledger.known_out && !follows && !shown.outside;
        if came_back && !ledger.opted_out && policy && known.linked && !known.listed && !both_out {
            broken.push("5: somebody took an opt-out back, and nobody is asked".to_owned());
        }
        if let Some(code) = known.parked.as_ref().filter(|_| !self.may_park) {
            broken.push(format!("10: a write was refused with {code}, and nobody had made a rule"));
        }
        let told = !self.checker.restored && !ledger.moved;
        if ledger.writes.iter().sum::<u64>() == 1 && ledger.changes == 1 && known.written == 0 && told {
            broken.push("12: a write was made, and the journal does not tell of it".to_owned());
        }
        if known.linked && !known.listed && !shown.gone && !shown.outside {
            broken.extend(self.judge_last_titles(who, &shown.titles));
            let named = self.record_of(&person);
            if known.record != Some(named) && ledger.twin.is_none() {
                broken.push(format!("8 (names): linked to {:?}, and Engage names {named}", known.record));
            }
            let agree = company.agree(value, status) || company.leaves(value, status) || both_out;
            let pair = (shown.value.clone(), shown.status.clone());
            let rests = ledger.rests.as_ref() == Some(&pair);
            // Back at what agreed, or was left, before the mapping was replaced: whoever has not looked in between sees no
            // change.
            let agreed = ledger.agreed[0].contains(&shown.value) && ledger.agreed[1].contains(&shown.status);
            let back = !self.former.is_empty() && (agreed || ledger.left.contains(&pair));
            let excused = ledger.moved || ledger.decided || rests || back || self.checker.restored;
            if !agree && !excused {
                broken.push(format!("2: {value:?} and {status} disagree, and nothing says so"));
            }
            if (shown.out || status == "opted_out") && !both_out && !ledger.cleared {
                broken.push(format!("5: opted out on one side only: {value:?}, {status}"));
            }
            if ledger.opted_out && !both_out {
                broken.push(format!("5: an opt-out is gone: {value:?}, {status}"));
            }
        }
        let lone = !ledger.moved && !ledger.decided && !ledger.opted_out && !ledger.cleared;
        let one_memory = !self.checker.restored && !self.checker.twins;
        let lone = lone && ledger.unguarded == 0 && one_memory && self.rewrites.is_empty();
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
