//! A change, played to its end, and judged by what the rows say word for word.

use lockstep::mapping::{Context, Mapping, Row, Way};
use lockstep::model::{FieldValue, Fields, PersonStatus, Target};
use lockstep::reconcile::Decision;
use lockstep::verify::{Domain, State, World};
use std::collections::BTreeSet;

/// Somebody else's change.
#[derive(Debug, Clone)]
pub enum Change {
    Salesforce(Fields),
    Engage(PersonStatus),
    Box(bool),
}

impl Change {
    pub fn all(domain: &Domain) -> impl Iterator<Item = Change> + '_ {
        let boxes = domain.opt_out.iter().flat_map(|_| [Change::Box(true), Change::Box(false)]);
        let salesforce = domain.salesforce.iter().cloned().map(Change::Salesforce);
        salesforce.chain(domain.engage.iter().cloned().map(Change::Engage)).chain(boxes)
    }

    pub fn on(&self, state: &State) -> State {
        let mut next = state.clone();
        match self {
            Change::Salesforce(fields) => {
                next.salesforce.extend(fields.iter().map(|(name, value)| (name.clone(), value.clone())));
            }
            Change::Engage(status) => next.engage = status.clone(),
            Change::Box(ticked) => {
                next.salesforce.insert("HasOptedOutOfEmail".into(), FieldValue::Bool(*ticked));
            }
        }
        next
    }
}

/// What the rows say, read one by one.
pub struct Judge<'a> {
    world: &'a World<'a>,
    rows: Vec<&'a Row>,
}

impl<'a> Judge<'a> {
    pub fn new(world: &'a World<'a>) -> Judge<'a> {
        let context = Context { fields: Some(&world.record), sequences: &world.sequences };
        let rows = world.mapping.rows.iter().filter(|row| row.only_if.holds(&context)).collect();
        Judge { world, rows }
    }

    fn mapping(&self) -> &Mapping {
        self.world.mapping
    }

    /// A person whose values nobody mapped.
    pub fn empty(&self) -> State {
        let mut fields = Fields::from([("Status".into(), FieldValue::text("nobody mapped this"))]);
        if self.mapping().object(self.world.object).unwrap().opt_out.name().is_some() {
            fields.insert("HasOptedOutOfEmail".into(), FieldValue::Bool(false));
        }
        State::quiet(fields, PersonStatus::new("nobody_mapped_this"))
    }

    /// Every pair that a row names word for word.
    pub fn starts(&self, domain: &Domain) -> Vec<State> {
        let mut starts = vec![self.empty()];
        for row in self.rows.iter().filter(|row| !row.person.is_opted_out()) {
            for value in row.lead.iter().chain(&row.also_from_lead) {
                for fields in domain.salesforce.iter().filter(|fields| holds(fields, value)) {
                    let mut all = self.empty().salesforce;
                    all.extend(fields.iter().map(|(name, value)| (name.clone(), value.clone())));
                    starts.push(State::quiet(all, row.person.clone()));
                }
            }
        }
        starts
    }

    /// The statuses that these values lead to.
    fn read(&self, fields: &Fields) -> BTreeSet<&PersonStatus> {
        let inbound = self.rows.iter().filter(|row| matches!(row.way, Way::Both | Way::ToEngage));
        let speaks =
            |row: &&&Row| row.lead.iter().chain(&row.also_from_lead).any(|value| holds(fields, value));
        inbound.filter(speaks).map(|row| &row.person).collect()
    }

    /// What a status is written as.
    fn written(&self, status: &PersonStatus) -> Option<&Fields> {
        let outbound = self.rows.iter().filter(|row| matches!(row.way, Way::Both | Way::ToSalesforce));
        outbound.filter(|row| row.person == *status).find_map(|row| row.lead.as_ref())
    }

    /// Whether Salesforce says opted out.
    pub fn is_out(&self, state: &State) -> bool {
        let ticked = self.mapping().object(self.world.object).unwrap().opt_out.name().is_some()
            && state.salesforce.get("HasOptedOutOfEmail") == Some(&FieldValue::Bool(true));
        let row = self.mapping().rows.iter().find(|row| row.person.is_opted_out());
        let values = row.into_iter().flat_map(|row| row.lead.iter().chain(&row.also_from_lead));
        ticked || values.into_iter().any(|value| holds(&state.salesforce, value))
    }

    /// Plays one change until nothing more is decided, and says what went wrong.
    pub fn play(&self, start: &State, change: &Change) -> (State, Option<String>) {
        let changed = change.on(start);
        let mut state = changed.clone();
        let (mut writes, mut held) = (0, false);
        for _ in 0..4 {
            let verdict = self.world.decide(&state);
            let next = self.world.after(&state, &verdict);
            match &verdict.decision {
                Decision::InSync => break,
                Decision::Hold(_) => held = true,
                Decision::Write(step) => {
                    writes += 1;
                    if let Some(wrong) = self.wrong_write(&state, &step.target, &next) {
                        return (next, Some(wrong));
                    }
                }
                _ => {}
            }
            let rests = held || next == state;
            state = next;
            if rests {
                break;
            }
        }
        if writes > 1 {
            return (state, Some(format!("{writes} writes for one change")));
        }
        if !matches!(self.world.decide(&state).decision, Decision::InSync | Decision::Hold(_)) {
            return (state, Some("it never comes to rest".to_owned()));
        }
        let opted_out = self.is_out(&state) || state.engage.is_opted_out();
        let wrong = if held || opted_out { None } else { self.lost(start, &changed, &state) };
        (state, wrong)
    }

    fn wrong_write(&self, state: &State, target: &Target, next: &State) -> Option<String> {
        let out = [self.is_out(state), state.engage.is_opted_out()];
        let latched = state.latch.is_some();
        match target {
            Target::Engage { status, .. } => {
                if status.is_opted_out() {
                    return (!out[0]).then(|| "an opt-out was invented".to_owned());
                }
                if (out[0] || out[1]) && !latched {
                    return Some("an opted-out person was made mailable".to_owned());
                }
                (!self.read(&state.salesforce).contains(status)).then(|| format!("{status} was invented"))
            }
            Target::EngageDetails { .. } => Some("no field is mapped".to_owned()),
            Target::Salesforce { fields } => {
                let says = self.written(&state.engage);
                if out[1] {
                    return (!self.is_out(next)).then(|| "the opt-out did not arrive".to_owned());
                }
                if out[0] && !latched {
                    return Some("an opt-out in Salesforce was overwritten".to_owned());
                }
                let known = |(name, value): (&std::sync::Arc<str>, &FieldValue)| {
                    says.and_then(|says| says.get(name)) == Some(value) || *value == FieldValue::Bool(false)
                };
                (!fields.iter().all(known)).then(|| format!("{fields:?} was invented"))
            }
        }
    }

    /// Whether the change came through, by the rows' own words: the other side shows what its row says, or a value that
    /// stands for the same.
    fn lost(&self, start: &State, changed: &State, end: &State) -> Option<String> {
        let salesforce_moved = changed.salesforce != start.salesforce;
        let engage_moved = changed.engage != start.engage;
        let read = self.read(&end.salesforce);
        if salesforce_moved && !engage_moved {
            if read.len() > 1 {
                return Some(format!("{:?} leads to {read:?}", end.salesforce));
            }
            let status = read.first()?;
            let written = self.written(&end.engage);
            let same = written.is_some_and(|w| holds(&end.salesforce, w) || self.read(w).contains(status));
            return (end.engage != **status && !same)
                .then(|| format!("{:?} did not make the person {status}", end.salesforce));
        }
        if engage_moved && !salesforce_moved {
            let written = self.written(&end.engage)?;
            let shows = holds(&end.salesforce, written) || read.contains(&end.engage);
            // Another value of the same status stands for it, as long as only one value of that status is ever written.
            let stands_for = read.first().is_some_and(|status| {
                let outbound =
                    self.rows.iter().filter(|row| matches!(row.way, Way::Both | Way::ToSalesforce));
                let mut values = outbound.filter_map(|row| row.lead.as_ref());
                self.read(written).contains(status)
                    && values.all(|value| holds(value, written) || !self.read(value).contains(status))
            });
            return (!shows && !stands_for).then(|| format!("{} did not reach Salesforce", end.engage));
        }
        None
    }
}

fn holds(fields: &Fields, value: &Fields) -> bool {
    value.iter().all(|(name, value)| fields.get(name) == Some(value))
}
