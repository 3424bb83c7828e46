//! `lockstep resync`.

use super::access;
use super::args::ResyncArguments;
use super::context::{Context, Shown};
use super::failure::{Failure, count};
use crate::admin::{Resync, ResyncWhich};
use crate::sync::calls_to_look;

/// Has records compared again.
pub async fn run(context: &Context, arguments: ResyncArguments) -> Result<Shown, Failure> {
    let which = match arguments {
        ResyncArguments { all: true, .. } => ResyncWhich::All,
        ResyncArguments { since: Some(since), .. } => ResyncWhich::Since(since),
        ResyncArguments { ids, .. } => ResyncWhich::Ids(ids),
    };
    let found = access::operations(context).await?.resync(Resync { which }).await?;
    let number = usize::try_from(found.records).unwrap_or(usize::MAX);
    let text = || {
        if number == 0 {
            return "Nothing to compare: no link is among them.\n".to_owned();
        }
        let calls = usize::try_from(calls_to_look(found.records)).unwrap_or(usize::MAX);
        let (records, calls) = (count(number, "record"), count(calls, "call"));
        format!("{records} to be compared again: {calls} to Salesforce at most, and what is then written.\n")
    };
    Ok(Shown::well(context.show(&found, text)))
}
