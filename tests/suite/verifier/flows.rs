//! The company's own flows and examples, proven with the rest of the file.

use lockstep::verify::parse;

const EXAMPLE: &str = include_str!("../../../mapping/example.toml");

fn refused(more: &str) -> String {
    let text = format!("{EXAMPLE}\n{more}");
    parse("flows.toml", &text).err().unwrap_or_else(|| panic!("nothing is wrong with\n{more}")).to_string()
}

#[test]
fn two_flows_that_answer_each_other_are_refused_with_their_story() {
    let shown = refused(
        "[[automation]]\non = { lead = \"A\" }\nthen = { lead = \"B\" }\n[[automation]]\non = { lead = \"B\" }\nthen = { lead = \"A\" }\n",
    );
    for part in ["M050", "for ever", "sets the Lead to A", "never come to rest"] {
        assert!(shown.contains(part), "{part} is missing in\n{shown}");
    }
}

#[test]
fn a_flow_that_fights_the_mapping_is_refused_with_the_rows_and_the_shortest_story() {
    // Whoever becomes a Success is set back by a flow in Salesforce, which is carried back, and so on.
    let shown = refused(
        "[[automation]]\non = { lead = \"Nurture\" }\nthen = { lead = \"In progress\" }\n[[automation]]\non = { person = \"Just added\" }\nthen = { person = \"Success\" }\n",
    );
    for part in
        ["M051", "somebody", "Lockstep sets the Lead to Nurture (line ", "a flow (line ", "it never settles"]
    {
        assert!(shown.contains(part), "{part} is missing in\n{shown}");
    }
}

#[test]
fn a_flow_that_comes_to_rest_is_accepted() {
    let text = format!(
        "{EXAMPLE}\n[[automation]]\non = {{ lead = \"Nurture\" }}\nthen = {{ lead = \"Not interested\" }}\n"
    );
    parse("flows.toml", &text).unwrap_or_else(|problems| panic!("{problems}"));
}

#[test]
fn the_company_s_own_examples_are_run_and_the_row_that_decided_is_shown() {
    let test = |then: &str| {
        format!(
            "[[test]]\nname = \"nurtured\"\ngiven = {{ lead = \"In progress\", person = \"In progress\" }}\nwhen = {{ lead = \"Nurture\" }}\nthen = {{ {then} }}\n"
        )
    };
    let right =
        format!("{EXAMPLE}\n{}", test("person = \"Success\", sequences = \"pause\", lead = \"Nurture\""));
    parse("right.toml", &right).unwrap_or_else(|problems| panic!("{problems}"));
    let shown = refused(&test("person = \"Not interested\", sequences = \"leave\""));
    for part in [
        "M046",
        "the person is Success, not Not interested",
        "the sequences: pause, not leave",
        "this row decided",
    ] {
        assert!(shown.contains(part), "{part} is missing in\n{shown}");
    }
    let shown = refused(&test("held = true"));
    assert!(shown.contains("nothing is held"), "{shown}");
}

#[test]
fn a_row_with_a_condition_acts_for_its_records_only() {
    let text = r#"
schema = 1
company = "conditions"
status = [
  { person = "Success", salesforce = "Nurture", only_if = { LeadSource = ["Web", "Event"] } },
  { person = "Demo", salesforce = "Nurture", only_if = { LeadSource = "Partner" } },
  { person = "Approaching", salesforce = "Working" },
  { person = "Not interested", salesforce = "Closed", only_if = { sequence = ["Inbound demo"] }, sequences = "finish" },
]
[[custom_status]]
label = "Demo"
key   = "demo"
group = "success"
[salesforce.lead]
status = "Status"
[conflict]
winner = "hold"

[[test]]
name  = "a web lead nurtured is a success"
given = { lead = "Working", person = "Approaching", record = { LeadSource = "Web" } }
when  = { lead = "Nurture" }
then  = { person = "Success" }
[[test]]
name  = "a partner's lead nurtured is a demo"
given = { lead = "Working", person = "Approaching", record = { LeadSource = "Partner" } }
when  = { lead = "Nurture" }
then  = { person = "Demo" }
[[test]]
name  = "any other lead nurtured is nobody's business"
given = { lead = "Working", person = "Approaching", record = { LeadSource = "Phone" } }
when  = { lead = "Nurture" }
then  = { person = "Approaching", lead = "Nurture" }
[[test]]
name  = "closed in the inbound sequence"
given = { lead = "Working", person = "Approaching", sequence = "Inbound demo" }
when  = { lead = "Closed" }
then  = { person = "Not interested", sequences = "finish" }
[[test]]
name  = "closed elsewhere"
given = { lead = "Working", person = "Approaching", sequence = ["Another"] }
when  = { lead = "Closed" }
then  = { person = "Approaching" }
[[test]]
name  = "both moved, and a person decides"
given = { lead = "Working", person = "Approaching", record = { LeadSource = "Web" } }
when  = { lead = "Nurture", person = "Not interested" }
then  = { held = true }
"#;
    parse("conditions.toml", text).unwrap_or_else(|problems| panic!("{problems}"));
}
