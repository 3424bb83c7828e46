//! The small-scope check: every order in which a few edits, the steps of the write protocol, crashes, refusals and lost
//! answers can happen, around the real decision. What is left out of a state is left out on purpose: clocks, pages and
//! quotas belong to the simulated days.

mod daemon;
mod machine;
mod rest;
mod rules;
mod search;
mod small;
mod state;

use lockstep::model::FieldValue;
use machine::Machine;
use rules::{Flow, Group, Rules};
use search::{Found, search};
use small::Small;

const STATUSES: [&str; 4] = ["just_added", "approaching", "unresponsive", "opted_out"];

const ROWS: &str = r#"
  { person = "Just added", salesforce = "New" },
  { person = "Approaching", salesforce = "Working" },
  { person = "Unresponsive", salesforce = "Working", way = "to-salesforce" },
  { person = "Opted out", salesforce = "Unsubscribed" },
"#;

const GROUPS: &[Group] = &[
    Group { values: &[&[("Status", "New")]], statuses: &["just_added"] },
    Group { values: &[&[("Status", "Working")]], statuses: &["approaching", "unresponsive"] },
    Group { values: &[&[("Status", "Unsubscribed")]], statuses: &["opted_out"] },
];

fn text(rows: &str, winner: &str, more: &str) -> String {
    format!(
        "schema = 1\ncompany = \"small\"\nstatus = [\n{rows}]\n[salesforce.lead]\nstatus = \"Status\"\n\
         opt_out = false\n[conflict]\nwinner = \"{winner}\"\n{more}"
    )
}

fn values<const N: usize>(texts: [&str; N]) -> [FieldValue; N] {
    texts.map(FieldValue::text)
}

/// One field, with a value that no row mentions.
fn one_field(winner: &str, more: &str) -> Small {
    let fields = values(["New", "Working", "Unsubscribed", "Odd"]);
    Small::new(&text(ROWS, winner, more), &[("Status", &fields)], &STATUSES)
}

fn holds(small: &Small, groups: &'static [Group], rules: Rules) -> Found {
    let found = search(&Machine { small, rules: rules.clone(), groups });
    if let Some((rule, story)) = &found.broken {
        panic!("rule {rule}\n{}\n{rules:?}", story.join("\n"));
    }
    println!("{} states, {} steps: {rules:?}", found.states, found.steps);
    found
}

/// What breaks without a protection, told shortly: `rule` is the number it begins with.
fn breaks(small: &Small, rules: Rules, rule: &str) {
    let found = search(&Machine { small, rules: rules.clone(), groups: GROUPS });
    let Some((broken, story)) = found.broken else {
        panic!("{rules:?} breaks nothing in {} states", found.states);
    };
    assert!(broken.starts_with(rule), "{broken}, not {rule}\n{}\n{rules:?}", story.join("\n"));
    assert!(story.len() <= 24, "{}", story.join("\n"));
}

#[test]
fn three_edits_with_crashes_and_lost_answers_at_every_step_break_no_rule() {
    for winner in ["salesforce", "engage", "hold"] {
        let found = holds(&one_field(winner, ""), GROUPS, Rules::safe(3));
        assert!(found.states > 10_000, "{}", found.states);
    }
}

#[test]
fn several_fields_a_row_are_one_value() {
    let rows = r#"
  { person = "Just added", salesforce = { Status = "New", Rating = "Cold" } },
  { person = "Approaching", salesforce = { Status = "Working", Rating = "Warm" } },
  { person = "Opted out", salesforce = "Unsubscribed" },
"#;
    const GROUPS: &[Group] = &[
        Group { values: &[&[("Status", "New"), ("Rating", "Cold")]], statuses: &["just_added"] },
        Group { values: &[&[("Status", "Working"), ("Rating", "Warm")]], statuses: &["approaching"] },
        Group { values: &[&[("Status", "Unsubscribed")]], statuses: &["opted_out"] },
    ];
    let (status, rating) = (values(["New", "Working", "Unsubscribed"]), values(["Cold", "Warm"]));
    for winner in ["salesforce", "engage"] {
        let fields: [(&str, &[FieldValue]); 2] = [("Status", &status), ("Rating", &rating)];
        let small = Small::new(&text(rows, winner, ""), &fields, &["just_added", "approaching", "opted_out"]);
        holds(&small, GROUPS, Rules::safe(2));
    }
}

#[test]
fn a_box_and_a_value_are_one_opt_out() {
    let (status, ticked) =
        (values(["New", "Working", "Unsubscribed"]), [FieldValue::Bool(false), FieldValue::Bool(true)]);
    let text = text(ROWS, "engage", "").replace("opt_out = false", "opt_out = \"HasOptedOutOfEmail\"");
    let fields: [(&str, &[FieldValue]); 2] = [("Status", &status), ("HasOptedOutOfEmail", &ticked)];
    holds(&Small::new(&text, &fields, &STATUSES), GROUPS, Rules::safe(2));
}

#[test]
fn rows_with_conditions_act_for_their_records_and_a_moved_condition_is_no_change() {
    let rows = r#"
  { person = "Just added", salesforce = "New" },
  { person = "Approaching", salesforce = "Working", only_if = { LeadSource = "Web" } },
  { person = "Success", salesforce = "Working", only_if = { LeadSource = "Partner" } },
  { person = "Opted out", salesforce = "Unsubscribed" },
"#;
    const GROUPS: &[Group] = &[
        Group { values: &[&[("Status", "New")]], statuses: &["just_added"] },
        Group { values: &[&[("Status", "Working"), ("LeadSource", "Web")]], statuses: &["approaching"] },
        Group { values: &[&[("Status", "Working"), ("LeadSource", "Partner")]], statuses: &["success"] },
        Group { values: &[&[("Status", "Unsubscribed")]], statuses: &["opted_out"] },
    ];
    let (status, source) = (values(["New", "Working", "Unsubscribed"]), values(["Web", "Partner"]));
    let fields: [(&str, &[FieldValue]); 2] = [("Status", &status), ("LeadSource", &source)];
    let statuses = ["just_added", "approaching", "success", "opted_out"];
    holds(&Small::new(&text(rows, "engage", ""), &fields, &statuses), GROUPS, Rules::safe(2));
}

#[test]
fn what_is_held_waits_for_an_operator_and_what_they_took_is_taken() {
    let rules = Rules { operator: true, ..Rules::safe(3) };
    holds(&one_field("hold", ""), GROUPS, rules);
}

#[test]
fn a_cleared_opt_out_follows_where_the_company_lets_it() {
    let small = one_field("salesforce", "[opt_out]\ncleared = \"follow\"\n");
    holds(&small, GROUPS, Rules { follows: true, ..Rules::safe(3) });
}

#[test]
fn a_link_follows_a_merge_at_any_step() {
    for winner in ["salesforce", "hold"] {
        holds(&one_field(winner, ""), GROUPS, Rules { merge: true, ..Rules::safe(3) });
    }
}

#[test]
fn two_daemons_with_stores_of_their_own_lose_nothing_and_come_to_rest() {
    let rows = r#"
  { person = "Just added", salesforce = "New" },
  { person = "Approaching", salesforce = "Working" },
  { person = "Opted out", salesforce = "Unsubscribed" },
"#;
    let fields = values(["New", "Working", "Unsubscribed"]);
    for winner in ["salesforce", "engage"] {
        let statuses = ["just_added", "approaching", "opted_out"];
        let small = Small::new(&text(rows, winner, ""), &[("Status", &fields)], &statuses);
        holds(&small, GROUPS, Rules { daemons: 2, ..Rules::safe(2) });
    }
}

#[test]
fn a_declared_automation_answers_inside_the_write_or_seconds_later_and_all_comes_to_rest() {
    let declared = "[[automation]]\non = { lead = \"Working\" }\nthen = { lead = \"New\" }\n";
    for later in [false, true] {
        for winner in ["salesforce", "engage"] {
            let flow = Some(Flow { from: 1, to: 0, later });
            holds(&one_field(winner, declared), GROUPS, Rules { flow, lost: 2, ..Rules::safe(2) });
        }
    }
}

#[test]
fn without_any_one_protection_there_is_a_short_story_of_what_goes_wrong() {
    let small = one_field("engage", "");
    let safe = || Rules::safe(3);
    breaks(&small, Rules { condition: false, ..safe() }, "2");
    breaks(&small, Rules { condition: false, look: false, ..safe() }, "2");
    breaks(&small, Rules { latch: false, ..safe() }, "4");
    breaks(&small, Rules { intent: false, base_after: false, ..safe() }, "2");
    breaks(&small, Rules { hold: false, ..safe() }, "4");
    let follows = one_field("engage", "[opt_out]\ncleared = \"follow\"\n");
    breaks(&follows, Rules { follows: true, latch_off: false, ..safe() }, "4");
}
