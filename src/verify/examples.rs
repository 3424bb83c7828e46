//! The company's own examples, `[[test]]`: one change, decided and carried out, held against what was expected.

use super::world::{State, World};
use crate::diagnostic::Problem;
use crate::mapping::{Example, Expected, Mapping};
use crate::model::{Baseline, FieldValue, Fields, HoldReason, PersonStatus, SequenceAction, Target};
use crate::reconcile::Decision;

/// How one example came out.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// What both sides hold in the end.
    pub salesforce: Fields,
    /// The person status in the end.
    pub engage: PersonStatus,
    /// What became of the sequences.
    pub sequences: SequenceAction,
    /// Why a person has to decide, if one has to.
    pub held: Option<HoldReason>,
    /// The line of the row that decided.
    pub line: Option<u32>,
    /// What was expected and did not come; empty when the example holds.
    pub differs: Vec<String>,
}

/// Runs one example.
pub fn run(mapping: &Mapping, example: &Example) -> Outcome {
    let mut world = World::new(mapping, example.object);
    world.record.extend(example.record.iter().map(|(name, value)| (name.clone(), value.clone())));
    world.sequences.clone_from(&example.sequences);
    world.newer = example.newer;
    let before = given(&world, example);
    let mut state =
        State { baseline: Some(before.clone()), ..State::quiet(before.salesforce, before.engage) };
    if let Some(fields) = &example.when.salesforce {
        state.salesforce.extend(fields.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    if let Some(status) = &example.when.engage {
        state.engage = status.clone();
    }
    let verdict = world.decide(&state);
    let then = world.after(&state, &verdict);
    let (sequences, line, held) = match &verdict.decision {
        Decision::Write(step) => {
            let sequences = match &step.target {
                Target::Engage { sequences, .. } => *sequences,
                Target::Salesforce { .. } | Target::EngageDetails { .. } => SequenceAction::Leave,
            };
            (sequences, step.rule.as_ref().map(|rule| rule.line), None)
        }
        Decision::Hold(reason) => (SequenceAction::Leave, None, Some(reason.clone())),
        _ => (SequenceAction::Leave, None, None),
    };
    let mut outcome = Outcome {
        salesforce: then.salesforce,
        engage: then.engage,
        sequences,
        held,
        line,
        differs: Vec::new(),
    };
    outcome.differs = differs(mapping, &example.then, &outcome);
    outcome
}

/// What both sides held before. A side that `given` does not name holds what the mapping says of the other one.
fn given(world: &World<'_>, example: &Example) -> Baseline {
    let mapping = world.mapping;
    let relation = world.relation();
    let mut salesforce: Fields =
        mapping.watched(world.object).into_iter().map(|name| (name, FieldValue::Null)).collect();
    if let Some(name) = mapping.object(world.object).and_then(|columns| columns.opt_out.name()) {
        salesforce.insert(name.clone(), FieldValue::Bool(false));
    }
    let fields = match (&example.given.salesforce, &example.given.engage) {
        (Some(fields), _) => Some(fields.clone()),
        (None, Some(status)) => relation.outbound(status).map(|(_, fields)| fields.clone()),
        (None, None) => None,
    };
    salesforce.extend(fields.unwrap_or_default());
    let engage = match &example.given.engage {
        Some(status) => status.clone(),
        None => relation
            .inbound(&salesforce)
            .map_or_else(|| PersonStatus::new("just_added"), |row| row.person.clone()),
    };
    if engage.is_opted_out() {
        salesforce.extend(mapping.opt_out_target(world.object));
    }
    Baseline { salesforce, engage }
}

fn differs(mapping: &Mapping, expected: &Expected, outcome: &Outcome) -> Vec<String> {
    let mut differs = Vec::new();
    if let Some(status) = expected.pair.engage.as_ref().filter(|status| **status != outcome.engage) {
        differs.push(format!(
            "the person is {}, not {}",
            mapping.label(&outcome.engage),
            mapping.label(status)
        ));
    }
    for (name, value) in expected.pair.salesforce.iter().flatten() {
        let holds = outcome.salesforce.get(name).unwrap_or(&FieldValue::Null);
        if holds != value {
            differs.push(format!("{name} is {holds}, not {value}"));
        }
    }
    if let Some(action) = expected.sequences.filter(|action| *action != outcome.sequences) {
        differs.push(format!("the sequences: {}, not {}", outcome.sequences.as_str(), action.as_str()));
    }
    match (expected.held, &outcome.held) {
        (Some(true), None) => differs.push("nothing is held for a person to decide".to_owned()),
        (Some(false), Some(reason)) => differs.push(format!("it is held: {reason}")),
        // Whoever does not expect a hold is told why nothing happened.
        (None, Some(reason)) if !differs.is_empty() => differs.push(format!("it is held: {reason}")),
        _ => {}
    }
    differs
}

/// The examples that do not hold.
pub(super) fn problems(mapping: &Mapping) -> Vec<Problem> {
    let run = mapping.examples.iter().map(|example| (example, run(mapping, example)));
    let failed = run.filter(|(_, outcome)| !outcome.differs.is_empty());
    failed
        .map(|(example, outcome)| {
            let problem = Problem::error("M046", format!("the test \"{}\" fails", example.name))
                .at(example.then_span.clone(), outcome.differs.join("; "));
            let row = outcome.line.and_then(|line| mapping.rows.iter().find(|row| row.line == line));
            match row {
                Some(row) => problem.at(row.span.clone(), "this row decided"),
                None => problem.help("no row decided: nothing was written"),
            }
        })
        .collect()
}
