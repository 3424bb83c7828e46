//! Makes a failing run small: whatever can be left out without the rule holding again is left out.

use super::{Plan, play};

/// The smallest plan found that still breaks the same rule.
pub fn shrunk(mut plan: Plan) -> Plan {
    let rule = |plan: &Plan| {
        let broken = play(plan).broken?;
        Some(broken.split(':').next().unwrap_or_default().to_owned())
    };
    let Some(first) = rule(&plan) else { return plan };
    let fails = |plan: &Plan| rule(plan).as_ref() == Some(&first);
    loop {
        let found = smaller(&plan).find(&fails);
        match found {
            Some(found) => plan = found,
            None => return plan,
        }
    }
}

/// Everything that is a little smaller, the smallest first.
fn smaller(plan: &Plan) -> impl Iterator<Item = Plan> + '_ {
    let sizes = std::iter::successors(Some(plan.steps.len().div_ceil(2)), |size| Some(size / 2));
    let steps = sizes.take_while(|size| *size > 0).flat_map(move |size| {
        (0..plan.steps.len()).step_by(size).map(move |from| {
            let mut attempt = plan.clone();
            attempt.steps.drain(from..(from + size).min(plan.steps.len()));
            attempt
        })
    });
    let rates = (0..plan.rates.len()).map(|fault| {
        let mut attempt = plan.clone();
        attempt.rates.remove(fault);
        attempt
    });
    let calm = [
        Plan { people: plan.people - 1, ..plan.clone() },
        Plan { page_rows: 2_000, ..plan.clone() },
        Plan { skew: [0, 0], ..plan.clone() },
    ];
    let calm = calm.into_iter().filter(|attempt| {
        attempt.people > 0
            && (attempt.people, attempt.page_rows, attempt.skew) != (plan.people, plan.page_rows, plan.skew)
    });
    steps.chain(rates).chain(calm)
}
