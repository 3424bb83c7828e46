//! The rooms and their doors: which module may use which (the order is in `src/lib.rs`), and what stays out of the pure
//! ones.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each room, and the rooms it may use. A room that is not listed fails the test, so that a new one is thought about.
const DOORS: &[(&str, &[&str])] = &[
    ("mutant", &[]),
    ("kill_point", &[]),
    ("model", &[]),
    ("diagnostic", &[]),
    ("lifecycle", &["model"]),
    ("mapping", &["model", "lifecycle", "diagnostic"]),
    ("config", &["model", "lifecycle", "diagnostic"]),
    ("event", &["config"]),
    // The vendor's own schema, generated: no reading of ours is in it.
    ("eventbus", &[]),
    ("reconcile", &["model", "lifecycle", "mapping"]),
    ("verify", &["model", "lifecycle", "mapping", "diagnostic", "reconcile"]),
    ("connector", &["model", "lifecycle", "mapping", "config", "diagnostic", "event", "eventbus"]),
    ("store", &["model", "lifecycle", "mapping", "config", "diagnostic", "event"]),
    ("metrics", &["model", "event", "reconcile", "connector", "store"]),
    // It shares no wire type with the connectors, or both sides of a test would share one mistake.
    ("sandbox", &["model", "lifecycle", "event", "eventbus"]),
    (
        "admin",
        &["model", "lifecycle", "mapping", "config", "diagnostic", "event", "reconcile", "store", "metrics"],
    ),
    (
        "sync",
        &[
            "model",
            "lifecycle",
            "mapping",
            "config",
            "diagnostic",
            "event",
            "reconcile",
            "verify",
            "connector",
            "store",
            "metrics",
        ],
    ),
    (
        "cli",
        &[
            "model",
            "lifecycle",
            "mapping",
            "config",
            "diagnostic",
            "event",
            "reconcile",
            "verify",
            "connector",
            "store",
            "metrics",
            "sandbox",
            "admin",
            "sync",
        ],
    ),
    ("main", &["cli"]),
];

/// Words that must not stand in these folders, and why.
const SHUT: &[(&str, &[&str], &str)] = &[
    ("connector/salesforce", &["engage::"], "the two connectors never know of each other"),
    ("connector/engage", &["salesforce::"], "the two connectors never know of each other"),
];

/// Rooms that only compute, and what would make their answer depend on something else than their input.
const PURE: &[&str] = &["model", "lifecycle", "mapping", "reconcile", "verify"];
const IMPURE: &[&str] = &[
    "tokio::",
    "std::fs",
    "std::net",
    "std::env",
    "Instant::",
    "SystemTime",
    "Timestamp::now",
    "Zoned::now",
    "rand::",
    "HashMap",
    "HashSet",
    "async fn",
    "println!",
];
/// Reading the file is the one thing a mapping does that is not computing.
const LOADING: &[&str] = &["mapping/load.rs"];

struct Source {
    /// From `src`, with forward slashes.
    path: String,
    room: String,
    code: String,
}

/// Every file under src, without comments and without the tests at its foot.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    let mut sources = Vec::new();
    for file in files {
        let path = file.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
        let room = path.split(['/', '.']).next().unwrap().to_owned();
        let text = fs::read_to_string(&file).unwrap();
        let text = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap();
        let lines = text.lines().map(|line| line.split("//").next().unwrap());
        sources.push(Source { path, room, code: lines.collect::<Vec<_>>().join("\n") });
    }
    assert!(sources.len() > 30, "the sources were not found");
    sources
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The rooms that are named behind `crate::`, `lockstep::`, or as many `super::` as lead out of the file's own room.
fn used(source: &Source) -> BTreeSet<String> {
    let in_room = source.path.trim_end_matches("/mod.rs").trim_end_matches(".rs").matches('/').count();
    let out = "super::".repeat(in_room + 1);
    let mut rooms = BTreeSet::new();
    for way in ["crate::", "lockstep::", &out] {
        for (at, _) in source.code.match_indices(way) {
            if way.starts_with("super") && source.code[..at].ends_with("super::") {
                continue;
            }
            let rest = &source.code[at + way.len()..];
            match rest.strip_prefix('{') {
                Some(group) => rooms.extend(first_words(group)),
                None => rooms.extend(word(rest)),
            }
        }
    }
    // The macro stands at the root, as macros do, and belongs to the catalogue.
    if rooms.remove("emit") {
        rooms.insert("event".to_owned());
    }
    // Whoever may hold a mistake for the tests asks whether it does, and whoever may be killed there says so.
    rooms.remove("mutant");
    rooms.remove("kill_point");
    rooms.remove(&source.room);
    rooms
}

/// The first word of each entry of `a::b, c::{d, e}}`.
fn first_words(group: &str) -> Vec<String> {
    let mut depth = 0;
    let mut words = Vec::new();
    let mut start = 0;
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' | ',' if depth == 0 => {
                words.extend(word(group[start..at].trim_start()));
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    words
}

fn word(text: &str) -> Option<String> {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    (end > 0).then(|| text[..end].to_owned())
}

#[test]
fn no_room_has_a_door_to_one_it_should_not_know() {
    let mut broken = Vec::new();
    for source in sources().iter().filter(|source| source.path != "lib.rs") {
        let Some((_, allowed)) = DOORS.iter().find(|(room, _)| *room == source.room) else {
            broken.push(format!(
                "src/{}: the room `{}` is not in the table of this test",
                source.path, source.room
            ));
            continue;
        };
        for room in used(source) {
            if DOORS.iter().any(|(known, _)| *known == room) && !allowed.contains(&room.as_str()) {
                broken.push(format!("src/{}: `{}` must not use `{room}`", source.path, source.room));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn what_is_shut_stays_shut() {
    let mut broken = Vec::new();
    for source in sources() {
        for (folder, words, why) in SHUT {
            let name = source.path.trim_end_matches(".rs");
            if name != *folder && !name.starts_with(&format!("{folder}/")) {
                continue;
            }
            for line in
                source.code.lines().filter(|line| line.contains("connector::") || line.contains("super::"))
            {
                if words.iter().any(|word| {
                    line.contains(&format!("connector::{word}")) || line.contains(&format!("super::{word}"))
                }) {
                    broken.push(format!("src/{}: {why}: {}", source.path, line.trim()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn what_computes_asks_nobody_else() {
    let mut broken = Vec::new();
    for source in sources() {
        if !PURE.contains(&source.room.as_str()) || LOADING.contains(&source.path.as_str()) {
            continue;
        }
        for word in IMPURE.iter().filter(|word| source.code.contains(**word)) {
            broken.push(format!("src/{}: `{word}` does not belong into `{}`", source.path, source.room));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_reader_of_doors_sees_through_groups_and_supers() {
    let source = |path: &str, code: &str| {
        let room = path.split(['/', '.']).next().unwrap().to_owned();
        used(&Source { path: path.to_owned(), room, code: code.to_owned() }).into_iter().collect::<Vec<_>>()
    };
    assert_eq!(source("admin/api.rs", "use crate::{store::{A, B}, model::C};"), ["model", "store"]);
    assert_eq!(source("admin/api.rs", "use super::super::connector::X; use super::views::Y;"), ["connector"]);
    assert_eq!(source("admin/mod.rs", "use super::connector::X;"), ["connector"]);
    assert_eq!(source("event.rs", "crate::config::LogConfig; crate::emit!()"), ["config"]);
    assert_eq!(source("main.rs", "lockstep::cli::main()"), ["cli"]);
}
