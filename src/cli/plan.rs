//! `lockstep plan`.

use super::access;
use super::context::{Context, Shown};
use super::failure::Failure;
use super::progress::Progress;
use super::run::system_clock;
use super::table::{grouped, or_dash, table};
use crate::admin::{ApplyPlan, Operations, Plan, PlannedRecord};
use crate::event::escape;
use crate::store::{Store, StoreOptions};
use crate::sync::Engine;
use anyhow::Context as _;
use schemars::JsonSchema;
use serde::Serialize;
use std::path::PathBuf;

/// What a screen says that would be empty, and what fills it.
pub(super) const NOBODY_LINKED: &str = "\
nobody is linked. A person in Revenue Engage is linked to the Lead or Contact that it names, if the mapping takes that in, else
to the only one with the same email address, as `[new]` in the mapping says; `lockstep check --live` says what this user sees
";

/// What `plan --apply` did.
#[derive(Serialize, JsonSchema)]
pub(super) struct Applied {
    /// Always true: what is not let through is an error.
    applied: bool,
    /// How many records may be written now.
    records: u64,
}

/// Shows what a run would do now, or lets the plan that waits through.
pub async fn run(context: &Context, apply: Option<String>, all: bool) -> Result<Shown, Failure> {
    if let Some(id) = apply {
        let apply = ApplyPlan { id: Some(id).filter(|id| !id.is_empty()) };
        let count = access::operations(context).await?.apply_plan(apply).await?;
        let text = || {
            let records = grouped(count.records);
            format!(
                "Let through: {records} records, as they were decided. What has changed since is asked about again.\n"
            )
        };
        return Ok(Shown::well(context.show(&Applied { applied: true, records: count.records }, text)));
    }
    let mut progress = Progress::start("asking both systems what they hold");
    let (plan, linked) = match access::running(context).await? {
        Some(daemon) => (daemon.plan().await?, daemon.status().await?.links),
        None => without_daemon(context, &mut progress).await?,
    };
    drop(progress);
    Ok(Shown::waiting(context.show(&plan, || text(&plan, linked, all)), plan.waits.is_some()))
}

/// No daemon runs: both systems are asked from here, by what the store remembers. Before the first run there is no store
/// yet; an empty one is used that goes away again, so that nothing is left behind. Tells how many are linked, too.
async fn without_daemon(context: &Context, progress: &mut Progress) -> Result<(Plan, u64), Failure> {
    let config = context.load()?.config;
    let mapping = crate::verify::load(&config.mapping)?.mapping;
    let scratch = Scratch::new();
    let dir = if config.store.path.exists() { config.store.path.clone() } else { scratch.0.clone() };
    let tenant = config.tenant.clone();
    let opened = tokio::task::spawn_blocking(move || Store::open(&dir, &tenant, StoreOptions::default()));
    let store = opened.await.context("opening the store")?.map_err(anyhow::Error::from)?;
    let linked = store.read(|reader| reader.link_count()).await.map_err(anyhow::Error::from)?;
    let engine = Engine::new(&config, mapping, store, system_clock()).map_err(anyhow::Error::from)?;
    progress.follow(engine.long_work());
    let plan = super::planned::plan(&engine).await.map_err(anyhow::Error::from)?;
    Ok((plan, linked))
}

/// A directory that goes away with the command.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Scratch {
        Scratch(std::env::temp_dir().join(format!("lockstep-plan-{}", uuid::Uuid::new_v4().simple())))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // It may never have been made; and it lies in the temporary directory.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn text(plan: &Plan, linked: u64, all: bool) -> String {
    if plan.records.is_empty() && plan.groups.is_empty() {
        return match linked {
            0 => format!("Nothing to do: {NOBODY_LINKED}"),
            _ => "Nothing to do: everything that is linked agrees.\n".to_owned(),
        };
    }
    let groups = plan.groups.iter().map(|group| {
        let more = if group.count > group.samples.len() as u64 { ", ..." } else { "" };
        let samples = format!("{}{more}", group.samples.join(", "));
        [grouped(group.count), group.what.clone(), or_dash(group.rule.as_ref()), samples]
    });
    let mut text = table(["records", "what", "rule", "such as"], groups);
    if !all && !plan.records.is_empty() {
        text.push_str("\n`lockstep plan --all` lists every record, with its reason.\n");
    }
    if all && !plan.records.is_empty() {
        text.push('\n');
        let heading = ["record", "prospect", "what", "from", "to", "rule", "why"];
        text.push_str(&table(heading, plan.records.iter().map(row)));
    }
    if plan.calls > 0 {
        let left = plan.calls_left.map(|left| format!("; {} may be spent now", grouped(left)));
        text.push_str(&format!(
            "\nCarrying this out takes about {} calls to Salesforce{}.\n",
            grouped(plan.calls),
            left.unwrap_or_default()
        ));
    }
    if let Some(why) = &plan.waits {
        text.push_str(&format!(
            "\nThis plan waits: {}.\nExactly this is let through by `lockstep plan --apply{}`.\n",
            escape(why),
            plan.id.as_ref().map(|id| format!(" {id}")).unwrap_or_default()
        ));
    }
    text
}

fn row(record: &PlannedRecord) -> [String; 7] {
    let what = match record.side {
        Some(side) => format!("{} in {side}", record.what),
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
