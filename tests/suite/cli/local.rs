//! Commands on the store alone, when no daemon runs.

use super::{Called, call, company};
use lockstep::model::*;
use lockstep::store::*;
use serde_json::Value;
use tempfile::TempDir;

const LEAD: &str = "00Q5f000005bwLFEAY";

/// A company whose daemon does not run; port 0 names none that could be asked.
struct Idle {
    dir: TempDir,
}

impl Idle {
    /// With a store filled by `fill`.
    fn new(fill: impl FnOnce(&mut Transaction<'_>) -> Result<(), StoreError> + Send + 'static) -> Idle {
        let idle = Idle { dir: company("127.0.0.1:0") };
        idle.store().write_blocking(fill).unwrap();
        idle
    }

    fn store(&self) -> Store {
        Store::open(&self.dir.path().join("data"), "acme", StoreOptions::default()).unwrap()
    }

    fn call(&self, arguments: &[&str]) -> Called {
        call(self.dir.path(), arguments, &[])
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let called = self.call(&[arguments, &["--json"]].concat());
        serde_json::from_str(&called.out).unwrap_or_else(|why| panic!("{why}: {}{}", called.out, called.err))
    }
}

fn prospect() -> ProspectId {
    "p_1".parse().unwrap()
}

fn baseline(status: &str) -> Baseline {
    Baseline {
        salesforce: [("Status".into(), FieldValue::text(status))].into(),
        engage: PersonStatus::new("success"),
    }
}

fn link() -> Link {
    Link { baseline: Some(baseline("New")), ..Link::new(prospect(), LEAD.parse().unwrap()) }
}

fn held(reason: HoldReason) -> Held {
    Held {
        id: "k1".into(),
        prospect: prospect(),
        salesforce: Some(LEAD.parse().unwrap()),
        reason,
        salesforce_value: Some("Nurture".into()),
        engage_value: Some("bounced".into()),
        touched: Default::default(),
        since: "2026-11-23T09:30:00Z".parse().unwrap(),
        resolution: None,
    }
}

fn parked() -> Parked {
    Parked {
        prospect: prospect(),
        salesforce: LEAD.parse().unwrap(),
        side: Side::Salesforce,
        code: "FIELD_CUSTOM_VALIDATION_EXCEPTION".into(),
        message: "Not before Friday".into(),
        attempts: 2,
        since: "2026-11-23T09:30:00Z".parse().unwrap(),
        seen: baseline("Nurture"),
        details: Default::default(),
    }
}

#[test]
fn without_daemon_and_store_nothing_is_made_and_the_way_on_is_named() {
    let dir = company("127.0.0.1:0");
    let called = call(dir.path(), &["status"], &[]);
    assert_eq!(called.code, 1);
    assert!(called.err.contains("lockstep run"), "{}", called.err);
    assert!(!dir.path().join("data").exists());
}

#[test]
fn the_store_is_asked_when_no_daemon_runs() {
    let idle = Idle::new(|t| t.put_link(&link()));
    let called = idle.call(&["status"]);
    assert_eq!(called.code, 0, "{}", called.err);
    assert!(called.out.contains("no daemon runs") && called.out.contains("linked 1"), "{}", called.out);
    assert_eq!(idle.json(&["status"])["running"], false);
}

#[test]
fn a_store_that_is_in_use_says_who_has_it() {
    let idle = Idle::new(|t| t.put_link(&link()));
    let _open = idle.store();
    let called = idle.call(&["conflicts"]);
    assert_eq!(called.code, 1);
    assert!(
        called.err.contains(&format!("pid {}", std::process::id())) && called.err.contains("--admin URL"),
        "{}",
        called.err
    );
}

#[test]
fn a_decision_is_kept_with_its_name_and_the_link_is_due() {
    for id in ["k1", "p_1", LEAD, &LEAD[..15]] {
        let idle = Idle::new(|t| {
            t.put_link(&link())?;
            t.put_held(&held(HoldReason::BothChanged))
        });
        assert_eq!(idle.call(&["conflicts"]).code, 4);
        let called = idle.call(&["conflicts", "resolve", id, "--take", "engage", "--by", "Ann Lee"]);
        assert_eq!(called.code, 0, "{id}: {}", called.err);
        let kept = idle.store().read_blocking(|r| Ok((r.held(&prospect())?, r.due(&prospect())?))).unwrap();
        let resolution = kept.0.unwrap().resolution.unwrap();
        assert_eq!((resolution.take, resolution.by.as_str()), (Side::Engage, "Ann Lee"));
        assert_eq!(kept.1.unwrap().seen.last().unwrap().source, Source::Operator);
        let journal = &idle.json(&["explain", id])[0]["journal"];
        assert_eq!(
            (&journal[0]["what"], &journal[0]["by"]),
            (&"resolved".into(), &"Ann Lee".into()),
            "{journal}"
        );
    }
}

#[test]
fn no_side_can_be_taken_when_it_is_not_known_who_is_who() {
    let ids = vec!["p_1".into(), "p_2".into()];
    let idle = Idle::new(|t| t.put_held(&held(HoldReason::NotUnique { ids })));
    assert_eq!(idle.json(&["conflicts"])[0]["ids"], serde_json::json!(["p_1", "p_2"]));
    let called = idle.call(&["conflicts", "resolve", "k1", "--take", "engage", "--by", "Ann"]);
    assert_eq!(called.code, 2, "{}", called.err);
    assert!(called.err.contains("more than one record"), "{}", called.err);
    let due = idle.store().read_blocking(|r| r.due(&prospect())).unwrap();
    assert!(due.is_none());
}

#[test]
fn a_side_that_nothing_of_ours_can_carry_over_is_not_taken_and_it_is_said_what_to_do() {
    let bounced = HoldReason::RefusedByLifecycle { wanted: PersonStatus::new("opted_out") };
    let converted = HoldReason::Protected { side: Side::Salesforce, value: "Closed - Converted".into() };
    for (reason, take, other) in [(bounced, "salesforce", "engage"), (converted, "engage", "salesforce")] {
        let held = held(reason);
        let idle = Idle::new(move |t| {
            t.put_link(&link())?;
            t.put_held(&held)
        });
        let resolve = |take| idle.call(&["conflicts", "resolve", "k1", "--take", take, "--by", "Ann"]);
        let called = resolve(take);
        assert_eq!(called.code, 2, "{}", called.err);
        assert!(called.err.contains(&format!("or take {other}")), "{}", called.err);
        assert!(idle.store().read_blocking(|r| r.due(&prospect())).unwrap().is_none());
        assert_eq!(resolve(other).code, 0, "the other side can be");
    }
}

#[test]
fn to_give_up_a_refused_field_settles_nothing_about_the_status() {
    let base = DetailBase { salesforce: 7, engage: 7 };
    let idle = Idle::new(move |t| {
        t.put_link(&link())?;
        t.put_parked(&Parked { details: [(Detail::Title, base)].into(), ..parked() })
    });
    assert_eq!(idle.call(&["parked", "drop", "--yes"]).code, 0);
    let kept = idle.store().read_blocking(|r| r.link(&prospect())).unwrap().unwrap();
    assert_eq!(kept.baseline, link().baseline);
    assert_eq!(
        kept.details.get(&Detail::Title),
        Some(&base),
        "the title that was given up is not tried again"
    );
}

#[test]
fn a_retry_takes_the_record_off_the_list_and_makes_it_due() {
    let idle = Idle::new(|t| {
        t.put_link(&link())?;
        t.put_parked(&parked())
    });
    assert_eq!(idle.call(&["parked", "retry", "p_9"]).code, 1);
    let called = idle.call(&["parked", "retry", LEAD]);
    assert_eq!((called.code, called.out.as_str()), (0, "1 record to be tried again.\n"));
    assert_eq!(idle.json(&["parked"]), serde_json::json!([]));
    assert_eq!(idle.json(&["status"])["due"], 1);
}

#[test]
fn a_retry_of_all_tries_what_failed_in_passing_though_nothing_is_parked() {
    let idle = Idle::new(|t| {
        t.put_link(&link())?;
        let seen = Seen {
            side: None,
            source: Source::Poll,
            at: "2026-11-23T09:30:00Z".parse().unwrap(),
            value: None,
            by: None,
        };
        let due = t.mark_due(&prospect(), seen)?;
        let tomorrow = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24);
        assert!(t.postpone_due(&prospect(), due.generation, tomorrow, 3)?);
        Ok(())
    });
    let dropped = idle.call(&["parked", "drop"]);
    assert_eq!(dropped.out, "Nothing is parked: no write was refused for good.\n");
    let called = idle.call(&["parked", "retry"]);
    assert_eq!((called.code, called.err.as_str()), (0, ""), "nobody is asked");
    assert_eq!(called.out, "1 record to be tried again.\n");
    let due = idle.store().read_blocking(|r| r.due(&prospect())).unwrap().unwrap();
    assert_eq!((due.not_before, due.attempts), (None, 3), "at once, and its tries still count");
}

#[test]
fn a_dropped_write_is_forgotten_until_either_side_changes() {
    let idle = Idle::new(|t| {
        t.put_link(&link())?;
        t.put_parked(&parked())
    });
    assert_eq!(idle.call(&["parked", "drop", "--yes"]).code, 0);
    let (link, due) =
        idle.store().read_blocking(|r| Ok((r.link(&prospect())?, r.due(&prospect())?))).unwrap();
    assert_eq!(
        link.unwrap().baseline,
        Some(baseline("Nurture")),
        "both sides are taken as they were when refused"
    );
    assert!(due.is_none());
    assert_eq!(idle.json(&["explain", "p_1"])[0]["journal"][0]["what"], "dropped");
    assert_eq!(idle.json(&["parked"]), serde_json::json!([]));
}

#[test]
fn a_pause_lasts_until_resume_whoever_runs_meanwhile() {
    let idle = Idle::new(|t| t.put_link(&link()));
    assert_eq!(idle.call(&["pause"]).code, 0);
    assert_eq!(idle.json(&["status"])["paused"], true);
    assert_eq!(idle.call(&["resume"]).code, 0);
    assert_eq!(idle.json(&["status"])["paused"], false);
}

#[test]
fn a_resync_marks_all_or_those_named_and_nobody_when_one_is_not_known() {
    let idle = Idle::new(|t| t.put_link(&link()));
    let called = idle.call(&["resync", LEAD, "p_9"]);
    assert_eq!(called.code, 1);
    assert_eq!(idle.json(&["status"])["due"], 0, "nothing was done");
    assert_eq!(
        idle.call(&["resync", LEAD]).out,
        "1 record to be compared again: 1 call to Salesforce at most, and what is then written.\n"
    );
    assert_eq!(idle.json(&["resync", "--all"])["records"], 1);
    assert_eq!(idle.json(&["status"])["due"], 1);
    assert_eq!(idle.call(&["resync", "--since", "2026-11-01T00:00:00Z"]).code, 1);
}

#[test]
fn an_email_address_is_refused_with_the_reason_since_none_is_kept() {
    let idle = Idle::new(|t| t.put_link(&link()));
    let called = idle.call(&["explain", "ann@acme.example"]);
    assert_eq!(called.code, 1);
    assert!(called.err.contains("no email address is kept"), "{}", called.err);
}

#[test]
fn everything_is_found_however_many_pages_it_takes() {
    let idle = Idle::new(|t| {
        for number in 0..1_201 {
            let salesforce = format!("00Q5f0000{number:06}").parse().unwrap();
            t.put_link(&Link { prospect: format!("p_{number}").parse().unwrap(), salesforce, ..link() })?;
        }
        Ok(())
    });
    assert_eq!(idle.json(&["resync", "--all"])["records"], 1_201);
    assert_eq!(idle.json(&["status"])["due"], 1_201);
}

#[test]
fn an_empty_store_says_what_there_is_to_do_rather_than_ask_about_nothing() {
    let idle = Idle::new(|t| t.set_meta("first_pass_done", "true"));
    let status = idle.call(&["status"]).out;
    assert!(status.contains("nobody is linked") && status.contains("check --live"), "{status}");
    assert!(status.contains("last answer (UTC)"), "as other tables say it: {status}");
    for command in [&["parked", "retry"][..], &["parked", "drop"]] {
        let called = idle.call(command);
        assert_eq!((called.code, called.err.as_str()), (0, ""), "nobody is asked");
        assert_eq!(called.out, "Nothing is parked: no write was refused for good.\n");
    }
    assert_eq!(idle.call(&["resync", "--all"]).out, "Nothing to compare: no link is among them.\n");
    let exported = idle.call(&["store", "export", "x.jsonl"]).out;
    assert!(exported.ends_with(" UTC, are in x.jsonl\n") && !exported.contains('Z'), "{exported}");
}

#[test]
fn whoever_writes_a_mapping_needs_none_of_the_daemons_secrets() {
    let dir = company("127.0.0.1:0");
    std::fs::remove_file(dir.path().join("config/secret")).unwrap();
    std::fs::create_dir(dir.path().join("mapping")).unwrap();
    std::fs::write(dir.path().join("mapping/acme.toml"), include_str!("../../../mapping/example.toml"))
        .unwrap();
    for command in ["show", "test", "draw"] {
        let called = call(dir.path(), &["mapping", command], &[]);
        assert_eq!(called.code, 0, "{command}: {}", called.err);
    }
}
