//! Makes a failing run small: whatever can be left out without the rule holding again is left out.

use super::{Plan, play};

/// The smallest plan found that still breaks a rule.
pub fn shrunk(mut plan: Plan) -> Plan {
    let fails = |plan: &Plan| play(plan).broken.is_some();
    loop {
        let mut smaller = None;
        let mut chunk = plan.steps.len().div_ceil(2);
        while chunk > 0 && smaller.is_none() {
            smaller = (0..plan.steps.len()).step_by(chunk).find_map(|from| {
                let mut attempt = plan.clone();
                attempt.steps.drain(from..(from + chunk).min(plan.steps.len()));
                fails(&attempt).then_some(attempt)
            });
            chunk /= 2;
        }
        let smaller = smaller.or_else(|| {
            (0..plan.rates.len()).find_map(|fault| {
                let mut attempt = plan.clone();
                attempt.rates.remove(fault);
                fails(&attempt).then_some(attempt)
            })
        });
        match smaller {
            Some(smaller) => plan = smaller,
            None => return plan,
        }
    }
}
