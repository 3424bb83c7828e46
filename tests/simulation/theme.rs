//! Days on which one thing goes wrong again and again, and what meets it happens often. A day that draws everything at random
//! hardly ever brings the two together that a mistake needs.

use super::plan::{Plan, Step};
use super::{Act, FAULTS, Fault};
use Act::*;
use rand::prelude::*;
use rand::rngs::StdRng;
use std::ops::Range;

/// What a day is about.
struct Theme {
    /// As the story names it.
    name: &'static str,
    /// What happens before anything else, in this order.
    opening: &'static [Act],
    /// What happens after that; what stands here twice happens twice as often.
    acts: &'static [Act],
    /// What goes wrong: one or two of these.
    faults: &'static [Fault],
    /// How likely it is that faults strike calls that write and their records alone.
    aimed: f64,
    /// How many people there are.
    people: Range<usize>,
    /// Whether a listing has more than one page.
    pages: bool,
    /// How often hours pass, of 32 steps.
    hours: u32,
}

const LOST: &[Fault] = &[
    Fault::NotSent,
    Fault::NoAnswer,
    Fault::ServerError,
    Fault::ErrorAfter,
    Fault::NoJson,
    Fault::KilledBefore,
    Fault::KilledAfter,
    Fault::DiesInFlush,
    Fault::DiesAfterFlush,
    Fault::HalfAnswer,
    Fault::Overtaken,
    Fault::TooMany,
];

const DEATHS: &[Fault] =
    &[Fault::DiesInFlush, Fault::DiesAfterFlush, Fault::DiskRefuses, Fault::KilledBefore, Fault::KilledAfter];

const THEMES: &[Theme] = &[
    Theme {
        name: "answers are lost",
        opening: &[],
        acts: &[SetInSalesforce, SetInEngage, SetInEngage, Everybody, Unsubscribe],
        faults: LOST,
        aimed: 0.9,
        people: 1..5,
        pages: false,
        hours: 2,
    },
    Theme {
        name: "others are faster",
        opening: &[],
        acts: &[SetInSalesforce, SetInEngage],
        faults: &[Fault::ActsMeanwhile],
        aimed: 0.6,
        people: 1..4,
        pages: false,
        hours: 2,
    },
    Theme {
        name: "records go while they are carried over",
        opening: &[],
        acts: &[
            SetInSalesforce,
            SetInSalesforce,
            SetInEngage,
            Delete,
            Convert,
            Merge,
            Undelete,
            DeleteProspect,
        ],
        faults: &[Fault::ActsMeanwhile, Fault::Overtaken],
        aimed: 0.3,
        people: 1..5,
        pages: false,
        hours: 2,
    },
    Theme {
        name: "opt-outs come and go",
        opening: &[],
        acts: &[
            Unsubscribe,
            Tick,
            ClearInSalesforce,
            ClearInSalesforce,
            ClearInEngage,
            SetInSalesforce,
            SetInEngage,
        ],
        faults: LOST,
        aimed: 0.9,
        people: 1..4,
        pages: false,
        hours: 2,
    },
    Theme {
        name: "rules refuse",
        opening: &[Rule, Rule, SetInEngage, SetInEngage, Everybody],
        acts: &[
            SetInEngage,
            SetInEngage,
            SetInSalesforce,
            Everybody,
            Rule,
            Unsubscribe,
            Convert,
            Retire,
            Touch,
        ],
        faults: &FAULTS,
        aimed: 0.3,
        people: 2..6,
        pages: true,
        hours: 2,
    },
    Theme {
        name: "Leads are frozen",
        opening: &[Freeze, SetInEngage, Everybody, SetInEngage],
        acts: &[SetInEngage, Everybody, Unsubscribe, Touch],
        faults: &FAULTS,
        aimed: 0.0,
        people: 2..5,
        pages: true,
        hours: 2,
    },
    Theme {
        name: "calls carry many rows",
        opening: &[Rule, Unsubscribe],
        acts: &[Everybody, Everybody, SetInEngage, Rule, Unsubscribe],
        faults: &[Fault::Locked, Fault::HalfAnswer, Fault::ActsMeanwhile, Fault::NoAnswer, Fault::Overtaken],
        aimed: 0.6,
        people: 3..7,
        pages: false,
        hours: 2,
    },
    Theme {
        name: "automations answer",
        opening: &[Flow, Flow],
        acts: &[SetInEngage, SetInEngage, SetInSalesforce, Everybody, Flow, LateFlow],
        faults: LOST,
        aimed: 0.9,
        people: 1..4,
        pages: false,
        hours: 2,
    },
    Theme {
        name: "it dies again and again",
        opening: &[],
        acts: &[SetInSalesforce, SetInEngage, Unsubscribe, LongTransaction],
        faults: DEATHS,
        aimed: 0.0,
        people: 1..5,
        pages: false,
        hours: 6,
    },
    Theme {
        name: "users pause",
        opening: &[Pause],
        acts: &[Pause, SetInSalesforce, SetInSalesforce, Everybody],
        faults: LOST,
        aimed: 0.9,
        people: 1..4,
        pages: false,
        hours: 2,
    },
    Theme {
        name: "listings break off",
        opening: &[Rule, SetInEngage, Unsubscribe],
        acts: &[SetInSalesforce, SetInEngage, SetInEngage, Everybody, Rule, Touch],
        faults: &[
            Fault::LocatorExpired,
            Fault::PageRepeated,
            Fault::Elsewhere,
            Fault::NoJson,
            Fault::NoAnswer,
            Fault::ErrorAfter,
        ],
        aimed: 0.0,
        people: 3..6,
        pages: true,
        hours: 2,
    },
];

/// Makes a day that is about one thing.
pub(super) fn themed(plan: &mut Plan, random: &mut StdRng) {
    let theme = &THEMES[random.random_range(0..THEMES.len())];
    plan.theme = theme.name;
    plan.aimed = random.random_bool(theme.aimed);
    plan.people = random.random_range(theme.people.clone());
    plan.twins = false;
    plan.page_rows = if theme.pages { [1, 2][random.random_range(0..2)] } else { 2_000 };
    plan.acts = theme.acts.to_vec();
    let count = random.random_range(1..3);
    plan.rates =
        theme.faults.sample(random, count).map(|fault| (*fault, rate(*fault, plan.aimed, random))).collect();
    let opening = theme.opening.iter().map(|act| Step::Do(*act));
    let steps = random.random_range(6..24);
    let steps: Vec<Step> = opening.chain((0..steps).map(|_| step(theme.hours, random))).collect();
    plan.steps = steps.into_iter().map(|step| (step, random.random())).collect();
}

/// High, but so that a turn may still come to its end: one makes some ten calls and flushes.
fn rate(fault: Fault, aimed: bool, random: &mut StdRng) -> f64 {
    let rates = match fault {
        Fault::ActsMeanwhile | Fault::Slow | Fault::Stopped | Fault::ClockSet | Fault::Locked => [0.25, 0.5],
        Fault::LocatorExpired | Fault::PageRepeated | Fault::HalfAnswer | Fault::Overtaken => [0.25, 0.5],
        _ if aimed => [0.25, 0.5],
        Fault::DiesInFlush | Fault::DiesAfterFlush | Fault::DiskRefuses => [0.1, 0.25],
        _ => [0.05, 0.15],
    };
    rates[random.random_range(0..2)]
}

fn step(hours: u32, random: &mut StdRng) -> Step {
    match random.random_range(0..32) {
        place if place < hours => Step::Hours,
        0..15 => Step::Act,
        15..25 => Step::Poll,
        25..28 => Step::Due,
        28 => Step::Restart,
        29 => Step::Webhook,
        30 => Step::Resolve,
        _ => Step::Sweep,
    }
}
