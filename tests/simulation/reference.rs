//! A second synchronizer, written from the specification alone (`sync.md` part 2, for Leads): it shares no code with the one
//! that is tested, knows the company by the rows it was made from, and says what should have been decided.

use super::company::{Company, OUT};

/// What both sides hold, or held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pair {
    /// `Lead.Status`.
    pub value: &'static str,
    /// The opt-out box.
    pub ticked: bool,
    /// The person status.
    pub status: &'static str,
}

impl Pair {
    /// Which sides say "opted out", Salesforce first.
    pub fn out(&self) -> [bool; 2] {
        [self.ticked || self.value == OUT, self.status == "opted_out"]
    }
}

/// When each side's value was set, in seconds of one clock.
#[derive(Debug, Clone, Copy)]
pub struct SetAt {
    /// Salesforce, and whether that is exact; if not it was not later. `None`: not known.
    pub salesforce: Option<(i64, bool)>,
    /// Engage.
    pub engage: i64,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// Nothing.
    Nothing,
    /// What both hold now is what counts from now on.
    Adopt,
    /// A person has to decide.
    Hold,
    /// The status that Engage gets.
    Engage(&'static str),
    /// The value and the tick that Salesforce holds afterwards.
    Salesforce(&'static str, bool),
}

/// Everything that is known.
#[derive(Debug, Clone)]
pub struct Known {
    /// What both hold.
    pub now: Pair,
    /// What both held when they last agreed.
    pub base: Option<Pair>,
    /// On which sides the person has been seen opted out.
    pub latch: [bool; 2],
    /// When Engage had said "opted out", once both were known to say it, in seconds.
    pub said: Option<i64>,
    /// When the Salesforce record was last touched, in seconds.
    pub touched: i64,
    /// The side that an operator took, Salesforce first.
    pub taken: Option<usize>,
    /// When.
    pub set_at: SetAt,
}

/// What should be decided.
pub fn decide(company: &Company, known: &Known) -> Told {
    let (now, base) = (&known.now, known.base.as_ref());
    let out = now.out();
    if out == [true, true] {
        return adopt(known);
    }
    let held = base.map_or([false; 2], Pair::out);
    let seen = if known.latch == [false; 2] { held } else { known.latch };
    // One that the other side was never told of, or one that is new here.
    if out[0] && !(seen[0] && seen[1]) {
        return to_engage(known, Some("opted_out"));
    }
    if out[1] && !(seen[0] && seen[1]) {
        return to_salesforce(known, OUT, true);
    }
    if seen != [false, false] {
        return taken_back(company, known, out, seen);
    }
    ordinary(company, known)
}

/// Somebody took an opt-out back.
fn taken_back(company: &Company, known: &Known, out: [bool; 2], seen: [bool; 2]) -> Told {
    match known.taken {
        Some(0) if out[0] => return to_engage(known, Some("opted_out")),
        Some(1) if out[1] => return to_salesforce(known, OUT, true),
        // Said again since both said it: whatever is to become of the clearing.
        None if out[1] && known.said.is_some_and(|said| said != known.set_at.engage) => {
            return to_salesforce(known, OUT, true);
        }
        None if !company.follows_cleared => return Told::Hold,
        // Another record said so, and Engage was never told.
        None if known.base.is_none() && seen == [true, false] && out == [false, false] => return Told::Hold,
        // Edited since, and says so still: says so anew.
        None if out[0] && known.base.as_ref().is_some_and(|base| record(base) != record(&known.now)) => {
            return to_engage(known, Some("opted_out"));
        }
        // It may have been ticked anew since the other side was cleared.
        None if out[0] && known.touched > known.set_at.engage => return Told::Hold,
        _ => {}
    }
    match out {
        [true, _] => match company.outbound(known.now.status) {
            Some(OUT) => Told::Hold,
            Some(value) => to_salesforce(known, value, false),
            None if known.now.value == OUT => Told::Hold,
            None => to_salesforce(known, known.now.value, false),
        },
        [false, true] => match company.inbound(known.now.value) {
            Some(status) => to_engage(known, Some(status)),
            None => Told::Hold,
        },
        _ => ordinary(company, known),
    }
}

/// What Salesforce holds.
fn record(pair: &Pair) -> (&'static str, bool) {
    (pair.value, pair.ticked)
}

fn ordinary(company: &Company, known: &Known) -> Told {
    let now = &known.now;
    if let Some(side) = known.taken {
        return take(company, known, side);
    }
    let related = company.agree(now.value, now.status)
        || !company.mentions_value(now.value) && !company.mentions_status(now.status);
    let Some(base) = &known.base else {
        return match company.disagree {
            _ if related => adopt(known),
            "adopt" => adopt(known),
            "apply" => contest(company, known),
            _ => Told::Hold,
        };
    };
    let changed = [record(base) != record(now), base.status != now.status];
    match changed {
        [false, false] => Told::Nothing,
        _ if related => adopt(known),
        [true, false] => take(company, known, 0),
        [false, true] => take(company, known, 1),
        [true, true] => contest(company, known),
    }
}

/// Both changed.
fn contest(company: &Company, known: &Known) -> Told {
    match company.winner {
        "salesforce" => take(company, known, 0),
        "engage" => take(company, known, 1),
        "newest" => {
            let Some((salesforce, exact)) = known.set_at.salesforce else { return Told::Hold };
            match known.set_at.engage - salesforce {
                121.. => take(company, known, 1),
                ..=-121 if exact => take(company, known, 0),
                _ => Told::Hold,
            }
        }
        _ => Told::Hold,
    }
}

/// One side's value goes to the other.
fn take(company: &Company, known: &Known, side: usize) -> Told {
    let now = &known.now;
    if company.agree(now.value, now.status)
        || !company.mentions_value(now.value) && !company.mentions_status(now.status)
    {
        return adopt(known);
    }
    match side {
        0 => match company.inbound(now.value) {
            Some(status) => to_engage(known, Some(status)),
            None => adopt(known),
        },
        _ => match company.outbound(now.status) {
            Some(value) => to_salesforce(known, value, now.ticked),
            None => adopt(known),
        },
    }
}

fn adopt(known: &Known) -> Told {
    if known.base.as_ref() == Some(&known.now) { Told::Nothing } else { Told::Adopt }
}

fn to_engage(known: &Known, status: Option<&'static str>) -> Told {
    let bounced = known.now.status == "bounced";
    match status {
        // A bounced prospect cannot be opted out, and only people move one on: unless one has said so.
        Some("opted_out") if bounced => Told::Hold,
        Some(_) if bounced && known.taken.is_none() => Told::Hold,
        Some(status) => Told::Engage(status),
        None => adopt(known),
    }
}

fn to_salesforce(known: &Known, value: &'static str, ticked: bool) -> Told {
    match known.now.value == value && known.now.ticked == ticked {
        true => adopt(known),
        false => Told::Salesforce(value, ticked),
    }
}
