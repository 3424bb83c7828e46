//! What the binary writes for shells and for `man`.

use super::call;
use std::process::Command;
use tempfile::TempDir;

/// Every command that is not one of another.
const COMMANDS: [&str; 20] = [
    "help",
    "demo",
    "run",
    "sandbox",
    "check",
    "login",
    "plan",
    "status",
    "explain",
    "conflicts",
    "parked",
    "mapping",
    "events",
    "resync",
    "pause",
    "resume",
    "store",
    "completions",
    "man",
    "--help",
];

#[test]
fn every_shell_s_completions_know_every_command() {
    let dir = TempDir::new().unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let called = call(dir.path(), &["completions", shell], &[]);
        assert_eq!(called.code, 0, "{shell}: {}", called.err);
        for command in COMMANDS.iter().map(|command| command.trim_start_matches('-')) {
            assert!(called.out.contains(command), "{shell} does not know {command}");
        }
    }
    assert_eq!(call(dir.path(), &["completions", "tcsh"], &[]).code, 2);
}

#[test]
fn bash_itself_completes_commands_options_and_values() {
    let dir = TempDir::new().unwrap();
    let script = call(dir.path(), &["completions", "bash"], &[]).out;
    std::fs::write(dir.path().join("completions"), script).unwrap();
    for (words, wanted) in [
        (&["lockstep", "conf"][..], "conflicts"),
        (&["lockstep", "status", "--ch"], "--check"),
        (&["lockstep", "completions", "fi"], "fish"),
        (&["lockstep", "parked", "ret"], "retry"),
    ] {
        let line = format!(
            "source ./completions; COMP_WORDS=({}); COMP_CWORD={}; _lockstep lockstep {} {}; echo \"${{COMPREPLY[@]}}\"",
            words.join(" "),
            words.len() - 1,
            words[words.len() - 1],
            words[words.len() - 2],
        );
        let out = Command::new("bash").args(["-c", &line]).current_dir(dir.path()).output().unwrap();
        let found = String::from_utf8_lossy(&out.stdout);
        assert_eq!(found.trim(), wanted, "{words:?}: {}", String::from_utf8_lossy(&out.stderr));
    }
}

#[test]
fn there_is_a_man_page_for_every_command_and_the_first_one_goes_to_standard_output() {
    let dir = TempDir::new().unwrap();
    let called = call(dir.path(), &["man", "pages/man1"], &[]);
    assert_eq!(called.code, 0, "{}", called.err);
    let pages = dir.path().join("pages/man1");
    for command in COMMANDS.iter().filter(|command| !command.starts_with('-')) {
        let page = std::fs::read_to_string(pages.join(format!("lockstep-{command}.1")))
            .unwrap_or_else(|why| panic!("{command}: {why}"));
        assert!(page.contains(".SH SYNOPSIS"), "{command}");
    }
    assert!(pages.join("lockstep-conflicts-resolve.1").is_file());
    let first = call(dir.path(), &["man"], &[]);
    assert_eq!(first.code, 0);
    assert_eq!(first.out, std::fs::read_to_string(pages.join("lockstep.1")).unwrap());
}
