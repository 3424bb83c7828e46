//! The configuration: the file's text, and behind a line `%%` the environment, a variable a line.

use lockstep::config::{load, load_for_login, mapping_path};
use std::cell::RefCell;
use std::path::PathBuf;

/// What must not be quoted back.
const CANARY: &str = "Quetzalcoatlus";

/// A directory that goes away with its thread.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

thread_local! {
    static FOLDER: RefCell<Option<Folder>> = const { RefCell::new(None) };
}

fn path() -> PathBuf {
    FOLDER.with_borrow_mut(|folder| {
        let folder = folder.get_or_insert_with(|| {
            let own = format!("lockstep-fuzz-{}-{:?}", std::process::id(), std::thread::current().id());
            let path = std::env::temp_dir().join(own);
            std::fs::create_dir_all(&path).expect("a directory of our own");
            std::fs::write(path.join("secret"), CANARY).expect("a file of our own");
            Folder(path)
        });
        folder.0.join("lockstep.toml")
    })
}

/// Loads it in each of the ways in which it is loaded.
pub fn run(bytes: &[u8]) {
    let (text, variables) = super::wire::split(bytes, b"\n%%\n").unwrap_or((bytes, b""));
    let path = path();
    std::fs::write(&path, text).expect("a file of our own");
    let variables = String::from_utf8_lossy(variables).into_owned();
    let environment = || {
        let named = variables.lines().filter_map(|line| line.split_once('='));
        let secret = ("LOCKSTEP_SALESFORCE__CLIENT_SECRET", CANARY);
        let all: Vec<(String, String)> = std::iter::once(secret)
            .chain(named)
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        all
    };
    let said = match load(&path, environment()) {
        Ok(loaded) => {
            let _ = format!("{:?}", loaded.config);
            loaded.warnings
        }
        Err(problems) => {
            assert!(problems.has_errors());
            problems
        }
    };
    let shown = format!("{said}{:?}", said.records());
    let in_input = text.windows(CANARY.len()).any(|window| window == CANARY.as_bytes());
    assert!(in_input || variables.contains(CANARY) || !shown.contains(CANARY), "a secret is quoted");
    let _ = load_for_login(&path, environment()).map_err(|problems| problems.to_string());
    let _ = mapping_path(&path, environment());
}
