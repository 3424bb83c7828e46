//! `lockstep store`: a backup, a restore, and a look, with a daemon and without one.

use super::{Called, TOKEN, call, company};
use crate::admin::{Fake, Served};
use crate::store::rows::{TENANT, open, put_everything};
use serde_json::Value;
use std::path::Path;
use tempfile::TempDir;

fn filled() -> TempDir {
    let dir = company("127.0.0.1:0");
    let store = open(&dir.path().join("data")).unwrap();
    store.write_blocking(|t| (1..=20).try_for_each(|number| put_everything(t, number))).unwrap();
    dir
}

fn run(dir: &Path, arguments: &[&str]) -> Called {
    call(dir, arguments, &[])
}

#[test]
fn a_backup_goes_to_another_machine_and_says_what_it_is() {
    let (from, to) = (filled(), company("127.0.0.1:0"));
    let file = to.path().join("backup.jsonl");
    let path = file.to_str().unwrap();
    let exported = run(from.path(), &["store", "export", path]);
    assert_eq!(exported.code, 0, "{}", exported.err);
    assert!(exported.out.contains(TENANT), "{}", exported.out);
    let imported = run(to.path(), &["store", "import", path, "--json"]);
    assert_eq!(imported.code, 0, "{}", imported.err);
    let said: Value = serde_json::from_str(&imported.out).unwrap();
    assert_eq!(said["links"], 20);
    let status = run(to.path(), &["status"]);
    assert!(status.out.contains("put back on") && status.out.contains("20 links of it"), "{}", status.out);
    let verified = run(to.path(), &["store", "verify"]);
    assert_eq!((verified.code, verified.out.starts_with("whole:")), (0, true), "{}", verified.out);
    let again = run(to.path(), &["store", "import", path]);
    assert_eq!(again.code, 1);
    assert!(again.err.contains("--replace"), "{}", again.err);
    assert_eq!(run(to.path(), &["store", "import", path, "--replace"]).code, 0);
}

#[test]
fn a_dash_is_standard_output_and_a_file_appears_only_whole() {
    let from = filled();
    let shown = run(from.path(), &["store", "export", "--journal", "-"]);
    assert_eq!(shown.code, 0, "{}", shown.err);
    assert!(shown.out.lines().last().unwrap().contains(r#""kind":"end""#), "{}", shown.out);
    assert!(shown.out.contains(r#""kind":"journal""#));
    let nowhere = run(from.path(), &["store", "export", "no/such/folder/x.jsonl"]);
    assert_eq!(nowhere.code, 1);
    assert!(nowhere.err.contains("no/such/folder"), "{}", nowhere.err);
}

#[test]
fn a_damaged_file_is_refused_in_words_and_standard_input_is_empty() {
    let dir = company("127.0.0.1:0");
    std::fs::write(dir.path().join("x.jsonl"), "half a backup").unwrap();
    for file in ["x.jsonl", "-", "missing.jsonl"] {
        let refused = run(dir.path(), &["store", "import", file]);
        assert_eq!(refused.code, 1, "{file}");
        assert!(refused.err.contains("cannot be used"), "{file}: {}", refused.err);
    }
}

#[test]
fn an_import_under_a_running_daemon_is_refused() {
    let dir = filled();
    let file = dir.path().join("backup.jsonl");
    assert_eq!(run(dir.path(), &["store", "export", file.to_str().unwrap()]).code, 0);
    let _daemon = open(&dir.path().join("data")).unwrap();
    let refused = run(dir.path(), &["store", "import", "backup.jsonl", "--replace"]);
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("stop the daemon first"), "{}", refused.err);
}

#[tokio::test]
async fn a_running_daemon_is_asked_and_what_is_not_whole_exits_1() {
    let served = Served::new(Fake::default(), Some(TOKEN)).await;
    let dir = company(&served.address.to_string());
    let path = dir.path().to_owned();
    let verified = tokio::task::spawn_blocking(move || {
        let broken_off = run(&path, &["store", "export", "x.jsonl"]);
        assert_eq!(broken_off.code, 1, "a copy without its end is none");
        assert!(!path.join("x.jsonl").exists() && !path.join("x.jsonl.part").exists());
        run(&path, &["store", "verify", "--json"])
    });
    let verified = verified.await.unwrap();
    let said: Value = serde_json::from_str(&verified.out).unwrap();
    assert_eq!((verified.code, &said["whole"]), (1, &Value::Bool(false)));
}
