//! What is promised of every mapping (`sync.md` part 4), held against every case that the mapping can tell apart.

use super::domain::{Domain, Person};
use super::world::{State, World};
use crate::diagnostic::Problem;
use crate::lifecycle;
use crate::mapping::{Mapping, OptOutCleared, Relation, Winner};
use crate::model::{
    Baseline, BySide, FieldName, FieldValue, Fields, PersonStatus, Rule, SalesforceObject, Side, Step, Target,
};
use crate::reconcile::{Decision, Verdict};
use std::collections::BTreeSet;
use std::fmt;

/// A promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promise {
    /// Our own write, read back, leads to no other.
    Quiet,
    /// What was written agrees with what it was written for.
    Agreement,
    /// What agrees is left alone.
    Hippocratic,
    /// Nothing is written but `in` and `out` of what was seen.
    NothingInvented,
    /// No write makes somebody mailable who opted out.
    OptOut,
    /// What only people may move is not overwritten.
    Protected,
}

/// A promise that a mapping would break.
#[derive(Debug, Clone)]
pub struct Broken {
    /// Which one.
    pub promise: Promise,
    /// The object.
    pub object: SalesforceObject,
    /// What both sides hold, and held.
    pub state: State,
    /// What is decided then.
    pub decision: Decision,
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Promise::Quiet => "a write of ours would lead to another write",
            Promise::Agreement => "a write of ours would leave the two sides in disagreement",
            Promise::Hippocratic => "two sides that agree would be written to",
            Promise::NothingInvented => "a value would be written that nobody chose",
            Promise::OptOut => "somebody who opted out could be mailed",
            Promise::Protected => "a value would be overwritten that only a person may move",
        })
    }
}

impl Broken {
    /// As it is shown.
    pub fn problem(&self, mapping: &Mapping) -> Problem {
        let values = self.state.salesforce.iter().map(|(name, value)| format!("{name} = {value}"));
        let salesforce = values.collect::<Vec<_>>().join(", ");
        let person = mapping.label(&self.state.engage);
        let span = rule(&self.decision)
            .and_then(|rule| mapping.rows.iter().find(|row| row.line == rule.line))
            .map_or(0..0, |row| row.span.clone());
        Problem::error("M059", format!("with this mapping {}", self.promise))
            .at(span, "")
            .help(format!(
                "1. a {} holds {salesforce}, and the person is {person}. 2. Lockstep would go wrong",
                self.object
            ))
            .help("please report this file: a mapping that is lawful should never come here")
    }
}

fn rule(decision: &Decision) -> Option<&Rule> {
    match decision {
        Decision::Write(step) => step.rule.as_ref(),
        _ => None,
    }
}

/// Goes through every case. Returns the first broken promise of each kind.
pub(super) fn broken(mapping: &Mapping) -> Vec<Broken> {
    let mut all: Vec<Broken> = Vec::new();
    for object in SalesforceObject::BOTH.into_iter().filter(|object| mapping.object(*object).is_some()) {
        let domain = Domain::of(mapping, object);
        let mut seen = BTreeSet::new();
        for person in Person::kinds(mapping, object) {
            let world = person.world(mapping, object);
            let relation = world.relation();
            let cases = Cases { world: &world, relation: &relation, domain: &domain };
            cases.each(&mut seen, &mut |broken| {
                if !all.iter().any(|told| told.promise == broken.promise && told.object == object) {
                    all.push(broken);
                }
            });
        }
    }
    all
}

/// What a decision about a pair of values hangs on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Signature {
    /// Some row joins the two: the values, and the rows that have a say about each.
    Joined(usize, usize, Vec<usize>, Vec<usize>),
    /// No row does: then each only matters to the other by what kind of value it is.
    Value(usize, Vec<usize>, Kind),
    Status(usize, Vec<usize>, Kind),
}

/// A kind of value or status, as the other side of an unrelated pair can tell it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    /// The built-in status it is, or leads to: the life cycle knows only those.
    built_in: Option<&'static str>,
    known: bool,
    leads: bool,
    winner: Option<Winner>,
}

struct Cases<'a> {
    world: &'a World<'a>,
    relation: &'a Relation<'a>,
    domain: &'a Domain,
}

impl Cases<'_> {
    fn each(&self, seen: &mut BTreeSet<Signature>, tell: &mut dyn FnMut(Broken)) {
        let people: Vec<(Vec<usize>, Kind)> = self
            .domain
            .engage
            .iter()
            .map(|status| (self.relation.around_status(status), self.kind_of_status(status)))
            .collect();
        for (s, salesforce) in self.domain.salesforce.iter().enumerate() {
            let (around, kind) = (self.relation.around_fields(salesforce), self.kind_of_fields(salesforce));
            for (e, engage) in self.domain.engage.iter().enumerate() {
                let (rows, status) = &people[e];
                let new = if around.iter().any(|row| rows.binary_search(row).is_ok()) {
                    seen.insert(Signature::Joined(s, e, around.clone(), rows.clone()))
                } else {
                    let value = seen.insert(Signature::Value(s, around.clone(), status.clone()));
                    seen.insert(Signature::Status(e, rows.clone(), kind.clone())) || value
                };
                if new {
                    self.pair(salesforce, engage, tell);
                }
            }
        }
    }

    fn kind_of_status(&self, status: &PersonStatus) -> Kind {
        let rows = self.relation.around_status(status);
        let winner = rows.iter().filter(|row| self.world.mapping.rows[**row].person == *status);
        Kind {
            built_in: lifecycle::built_in_status(status).map(|known| known.key),
            known: self.relation.knows_status(status),
            leads: self.relation.outbound(status).is_some(),
            winner: self.winner(winner.copied()),
        }
    }

    fn kind_of_fields(&self, fields: &Fields) -> Kind {
        let inbound = self.relation.inbound(fields);
        Kind {
            built_in: inbound.and_then(|row| lifecycle::built_in_status(&row.person)).map(|known| known.key),
            known: self.relation.knows_fields(fields),
            leads: inbound.is_some(),
            winner: self.winner(self.relation.rows_of(fields)),
        }
    }

    fn winner(&self, mut rows: impl Iterator<Item = usize>) -> Option<Winner> {
        rows.find_map(|row| self.world.mapping.rows[row].winner)
    }

    /// One pair of values: whoever moved, with the box and without, opted out before and not.
    fn pair(&self, salesforce: &Fields, engage: &PersonStatus, tell: &mut dyn FnMut(Broken)) {
        let boxes: &[bool] = if self.domain.opt_out.is_some() { &[false, true] } else { &[false] };
        for ticked in boxes {
            let mut salesforce = salesforce.clone();
            if let Some(name) = &self.domain.opt_out {
                salesforce.insert(name.clone(), FieldValue::Bool(*ticked));
            }
            for latch in [None, Some(BySide { salesforce: true, engage: true })] {
                for baseline in baselines(&salesforce, engage) {
                    let state =
                        State { salesforce: salesforce.clone(), engage: engage.clone(), baseline, latch };
                    self.case(&state, tell);
                }
            }
        }
    }

    fn case(&self, state: &State, tell: &mut dyn FnMut(Broken)) {
        let verdict = self.world.decide_by(self.relation, state);
        let mut tell = |promise| {
            tell(Broken {
                promise,
                object: self.world.object,
                state: state.clone(),
                decision: verdict.decision.clone(),
            });
        };
        let then = self.world.after(state, &verdict);
        if matches!(verdict.decision, Decision::Write(_) | Decision::Adopt { .. } | Decision::Skip { .. })
            && !matches!(self.world.decide_by(self.relation, &then).decision, Decision::InSync)
        {
            tell(Promise::Quiet);
        }
        let Decision::Write(step) = &verdict.decision else { return };
        let opted_out = self.is_out(&then.salesforce) || then.engage.is_opted_out();
        if !opted_out && !self.relation.agree(&then.salesforce, &then.engage) && !self.clears(step) {
            tell(Promise::Agreement);
        }
        if self.is_out(&state.salesforce) == state.engage.is_opted_out()
            && self.relation.agree(&state.salesforce, &state.engage)
        {
            tell(Promise::Hippocratic);
        }
        if !self.is_answer(state, step) {
            tell(Promise::NothingInvented);
        }
        if !self.keeps_opt_out(state, &verdict, &then) {
            tell(Promise::OptOut);
        }
        if step.side() == Side::Engage && lifecycle::is_protected(&state.engage) {
            tell(Promise::Protected);
        }
    }

    fn is_out(&self, fields: &Fields) -> bool {
        self.world.mapping.is_opted_out(self.world.object, fields)
    }

    /// Whether a write only unticks the opt-out box of a person whose status nobody mapped.
    fn clears(&self, step: &Step) -> bool {
        let Target::Salesforce { fields } = &step.target else { return false };
        fields.keys().all(|name| Some(name) == self.domain.opt_out.as_ref())
    }

    fn is_answer(&self, state: &State, step: &Step) -> bool {
        match &step.target {
            Target::EngageDetails { .. } => true,
            Target::Engage { status, .. } => {
                status.is_opted_out()
                    || self.relation.inbound(&state.salesforce).is_some_and(|row| row.person == *status)
            }
            Target::Salesforce { fields } => {
                let opt_out = self.world.mapping.opt_out_target(self.world.object);
                let status = self.relation.outbound(&state.engage).map(|(_, fields)| fields);
                let known = |(name, value): (&FieldName, &FieldValue)| {
                    let cleared =
                        Some(name) == self.domain.opt_out.as_ref() && *value == FieldValue::Bool(false);
                    cleared
                        || opt_out.get(name) == Some(value)
                        || status.and_then(|f| f.get(name)) == Some(value)
                };
                fields.iter().all(known)
            }
        }
    }

    /// Once anybody said "opted out", only the company's `cleared = "follow"` lets a write say otherwise.
    fn keeps_opt_out(&self, state: &State, verdict: &Verdict, then: &State) -> bool {
        let now = self.is_out(&state.salesforce) || state.engage.is_opted_out();
        let before = state.latch.is_some()
            || state.baseline.as_ref().is_some_and(|b| self.is_out(&b.salesforce) || b.engage.is_opted_out());
        if !now && !before {
            return true;
        }
        if self.world.mapping.opt_out_cleared == OptOutCleared::Follow && before {
            return true;
        }
        let Decision::Write(step) = &verdict.decision else { return true };
        match step.side() {
            Side::Engage => then.engage.is_opted_out(),
            Side::Salesforce => self.is_out(&then.salesforce),
        }
    }
}

/// Neither moved, either, both, and never looked at together.
fn baselines(salesforce: &Fields, engage: &PersonStatus) -> [Option<Baseline>; 5] {
    let elsewhere: Fields = salesforce
        .iter()
        .map(|(name, value)| match value {
            FieldValue::Bool(_) => (name.clone(), value.clone()),
            _ => (name.clone(), FieldValue::text("(before)")),
        })
        .collect();
    let other = PersonStatus::new("somebody_was_this_before");
    let of = |salesforce: &Fields, engage: &PersonStatus| {
        Some(Baseline { salesforce: salesforce.clone(), engage: engage.clone() })
    };
    [None, of(salesforce, engage), of(&elsewhere, engage), of(salesforce, &other), of(&elsewhere, &other)]
}
