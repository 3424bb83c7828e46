//! `lockstep status`.

use super::access;
use super::context::{Context, Exit, Shown};
use super::failure::{Failure, count};
use super::plan::NOBODY_LINKED;
use super::table::{grouped, or_dash, table, time};
use crate::admin::{SideState, SideStatus, Status};
use crate::model::Side;
use jiff::Timestamp;

/// Shows how things stand; with `check` only whether the daemon is ready.
pub async fn run(context: &Context, check: bool) -> Result<Shown, Failure> {
    if check {
        return health(context).await;
    }
    let status = access::operations(context).await?.status().await?;
    let waits =
        status.held > 0 || status.parked > 0 || !status.held_rows.is_empty() || status.plan_waits.is_some();
    Ok(Shown::waiting(context.show(&status, || screen(&status)), waits))
}

async fn health(context: &Context) -> Result<Shown, Failure> {
    let health = access::expected_daemon(context)?.health().await;
    if health.ready {
        return Ok(Shown::well("ready\n"));
    }
    Ok(Shown { text: format!("not ready: {}\n", crate::event::escape(&health.why_not)), exit: Exit::Failed })
}

fn screen(status: &Status) -> String {
    let state = match (status.running, status.paused) {
        (false, _) => "no daemon runs; this is what the store says",
        (true, true) => "running, and paused: it reads, and writes nothing until `lockstep resume`",
        (true, false) => "running",
    };
    let first_pass = if status.first_pass_done { "done" } else { "not done yet" };
    let mut text = format!("{}: {state}\n\n", status.tenant);
    let sides = Side::BOTH.map(|side| status.sides.get(side));
    let row =
        |name: &str, show: &dyn Fn(&SideStatus) -> String| [name.to_owned(), show(sides[0]), show(sides[1])];
    text.push_str(&table(
        ["", "Salesforce", "Revenue Engage"],
        [
            row("state", &side_state),
            row("last answer (UTC)", &|side| or_dash(side.last_answer.map(time))),
            row("read up to (UTC)", &|side| or_dash(side.cursor.as_deref().map(read_up_to))),
            row("behind", &|side| {
                or_dash(side.lag_ms.map(|ms| format!("{}.{} s", ms / 1000, ms % 1000 / 100)))
            }),
            row("calls left", &calls),
        ],
    ));
    text.push_str(&used(&status.sides.salesforce));
    text.push_str(&format!(
        "\nlinked {}   due {}   conflicts {}   parked {}   first pass {first_pass}\n",
        grouped(status.links),
        grouped(status.due),
        grouped(status.held),
        grouped(status.parked)
    ));
    if status.first_pass_done && status.links == 0 {
        text.push_str(NOBODY_LINKED);
    }
    for (waits, what) in [
        (status.held > 0, "`lockstep conflicts` lists what a person has to decide"),
        (status.parked > 0, "`lockstep parked` lists the writes that were refused"),
    ] {
        if waits {
            text.push_str(&format!("{what}\n"));
        }
    }
    if let Some(restored) = &status.restored {
        let (at, copy_of) = (time(restored.at), time(restored.copy_of));
        let why = crate::event::escape(&restored.why);
        text.push_str(&format!("put back on {at} from a copy of {copy_of}: {why}\n"));
        if status.restored_links > 0 {
            let links = grouped(status.restored_links);
            text.push_str(&format!("{links} links of it are not looked at, or not decided, yet\n"));
        }
    }
    for row in &status.held_rows {
        let rule = row.rule.as_deref().map(|rule| format!(" of {rule}")).unwrap_or_default();
        text.push_str(&crate::event::escape(&format!(
            "{} refuses {} ({}): the row{rule} is held and {} wait; one of them tries each day, all of them by `lockstep \
             parked retry '{}'`, or once the mapping or the value changes",
            row.side,
            row.id,
            row.code,
            count(usize::try_from(row.waiting).unwrap_or(usize::MAX), "record"),
            row.id
        )));
        text.push('\n');
    }
    if let Some(rejected) = &status.mapping_rejected {
        text.push_str(&format!(
            "the mapping file as it was read on {} has mistakes: the one before it stays in use, and a restart would fail until \
             they are mended; `lockstep check` shows them\n",
            time(rejected.at)
        ));
    }
    if let Some(why) = &status.plan_waits {
        let why = crate::event::escape(why);
        text.push_str(&format!(
            "a plan waits: {why}; `lockstep plan` shows it, `lockstep plan --apply` lets it through\n"
        ));
    }
    text
}

/// One line: how many of the day's calls were used, for what, and when they free.
fn used(side: &SideStatus) -> String {
    let (Some(left), Some(allowed)) = (side.calls_left, side.calls_allowed) else { return String::new() };
    let ours: u64 = side.calls_by_purpose.values().sum();
    let mut by: Vec<(&String, &u64)> = side.calls_by_purpose.iter().collect();
    by.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let by: Vec<String> =
        by.into_iter().map(|(purpose, count)| format!("{purpose} {}", grouped(*count))).collect();
    let by = if by.is_empty() { String::new() } else { format!(" ({})", by.join(", ")) };
    let kept = side.calls_kept_free.unwrap_or(0);
    let frees = match (left <= kept, side.calls_free_at) {
        (_, Some(at)) => format!("; what waits for calls goes on from {}", time(at)),
        (true, None) => "; what waits for calls goes on as others' calls leave the day".to_owned(),
        (false, None) => String::new(),
    };
    format!(
        "\nSalesforce calls in the last 24 h: {} of {} used, {} of them ours{by}; {} are kept for others{frees}\n",
        grouped(allowed.saturating_sub(left)),
        grouped(allowed),
        grouped(ours),
        grouped(kept)
    )
}

fn side_state(side: &SideStatus) -> String {
    let state = match side.state {
        SideState::Unknown => "not asked yet",
        SideState::Well if side.listening => "well, listening to events",
        SideState::Well => "well",
        SideState::Failing => "failing, tried again",
        SideState::QuotaExceeded => "quota used up, resumes alone",
        SideState::Stopped => "stopped until mended",
    };
    match &side.why {
        Some(why) => format!("{state}: {why}"),
        None => state.to_owned(),
    }
}

fn calls(side: &SideStatus) -> String {
    match (side.calls_left, side.calls_allowed) {
        (Some(left), Some(allowed)) => format!("{} of {}", grouped(left), grouped(allowed)),
        (left, _) => or_dash(left.map(grouped)),
    }
}

/// The times inside a connector's cursors, which have more in them than a screen has room for.
fn read_up_to(cursor: &str) -> String {
    let times = cursor.split('"').filter_map(|word| word.parse::<Timestamp>().ok());
    times.min().map_or_else(|| "the beginning".to_owned(), time)
}
