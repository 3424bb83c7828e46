//! The file of a refresh token that rotates: whatever happens between the answer and the file, and whoever else uses it,
//! the one token that is alive is not lost.

use super::sign_in::Door;
use lockstep::config::SalesforceFlow;
use lockstep::connector::salesforce::Salesforce;
use lockstep::connector::{CallError, Retry};
use lockstep::model::SalesforceObject;
use lockstep::sandbox::{Fault, When};
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

/// A directory with the token `first` in it, which is good and rotates.
async fn first() -> (Door, TempDir, PathBuf) {
    let door = Door::open().await;
    let (dir, file) = holding("first");
    door.org.grant_refresh_token("lockstep", "first", true);
    (door, dir, file)
}

pub fn holding(token: &str) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("refresh-token");
    fs::write(&file, format!("{token}\n")).expect("a file");
    (dir, file)
}

pub fn refresh(file: &Path) -> SalesforceFlow {
    SalesforceFlow::RefreshToken { client_secret: None, refresh_token_file: file.to_owned() }
}

pub fn text(file: &Path) -> String {
    fs::read_to_string(file).expect("the file")
}

pub fn mode(file: &Path) -> u32 {
    fs::metadata(file).expect("the file").permissions().mode() & 0o7777
}

/// The successor beside the file, as a process leaves it that is cut off.
fn leftover(file: &Path, content: &str, mode: u32) -> PathBuf {
    let fresh = file.with_extension("new");
    fs::write(&fresh, content).expect("a file");
    fs::set_permissions(&fresh, fs::Permissions::from_mode(mode)).expect("permissions");
    fresh
}

/// Uses the first token up, and gives the second.
async fn second(door: &Door) -> String {
    let (_dir, file) = holding("first");
    door.connector(refresh(&file)).connect(&[]).await.expect("signed in with the first");
    text(&file).trim_end().to_owned()
}

/// A call like any other.
async fn find_nobody(connector: &Salesforce) -> Result<(), CallError> {
    connector.find_by_email(SalesforceObject::Lead, &["nobody@example.com".to_owned()]).await.map(drop)
}

#[tokio::test]
async fn a_rotated_token_is_on_disk_before_it_is_needed() {
    let (door, dir, file) = first().await;
    // Everything behind the token call fails: the new token must have been kept all the same.
    door.org.faults().add(When::next("GET", "/services/data"), Fault::DropBefore);
    door.connector(refresh(&file)).connect(&[]).await.expect_err("nothing but the token came");
    let second = text(&file);
    assert!(second.starts_with("5Aep"), "the first one is dead: {second:?}");
    assert_eq!(mode(&file), 0o600, "for nobody else to read");
    let mut beside: Vec<_> = fs::read_dir(dir.path())
        .expect("a directory")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    beside.sort();
    assert_eq!(beside, ["refresh-token", "refresh-token.lock"], "no token is left beside it");

    // A restart begins with what is on disk; so does the same process once its session has ended.
    let connector = door.connector(refresh(&file));
    connector.connect(&[]).await.expect("signed in with the second");
    let third = text(&file);
    door.org.revoke_sessions();
    find_nobody(&connector).await.expect("signed in with the third");
    let fourth = text(&file);
    assert!(second != third && third != fourth);
}

#[tokio::test]
async fn a_token_that_does_not_rotate_stays_as_it_is() {
    let door = Door::open().await;
    let (_dir, file) = holding("lasting");
    door.org.grant_refresh_token("lockstep", "lasting", false);
    door.connector(refresh(&file)).connect(&[]).await.expect("signed in");
    assert_eq!(text(&file), "lasting\n");

    fs::write(&file, "dead").expect("a file");
    let error = door.connector(refresh(&file)).connect(&[]).await.expect_err("a dead token");
    assert_eq!((error.code.as_str(), error.retry), ("invalid_grant", Retry::Stop));
    assert_eq!(error.message, "expired access/refresh token");
}

#[tokio::test]
async fn a_token_whose_successor_could_not_be_kept_is_not_used_up() {
    let (door, _dir, file) = first().await;
    // A directory stands where the successor is to be written; root may write anywhere else.
    let fresh = file.with_extension("new");
    fs::create_dir(&fresh).expect("a directory");
    let error = door.connector(refresh(&file)).connect(&[]).await.expect_err("it could not be kept");
    assert_eq!(error.retry, Retry::Stop);
    assert!(
        error.message.contains("refresh_token_file") && error.message.contains("refresh-token.new"),
        "{error}"
    );
    fs::remove_dir(&fresh).expect("a directory");
    door.connector(refresh(&file)).connect(&[]).await.expect("the first is as good as before");
}

#[tokio::test]
async fn a_symbolic_link_is_refused_before_the_token_is_used_up() {
    let (door, dir, file) = first().await;
    let link = dir.path().join("mounted");
    std::os::unix::fs::symlink(&file, &link).expect("a link");
    let error = door.connector(refresh(&link)).connect(&[]).await.expect_err("a link");
    for words in ["mounted is a symbolic link", "/var/lib/lockstep/refresh-token"] {
        assert!(error.message.contains(words), "{error}");
    }
    door.connector(refresh(&file)).connect(&[]).await.expect("the first is as good as before");
}

#[tokio::test]
async fn cut_off_before_the_rename_the_successor_takes_its_place() {
    let (door, _dir, file) = first().await;
    let fresh = leftover(&file, &format!("{}\n", second(&door).await), 0o600);
    door.connector(refresh(&file)).connect(&[]).await.expect("signed in with what was left");
    assert!(!fresh.exists() && text(&file).starts_with("5Aep"));
}

#[tokio::test]
async fn cut_off_while_writing_the_half_token_is_not_taken_for_one() {
    for half in ["", "5Aephalf"] {
        let (door, _dir, file) = first().await;
        let fresh = leftover(&file, half, 0o600);
        door.connector(refresh(&file)).connect(&[]).await.expect("signed in with the first");
        assert!(!fresh.exists() && text(&file).starts_with("5Aep") && !text(&file).contains("half"));
    }
}

#[tokio::test]
async fn what_others_could_have_written_is_not_used_and_lends_its_permissions_to_nobody() {
    let (door, _dir, file) = first().await;
    leftover(&file, "planted\n", 0o666);
    door.connector(refresh(&file)).connect(&[]).await.expect("signed in with the first");
    assert_eq!(mode(&file), 0o600);
}

#[tokio::test]
async fn an_old_file_put_back_over_a_token_that_waits_is_tried_and_then_left_for_that_one() {
    let (door, _dir, file) = first().await;
    let fresh = leftover(&file, &format!("{}\n", second(&door).await), 0o600);
    let yesterday = SystemTime::now() - Duration::from_secs(86_400);
    File::options().write(true).open(&fresh).and_then(|left| left.set_modified(yesterday)).expect("a time");
    door.connector(refresh(&file)).connect(&[]).await.expect("the first is dead, what was left is not");
    assert!(!fresh.exists() && text(&file).starts_with("5Aep"));
}

#[tokio::test]
async fn two_processes_with_one_file_do_not_use_one_token_twice() {
    let (door, _dir, file) = first().await;
    let (daemon, other) = (door.connector(refresh(&file)), door.connector(refresh(&file)));
    for _ in 0..4 {
        let (one, two) = tokio::join!(find_nobody(&daemon), find_nobody(&other));
        one.and(two).expect("a token each");
        door.org.revoke_sessions();
    }
}

#[tokio::test]
async fn many_calls_at_once_use_a_rotating_token_one_after_the_other() {
    let (door, _dir, file) = first().await;
    let connector = door.connector(refresh(&file));
    // The second time all of them find their session ended at once. A token used twice would be refused.
    for _ in 0..2 {
        let calls = (0..32).map(|_| {
            let connector = connector.clone();
            tokio::spawn(async move { find_nobody(&connector).await })
        });
        for call in calls.collect::<Vec<_>>() {
            call.await.expect("no panic").expect("an answer");
        }
        door.org.revoke_sessions();
    }
}
