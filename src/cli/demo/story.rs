//! The story: what somebody does on one side, and what both sides must say then.

use super::stage::{Person, Stage};
use std::fmt;
use std::time::{Duration, Instant};

/// How long a step may take to come true. The demo polls every second; a busy machine may need a few rounds.
const COMES_TRUE_WITHIN: Duration = Duration::from_secs(20);

/// How long nothing must happen for the two sides to count as quiet: three rounds of polling.
const QUIET_FOR: Duration = Duration::from_secs(3);

/// A step that did not come true.
#[derive(Debug)]
pub(super) struct Untrue {
    number: usize,
    title: &'static str,
    wanted: &'static str,
    said: String,
}

impl fmt::Display for Untrue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "step {} did not come true: {}\n  wanted: {}\n  both sides say: {}",
            self.number, self.title, self.wanted, self.said
        )
    }
}

/// What a person looks like from both sides, as the two systems answer it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Look {
    /// `Status` of the Lead.
    pub(super) lead: String,
    /// `HasOptedOutOfEmail` of the Lead.
    pub(super) opted_out: bool,
    /// The person status, by its label.
    pub(super) person: String,
    /// The states of the person's sequences.
    pub(super) sequences: Vec<String>,
}

impl fmt::Display for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ticked = if self.opted_out { ", email opt-out ticked" } else { "" };
        let sequences = match self.sequences.as_slice() {
            [] => String::new(),
            states => format!(", sequences {}", states.join(" and ")),
        };
        write!(f, "Salesforce: {}{ticked} | Revenue Engage: {}{sequences}", self.lead, self.person)
    }
}

struct Step {
    title: &'static str,
    who: Person,
    does: fn(&Stage, Person) -> anyhow::Result<()>,
    wanted: &'static str,
    holds: fn(&Look) -> bool,
}

const STEPS: &[Step] = &[
    Step {
        title: "both sides agree about Jane before anything happens",
        who: Person::Jane,
        does: |_, _| Ok(()),
        wanted: "the Lead is Attempting to contact, the person Approaching, the sequence runs",
        holds: |look| {
            look.lead == "Attempting to contact"
                && look.person == "Approaching"
                && look.sequences == ["active"]
        },
    },
    Step {
        title: "a salesperson sets Jane's Lead to Nurture in Salesforce",
        who: Person::Jane,
        does: |stage, who| stage.salesperson_sets_lead(who, "Nurture"),
        wanted: "the person is Success and the sequence is on hold; the Lead stays Nurture",
        holds: |look| look.lead == "Nurture" && look.person == "Success" && look.sequences == ["paused"],
    },
    Step {
        title: "a colleague finishes Omar as Not interested in Revenue Engage",
        who: Person::Omar,
        does: |stage, who| stage.colleague_finishes(who, "not_interested"),
        wanted: "the Lead says Not interested",
        holds: |look| look.lead == "Not interested" && look.person == "Not interested",
    },
    Step {
        title: "Mei clicks the unsubscribe link in an email",
        who: Person::Mei,
        does: |stage, who| stage.unsubscribes(who),
        wanted: "the Lead is Unsubscribed and its email opt-out is ticked",
        holds: |look| look.lead == "Unsubscribed" && look.opted_out && look.person == "Opted out",
    },
    Step {
        title: "Piotr has not answered for a week: Revenue Engage makes him Unresponsive",
        who: Person::Piotr,
        does: |stage, who| stage.becomes_unresponsive(who),
        wanted: "nothing is rewritten: Attempting to contact stands for Approaching and Unresponsive alike",
        holds: |look| look.lead == "Attempting to contact" && look.person == "Unresponsive",
    },
];

/// Tells the story, step by step, and ends at the first that does not come true.
pub(super) async fn tell(stage: &Stage, color: bool) -> Result<(), Box<Untrue>> {
    let (bold, plain) = if color { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
    for (number, step) in (1..).zip(STEPS) {
        println!("{bold}{number}. {}{plain}", step.title);
        let untrue = |said: String| Box::new(Untrue { number, title: step.title, wanted: step.wanted, said });
        (step.does)(stage, step.who).map_err(|error| untrue(format!("{error:#}")))?;
        let look = wait_for(stage, step).await.map_err(&untrue)?;
        println!("   {look}");
        println!("   as wanted: {}\n", step.wanted);
    }
    let number = STEPS.len() + 1;
    let title = "nobody changes anything any more";
    println!("{bold}{number}. {title}{plain}");
    let before = stage.writes();
    tokio::time::sleep(QUIET_FOR).await;
    let after = stage.writes();
    if before != after {
        let said = format!("{} more writes to Salesforce and Revenue Engage", after - before);
        return Err(Box::new(Untrue { number, title, wanted: "not a single write", said }));
    }
    println!("   as wanted: not a single write by Lockstep, no echo ({after} writes in all)\n");
    Ok(())
}

async fn wait_for(stage: &Stage, step: &Step) -> Result<Look, String> {
    let start = Instant::now();
    loop {
        match stage.look(step.who).await {
            // A step in which nothing may happen is looked at after a round of polling, not before it.
            Ok(look) if (step.holds)(&look) && start.elapsed() >= Duration::from_millis(1_500) => {
                return Ok(look);
            }
            Ok(look) if start.elapsed() > COMES_TRUE_WITHIN => return Err(look.to_string()),
            Err(error) if start.elapsed() > COMES_TRUE_WITHIN => return Err(format!("{error:#}")),
            Ok(_) | Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}
