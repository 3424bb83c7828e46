//! Commands before a running daemon.

use super::{Called, TOKEN, call, company};
use crate::admin::{Fake, Served};
use lockstep::admin::{Conflict, NotReady, ParkedRecord};
use lockstep::model::Side;
use serde_json::Value;
use std::sync::Arc;
use tempfile::TempDir;

/// A daemon, and the directory of a configuration that names it.
struct Company {
    served: Served,
    dir: Arc<TempDir>,
}

impl Company {
    async fn new(fake: Fake) -> Company {
        let served = Served::new(fake, Some(TOKEN)).await;
        let dir = company(&served.address.to_string());
        Company { served, dir: Arc::new(dir) }
    }

    async fn call(&self, arguments: &'static [&'static str]) -> Called {
        let dir = self.dir.clone();
        tokio::task::spawn_blocking(move || call(dir.path(), arguments, &[])).await.unwrap()
    }
}

fn conflict() -> Conflict {
    Conflict {
        id: "k1".into(),
        record: Some("00Q5f000005bwLFEAY".into()),
        prospect: "p_1".into(),
        reason: "both sides changed\u{1b}[2J".into(),
        kind: "both_changed".into(),
        salesforce: Some("Nurture".into()),
        engage: Some("bounced".into()),
        ids: vec![],
        since: "2026-11-23T09:30:00Z".parse().unwrap(),
        resolution: None,
    }
}

fn parked() -> ParkedRecord {
    ParkedRecord {
        id: "p_2".into(),
        record: "00Q5f000005bwLFEAY".into(),
        prospect: "p_2".into(),
        side: Side::Salesforce,
        reason: "Salesforce refused the write".into(),
        code: "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST".into(),
        message: "bad value for restricted picklist field: Nurtured".into(),
        attempts: 1,
        since: "2026-11-23T09:30:00Z".parse().unwrap(),
        waiting: None,
    }
}

#[tokio::test]
async fn empty_lists_say_so_and_exit_0() {
    let company = Company::new(Fake::default()).await;
    for (arguments, words) in [
        (&["conflicts"][..], "No conflicts"),
        (&["parked"], "Nothing is parked"),
        (&["plan"], "Nothing to do"),
    ] {
        let called = company.call(arguments).await;
        assert_eq!(called.code, 0, "{}", called.err);
        assert!(called.out.contains(words), "{}", called.out);
    }
    assert_eq!(company.call(&["conflicts", "--json"]).await.out, "[]\n");
}

#[tokio::test]
async fn what_waits_for_a_person_exits_4_and_words_of_a_system_cannot_steer_the_terminal() {
    let company = Company::new(Fake::default()).await;
    company.served.fake.conflicts.lock().unwrap().push(conflict());
    company.served.fake.parked.lock().unwrap().push(parked());
    let called = company.call(&["conflicts"]).await;
    assert_eq!(called.code, 4);
    for part in ["k1", "00Q5f000005bwLFEAY", "Nurture", "1 conflict of kind both_changed", "resolve ID"] {
        assert!(called.out.contains(part), "{part} is missing in\n{}", called.out);
    }
    assert!(!called.out.contains('\u{1b}'), "{:?}", called.out);
    let called = company.call(&["parked"]).await;
    assert_eq!(called.code, 4);
    assert!(
        called.out.contains("1 record refused with INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        "{}",
        called.out
    );
    assert_eq!(company.call(&["status"]).await.code, 4);
}

#[tokio::test]
async fn json_has_at_least_what_was_agreed() {
    let company = Company::new(Fake::default()).await;
    company.served.fake.conflicts.lock().unwrap().push(conflict());
    company.served.fake.parked.lock().unwrap().push(parked());
    for (arguments, keys) in [
        (&["conflicts", "--json"][..], &["id", "record", "prospect", "reason", "since"][..]),
        (
            &["parked", "--json"],
            &["id", "record", "prospect", "reason", "since", "code", "message", "attempts"],
        ),
    ] {
        let called = company.call(arguments).await;
        let list: Value = serde_json::from_str(&called.out).unwrap();
        assert_eq!(list.as_array().map(Vec::len), Some(1));
        for key in keys {
            assert!(!list[0][key].is_null(), "{key} is missing in {list}");
        }
    }
    let status: Value = serde_json::from_str(&company.call(&["--json", "status"]).await.out).unwrap();
    assert_eq!((&status["due"], &status["held"], &status["parked"]), (&1.into(), &1.into(), &1.into()));
    assert_eq!(status["first_pass_done"], true);
}

#[tokio::test]
async fn a_decision_reaches_the_daemon_with_the_name_of_who_decides() {
    let company = Company::new(Fake::default()).await;
    let called =
        company.call(&["conflicts", "resolve", "k1", "--take", "salesforce", "--by", "Ann Lee"]).await;
    assert_eq!(called.code, 0, "{}", called.err);
    assert_eq!(company.served.fake.asked(), ["resolve k1 salesforce Ann Lee"]);
}

#[tokio::test]
async fn retrying_all_is_asked_first_and_done_with_yes_or_an_id() {
    let company = Company::new(Fake::default()).await;
    company.served.fake.parked.lock().unwrap().push(parked());
    let called = company.call(&["parked", "retry"]).await;
    assert_eq!(called.code, 2);
    assert!(called.err.contains("--yes") && called.err.contains("[y/N]"), "{}", called.err);
    assert_eq!(company.served.fake.asked(), ["parked"]);
    assert_eq!(company.call(&["parked", "retry", "--yes"]).await.code, 0);
    assert_eq!(company.call(&["parked", "drop", "p_2"]).await.code, 0);
    assert_eq!(company.served.fake.asked()[1..], ["retry None", "drop Some(\"p_2\")"]);
}

#[tokio::test]
async fn a_refusal_is_said_on_standard_error_and_exits_1() {
    let company = Company::new(Fake::default()).await;
    let called = company.call(&["explain", "nobody"]).await;
    assert_eq!((called.code, called.out.as_str()), (1, ""));
    assert_eq!(called.err, "error: nothing is known of nobody\n");
}

#[tokio::test]
async fn a_health_check_is_0_when_ready_and_1_with_the_reason_when_not() {
    let company = Company::new(Fake::default()).await;
    assert_eq!(company.call(&["status", "--check"]).await.code, 0);
    let reason = NotReady { part: "engage".into(), why: "has not answered yet".into() };
    company.served.fake.not_ready.lock().unwrap().push(reason);
    let called = company.call(&["status", "--check"]).await;
    assert_eq!((called.code, called.out.as_str()), (1, "not ready: engage: has not answered yet\n"));
    let dir = company.dir.clone();
    company.served.stop().await;
    let called =
        tokio::task::spawn_blocking(move || call(dir.path(), &["status", "--check"], &[])).await.unwrap();
    assert_eq!(called.code, 1);
    assert!(called.out.contains("nothing answers there"), "{}", called.out);
}

#[tokio::test]
async fn another_daemon_may_be_named_without_any_configuration() {
    let served = Served::new(Fake::default(), Some(TOKEN)).await;
    let url = served.url("");
    let with_token = tokio::task::spawn_blocking(move || {
        let dir = TempDir::new().unwrap();
        let arguments = ["--admin", &url, "pause"];
        let token = [("LOCKSTEP_ADMIN__TOKEN", TOKEN)];
        (call(dir.path(), &arguments, &token), call(dir.path(), &arguments, &[]))
    });
    let (right, without) = with_token.await.unwrap();
    assert_eq!(right.code, 0, "{}", right.err);
    assert_eq!(without.code, 1);
    assert!(without.err.contains("admin token"), "{}", without.err);
    assert_eq!(served.fake.asked(), ["pause"]);
}

#[tokio::test]
async fn pause_resume_resync_and_apply_reach_the_daemon() {
    let company = Company::new(Fake::default()).await;
    for arguments in [
        &["pause"][..],
        &["resume"],
        &["resync", "--all"],
        &["resync", "--since", "2026-11-01T00:00:00Z"],
        &["resync", "p_1", "p_2"],
        &["plan", "--apply", "--json"],
    ] {
        let called = company.call(arguments).await;
        assert_eq!(called.code, 0, "{arguments:?}: {}", called.err);
    }
    let asked = company.served.fake.asked();
    assert_eq!(asked[..3], ["pause", "resume", "resync All"]);
    assert!(asked[3].starts_with("resync Since(2026-11-01T00:00:00Z"), "{}", asked[3]);
    assert_eq!(asked[4..], ["resync Ids([\"p_1\", \"p_2\"])", "apply"]);
}
