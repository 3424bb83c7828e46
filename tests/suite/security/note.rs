//! The threat note promises nothing that is not held to: each test it names is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The names of all functions below a folder.
fn functions(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            functions(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let named = text.split("fn ").skip(1).map(|rest| {
                rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>()
            });
            names.extend(named);
        }
    }
}

/// What stands in backticks and is written like the name of a test.
fn named(text: &str) -> Vec<&str> {
    let is_test = |word: &&str| {
        word.matches('_').count() >= 4
            && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    text.split('`').skip(1).step_by(2).filter(is_test).collect()
}

#[test]
fn every_test_that_the_threat_note_names_is_there_and_every_control_names_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let note = fs::read_to_string(root.join("docs/security.md")).unwrap();
    let mut known = BTreeSet::new();
    functions(&root.join("tests"), &mut known);
    functions(&root.join("src"), &mut known);
    let missing: Vec<&str> = named(&note).into_iter().filter(|name| !known.contains(*name)).collect();
    assert!(missing.is_empty(), "no such test: {missing:#?}");
    let controls =
        note.split("## Controls").nth(1).and_then(|rest| rest.split("\n## ").next()).expect("controls");
    let rows: Vec<&str> = controls.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert!(rows.len() >= 15, "the table was not found");
    for row in rows {
        assert!(!named(row).is_empty() || row.contains(".ci/"), "no proof is named: {row}");
    }
    assert!(named(&note).len() >= 30);
}
