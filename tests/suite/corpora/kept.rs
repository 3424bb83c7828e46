//! What the fuzzers begin with, and every input that once made one fail.

use super::apart;
use super::targets::TARGETS;
use std::path::{Path, PathBuf};

/// The files of one target, by name.
fn files(folder: &str, target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(folder).join(target);
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn every_kept_input_is_borne_by_its_target() {
    apart!(every_kept_input_is_borne_by_its_target, 512, || {
        for (target, run) in TARGETS {
            let corpus = files("corpus", target);
            assert!(!corpus.is_empty(), "{target} has no corpus");
            for file in corpus.into_iter().chain(files("regressions", target)) {
                // Which one it was, should the process end here.
                eprintln!("{}", file.display());
                run(&std::fs::read(&file).unwrap());
            }
        }
    });
}

#[test]
fn the_kept_inputs_are_small() {
    let mut bytes = 0;
    for (target, _) in TARGETS {
        let kept: Vec<_> =
            ["corpus", "regressions"].iter().flat_map(|folder| files(folder, target)).collect();
        assert!(kept.len() <= 400, "{target}: {}", kept.len());
        bytes += kept.iter().map(|file| std::fs::metadata(file).unwrap().len()).sum::<u64>();
    }
    assert!(bytes < 2 * 1024 * 1024, "{bytes}");
}

#[test]
fn every_target_is_built_for_the_fuzzer_too() {
    let manifest = include_str!("../../../fuzz/Cargo.toml");
    for (target, _) in TARGETS {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{target}.rs\"")), "{target}");
    }
    assert_eq!(manifest.matches("[[bin]]").count(), TARGETS.len());
}

/// The packages of that name that a lock file holds.
fn locked<'a>(lock: &'a toml::Table, name: &str) -> Vec<&'a toml::Value> {
    let all = lock["package"].as_array().unwrap().iter();
    all.filter(|package| package["name"].as_str() == Some(name)).collect()
}

/// Where its lock were behind, `cargo fuzz` would choose versions by itself.
#[test]
fn the_fuzzer_locks_the_libraries_of_lockstep_as_the_main_package_does() {
    let [manifest, main, fuzz]: [toml::Table; 3] = [
        include_str!("../../../Cargo.toml"),
        include_str!("../../../Cargo.lock"),
        include_str!("../../../fuzz/Cargo.lock"),
    ]
    .map(|file| toml::from_str(file).unwrap());
    let known = locked(&fuzz, "lockstep")[0]["dependencies"].as_array().unwrap();
    for library in manifest["dependencies"].as_table().unwrap().keys() {
        // A version stands behind the name where there is more than one.
        let named = |entry: &toml::Value| entry.as_str().unwrap().split(' ').next() == Some(library);
        assert!(known.iter().any(named), "fuzz/Cargo.lock does not know {library}");
        let in_main: Vec<_> = locked(&main, library).iter().map(|package| &package["version"]).collect();
        for package in locked(&fuzz, library) {
            assert!(in_main.contains(&&package["version"]), "{library}: {in_main:?}, but {package:?}");
        }
    }
}
