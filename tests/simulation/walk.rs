//! Planner-only simulation: a pair wanders, what the real decision says is done, and the reference is asked each time
//! whether it would have said the same. No network, no store: millions of walks a minute.

use super::company::{Company, POOL_SIZE, STATUSES, VALUES};
use super::reference::{self, Known, Pair, SetAt, Told};
use jiff::{SignedDuration, Timestamp};
use lockstep::mapping::{Context, Relation};
use lockstep::model::{
    Baseline, BySide, FieldName, FieldValue, Fields, Latch, Link, PersonStatus, Prospect, SalesforceObject,
    SalesforceRecord, SetAt as Stamp, Side, Target,
};
use lockstep::reconcile::{Decision, LatchChange, Situation, Verdict, decide_by};
use rand::prelude::*;
use rand::rngs::SmallRng;

const LEAD: &str = "00Q000000000001";

/// A company with everything ready to be asked.
pub struct Ready {
    company: &'static Company,
    relation: Relation<'static>,
    status: FieldName,
    tick: FieldName,
    texts: Vec<FieldValue>,
    statuses: Vec<PersonStatus>,
    record: SalesforceRecord,
    prospect: Prospect,
}

/// Every company there is.
pub fn ready() -> Vec<Ready> {
    (0..POOL_SIZE)
        .map(|number| {
            let company = Company::number(number, false);
            let relation = company.mapping.relation(SalesforceObject::Lead, &Context::default());
            Ready {
                company,
                relation,
                status: FieldName::from("Status"),
                tick: FieldName::from("HasOptedOutOfEmail"),
                texts: VALUES.iter().map(|value| FieldValue::Text((*value).into())).collect(),
                statuses: STATUSES.iter().map(|(_, key)| PersonStatus::new(key)).collect(),
                record: record(),
                prospect: prospect(),
            }
        })
        .collect()
}

/// One walk of six steps. `Err`: what the two said, and of what.
///
/// # Errors
/// Where the decision is another one than the reference's, or breaks a rule by itself.
pub fn walk(ready: &[Ready], seed: u64) -> Result<(), String> {
    let random = &mut SmallRng::seed_from_u64(seed);
    let ready = &ready[random.random_range(0..ready.len())];
    let mut known = Known {
        now: pair(random),
        base: random.random_bool(0.9).then(|| pair(random)),
        latch: [random.random_bool(0.1), random.random_bool(0.1)],
        said: None,
        touched: 0,
        taken: None,
        set_at: SetAt { salesforce: None, engage: 0 },
    };
    for _ in 0..6 {
        match random.random_range(0..10) {
            0 | 1 => known.now.value = VALUES[random.random_range(0..VALUES.len())],
            2 | 3 => known.now.status = STATUSES[random.random_range(0..STATUSES.len())].1,
            4 => known.now.ticked = random.random_bool(0.5),
            _ => {}
        }
        known.taken = random.random_bool(0.05).then(|| random.random_range(0..2));
        if random.random_bool(0.5) {
            known.set_at.engage = random.random_range(0..400);
        }
        known.touched = random.random_range(0..400);
        let set = (random.random_range(0..400), random.random_bool(0.5));
        known.set_at.salesforce = random.random_bool(0.8).then_some(set);
        let verdict = ready.decide(&known);
        let (told, expected) = (ready.told(&known, &verdict)?, reference::decide(ready.company, &known));
        if told != expected {
            return Err(format!(
                "{known:?}\ndecided {told:?}, and the reference says {expected:?}\n{}",
                ready.company.text
            ));
        }
        follow(&mut known, &verdict, told);
    }
    settles(ready, known)
}

/// Once nobody else does anything, two decisions lead to rest.
fn settles(ready: &Ready, mut known: Known) -> Result<(), String> {
    known.taken = None;
    for _ in 0..3 {
        let verdict = ready.decide(&known);
        match ready.told(&known, &verdict)? {
            Told::Nothing | Told::Hold => return Ok(()),
            told => follow(&mut known, &verdict, told),
        }
    }
    Err(format!("{known:?} does not come to rest\n{}", ready.company.text))
}

fn pair(random: &mut SmallRng) -> Pair {
    Pair {
        value: VALUES[random.random_range(0..VALUES.len())],
        ticked: random.random_bool(0.15),
        status: STATUSES[random.random_range(0..STATUSES.len())].1,
    }
}

fn record() -> SalesforceRecord {
    SalesforceRecord {
        id: LEAD.parse().expect("an id"),
        fields: Fields::new(),
        is_converted: false,
        converted_contact: None,
        is_deleted: false,
        master_record: None,
        email: None,
        last_modified: Timestamp::UNIX_EPOCH,
        last_modified_by: None,
        system_modstamp: Timestamp::UNIX_EPOCH,
        status_set_at: Stamp::Unknown,
    }
}

fn prospect() -> Prospect {
    Prospect {
        id: "p_1".parse().expect("an id"),
        status: PersonStatus::new("approaching"),
        status_changed_at: Timestamp::UNIX_EPOCH,
        status_changed_by: None,
        version: 1,
        salesforce: None,
        email: None,
        details: Default::default(),
        deleted: false,
        updated_at: Timestamp::UNIX_EPOCH,
    }
}

/// What was decided is done.
fn follow(known: &mut Known, verdict: &Verdict, told: Told) {
    match verdict.latch {
        LatchChange::Keep => {}
        LatchChange::Clear => (known.latch, known.said) = ([false, false], None),
        LatchChange::Set { seen, in_engage } => {
            known.said = in_engage.map(|at| at.as_second()).or(known.said);
            known.latch = [seen.salesforce, seen.engage];
        }
    }
    match told {
        Told::Nothing | Told::Hold => return,
        Told::Adopt => {}
        Told::Engage(status) => known.now.status = status,
        Told::Salesforce(value, ticked) => (known.now.value, known.now.ticked) = (value, ticked),
    }
    known.base = Some(known.now);
}

fn place(values: &[&str], value: &str) -> usize {
    values.iter().position(|other| *other == value).expect("a value of the company's")
}

fn known_status(status: &PersonStatus) -> &'static str {
    STATUSES.iter().map(|(_, key)| *key).find(|key| *key == status.key()).expect("a status of the company's")
}

impl Ready {
    fn person_status(&self, pair: &Pair) -> PersonStatus {
        let place = STATUSES.iter().position(|(_, key)| *key == pair.status);
        self.statuses[place.expect("a status of the company's")].clone()
    }

    fn fields(&self, pair: &Pair) -> Fields {
        Fields::from([
            (self.status.clone(), self.texts[place(&VALUES, pair.value)].clone()),
            (self.tick.clone(), FieldValue::Bool(pair.ticked)),
        ])
    }

    fn baseline(&self, pair: &Pair) -> Baseline {
        let salesforce = self.company.mapping.values(SalesforceObject::Lead, &self.fields(pair));
        Baseline { salesforce, engage: self.person_status(pair) }
    }

    fn decide(&self, known: &Known) -> Verdict {
        let at = |seconds| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds);
        let latch = (known.latch != [false; 2]).then(|| Latch {
            since: Timestamp::UNIX_EPOCH,
            seen: BySide { salesforce: known.latch[0], engage: known.latch[1] },
            in_engage: known.said.map(at),
        });
        let link = Link {
            baseline: known.base.as_ref().map(|base| self.baseline(base)),
            latch,
            ..Link::new(self.prospect.id.clone(), self.record.id)
        };
        let status_set_at = match known.set_at.salesforce {
            None => Stamp::Unknown,
            Some((seconds, true)) => Stamp::At(at(seconds)),
            Some((seconds, false)) => Stamp::NotAfter(at(seconds)),
        };
        let record = SalesforceRecord {
            fields: self.fields(&known.now),
            status_set_at,
            last_modified: at(known.touched),
            ..self.record.clone()
        };
        let prospect = Prospect {
            status: self.person_status(&known.now),
            status_changed_at: at(known.set_at.engage),
            ..self.prospect.clone()
        };
        let situation = Situation {
            link: &link,
            salesforce: Some(&record),
            prospect: Some(&prospect),
            resolution: known.taken.map(|side| if side == 0 { Side::Salesforce } else { Side::Engage }),
            held: None,
            converted_statuses: &[],
            others: &[],
            sequences: &[],
            leave_details: false,
        };
        decide_by(&self.company.mapping, Some(&self.relation), &situation)
    }

    /// The decision in the reference's words.
    fn told(&self, known: &Known, verdict: &Verdict) -> Result<Told, String> {
        let now = self.baseline(&known.now);
        Ok(match &verdict.decision {
            Decision::InSync => Told::Nothing,
            Decision::Adopt { baseline, .. } | Decision::Skip { baseline, .. } => {
                if *baseline != now {
                    return Err(format!("{known:?}: {baseline:?} is adopted"));
                }
                // Adopting what is adopted already is nothing.
                if known.base.as_ref() == Some(&known.now) { Told::Nothing } else { Told::Adopt }
            }
            Decision::Hold(_) => Told::Hold,
            Decision::Write(step) => {
                if step.seen != now {
                    return Err(format!("{known:?}: the write expects {:?}", step.seen));
                }
                match &step.target {
                    Target::Engage { status, .. } => Told::Engage(known_status(status)),
                    Target::Salesforce { fields } => {
                        let value = fields.get(&self.status).and_then(FieldValue::as_text);
                        let ticked = fields.get(&self.tick).map(|value| *value == FieldValue::Bool(true));
                        let value = value.map_or(known.now.value, |value| VALUES[place(&VALUES, value)]);
                        Told::Salesforce(value, ticked.unwrap_or(known.now.ticked))
                    }
                    other => return Err(format!("{known:?}: {other:?} is written")),
                }
            }
            other => return Err(format!("{known:?}: decided {other:?}")),
        })
    }
}
