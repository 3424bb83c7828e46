//! Breadth first: every state that can be reached is looked at once, and the first rule that breaks has the shortest story.

use super::machine::Machine;
use super::state::{Move, State};
use std::collections::HashMap;

/// What a search found.
pub struct Found {
    /// States that can be reached.
    pub states: usize,
    /// Steps that were tried.
    pub steps: usize,
    /// The rule that was broken, and the shortest way there.
    pub broken: Option<(String, Vec<String>)>,
}

/// Looks at everything that can happen.
pub fn search(machine: &Machine<'_>) -> Found {
    let mut nodes: Vec<(State, Option<(usize, Move)>)> = Vec::new();
    let mut known: HashMap<State, ()> = HashMap::new();
    let mut steps = 0;
    for start in machine.starts() {
        if known.insert(start, ()).is_none() {
            nodes.push((start, None));
        }
    }
    let mut next = 0;
    while next < nodes.len() {
        let state = nodes[next].0;
        let settled = if machine.is_idle(&state) { machine.settles(&state) } else { Ok(()) };
        if let Err(rule) = settled {
            let told = story(machine, &nodes, next, format!("and then, left alone: {rule}"));
            return Found { states: nodes.len(), steps, broken: Some((rule, told)) };
        }
        for step in machine.moves(&state) {
            steps += 1;
            match machine.after(&state, step) {
                Ok(Some(then)) => {
                    if known.insert(then, ()).is_none() {
                        nodes.push((then, Some((next, step))));
                    }
                }
                Ok(None) => {}
                Err(rule) => {
                    let told = story(machine, &nodes, next, format!("{step:?}: {rule}"));
                    return Found { states: nodes.len(), steps, broken: Some((rule, told)) };
                }
            }
        }
        next += 1;
    }
    Found { states: nodes.len(), steps, broken: None }
}

fn story(
    machine: &Machine<'_>,
    nodes: &[(State, Option<(usize, Move)>)],
    mut at: usize,
    end: String,
) -> Vec<String> {
    let mut lines = vec![end];
    while let (state, Some((from, step))) = &nodes[at] {
        lines.push(machine.shown(*step, state));
        at = *from;
    }
    lines.reverse();
    lines
}
