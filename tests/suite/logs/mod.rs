//! Log lines: their shape, and what never gets into one.

mod traces;

use lockstep::config::{LogConfig, LogFormat};
use lockstep::{emit, event};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt;

/// What is written while `work` runs.
fn logged(level: &str, change: impl FnOnce(&mut LogConfig), work: impl FnOnce()) -> Vec<String> {
    let mut config = LogConfig { format: LogFormat::Json, level: level.to_owned(), personal_data: false };
    change(&mut config);
    let lines = Arc::new(Mutex::new(Vec::new()));
    let kept = lines.clone();
    let sink = move |line: &str| kept.lock().unwrap().push(line.to_owned());
    let layer = event::layer(&config, "acme", sink).unwrap();
    tracing::subscriber::with_default(Registry::default().with(layer), work);
    let lines = lines.lock().unwrap();
    lines.clone()
}

fn as_is(_: &mut LogConfig) {}

#[test]
fn a_line_is_one_json_object_with_the_contracts_keys_first_and_the_fields_flat() {
    let lines = logged("info", as_is, || {
        emit!(STATUS_WRITTEN, change = %"c7", duration_ms = 12u64, dry = false, "the person is now Success");
    });
    assert_eq!(lines.len(), 1);
    let line = &lines[0];
    assert!(line.ends_with("}\n") && line.matches('\n').count() == 1, "{line:?}");
    let value: Value = serde_json::from_str(line).unwrap();
    let time = value["timestamp"].as_str().unwrap();
    assert_eq!((time.len(), &time[19..20], &time[23..]), (24, ".", "Z"), "{time}");
    time.parse::<jiff::Timestamp>().unwrap();
    let rest = &line[line.find("\"level\"").unwrap()..];
    assert_eq!(
        rest,
        "\"level\":\"info\",\"event\":\"status.written\",\"message\":\"the person is now Success\",\
         \"tenant\":\"acme\",\"change\":\"c7\",\"duration_ms\":12,\"dry\":false}\n"
    );
}

#[test]
fn email_addresses_are_masked_in_messages_and_fields_unless_personal_data_is_allowed() {
    let work = || emit!(CALL_FAILED, reason = %"no ann@acme.example", "ann@acme.example is twice there");
    let lines = logged("info", as_is, work);
    assert!(!lines[0].contains("ann@") && lines[0].contains("\"reason\":\"no [email]\""), "{}", lines[0]);
    let lines = logged("info", |config| config.personal_data = true, work);
    assert_eq!(lines[0].matches("ann@acme.example").count(), 2);
}

#[test]
fn a_text_from_outside_cannot_begin_a_line_nor_move_the_cursor() {
    let forged = "x\n{\"event\":\"status.written\"}\r\u{1b}[2J\u{2028}\u{202e}";
    let work = || emit!(CALL_FAILED, reason = %forged, "{forged}");
    for format in [LogFormat::Json, LogFormat::Pretty] {
        let lines = logged("info", |config| config.format = format, work);
        assert_eq!(lines.len(), 1);
        let body = lines[0].strip_suffix('\n').unwrap();
        assert!(!body.contains(event::is_unsafe), "{body:?}");
    }
    let value: Value = serde_json::from_str(&logged("info", as_is, work)[0]).unwrap();
    assert_eq!(value["reason"], forged, "nothing of it is lost");
    assert_eq!(value["event"], "call.failed");
}

#[test]
fn lines_of_libraries_carry_event_and_tenant_and_cannot_pass_for_ours() {
    let lines = logged("trace", as_is, || {
        tracing::info!(target: "hyper::client", event = "status.written", tenant = "other", level = 3, "connected");
        tracing::trace!(target: "h2", "authorization: Bearer hush");
    });
    assert_eq!(lines.len(), 1, "what libraries say below debug is dropped");
    let value: Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!(value["event"], "library.logged");
    assert_eq!(value["tenant"], "acme");
    assert_eq!(value["level"], "info");
    assert_eq!(value["target"], "hyper::client");
    assert_eq!(value["message"], "connected");
    assert_eq!(value["field_tenant"], "other");
}

#[test]
fn the_level_and_a_filter_decide_what_is_shown() {
    let work = || {
        emit!(LINK_MADE, "debug");
        emit!(STATUS_WRITTEN, "info");
        tracing::info!(target: "sled", "library");
    };
    assert_eq!(logged("info,sled=warn", as_is, work).len(), 1);
    assert_eq!(logged("debug", as_is, work).len(), 3);
    assert_eq!(logged("warn", as_is, work).len(), 0);
    let config = LogConfig { format: LogFormat::Json, level: "a=b=c".into(), personal_data: false };
    assert!(event::layer(&config, "acme", |_: &str| ()).is_err());
}

#[test]
fn every_event_has_a_name_of_its_own_made_of_a_noun_and_a_verb() {
    let mut names = BTreeSet::new();
    for event in event::ALL {
        assert!(names.insert(event.name), "{} is there twice", event.name);
        let plain = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        assert!(
            event.name.split_once('.').is_some_and(|(noun, verb)| plain(noun) && plain(verb)),
            "{}",
            event.name
        );
        assert!(event.what.ends_with('.') && event.what.len() > 15, "{}", event.name);
    }
}

/// What is decided or written about one person, or refused by a system.
const DECISIONS: [event::Event; 12] = [
    event::STATUS_WRITTEN,
    event::CONFLICT_HELD,
    event::CONFLICT_RESOLVED,
    event::VALUE_SKIPPED,
    event::RECORD_PARKED,
    event::WRITE_STALE,
    event::WRITE_UNKNOWN,
    event::PERSON_CREATED,
    event::PERSON_NOT_CREATED,
    event::LINK_MOVED,
    event::LINK_DROPPED,
    event::OVERWRITE_DETECTED,
];

#[test]
fn no_decision_is_left_out_however_many_there_are_at_once() {
    const EACH: usize = 2_500;
    let config = LogConfig { format: LogFormat::Json, level: "info".to_owned(), personal_data: false };
    let lines = Arc::new(Mutex::new(Vec::new()));
    let kept = lines.clone();
    let layer =
        event::layer(&config, "acme", move |line: &str| kept.lock().unwrap().push(line.to_owned())).unwrap();
    let dispatch = tracing::Dispatch::new(Registry::default().with(layer));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let dispatch = &dispatch;
            scope.spawn(move || {
                tracing::dispatcher::with_default(dispatch, || {
                    for number in 0..EACH {
                        emit!(STATUS_WRITTEN, change = %format!("{thread}-{number}"), "the same words each time");
                    }
                });
            });
        }
    });
    let changes: BTreeSet<String> = lines
        .lock()
        .unwrap()
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["change"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(changes.len(), 4 * EACH);
}

#[test]
fn the_default_level_shows_every_decision_about_a_person() {
    for event in DECISIONS {
        assert!(event.level <= tracing::Level::INFO, "{} is hidden by the default level", event.name);
    }
}

#[test]
fn the_page_of_events_is_what_the_code_says_now() {
    let page = include_str!("../../../docs/events.md");
    let dir = tempfile::tempdir().unwrap();
    let made = crate::cli::call(dir.path(), &["events", "--markdown"], &[]);
    assert_eq!(made.code, 0, "{}", made.err);
    assert_eq!(page, made.out, "renew it: lockstep events --markdown > docs/events.md");
}
