//! The company's own flows, played against the mapping: two automations that answer each other through us never settle.

use super::domain::{Domain, Person};
use super::world::{State, World};
use crate::diagnostic::Problem;
use crate::mapping::{Automation, Mapping, SideValue};
use crate::model::{FieldValue, Fields, PersonStatus, SalesforceObject, Side, Target};
use crate::reconcile::Decision;

/// After so many moves of automations in a row it is a loop: no chain is longer than there are automations.
fn chain_max(mapping: &Mapping) -> usize {
    mapping.automations.len() + 1
}

/// Writes of ours that one change of somebody else's may lead to (`sync.md` part 4, rule 7, and the answer to a flow).
const WRITES_MAX: usize = 2;

/// What went wrong, told from its beginning, and the places of the file that caused it.
struct Story {
    lines: Vec<String>,
    spans: Vec<std::ops::Range<usize>>,
    ours: bool,
}

/// Flows that loop by themselves, or through us: the shortest story of each kind.
pub(super) fn problems(mapping: &Mapping) -> Vec<Problem> {
    if mapping.automations.is_empty() {
        return Vec::new();
    }
    let mut shortest: [Option<Story>; 2] = [None, None];
    for object in SalesforceObject::BOTH.into_iter().filter(|object| mapping.object(*object).is_some()) {
        let domain = Domain::of(mapping, object);
        for person in Person::kinds(mapping, object) {
            let world = person.world(mapping, object);
            for start in starts(&world, &domain) {
                for (what, changed) in changes(&world, &domain, &start) {
                    let Some(story) = play(&world, &start, what, changed) else { continue };
                    let kept = &mut shortest[usize::from(story.ours)];
                    if kept.as_ref().is_none_or(|kept| kept.lines.len() > story.lines.len()) {
                        *kept = Some(story);
                    }
                }
            }
        }
    }
    shortest.into_iter().flatten().map(problem).collect()
}

fn problem(story: Story) -> Problem {
    let problem = match story.ours {
        false => Problem::error("M050", "these automations answer each other for ever"),
        true => Problem::error("M051", "an automation and this mapping would fight over a record"),
    };
    let problem = story.spans.iter().fold(problem, |problem, span| problem.at(span.clone(), ""));
    let lines: Vec<String> =
        story.lines.iter().enumerate().map(|(index, line)| format!("{}. {line}", index + 1)).collect();
    problem.help(lines.join("\n")).help(match story.ours {
        false => "change one of the flows in Salesforce, or take out what they do not do",
        true => "give one of the rows a `way` that does not write back, or change the flow",
    })
}

/// Pairs that agree, and that no automation moves.
fn starts(world: &World<'_>, domain: &Domain) -> Vec<State> {
    let relation = world.relation();
    let mut starts = Vec::new();
    for salesforce in &domain.salesforce {
        let unmapped =
            |engage: &PersonStatus| !relation.knows_fields(salesforce) && !relation.knows_status(engage);
        let agree = |engage: &&PersonStatus| relation.agree(salesforce, engage) || unmapped(engage);
        for engage in domain.engage.iter().filter(agree) {
            let mut fields = salesforce.clone();
            if let Some(name) = &domain.opt_out {
                fields.insert(name.clone(), FieldValue::Bool(engage.is_opted_out()));
            }
            let state = State::quiet(fields, engage.clone());
            if !world.mapping.automations.iter().any(|automation| fires(world, automation, &state, None)) {
                starts.push(state);
            }
        }
    }
    starts
}

/// Every single change of either side, in words, and the person after it.
fn changes<'a>(
    world: &'a World<'_>,
    domain: &'a Domain,
    start: &'a State,
) -> impl Iterator<Item = ((String, Side), State)> + 'a {
    let salesforce = domain.salesforce.iter().map(|fields| {
        let mut state = start.clone();
        state.salesforce.extend(fields.iter().map(|(name, value)| (name.clone(), value.clone())));
        ((format!("somebody sets the {} to {}", world.object, shown(fields)), Side::Salesforce), state)
    });
    let engage = domain.engage.iter().map(|status| {
        let state = State { engage: status.clone(), ..start.clone() };
        ((format!("somebody makes the person {}", world.mapping.label(status)), Side::Engage), state)
    });
    salesforce.chain(engage).filter(move |(_, state)| state != start)
}

/// Plays one change to its end. `None` when it settles.
fn play(world: &World<'_>, start: &State, (what, side): (String, Side), changed: State) -> Option<Story> {
    let mapping = world.mapping;
    let mut story = Story {
        lines: vec![
            format!(
                "a {} says {}, and the person is {}",
                world.object,
                shown(&start.salesforce),
                mapping.label(&start.engage)
            ),
            what,
        ],
        spans: Vec::new(),
        ours: false,
    };
    let mut state = changed;
    if !run_flows(world, &mut state, side, &mut story) {
        return Some(story);
    }
    let mut writes = 0;
    loop {
        let verdict = world.decide(&state);
        let next = world.after(&state, &verdict);
        let Decision::Write(step) = &verdict.decision else { return None };
        writes += 1;
        let row = step.rule.as_ref().and_then(|rule| mapping.rows.iter().find(|row| row.line == rule.line));
        if let Some(row) = row.filter(|row| !story.spans.contains(&row.span)) {
            story.spans.push(row.span.clone());
        }
        let line = row.map_or_else(String::new, |row| format!(" (line {})", row.line));
        story.lines.push(match &step.target {
            Target::EngageDetails { .. } => "Lockstep sets further fields".to_owned(),
            Target::Engage { status, .. } => {
                format!("Lockstep makes the person {}{line}", mapping.label(status))
            }
            Target::Salesforce { fields } => {
                format!("Lockstep sets the {} to {}{line}", world.object, shown(fields))
            }
        });
        state = next;
        let side = step.side();
        if !run_flows(world, &mut state, side, &mut story) {
            return Some(story);
        }
        if writes > WRITES_MAX {
            story.ours = true;
            story.lines.push("and so on: it never settles".to_owned());
            return Some(story);
        }
    }
}

/// Lets the flows of the side that moved answer, and then those that answer them. `false` when they never come to rest.
fn run_flows(world: &World<'_>, state: &mut State, mut side: Side, story: &mut Story) -> bool {
    for _ in 0..chain_max(world.mapping) {
        let fires = |automation: &&Automation| fires(world, automation, state, Some(side));
        let Some(automation) = world.mapping.automations.iter().find(fires) else { return true };
        if !story.spans.contains(&automation.span) {
            story.spans.push(automation.span.clone());
        }
        match &automation.then {
            SideValue::Salesforce(_, fields) => {
                state.salesforce.extend(fields.iter().map(|(name, value)| (name.clone(), value.clone())));
                story.lines.push(format!(
                    "a flow (line {}) sets the {} to {}",
                    automation.line,
                    world.object,
                    shown(fields)
                ));
                side = Side::Salesforce;
            }
            SideValue::Engage(status) => {
                state.engage = status.clone();
                let label = world.mapping.label(status);
                story.lines.push(format!("a flow (line {}) makes the person {label}", automation.line));
                side = Side::Engage;
            }
        }
    }
    story.lines.push("and so on: the flows never come to rest".to_owned());
    false
}

/// Whether a flow answers what a person holds now: its `on` is there, on the side that moved, and its `then` is not.
fn fires(world: &World<'_>, automation: &Automation, state: &State, moved: Option<Side>) -> bool {
    let is = |value: &SideValue| match value {
        SideValue::Salesforce(object, fields) => {
            *object == world.object
                && fields.iter().all(|(name, value)| state.salesforce.get(name) == Some(value))
        }
        SideValue::Engage(status) => *status == state.engage,
    };
    let on = match &automation.on {
        SideValue::Salesforce(..) => Side::Salesforce,
        SideValue::Engage(_) => Side::Engage,
    };
    let elsewhere = matches!(&automation.then, SideValue::Salesforce(object, _) if *object != world.object);
    moved.is_none_or(|moved| moved == on) && !elsewhere && is(&automation.on) && !is(&automation.then)
}

fn shown(fields: &Fields) -> String {
    let said = |value: &FieldValue| *value != FieldValue::Bool(false);
    let values = fields.values().filter(|value| said(value)).map(ToString::to_string);
    values.collect::<Vec<_>>().join(", ")
}
