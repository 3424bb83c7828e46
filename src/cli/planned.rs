//! A dry run, as it is shown: record by record, so that a large one is not in memory twice.

use crate::admin::{Plan, PlanGroup, PlannedRecord};
use crate::model::{Link, Side, Step, mark};
use crate::reconcile::Decision;
use crate::sync::{DryRunError, Engine};
use std::collections::BTreeMap;

/// Records that a group names.
const SAMPLES: usize = 3;

/// What is shown so far.
#[derive(Default)]
struct Shown {
    groups: BTreeMap<String, (u64, Option<String>, Vec<String>)>,
    records: Vec<PlannedRecord>,
}

/// What a run would do now: what would be written, and everything else that is not simply in step.
pub(super) async fn plan(engine: &Engine) -> Result<Plan, DryRunError> {
    let mut shown = Shown::default();
    let run = engine.dry_run(&mut |link, decision| shown.add(engine, link, decision)).await?;
    let Shown { groups, records } = shown;
    let group = |(what, (count, rule, samples))| PlanGroup { what, count, rule, samples };
    let mut groups: Vec<PlanGroup> = groups.into_iter().map(group).collect();
    for side in Side::BOTH {
        let count = *run.newcomers.get(side);
        if count > 0 {
            let what = format!("create in {}, unless somebody there has the same email", side.other());
            groups.push(PlanGroup { what, count, rule: None, samples: Vec::new() });
        }
    }
    groups.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.what.cmp(&b.what)));
    let people = run.newcomers_waiting.iter().map(|id| mark(id));
    let held_back: Vec<u64> =
        run.plan.held_back.iter().map(|(_, fingerprint)| *fingerprint).chain(people).collect();
    let people = match run.newcomers_waiting.len() {
        0 => None,
        count => Some(format!("{count} people to be created on the other side wait to be let through")),
    };
    let waits: Vec<String> =
        run.plan.waiting.as_ref().map(ToString::to_string).into_iter().chain(people).collect();
    Ok(Plan {
        groups,
        records,
        waits: (!waits.is_empty()).then(|| waits.join("; ")),
        calls: run.plan.salesforce_calls(),
        calls_left: engine.salesforce_budget().spendable(),
        id: (!held_back.is_empty()).then(|| crate::reconcile::plan_id(held_back)),
    })
}

impl Shown {
    fn add(&mut self, engine: &Engine, link: &Link, decision: &Decision) {
        let record = planned(engine, link, decision);
        let group = self.groups.entry(group(&record)).or_default();
        group.0 += 1;
        group.1.clone_from(&record.rule);
        if group.2.len() < SAMPLES {
            group.2.push(record.record.clone().unwrap_or_else(|| record.prospect.clone()));
        }
        if !matches!(decision, Decision::InSync) {
            self.records.push(record);
        }
    }
}

fn group(record: &PlannedRecord) -> String {
    match (record.what.as_str(), record.side, &record.to) {
        ("write", Some(side), Some(to)) => {
            let from = record.from.as_deref().unwrap_or("nothing");
            format!("write {to} over {from} in {side}")
        }
        (what, ..) => format!("{what}: {}", record.reason),
    }
}

fn planned(engine: &Engine, link: &Link, decision: &Decision) -> PlannedRecord {
    let mut record = PlannedRecord {
        prospect: link.prospect.to_string(),
        record: Some(link.salesforce.to_string()),
        what: String::new(),
        side: None,
        from: None,
        to: None,
        rule: None,
        reason: String::new(),
    };
    let (what, reason) = match decision {
        Decision::InSync => ("in sync", "nothing changed".to_owned()),
        Decision::Adopt { .. } => ("adopt", "the two count as agreeing; nothing is written".to_owned()),
        Decision::Skip { side, value, .. } => {
            (record.side, record.from) = (Some(*side), Some(value.clone()));
            ("skip", "no row of the mapping mentions this value".to_owned())
        }
        Decision::Hold(reason) => ("hold", reason.to_string()),
        Decision::Write(step) => {
            write_of(engine, link, step, &mut record);
            ("write", crate::sync::reason_of(step))
        }
        Decision::Relink { to, .. } => {
            record.to = Some(to.to_string());
            ("relink", "the record was converted or merged".to_owned())
        }
        Decision::Unlink(_) => ("unlink", "one side's record is gone; nothing is written".to_owned()),
        Decision::LeaveAlone(_) => ("leave alone", "missing, or out of scope".to_owned()),
    };
    record.what = what.to_owned();
    record.reason = reason;
    record
}

fn write_of(engine: &Engine, link: &Link, step: &Step, record: &mut PlannedRecord) {
    (record.from, record.to) = crate::sync::from_to(&engine.mapping(), link.salesforce, step);
    record.side = Some(step.side());
    record.rule = step.rule.as_ref().map(ToString::to_string);
}
