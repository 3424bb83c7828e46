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
