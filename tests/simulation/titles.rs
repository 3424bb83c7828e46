//! A further field that is kept in step, and what must hold of it: on wider days a title.

use super::stage::Stage;
use lockstep::model::{SalesforceId, Side};
use std::collections::BTreeSet;

/// Titles that people have.
pub(super) const TITLES: [&str; 5] = ["", "Buyer", "Engineer", "Head of Sales", "Partner"];

/// What everybody is at the beginning.
pub(super) const FIRST: &str = "Engineer";

/// What a company says of titles, in the checker's own words.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// By side, Salesforce first: a title goes there.
    pub goes_to: [bool; 2],
    /// An emptied one empties the other.
    pub clears: bool,
}

/// What is known of somebody's title; by side, Salesforce first.
#[derive(Debug, Clone, Default)]
pub struct Titles {
    edits: [u64; 2],
    last: [Option<String>; 2],
    writes: [u64; 2],
    /// What each side has ever said.
    said: [BTreeSet<String>; 2],
    /// What each daemon has read, or written, last.
    believed: [[Option<String>; 2]; 2],
}

impl Titles {
    pub(super) fn edited(&mut self, side: Side, title: &str) {
        let place = place(side);
        self.edits[place] += 1;
        self.last[place] = Some(title.to_owned());
    }

    /// What both sides say just before a call.
    pub(super) fn saw(&mut self, titles: &[String; 2]) {
        for (said, title) in self.said.iter_mut().zip(titles) {
            if !said.contains(title) {
                said.insert(title.clone());
            }
        }
    }

    /// A daemon has read what a side says.
    pub(super) fn read(&mut self, daemon: usize, side: Side, title: String) {
        self.believed[daemon][place(side)] = Some(title);
    }
}

/// A write of a title, as it was seen.
pub(super) struct Written<'a> {
    pub(super) who: usize,
    pub(super) to: Side,
    pub(super) what: &'a str,
    pub(super) before: &'a [String; 2],
    pub(super) new: &'a str,
}

impl Stage {
    /// A record's title.
    pub(super) fn title(&self, record: SalesforceId) -> String {
        self.org.get(record, "Title").as_str().unwrap_or_default().to_owned()
    }

    /// Both titles of somebody; nothing on a day that is not about them.
    pub(super) fn titles(&self, who: usize, record: SalesforceId) -> [String; 2] {
        match self.wider {
            true => [self.title(record), self.product.field(&self.people[who].prospect, "title")],
            false => Default::default(),
        }
    }

    /// Lockstep has written a title. Says which rule that breaks.
    pub(super) fn judge_title(&mut self, written: &Written<'_>) -> Option<String> {
        let Written { who, to, what, before, new } = *written;
        let (side, old) = (place(to), &before[place(to)]);
        self.tell(format!("WRITTEN  person {who}, {to}: title {old:?} -> {new:?}"));
        let (restored, daemon) = (self.checker.restored, self.checker.daemon);
        let counts = !restored && !self.checker.twins;
        let policies = || self.companies().filter_map(|company| company.titles);
        let goes = policies().any(|policy| policy.goes_to[side]);
        let may_clear = policies().any(|policy| policy.clears);
        let ledger = &mut self.checker.ledgers[who];
        let moves = ledger.moves;
        if ledger.twin.is_some() {
            // What another one's record says, and who it is by now, is theirs.
            return None;
        }
        let titles = &mut ledger.titles;
        titles.writes[side] += 1;
        let believed = titles.believed[daemon][side].replace(new.to_owned());
        if titles.writes[side] > titles.edits.iter().sum::<u64>() + moves && counts {
            return Some(format!("7: {} writes of a title", titles.writes[side]));
        }
        if !goes {
            return Some(format!("4: titles do not go to {to}"));
        }
        if new.is_empty() && !may_clear {
            return Some("4: a title was emptied, and the mapping keeps what stands there".to_owned());
        }
        if !titles.said[1 - side].contains(new) {
            return Some(format!("4: the title {new:?} was never seen on the other side"));
        }
        // A Collections call has no precondition (the declared window).
        let declared = to == Side::Salesforce && what.contains("/composite/");
        (believed.as_ref().is_some_and(|believed| believed != old) && !declared)
            .then(|| format!("3: the title {old:?} was overwritten, and {believed:?} is what had been read"))
    }

    /// At the end of somebody who is linked, in scope and not listed.
    pub(super) fn judge_last_titles(&self, who: usize, shown: &[String; 2]) -> Option<String> {
        let (policy, ledger) = (self.company.titles?, &self.checker.ledgers[who]);
        let titles = &ledger.titles;
        let excused = ledger.moved || ledger.decided || ledger.twin.is_some() || !self.former.is_empty();
        if excused || self.checker.restored || self.checker.twins {
            return None;
        }
        let [salesforce, engage] = shown;
        let kept = !policy.clears && (salesforce.is_empty() || engage.is_empty());
        // What somebody sets where a title only comes to is theirs.
        let theirs = (0..2).any(|side| !policy.goes_to[1 - side] && titles.edits[side] > 0);
        if salesforce != engage && !kept && !theirs {
            return Some(format!("2: the titles {salesforce:?} and {engage:?} differ, and nothing says so"));
        }
        let lone = |side: usize| titles.edits[1 - side] == 0 && titles.edits[side] > 0;
        let lost = |side: &usize| lone(*side) && titles.last[*side].as_ref() != Some(&shown[*side]);
        let lost = (0..2).find(lost)?;
        Some(format!(
            "3: only one side was edited, to the title {:?}, and says {:?}",
            titles.last[lost], shown[lost]
        ))
    }
}

fn place(side: Side) -> usize {
    usize::from(side == Side::Engage)
}
