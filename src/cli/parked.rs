//! `lockstep parked`, `lockstep parked retry`, `lockstep parked drop`.

use super::access;
use super::args::{ParkedArguments, ParkedCommand};
use super::context::{Context, Shown};
use super::failure::{Failure, count};
use super::table::{table, time};
use crate::admin::{Count, Operations, ParkedRecord, Which};
use crate::event::escape;
use std::collections::BTreeMap;
use std::io::{BufRead, Write};

const NOTHING: &str = "Nothing is parked: no write was refused for good.\n";

/// Lists parked records, tries them again, or forgets them.
pub async fn run(context: &Context, command: Option<ParkedCommand>) -> Result<Shown, Failure> {
    let operations = access::operations(context).await?;
    let Some(command) = command else {
        let found = operations.parked().await?;
        return Ok(Shown::waiting(context.show(&found, || list(&found)), !found.is_empty()));
    };
    let (arguments, asks, done) = match &command {
        ParkedCommand::Retry(arguments) => (arguments, "Try all", "to be tried again"),
        ParkedCommand::Drop(arguments) => (arguments, "Forget all", "forgotten"),
    };
    let confirmed = confirmed(&*operations, arguments, asks).await?;
    if confirmed == Some(false) {
        return Err(Failure::WrongLine(
            "not confirmed, nothing was done; name an ID or add --yes".to_owned(),
        ));
    }
    let which = Which { id: arguments.id.clone() };
    let changed = match command {
        // What failed in passing waits for its next try, and is not parked: that there is nothing to ask about is not that
        // there is nothing to do.
        ParkedCommand::Retry(_) => operations.retry(which).await?,
        ParkedCommand::Drop(_) if confirmed.is_none() => Count { records: 0 },
        ParkedCommand::Drop(_) => operations.drop_parked(which).await?,
    };
    if confirmed.is_none() && changed.records == 0 {
        return Ok(Shown::well(context.show(&changed, || NOTHING.to_owned())));
    }
    let number = usize::try_from(changed.records).unwrap_or(usize::MAX);
    Ok(Shown::well(context.show(&changed, || format!("{} {done}.\n", count(number, "record")))))
}

/// Without an id it is all of them, and that is asked first (rulings.md 22). `None` when none is parked: nobody is asked.
async fn confirmed(
    operations: &dyn Operations,
    arguments: &ParkedArguments,
    asks: &str,
) -> Result<Option<bool>, Failure> {
    if arguments.id.is_some() || arguments.yes {
        return Ok(Some(true));
    }
    let number = operations.parked().await?.len();
    if number == 0 {
        return Ok(None);
    }
    let _ = write!(std::io::stderr().lock(), "{asks} {}? [y/N] ", count(number, "parked record"));
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    Ok(Some(read.is_ok() && matches!(line.trim(), "y" | "Y" | "yes")))
}

fn list(found: &[ParkedRecord]) -> String {
    if found.is_empty() {
        return NOTHING.to_owned();
    }
    let mut text = String::new();
    let mut groups: BTreeMap<&str, Vec<&ParkedRecord>> = BTreeMap::new();
    for parked in found {
        match parked.waiting {
            Some(waiting) => text.push_str(&held_row(parked, waiting)),
            None => groups.entry(&parked.code).or_default().push(parked),
        }
    }
    for (code, records) in groups {
        text.push_str(&format!("{} refused with {}\n", count(records.len(), "record"), escape(code)));
        text.push_str(&table(
            ["record", "prospect", "side", "attempts", "since (UTC)", "message"],
            records.into_iter().map(row),
        ));
        text.push('\n');
    }
    text.push_str("They are tried again when either side changes, by the daily sweep, or with `lockstep parked retry`.\n");
    text
}

/// All records of a held row, as one.
fn held_row(row: &ParkedRecord, waiting: u64) -> String {
    let waiting = count(usize::try_from(waiting).unwrap_or(usize::MAX), "record");
    let line = format!(
        "{}: {}; {waiting} wait since {}. One of them tries each day; `lockstep parked retry '{}'` tries all",
        row.reason,
        row.message,
        time(row.since),
        row.id
    );
    format!("{}\n\n", escape(&line))
}

fn row(parked: &ParkedRecord) -> [String; 6] {
    [
        parked.record.clone(),
        parked.prospect.clone(),
        parked.side.to_string(),
        parked.attempts.to_string(),
        time(parked.since),
        parked.message.clone(),
    ]
}
