//! Files that nobody should write, and somebody will: each is refused in words, with a place, and at once.

use lockstep::verify::{load, parse};
use std::path::PathBuf;

fn file(rows: &str, rest: &str) -> String {
    format!(
        "schema = 1\ncompany = \"x\"\nstatus = [\n{rows}\n]\n[salesforce.lead]\nstatus = \"Status\"\n[conflict]\nwinner = \"hold\"\n{rest}"
    )
}

const ROW: &str = "{ person = \"Success\", salesforce = \"Nurture\" },";

/// What the message must name, and the file.
fn texts() -> Vec<(&'static str, String)> {
    let rows = |count: usize, row: &dyn Fn(usize) -> String| (0..count).map(row).collect::<String>();
    vec![
        ("duplicate key", file("{ person = \"Success\", person = \"Bounced\" },", "")),
        (
            "the rows stand inside [conflict]",
            format!(
                "schema = 1\ncompany = \"x\"\n[salesforce.lead]\nstatus = \"Status\"\n[conflict]\nwinner = \"hold\"\nstatus = [{ROW}]\n"
            ),
        ),
        ("did you mean \"Success\"?", file("{ person = \"Sucess\" },", "")),
        (
            "leads to two person statuses",
            file(
                "{ person = \"Success\", salesforce = \"a\", only_if = { Src = [\"x\", \"y\"] } }, { person = \"Bounced\", salesforce = \"a\", only_if = { Src = [\"y\", \"z\"] } },",
                "",
            ),
        ),
        ("look alike", file("{ person = \"Success\", salesforce = \"Nurturе\" },", "")),
        ("some letters here only look like latin ones", file("{ person = \"Suссess\" },", "")),
        ("no field's API name", file("{ person = \"Success\", lead = { \"Lead Status\" = \"a\" } },", "")),
        ("this is not TOML", format!("x = {}1{}", "[".repeat(10_000), "]".repeat(10_000))),
        ("this is not TOML", "{".repeat(100_000)),
        ("this is not TOML", "schema = 1\0\n".to_owned()),
        ("this is not TOML", "status = [\n".to_owned()),
        (
            "it can have 500",
            file(&rows(60_000, &|n| format!("{{ person = \"Success\", salesforce = \"v {n}\" }},\n")), ""),
        ),
        ("has no rows", String::new()),
        ("has no rows", "\u{feff}".to_owned()),
        (
            "longer than 255",
            file(&format!("{{ person = \"Success\", salesforce = \"{}\" }},", "x".repeat(100_000)), ""),
        ),
        ("a mapping file has no", format!("{}\n{} = 1\n", "schema = 1", "k".repeat(50_000))),
        ("is a text", file(ROW, "[limits]\nchanged_share = \"a fifth\"\n")),
        ("must be between", file(ROW, "[limits]\nchanged_min = 99999999999999999999999999\n")),
        ("must be between", file(ROW, "[limits]\nchanged_share = nan\n")),
        (
            "two rows that can hold at once",
            file(&rows(400, &|n| format!("{{ person = \"Success\", salesforce = \"v {n}\" }},\n")), ""),
        ),
        ("spaces at its ends", file("{ person = \"Success\", salesforce = \"\\tNurture\" },", "")),
        ("this test cannot fail", file(ROW, "[[test]]\nname = \"\"\ngiven = {}\nwhen = {}\nthen = {}\n")),
    ]
}

#[test]
fn nasty_texts_are_refused_in_words_and_with_a_place() {
    for (words, text) in texts() {
        let problems = parse("nasty.toml", &text).expect_err(words);
        let shown = problems.to_string();
        let beginning: String = shown.chars().take(600).collect();
        assert!(shown.to_lowercase().contains(&words.to_lowercase()), "{words}: {beginning}");
        assert!(
            problems.found.iter().all(|problem| !problem.marks.is_empty()),
            "{words} says not where: {beginning}"
        );
        assert!(shown.len() < 2_000_000, "{words}: {} bytes are no message", shown.len());
    }
}

#[test]
fn a_quote_that_is_missing_is_one_mistake_on_its_own_line() {
    let good = include_str!("../../../mapping/example.toml");
    let text = good.replace("\"Not contacted\" }", "\"Not contacted\", salesforce = \"New }");
    let problems = parse("example.toml", &text).unwrap_err();
    let shown = problems.to_string();
    assert_eq!(problems.found.len(), 1, "{shown}");
    assert!(shown.contains("example.toml:9:") && shown.contains("invalid basic string"), "{shown}");
}

#[test]
fn keys_that_stand_twice_are_told_all_at_once() {
    let text = "schema = 1\nschema = 1\ncompany = \"a\"\ncompany = \"a\"\n";
    let problems = parse("twice.toml", text).unwrap_err();
    assert_eq!(problems.found.len(), 2, "{problems}");
}

#[test]
fn nasty_files_are_refused_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let files: [(&str, PathBuf); 5] = [
        ("cannot read", dir.path().join("nowhere.toml")),
        ("this is no file", dir.path().to_owned()),
        ("not UTF-8", write("latin.toml", b"schema = 1\ncompany = \"Caf\xe9\"\n")),
        ("not UTF-8", write("utf16.toml", b"\xff\xfes\0c\0h\0e\0m\0a\0")),
        ("a mapping has at most", write("huge.toml", &vec![b'#'; 10 * 1024 * 1024])),
    ];
    for (words, path) in files {
        let problems = load(&path).expect_err(words);
        let shown: String = problems.to_string().chars().take(400).collect();
        assert!(shown.contains(words), "{words}: {shown}");
    }
}
