//! What happened, for people: names instead of ids, and no line that tells nothing new.

use super::Outcome;

/// The story of a run, line by line; calls that only read are counted, unless they are asked for.
pub fn story(outcome: &Outcome, with_reads: bool) -> String {
    let mut lines = Vec::new();
    for (who, (lead, prospect, held)) in outcome.people.iter().enumerate() {
        lines.push(format!("person {who} is Lead {lead} and prospect {prospect}: {held}"));
    }
    let mut left_out = 0;
    for line in &outcome.story {
        // Only who reads something at a wrong moment is wrong, and then what they write tells it.
        let reads = line.contains(" LOCKSTEP GET ") && line.ends_with("-> 200") || line.contains("/oauth");
        if reads && !with_reads {
            left_out += 1;
            continue;
        }
        if left_out > 0 {
            lines.push(format!("{:16}LOCKSTEP reads ({left_out} calls that are answered)", ""));
            left_out = 0;
        }
        lines.push(named(outcome, line));
    }
    lines.join("\n")
}

/// A line with the people's numbers instead of their ids.
pub fn named(outcome: &Outcome, line: &str) -> String {
    let mut line = line.to_owned();
    for (who, (lead, prospect, _)) in outcome.people.iter().enumerate() {
        line = line
            .replace(lead.as_str(), &format!("Lead-{who}"))
            .replace(prospect.as_str(), &format!("Prospect-{who}"));
    }
    line
}
