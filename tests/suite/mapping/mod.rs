//! Mapping files: what loads, and what every mistake says, where, and what to write instead.

mod codes;
mod draft;
mod draw;
mod nasty;
mod schema;
pub mod validator;

use lockstep::diagnostic::Problems;
use lockstep::mapping::{Context, parse};
use lockstep::model::{FieldName, FieldValue, Fields, PersonStatus, SalesforceObject};
use lockstep::verify::load;
use proptest::prelude::*;
use std::path::Path;

const EXAMPLE: &str = include_str!("../../../mapping/example.toml");

/// Code, line and column of every problem, in the order of the file.
fn places(problems: &Problems) -> Vec<(&'static str, u32, u32)> {
    let records = problems.records();
    records.iter().map(|record| (record.code, record.line.unwrap_or(0), record.column.unwrap_or(0))).collect()
}

#[test]
fn the_shipped_companies_load_without_a_warning() {
    for name in ["example", "harbor-freightways", "northwind-clinics"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("mapping/{name}.toml"));
        let loaded = load(&path).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(places(&loaded.warnings), [], "{name}");
    }
}

#[test]
fn ten_distinct_mistakes_in_one_file_are_ten_located_messages() {
    let problems = parse("ten-mistakes.toml", include_str!("files/ten-mistakes.toml")).unwrap_err();
    let expected = [
        ("M005", 1, 1),   // no company
        ("M003", 2, 1),   // compny
        ("M009", 5, 66),  // way
        ("M007", 6, 14),  // Succes
        ("M008", 7, 64),  // Aproaching
        ("M003", 10, 61), // sequence
        ("M011", 11, 53), // salesforce and lead
        ("M010", 12, 14), // Bounced twice
        ("M030", 16, 10), // a label in the place of an API name
        ("M005", 18, 1),  // no winner
        ("M032", 19, 14), // two minutes
    ];
    assert_eq!(places(&problems), expected, "{problems}");
    let text = problems.to_string();
    for help in [
        "did you mean `company`?",
        "did you mean \"Success\"?",
        "did you mean \"Approaching\"?",
        "did you mean `sequences`?",
    ] {
        assert!(text.contains(help), "{help} is missing in\n{text}");
    }
}

#[test]
fn the_last_row_of_the_example_without_its_way_is_refused_with_both_rows_and_a_story() {
    let text = EXAMPLE.replace(", way = \"to-salesforce\"", "");
    let problems = parse("example.toml", &text).unwrap_err();
    let codes: Vec<&str> = places(&problems).iter().map(|place| place.0).collect();
    assert_eq!(codes, ["M020"], "{problems}");
    let shown = problems.to_string();
    for part in [
        "here it is Approaching",
        "here it is Unresponsive",
        "1. somebody sets a Lead to",
        "way = \"to-salesforce\"",
    ] {
        assert!(shown.contains(part), "{part} is missing in\n{shown}");
    }
}

/// A whole file around some rows.
fn file(rows: &str, rest: &str) -> String {
    format!(
        "schema = 1\ncompany = \"x\"\nstatus = [\n{rows}\n]\n[salesforce.lead]\nstatus = \"Status\"\n[conflict]\nwinner = \"hold\"\n{rest}"
    )
}

#[test]
fn what_can_never_act_is_pointed_out_and_loads() {
    let odd = file(
        "{ person = \"Success\", way = \"both\" }, { person = \"Bounced\", salesforce = \"b\", way = \"to-salesforce\", sequences = \"pause\", also_from = [\"c\"] },",
        "",
    );
    let loaded = parse("odd.toml", &odd).unwrap();
    let codes: Vec<&str> = places(&loaded.warnings).iter().map(|place| place.0).collect();
    assert_eq!(codes, ["M024", "M023", "M025"]);
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_do_no_harm() {
    parse("bom.toml", &format!("\u{feff}{EXAMPLE}")).unwrap_or_else(|problems| panic!("{problems}"));
    parse("crlf.toml", &EXAMPLE.replace('\n', "\r\n")).unwrap_or_else(|problems| panic!("{problems}"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_damaged_file_is_refused_or_read_and_never_panics(at in 0usize..1_500, len in 0usize..20, text in "[ -~\n\\PC]{0,12}") {
        let start = EXAMPLE.floor_char_boundary(at.min(EXAMPLE.len()));
        let end = EXAMPLE.floor_char_boundary((at + len).min(EXAMPLE.len())).max(start);
        let damaged = format!("{}{text}{}", &EXAMPLE[..start], &EXAMPLE[end..]);
        if let Err(problems) = parse("damaged.toml", &damaged) {
            prop_assert!(!problems.found.is_empty());
            prop_assert!(!problems.render(true).is_empty());
        }
    }
}

/// All tables of three statuses and three values: what loads obeys both laws wherever both maps answer.
#[test]
fn every_small_table_that_loads_comes_back_as_what_was_written() {
    let people = ["Success", "Approaching", "Bounced"];
    let values = [None, Some("a"), Some("b"), Some("c")];
    let ways = ["both", "to-salesforce", "to-engage"];
    let (mut loaded, mut refused) = (0, 0);
    let choices = values.len() * ways.len();
    for code in 0..choices.pow(3) {
        let mut rows = String::new();
        for (index, person) in people.iter().enumerate() {
            let choice = code / choices.pow(index as u32) % choices;
            let (value, way) = (values[choice / ways.len()], ways[choice % ways.len()]);
            rows += &match value {
                Some(value) => {
                    format!("{{ person = \"{person}\", salesforce = \"{value}\", way = \"{way}\" }},\n")
                }
                None => format!("{{ person = \"{person}\" }},\n"),
            };
        }
        let Ok(table) = parse("small.toml", &file(&rows, "")) else {
            refused += 1;
            continue;
        };
        loaded += 1;
        let mapping = table.mapping;
        let relation = mapping.relation(SalesforceObject::Lead, &Context::default());
        let out = |status: &PersonStatus| relation.outbound(status).map(|(_, fields)| fields.clone());
        let back = |fields: &Fields| relation.inbound(fields).map(|row| row.person.clone());
        for person in ["success", "approaching", "bounced"].map(PersonStatus::new) {
            if let Some(written) = out(&person)
                && let Some(again) = back(&written).and_then(|status| out(&status))
            {
                assert_eq!(again, written, "out·in·out = out\n{rows}");
            }
        }
        for value in ["a", "b", "c"] {
            let fields = Fields::from([(FieldName::from("Status"), FieldValue::text(value))]);
            if let Some(status) = back(&fields)
                && let Some(again) = out(&status).and_then(|written| back(&written))
            {
                assert_eq!(again, status, "in·out·in = in\n{rows}");
            }
        }
    }
    assert!(loaded > 100 && refused > 100, "{loaded} loaded, {refused} refused");
}
