//! `lockstep conflicts` and `lockstep conflicts resolve`.

use super::access;
use super::args::ConflictsCommand;
use super::context::{Context, Shown};
use super::failure::{Failure, count};
use super::table::{or_dash, table, time};
use crate::admin::{Conflict, Resolve};
use std::collections::BTreeMap;

/// Lists conflicts, or decides one.
pub async fn run(context: &Context, command: Option<ConflictsCommand>) -> Result<Shown, Failure> {
    let operations = access::operations(context).await?;
    let Some(ConflictsCommand::Resolve { id, take, by }) = command else {
        let found = operations.conflicts().await?;
        return Ok(Shown::waiting(context.show(&found, || list(&found)), !found.is_empty()));
    };
    let decided = operations.resolve(Resolve { id, take, by }).await?;
    Ok(Shown::well(context.show(&decided, || {
        let what = decided.iter().map(|conflict| conflict.id.as_str()).collect::<Vec<_>>().join(", ");
        format!(
            "Decided: {what} takes the value of {take}. It is carried out when the daemon next looks at it.\n"
        )
    })))
}

fn list(found: &[Conflict]) -> String {
    if found.is_empty() {
        return "No conflicts: nothing waits for a decision.\n".to_owned();
    }
    let mut groups: BTreeMap<&str, Vec<&Conflict>> = BTreeMap::new();
    for conflict in found {
        groups.entry(&conflict.kind).or_default().push(conflict);
    }
    let mut text = String::new();
    for (kind, conflicts) in groups {
        text.push_str(&format!("{} of kind {kind}\n", count(conflicts.len(), "conflict")));
        text.push_str(&table(
            ["id", "record", "prospect", "Salesforce", "Revenue Engage", "since (UTC)", "why"],
            conflicts.into_iter().map(row),
        ));
        text.push('\n');
    }
    text.push_str("Decide one with `lockstep conflicts resolve ID --take salesforce|engage --by NAME`.\n");
    text
}

fn row(conflict: &Conflict) -> [String; 7] {
    let mut why = conflict.reason.clone();
    if let Some(resolution) = &conflict.resolution {
        why.push_str(&format!(" (decided by {}: {})", resolution.by, resolution.take));
    }
    [
        conflict.id.clone(),
        or_dash(conflict.record.as_ref()),
        conflict.prospect.clone(),
        or_dash(conflict.salesforce.as_ref()),
        or_dash(conflict.engage.as_ref()),
        time(conflict.since),
        why,
    ]
}
