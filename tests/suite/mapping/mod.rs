//! Mapping files: what loads, and what every mistake says, where, and what to write instead.

mod draft;
mod schema;
mod validator;

use lockstep::diagnostic::Problems;
use lockstep::mapping::{load, parse};
use lockstep::model::{FieldName, FieldValue, Fields, PersonStatus, SalesforceObject};
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
        ("M015", 16, 10), // a label in the place of an API name
        ("M005", 18, 1),  // no winner
        ("M016", 19, 14), // two minutes
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

/// One that is wrong and one that is right, for each code.
#[test]
fn every_code_has_a_file_that_it_is_for_and_one_that_it_is_not_for() {
    let row = "{ person = \"Success\", salesforce = \"Nurture\" },";
    let good = file(row, "");
    let cases: Vec<(&str, String, String)> = vec![
        ("M001", good.replace("[conflict]", "[conflict"), good.clone()),
        ("M001", good.replace("company", "schema"), good.clone()),
        ("M003", file("{ person = \"Success\", salesforc = \"Nurture\" },", ""), good.clone()),
        ("M003", file(row, "[limits]\nchanged_shar = 0.1\n"), file(row, "[limits]\nchanged_share = 0.1\n")),
        ("M004", file("{ person = 3, salesforce = \"Nurture\" },", ""), good.clone()),
        ("M005", good.replace("winner = \"hold\"", ""), good.clone()),
        ("M005", good.replace("[salesforce.lead]\nstatus = \"Status\"\n", ""), good.clone()),
        ("M006", good.replace("schema = 1", "schema = 2"), good.clone()),
        ("M007", file("{ person = \"Sucess\" },", ""), file("{ person = \"SUCCESS\" },", "")),
        ("M007", file("{ person = \"Suссess\" },", ""), good.clone()),
        (
            "M008",
            file("{ person = \"Success\", stage = \"Sucess\" },", ""),
            file("{ person = \"Success\", stage = \"Success\" },", ""),
        ),
        (
            "M009",
            file("{ person = \"Success\", way = \"out\" },", ""),
            file("{ person = \"Success\", salesforce = \"N\", way = \"none\" },", ""),
        ),
        ("M009", good.replace("\"hold\"", "\"newst\""), good.replace("\"hold\"", "\"newest\"")),
        ("M010", file("{ person = \"Success\" }, { person = \"success\" },", ""), good.clone()),
        ("M011", file("{ person = \"Success\", salesforce = \"a\", lead = \"b\" },", ""), good.clone()),
        ("M012", file("{ person = \"Success\", contact = \"a\" },", ""), good.clone()),
        (
            "M013",
            good.replace("status = [\n{ person = \"Success\", salesforce = \"Nurture\" },\n]\n", "")
                .replace("winner = \"hold\"\n", &format!("winner = \"hold\"\nstatus = [\n{row}\n]\n")),
            good.clone(),
        ),
        ("M014", file("", ""), good.clone()),
        ("M015", file("{ person = \"Success\", salesforce = \"\" },", ""), good.clone()),
        ("M015", file("{ person = \"Success\", salesforce = \"Nurture \" },", ""), good.clone()),
        ("M015", file("{ person = \"Success\", salesforce = \"Nurturе\" },", ""), good.clone()),
        ("M015", file("{ person = \"Success\", lead = { \"Lead Status\" = \"a\" } },", ""), good.clone()),
        (
            "M016",
            good.replace("\"hold\"", "\"newest\"\nguard_band = \"soon\""),
            good.replace("\"hold\"", "\"newest\"\nguard_band = \"5m\""),
        ),
        ("M016", file(row, "[limits]\nchanged_share = 1.5\n"), file(row, "[limits]\nchanged_share = 1\n")),
        (
            "M017",
            file(row, "[[custom_status]]\nlabel = \"Demo\"\nkey = \"Demo!\"\ngroup = \"success\"\n"),
            file(row, "[[custom_status]]\nlabel = \"Demo\"\nkey = \"demo\"\ngroup = \"success\"\n"),
        ),
        (
            "M017",
            file(row, "[[custom_status]]\nlabel = \"Bounced\"\nkey = \"demo\"\ngroup = \"failed\"\n"),
            good.clone(),
        ),
        (
            "M009",
            file(row, "[[custom_status]]\nlabel = \"Demo\"\nkey = \"demo\"\ngroup = \"general\"\n"),
            good.clone(),
        ),
        (
            "M018",
            file("{ person = \"Success\", salesforce = \"N\", only_if = { Rating = [\"Hot\"] } },", ""),
            good.clone(),
        ),
        ("M018", file(row, "[[field]]\nlead = \"Title\"\n"), good.clone()),
        ("M018", file(row, "[new]\nleads = \"create\"\n"), file(row, "[new]\nleads = \"ignore\"\n")),
        (
            "M020",
            file(
                "{ person = \"Success\", salesforce = \"a\" }, { person = \"Bounced\", salesforce = \"a\" },",
                "",
            ),
            file(
                "{ person = \"Success\", salesforce = \"a\" }, { person = \"Bounced\", salesforce = \"a\", way = \"to-salesforce\" },",
                "",
            ),
        ),
        (
            "M020",
            file(
                "{ person = \"Success\", lead = { Status = \"a\", Rating = \"Hot\" } }, { person = \"Bounced\", salesforce = \"a\" },",
                "",
            ),
            good.clone(),
        ),
        (
            "M021",
            file(
                "{ person = \"Success\", salesforce = \"a\", way = \"to-salesforce\" }, { person = \"Bounced\", salesforce = \"b\", also_from = [\"a\"] },",
                "",
            ),
            good.clone(),
        ),
        (
            "M022",
            file("{ person = \"Success\", lead = { Status = \"a\", HasOptedOutOfEmail = true } },", ""),
            good.clone(),
        ),
        (
            "M022",
            good.replace("status = \"Status\"", "status = \"Status\"\nopt_out = false"),
            file("{ person = \"Opted out\", salesforce = \"a\" },", "")
                .replace("status = \"Status\"", "status = \"Status\"\nopt_out = false"),
        ),
    ];
    for (code, wrong, right) in cases {
        let problems = parse("wrong.toml", &wrong)
            .err()
            .unwrap_or_else(|| panic!("{code}: nothing is wrong with\n{wrong}"));
        assert!(
            places(&problems).iter().any(|(found, ..)| *found == code),
            "{code} is not in\n{problems}\n{wrong}"
        );
        assert!(
            problems
                .found
                .iter()
                .all(|problem| problem.code == code || !problem.help.is_empty() || !problem.marks.is_empty())
        );
        let right_ones = parse("right.toml", &right);
        assert!(
            right_ones
                .as_ref()
                .is_ok_and(|loaded| places(&loaded.warnings).iter().all(|(found, ..)| *found != code)),
            "{code}: {right_ones:?}"
        );
    }
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
fn nasty_files_are_refused_in_words_and_within_a_second() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let rows: String =
        (0..60_000).map(|n| format!("  {{ person = \"Success\", salesforce = \"value {n}\" }},\n")).collect();
    let files = [
        ("cannot read", dir.path().join("nowhere.toml")),
        ("this is no file", dir.path().to_owned()),
        ("not UTF-8", write("latin.toml", b"schema = 1\ncompany = \"Caf\xe9\"\n")),
        ("this is not TOML", write("nul.toml", b"schema = 1\0\n")),
        ("a mapping has at most", write("huge.toml", &vec![b'#'; 10 * 1024 * 1024])),
        (
            "this is not TOML",
            write("deep.toml", format!("x = {}1{}", "[".repeat(10_000), "]".repeat(10_000)).as_bytes()),
        ),
        ("it can have 500", write("rows.toml", file(&rows, "").as_bytes())),
        ("has no rows", write("empty.toml", b"")),
    ];
    for (words, path) in files {
        let problems = load(&path).expect_err(words);
        assert!(
            problems.to_string().contains(words),
            "{words}: {}",
            problems.to_string().chars().take(400).collect::<String>()
        );
    }
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
        let out = |status: &PersonStatus| {
            mapping.outbound(SalesforceObject::Lead, status).map(|(_, fields)| fields.clone())
        };
        let back =
            |fields: &Fields| mapping.inbound(SalesforceObject::Lead, fields).map(|row| row.person.clone());
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
