//! `docs/lives.md` says what becomes of records. Whatever it names exists.

use std::fs;
use std::path::Path;

/// Where the variants stand, by their enum.
const ENUMS: [(&str, &str); 9] = [
    ("AdoptReason", "src/reconcile/decision.rs"),
    ("Decision", "src/reconcile/decision.rs"),
    ("HoldReason", "src/model/step.rs"),
    ("LeaveReason", "src/reconcile/decision.rs"),
    ("Parting", "src/store/rows.rs"),
    ("RelinkReason", "src/reconcile/decision.rs"),
    ("Retry", "src/connector/error.rs"),
    ("UnlinkReason", "src/reconcile/decision.rs"),
    ("WriteReason", "src/model/step.rs"),
];

/// Ends that only say that another side or another setting was meant, and need no line of their own.
const WITHOUT_LINE: [&str; 6] = [
    "AdoptReason::Agree",
    "AdoptReason::NeitherMapped",
    "AdoptReason::BothOptedOut",
    "LeaveReason::ObjectNotInSync",
    "Parting::GoneInEngage",
    "Parting::ContactsNotInSync",
];

fn file(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The variants of an enum: words in capitals that begin a line of its body.
fn variants(name: &str) -> Vec<String> {
    let (_, path) = ENUMS.iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("{name}"));
    let text = file(path);
    let (_, body) = text.split_once(&format!("pub enum {name} {{\n")).unwrap();
    let body = body.split_once("\n}").unwrap().0;
    let lines = body.lines().filter_map(|line| line.strip_prefix("    "));
    let words = lines.filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()));
    words.map(|line| line.split(|c: char| !c.is_alphanumeric()).next().unwrap().to_owned()).collect()
}

fn lines() -> Vec<[String; 6]> {
    let text = file("docs/lives.md");
    let rows = text.lines().filter(|line| line.starts_with('|') && !line.starts_with("|---"));
    let cells =
        rows.map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect());
    let rows: Vec<Vec<String>> = cells.collect();
    let rows = rows.into_iter().filter(|cells| cells[0] != "what happens");
    rows.map(|cells| cells.try_into().unwrap_or_else(|cells| panic!("six cells: {cells:?}"))).collect()
}

#[test]
fn the_page_about_lives_names_only_what_exists() {
    let tests: String = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/scenarios"))
        .unwrap()
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    let journal =
        ["record", "parting", "write", "failed"].map(|name| file(&format!("src/sync/{name}.rs"))).concat();
    let lines = lines();
    assert!(lines.len() > 25, "the tables were not found");
    for [happens, _, event, word, name, test] in lines {
        let bare = |cell: &str| cell.trim_matches('`').to_owned();
        let known = lockstep::event::ALL.iter().any(|known| known.name == bare(&event));
        assert!(event.is_empty() || known, "{happens}: no event {event}");
        assert!(word.is_empty() || journal.contains(&format!("\"{}\"", bare(&word))), "{happens}: {word}");
        let name = bare(&name);
        let (of, variant) = name.split_once("::").unwrap_or_else(|| panic!("{happens}: {name}"));
        assert!(variants(of).iter().any(|known| known == variant), "{happens}: no {name}");
        assert!(tests.contains(&format!("async fn {}()", bare(&test))), "{happens}: no test {test}");
    }
}

#[test]
fn every_end_of_a_link_has_a_line() {
    let named: Vec<String> = lines().into_iter().map(|[_, _, _, _, name, _]| name).collect();
    for of in ["AdoptReason", "LeaveReason", "Parting", "RelinkReason", "UnlinkReason"] {
        for variant in variants(of) {
            let name = format!("{of}::{variant}");
            let line = named.iter().any(|named| named.trim_matches('`') == name);
            assert!(line || WITHOUT_LINE.contains(&name.as_str()), "{name} is not in docs/lives.md");
        }
    }
}
