//! A company so small that everything it can hold has a number, asked for its decisions through the real code.

use lockstep::mapping::Mapping;
use lockstep::model::{
    Baseline, BySide, FieldValue, Fields, Latch, Link, PersonStatus, Prospect, SalesforceId,
    SalesforceObject, SalesforceRecord, SetAt, Side, Target, WriteReason,
};
use lockstep::reconcile::{Decision, LatchChange, Situation, decide, relink};
use std::cell::RefCell;
use std::collections::HashMap;

const LEAD: SalesforceObject = SalesforceObject::Lead;

/// The two records that a person may be: the second one is whom a merge leaves.
const RECORDS: [&str; 2] = ["00Q000000000001", "00Q000000000002"];

/// What each side held when the two last agreed: the number of the watched values, and of the status.
pub type Base = Option<(u8, u8)>;

/// Everything that a decision is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Asked {
    pub value: u8,
    pub status: u8,
    pub base: Base,
    pub latch: [bool; 2],
    /// The side that an operator took, Salesforce first.
    pub taken: Option<u8>,
    /// The record lost a merge.
    pub gone: bool,
}

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Told {
    Rest,
    Adopt((u8, u8)),
    Hold,
    Move,
    Write { side: u8, what: u8, opt_out: bool, after: (u8, u8) },
}

/// The decision, and on which sides the person counts as seen opted out from now on; `None`: no more.
pub type Answer = (Told, Option<[bool; 2]>);

/// A company.
pub struct Small {
    mapping: Mapping,
    /// Everything that a record can hold.
    pub values: Vec<Fields>,
    /// Every person status there is.
    pub statuses: Vec<PersonStatus>,
    /// The watched part of each value, each once, and the number of each value's.
    watched: Vec<Fields>,
    pub held: Vec<u8>,
    /// What was ever decided to be written to Salesforce.
    patches: RefCell<Vec<Fields>>,
    answers: RefCell<HashMap<Asked, Answer>>,
}

impl Small {
    /// `fields`: each field of the Lead with all it can hold.
    pub fn new(text: &str, fields: &[(&str, &[FieldValue])], statuses: &[&str]) -> Small {
        let mapping =
            lockstep::verify::parse("small.toml", text).unwrap_or_else(|problems| panic!("{problems}"));
        let mapping = mapping.mapping;
        let values = fields.iter().fold(vec![Fields::new()], |all, (name, values)| {
            let with = |fields: &Fields, value: &FieldValue| {
                let mut fields = fields.clone();
                fields.insert((*name).into(), value.clone());
                fields
            };
            all.iter().flat_map(|fields| values.iter().map(|value| with(fields, value))).collect()
        });
        let mut small = Small {
            statuses: statuses.iter().map(|key| PersonStatus::new(key)).collect(),
            watched: Vec::new(),
            held: Vec::new(),
            patches: RefCell::default(),
            answers: RefCell::default(),
            mapping,
            values,
        };
        for value in small.values.clone() {
            let watched = small.mapping.values(LEAD, &value);
            let known = small.watched.iter().position(|other| *other == watched);
            let place = known.unwrap_or_else(|| {
                small.watched.push(watched);
                small.watched.len() - 1
            });
            small.held.push(place as u8);
        }
        small
    }

    /// Whether a value says that its person is opted out.
    pub fn is_out(&self, value: u8) -> bool {
        self.mapping.is_opted_out(LEAD, &self.values[usize::from(value)])
    }

    /// Whether a status says so.
    pub fn status_is_out(&self, status: u8) -> bool {
        self.statuses[usize::from(status)].is_opted_out()
    }

    /// Whether a field's changes are changes of the status.
    pub fn is_watched(&self, name: &str) -> bool {
        self.mapping.watched(LEAD).iter().any(|watched| **watched == *name)
    }

    /// The value that a record holds once a patch is written to it.
    pub fn patched(&self, value: u8, patch: u8) -> u8 {
        let mut then = self.values[usize::from(value)].clone();
        let patch = self.patches.borrow()[usize::from(patch)].clone();
        then.extend(patch);
        place(&self.values, &then)
    }

    /// The value, in words.
    pub fn shown(&self, value: u8) -> String {
        let shown = |(name, value): (&std::sync::Arc<str>, &FieldValue)| format!("{name}={value}");
        self.values[usize::from(value)].iter().map(shown).collect::<Vec<_>>().join(" ")
    }

    /// The real decision.
    pub fn decide(&self, asked: Asked) -> Answer {
        if let Some(answer) = self.answers.borrow().get(&asked) {
            return *answer;
        }
        let answer = self.asked(asked);
        self.answers.borrow_mut().insert(asked, answer);
        answer
    }

    fn asked(&self, asked: Asked) -> Answer {
        let (link, record, prospect) = (self.link(asked), self.record(asked), self.prospect(asked));
        let situation = Situation {
            link: &link,
            salesforce: Some(&record),
            prospect: Some(&prospect),
            resolution: asked.taken.map(|side| [Side::Salesforce, Side::Engage][usize::from(side)]),
            held: None,
            converted_statuses: &[],
            others: &[],
            sequences: &[],
            leave_details: false,
        };
        let verdict = decide(&self.mapping, &situation);
        let latch = match verdict.latch {
            LatchChange::Keep => Some(asked.latch),
            LatchChange::Set { seen, .. } => Some([seen.salesforce, seen.engage]),
            LatchChange::Clear => None,
        };
        let told = match &verdict.decision {
            Decision::InSync => Told::Rest,
            Decision::Adopt { baseline, .. } | Decision::Skip { baseline, .. } => {
                Told::Adopt(self.numbers(baseline))
            }
            Decision::Hold(_) => Told::Hold,
            Decision::Relink { .. } => Told::Move,
            Decision::Write(step) => {
                let opt_out = matches!(step.reason, WriteReason::OptedOut(_));
                let after = self.numbers(&step.after());
                let (side, what) = match &step.target {
                    Target::Engage { status, .. } => (1, place(&self.statuses, status)),
                    Target::Salesforce { fields } => (0, self.patch(fields)),
                    Target::EngageDetails { .. } => panic!("no further field is mapped"),
                };
                Told::Write { side, what, opt_out, after }
            }
            other => panic!("{asked:?}: {other:?}"),
        };
        (told, latch)
    }

    /// What a link's own memory becomes when it moves to the merge's winner.
    pub fn moved(&self, asked: Asked) -> (Base, [bool; 2]) {
        let link = relink(&self.mapping, self.link(asked), id(1));
        let seen = link.latch.map_or(BySide::default(), |latch| latch.seen);
        (link.baseline.map(|base| self.numbers(&base)), [seen.salesforce, seen.engage])
    }

    fn patch(&self, fields: &Fields) -> u8 {
        let mut patches = self.patches.borrow_mut();
        let known = patches.iter().position(|other| other == fields);
        known.unwrap_or_else(|| {
            patches.push(fields.clone());
            patches.len() - 1
        }) as u8
    }

    fn numbers(&self, baseline: &Baseline) -> (u8, u8) {
        (place(&self.watched, &baseline.salesforce), place(&self.statuses, &baseline.engage))
    }

    fn link(&self, asked: Asked) -> Link {
        let base = |(value, status): (u8, u8)| Baseline {
            salesforce: self.watched[usize::from(value)].clone(),
            engage: self.statuses[usize::from(status)].clone(),
        };
        let seen = BySide { salesforce: asked.latch[0], engage: asked.latch[1] };
        Link {
            baseline: asked.base.map(base),
            latch: (asked.latch != [false; 2]).then_some(Latch {
                since: jiff::Timestamp::UNIX_EPOCH,
                seen,
                in_engage: None,
            }),
            ..Link::new("p_1".parse().expect("an id"), id(0))
        }
    }

    fn record(&self, asked: Asked) -> SalesforceRecord {
        SalesforceRecord {
            id: id(0),
            fields: self.values[usize::from(asked.value)].clone(),
            is_converted: false,
            converted_contact: None,
            is_deleted: asked.gone,
            master_record: asked.gone.then(|| id(1)),
            email: None,
            last_modified: jiff::Timestamp::UNIX_EPOCH,
            last_modified_by: None,
            system_modstamp: jiff::Timestamp::UNIX_EPOCH,
            status_set_at: SetAt::Unknown,
        }
    }

    fn prospect(&self, asked: Asked) -> Prospect {
        Prospect {
            id: "p_1".parse().expect("an id"),
            status: self.statuses[usize::from(asked.status)].clone(),
            status_changed_at: jiff::Timestamp::UNIX_EPOCH,
            status_changed_by: None,
            version: 1,
            salesforce: None,
            email: None,
            details: Default::default(),
            deleted: false,
            updated_at: jiff::Timestamp::UNIX_EPOCH,
        }
    }
}

fn id(number: usize) -> SalesforceId {
    RECORDS[number].parse().expect("an id")
}

fn place<T: PartialEq + std::fmt::Debug>(all: &[T], one: &T) -> u8 {
    all.iter().position(|other| other == one).unwrap_or_else(|| panic!("{one:?} is none of {all:?}")) as u8
}
