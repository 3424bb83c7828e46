//! `lockstep plan`.

use super::access;
use super::context::{Context, Shown};
use super::failure::Failure;
use super::table::{grouped, or_dash, table};
use crate::admin::{Plan, PlannedRecord};
use crate::event::escape;
use serde_json::json;

/// Shows what a run would do now, or lets the plan that waits through.
pub async fn run(context: &Context, apply: bool) -> Result<Shown, Failure> {
    let operations = access::operations(context).await?;
    if apply {
        operations.apply_plan().await?;
        let text = || "The next plan that is over its limit goes through, once.\n".to_owned();
        return Ok(Shown::well(context.show(&json!({"applied": true}), text)));
    }
    let plan = operations.plan().await?;
    Ok(Shown::waiting(context.show(&plan, || text(&plan)), plan.waits.is_some()))
}

fn text(plan: &Plan) -> String {
    if plan.records.is_empty() && plan.groups.is_empty() {
        return "Nothing to do: everything that is linked agrees.\n".to_owned();
    }
    let groups = plan.groups.iter().map(|group| [grouped(group.count), group.what.clone()]);
    let mut text = table(["records", "what"], groups);
    if !plan.records.is_empty() {
        text.push('\n');
        let heading = ["record", "prospect", "what", "from", "to", "rule", "why"];
        text.push_str(&table(heading, plan.records.iter().map(row)));
    }
    if let Some(why) = &plan.waits {
        text.push_str(&format!(
            "\nThis plan waits: {}. `lockstep plan --apply` lets it through, once.\n",
            escape(why)
        ));
    }
    text
}

fn row(record: &PlannedRecord) -> [String; 7] {
    let what = match record.side {
        Some(side) => format!("{} {side}", record.what),
        None => record.what.clone(),
    };
    [
        or_dash(record.record.as_ref()),
        record.prospect.clone(),
        what,
        or_dash(record.from.as_ref()),
        or_dash(record.to.as_ref()),
        or_dash(record.rule.as_ref()),
        record.reason.clone(),
    ]
}
