//! The terminal session of the README, played again and compared: what is shown is what happens.
//!
//! After a change that is meant: `LOCKSTEP_RECORD=1 cargo test --test suite cli::session`.

use super::call;
use crate::process::{Process, WITHIN};
use regex::Regex;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

const BEGIN: &str = "<!-- recorded session -->\n";
const END: &str = "<!-- end of the recorded session -->\n";

/// The demo, which goes on until it is let go.
struct Demo(Process);

impl Demo {
    fn start(dir: &Path) -> Demo {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lockstep"));
        command.arg("demo").current_dir(dir).stderr(Stdio::null()).stdin(Stdio::null());
        Demo(Process::heard(command))
    }

    /// What it says up to the line with these words.
    fn says_until(&self, words: &str) -> String {
        let mut text = String::new();
        loop {
            let line = self.0.line(WITHIN).unwrap_or_else(|| panic!("never {words}: {text}"));
            text.push_str(&line);
            text.push('\n');
            if line.contains(words) {
                return text;
            }
        }
    }
}

/// Without what is another one each time: ports, times, numbers of changes, and which of two ways was quicker to bring a
/// change. Columns are as wide as what is in them, so blanks count once.
fn plain(text: &str) -> String {
    let mut text = text.to_owned();
    for (pattern, mask) in [
        (r"127\.0\.0\.1:\d+", "ADDRESS"),
        (r"[0-9a-f]{32}", "TOKEN"),
        (r"(salesforce|engage)=\d+", "PORT"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "TIME"),
        (r"\bc\d+\b", "CHANGE"),
        (r"([;(] ?seen in [A-Z][A-Za-z ]+ by [a-z_]+(: \w+( \w+)*)?(, made by \w+)?)+", "; SEEN"),
        (r"\(\d+ writes in all\)", "WRITES"),
        (" +", " "),
    ] {
        text = Regex::new(pattern).unwrap().replace_all(&text, mask).into_owned();
    }
    text
}

/// Why Jane is what she is, once what was written about her is in the journal too.
fn explained(dir: &Path, admin: &str, token: &str) -> String {
    let started = Instant::now();
    loop {
        let jane = call(
            dir,
            &["explain", "jane@demo.example", "--admin", admin],
            &[("LOCKSTEP_ADMIN__TOKEN", token)],
        );
        if jane.code == 0 && jane.out.contains("-> success") {
            return jane.out;
        }
        assert!(started.elapsed() < WITHIN, "{}{}", jane.out, jane.err);
    }
}

#[test]
fn the_session_in_the_readme_is_what_the_commands_say_now() {
    let dir = tempfile::tempdir().unwrap();
    let demo = Demo::start(dir.path());
    // Nobody touches Jane between the second step and the end of the story.
    let mut story = demo.says_until("3. ");
    let (_, address) = story.split_once("admin port ").expect("it says where it is");
    let admin = format!("http://{}", address.split_once(')').unwrap().0);
    let (_, token) = story.split_once("LOCKSTEP_ADMIN__TOKEN=").expect("it says what commands need");
    let token = token.lines().next().unwrap().to_owned();
    let jane = explained(dir.path(), &admin, &token);
    story += &demo.says_until("Ctrl-C ends it");
    let session = format!(
        "```console\n$ lockstep demo\n{story}```\n\nIn another terminal: why is Jane *Success*?\n\n```console\n\
         $ export LOCKSTEP_ADMIN__TOKEN={token}\n$ lockstep explain jane@demo.example --admin {admin}\n{jane}```\n"
    );

    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&file).unwrap();
    let (before, rest) = readme.split_once(BEGIN).expect("the README has the session");
    let (shown, after) = rest.split_once(END).expect("the session has an end");
    if std::env::var_os("LOCKSTEP_RECORD").is_some() {
        std::fs::write(&file, format!("{before}{BEGIN}{session}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(
        plain(shown),
        plain(&session),
        "after a meant change: LOCKSTEP_RECORD=1 cargo test --test suite cli::session"
    );
}
