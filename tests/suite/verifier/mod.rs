//! The verifier, held against brute force: thousands of small tables, each played out by the real decision and judged
//! by rules that know nothing of groups or laws.

mod flows;
mod play;
mod tables;

use lockstep::mapping::{Mapping, Unlawful, Violation, violations};
use lockstep::model::{Side, Target};
use lockstep::reconcile::Decision;
use lockstep::verify::{Domain, Person, State, World, problems};
use play::{Change, Judge};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

/// Tables tried by the suite; `LOCKSTEP_TABLES` asks for more.
fn tables() -> u64 {
    std::env::var("LOCKSTEP_TABLES").ok().and_then(|count| count.parse().ok()).unwrap_or(1_000)
}

#[test]
fn what_the_verifier_accepts_never_goes_wrong_and_what_it_refuses_does() {
    let (mut accepted, mut two_answers, mut drifts, mut opt_outs) = (0, 0, 0, 0);
    for seed in 0..tables() {
        let mut random = SmallRng::seed_from_u64(seed);
        let mapping = tables::random(&mut random);
        let found = violations(&mapping);
        if found.is_empty() {
            accepted += 1;
            let shown = tables::shown(&mapping);
            if let Some(problem) = problems(&mapping).first() {
                panic!("seed {seed}: lawful, and yet {}: {:?}\n{shown}", problem.message, problem.help);
            }
            if let Some(wrong) = play_out(&mapping, &mut random) {
                panic!("seed {seed}: accepted, and yet {wrong}\n{shown}");
            }
        }
        for violation in found {
            match violation.law {
                Unlawful::TwoAnswers => two_answers += 1,
                Unlawful::Drifts => drifts += 1,
                Unlawful::WritesOptOut => opt_outs += 1,
            }
            if let Err(went_well) = replay(&mapping, &violation) {
                panic!(
                    "seed {seed}: refused for {violation:?}, and yet {went_well}\n{}",
                    tables::shown(&mapping)
                );
            }
        }
    }
    println!("{accepted} accepted; refused: two answers {two_answers}, drifts {drifts}, opt-outs {opt_outs}");
    let all = [accepted, two_answers, drifts, opt_outs];
    assert!(all.iter().all(|count| *count > 5), "{all:?}");
}

/// Plays every single change from every pair that a row names, and some second ones, for every kind of record.
fn play_out(mapping: &Mapping, random: &mut SmallRng) -> Option<String> {
    let object = tables::OBJECT;
    let domain = Domain::of(mapping, object);
    for person in Person::kinds(mapping, object) {
        let world = person.world(mapping, object);
        let judge = Judge::new(&world);
        for start in judge.starts(&domain) {
            for change in Change::all(&domain) {
                let (then, wrong) = judge.play(&start, &change);
                if let Some(wrong) = wrong {
                    return Some(format!("from {start:?} by {change:?}: {wrong}"));
                }
                // What is held keeps its change for later: the next one would not be the only one.
                let rests =
                    then.baseline == State::quiet(then.salesforce.clone(), then.engage.clone()).baseline;
                if rests && random.random_range(0..6) == 0 {
                    let changes: Vec<Change> = Change::all(&domain).collect();
                    let second = &changes[random.random_range(0..changes.len())];
                    if let (_, Some(wrong)) = judge.play(&then, second) {
                        return Some(format!("from {start:?} by {change:?}, then {second:?}: {wrong}"));
                    }
                }
            }
        }
    }
    None
}

/// Plays the story that a refusal prints. `Err` says that nothing went wrong.
fn replay(mapping: &Mapping, violation: &Violation) -> Result<(), String> {
    let mut world = World::new(mapping, violation.object);
    world.record.extend(violation.record.iter().map(|(name, value)| (name.clone(), value.clone())));
    world.sequences.clone_from(&violation.sequences);
    let judge = Judge::new(&world);
    let (first, second) = (&mapping.rows[violation.rows.0], &mapping.rows[violation.rows.1]);
    match violation.law {
        Unlawful::TwoAnswers => {
            // Nobody chose between the two: the other order of the file would have written the other one.
            let mut turned = mapping.clone();
            turned.rows.reverse();
            let turned = turned.grouped();
            let mut other = World::new(&turned, violation.object);
            (other.record, other.sequences) = (world.record.clone(), world.sequences.clone());
            let before = judge.empty();
            let change = Change::Salesforce(violation.record.clone());
            let said = |world: &World<'_>| written(world, &change.on(&before));
            match (said(&world), said(&other)) {
                (Some(one), Some(two)) if one != two => Ok(()),
                // An opt-out wins in any order; then it is the other row whose word is broken.
                (Some(one), _) if one == "opted_out" && first.person != second.person => Ok(()),
                (one, two) => Err(format!("both orders of the rows say {one:?} and {two:?}")),
            }
        }
        Unlawful::WritesOptOut => {
            let mut fields = judge.empty().salesforce;
            fields.extend(violation.record.iter().map(|(name, value)| (name.clone(), value.clone())));
            let before = lockstep::model::FieldValue::text("nobody mapped this");
            let written = first.fields(violation.object).into_iter().flatten();
            fields.extend(written.map(|(name, _)| (name.clone(), before.clone())));
            let start = State::quiet(fields, judge.empty().engage);
            let (then, _) = judge.play(&start, &Change::Engage(first.person.clone()));
            match judge.is_out(&then) && !judge.is_out(&start) {
                true => Ok(()),
                false => Err("nobody was opted out".to_owned()),
            }
        }
        Unlawful::Drifts => {
            let mut fields = judge.empty().salesforce;
            fields.extend(
                second.fields(violation.object).into_iter().flatten().map(|(n, v)| (n.clone(), v.clone())),
            );
            let start = State::quiet(fields, second.person.clone());
            match judge.play(&start, &Change::Engage(first.person.clone())).1 {
                Some(_) => Ok(()),
                None => Err("the change came through".to_owned()),
            }
        }
    }
}

/// The person status that is written.
fn written(world: &World<'_>, state: &State) -> Option<String> {
    match world.decide(state).decision {
        Decision::Write(step) if step.side() == Side::Engage => match step.target {
            Target::Engage { status, .. } => Some(status.key().to_owned()),
            Target::Salesforce { .. } | Target::EngageDetails { .. } => None,
        },
        _ => None,
    }
}
