//! Checkpoints, exports and imports: what is in them, and what becomes of it when it is put back.

use super::rows::*;
use lockstep::model::Side;
use lockstep::store::*;
use std::path::{Path, PathBuf};

fn filled(dir: &Path, people: u32) -> Store {
    let store = open(dir).unwrap();
    store.write_blocking(move |t| (1..=people).try_for_each(|number| put_everything(t, number))).unwrap();
    store
}

fn checkpoints(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir.join("checkpoints")) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort_unstable();
    files
}

fn export(store: &Store, to: &Path) {
    store.export(std::fs::File::create(to).unwrap(), at(100), false).unwrap();
}

#[test]
fn three_checkpoints_are_kept_and_none_is_written_when_nothing_changed() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path(), 3);
    assert!(store.checkpoint(at(0)).unwrap().is_some());
    assert!(store.checkpoint(at(1)).unwrap().is_none());
    for number in 4..9 {
        store.write_blocking(move |t| t.put_link(&link(number))).unwrap();
        let written = store.checkpoint(at(i64::from(number))).unwrap().unwrap();
        assert!(Store::look_at_copy(&written.path).unwrap().rows == written.rows);
    }
    let files = checkpoints(dir.path());
    assert_eq!(files.len(), 3, "{files:?}");
    let newest = Store::look_at_copy(files.last().unwrap()).unwrap();
    assert_eq!((newest.header.at, newest.header.tenant.as_str()), (at(8), TENANT));
    drop(store);
    let store = open(dir.path()).unwrap();
    assert!(store.checkpoint(at(9)).unwrap().is_none(), "nothing was changed since it was opened");
}

#[test]
fn what_is_put_back_is_looked_at_and_nothing_of_it_is_carried_out() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = filled(dir.path(), 20);
    store.write_blocking(|t| t.set_cursor("salesforce.bulk.lead", "a job")).unwrap();
    let file = dir.path().join("copy.jsonl");
    export(&store, &file);
    let restored = Store::import(other.path(), TENANT, &file, false).unwrap();
    assert_eq!((restored.copy_of, restored.links), (at(100), 20));
    let copy = open(other.path()).unwrap();
    assert!(copy.verify().unwrap().whole);
    copy.read_blocking(move |r| {
        for number in 1..=20 {
            assert_eq!(r.link(&prospect(number))?, Some(link(number)), "baselines and latches are kept");
            assert_eq!(r.restored(&prospect(number))?, Some(at(100)));
            let due = r.due(&prospect(number))?.expect("everybody is looked at");
            assert_eq!((due.approved, due.waiting, due.attempts), (None, None, 0));
            assert_eq!(r.intent(&prospect(number))?, None, "no decided write is carried out");
            assert_eq!(r.writes_in_last_hour(&prospect(number), Side::Salesforce, at(16))?, 1);
        }
        let expected = Held { resolution: None, ..held(5) };
        assert_eq!(r.held_by_id("k5")?, Some(expected), "the answer was given for other values");
        let pauses = OwnPauses { enrollments: vec!["e_1".into()], pending: false };
        assert_eq!(r.own_pauses(&prospect(5))?, pauses, "a pause stays");
        assert!(r.newcomers()?.iter().all(|newcomer| !newcomer.approved && !newcomer.waiting));
        assert_eq!((r.parked_count()?, r.newcomers()?.len(), r.restored_count()?), (4, 4, 20));
        assert_eq!(r.former(&prospect(800_005))?.map(|former| former.salesforce), Some(lead(800_005)));
        assert_eq!(r.cursor("engage")?, Some(at(20).to_string()), "reading goes back to where it was");
        assert_eq!(r.cursor("salesforce.bulk.lead")?, None);
        assert_eq!(r.meta("first_pass_done")?.as_deref(), Some("true"));
        assert_eq!(r.journal_count()?, 0);
        assert_eq!(r.last_restored()?, Some(restored.clone()));
        Ok(())
    })
    .unwrap();
    let next = |store: &Store| store.write_blocking(|t| t.next_change()).unwrap();
    assert!(next(&copy) > next(&store), "numbers are not handed out twice");
}

#[test]
fn an_export_with_the_journal_brings_it_back() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = filled(dir.path(), 7);
    let file = dir.path().join("copy.jsonl");
    store.export(std::fs::File::create(&file).unwrap(), at(100), true).unwrap();
    Store::import(other.path(), TENANT, &file, false).unwrap();
    let of = |store: &Store| store.read_blocking(|r| r.journal_of(&prospect(3), 9)).unwrap();
    assert_eq!(of(&open(other.path()).unwrap()), of(&store));
}

#[test]
fn what_only_reports_is_in_no_copy_so_that_a_large_job_leaves_it_readable() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = filled(dir.path(), 3);
    let expected = "x".repeat(2 << 20);
    store.write_blocking(move |t| t.set_meta(marks::UNGUARDED_WRITES, &expected)).unwrap();
    let written = store.checkpoint(at(1)).unwrap().unwrap();
    assert_eq!(Store::look_at_copy(&written.path).unwrap().rows, written.rows);
    Store::import(other.path(), TENANT, &written.path, false).unwrap();
    let meta = |name: &'static str| open(other.path()).unwrap().read_blocking(|r| r.meta(name)).unwrap();
    assert_eq!((meta(marks::UNGUARDED_WRITES), meta("first_pass_done").as_deref()), (None, Some("true")));
}

#[test]
fn a_checkpoint_that_could_not_be_read_again_is_refused_and_the_older_ones_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path(), 3);
    store.checkpoint(at(0)).unwrap().unwrap();
    let kept = checkpoints(dir.path());
    store.write_blocking(|t| t.set_meta("too long", &"x".repeat(2 << 20))).unwrap();
    let refused = store.checkpoint(at(1)).unwrap_err();
    assert!(!refused.is_fatal() && refused.to_string().contains("longer than"), "{refused}");
    assert_eq!(checkpoints(dir.path()), kept);
}

#[test]
fn a_store_that_is_there_is_only_replaced_when_that_is_said_and_is_kept_aside() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = dir.path().join("copy.jsonl");
    export(&filled(dir.path(), 4), &file);
    let store = filled(other.path(), 2);
    let refused = Store::import(other.path(), TENANT, &file, true).unwrap_err();
    assert!(matches!(refused, StoreError::Held { .. }), "{refused}");
    drop(store);
    let refused = Store::import(other.path(), TENANT, &file, false).unwrap_err().to_string();
    assert!(refused.contains("2 links") && refused.contains("--replace"), "{refused}");
    assert_eq!(open(other.path()).unwrap().read_blocking(|r| r.link_count()).unwrap(), 2);
    for _ in 0..4 {
        Store::import(other.path(), TENANT, &file, true).unwrap();
    }
    assert_eq!(open(other.path()).unwrap().read_blocking(|r| r.link_count()).unwrap(), 4);
    assert_eq!(
        std::fs::read_dir(other.path().join("damaged")).unwrap().count(),
        2,
        "the newest two are kept"
    );
}

#[test]
fn another_tenants_a_newer_and_a_damaged_copy_are_refused_and_nothing_is_touched() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = dir.path().join("copy.jsonl");
    export(&filled(dir.path(), 4), &file);
    let whole = std::fs::read_to_string(&file).unwrap();
    let refused = Store::import(other.path(), "globex", &file, false).unwrap_err();
    assert!(matches!(&refused, StoreError::OtherTenant { found, .. } if found == TENANT), "{refused}");
    for damaged in [&whole[..whole.len() / 2], &whole.replacen("Nurture", "nurture", 1), "a letter\n", ""] {
        std::fs::write(&file, damaged).unwrap();
        let refused = Store::import(other.path(), TENANT, &file, false).unwrap_err();
        assert!(matches!(refused, StoreError::Unusable { .. }), "{refused}");
        assert!(refused.to_string().contains("use another copy"), "{refused}");
    }
    assert!(!other.path().join("sled").exists());
}

#[test]
fn a_copy_is_of_one_moment_however_much_is_written_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    let set = |store: &Store, number: u32| {
        let both = move |t: &mut Transaction<'_>| {
            // The first and the last row that a copy reads, with many between them.
            t.set_cursor("a", &number.to_string())?;
            t.put_newcomer(&Newcomer::of(&format!("n{number:05}"), Side::Engage, at(0)))?;
            t.remove_newcomer(&format!("n{:05}", number.saturating_sub(1)))
        };
        store.write_blocking(both).unwrap();
    };
    store.write_blocking(|t| (1..=3_000).try_for_each(|number| t.put_link(&link(number)))).unwrap();
    set(&store, 1);
    std::thread::scope(|scope| {
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let writer = store.clone();
        scope.spawn(move || {
            let mut number = 2;
            while stopped.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
                set(&writer, number);
                number += 1;
            }
        });
        for _ in 0..5 {
            let mut bytes = Vec::new();
            store.export(&mut bytes, at(0), false).unwrap();
            let text = String::from_utf8(bytes).unwrap();
            let of = |kind: &str| -> Vec<&str> { text.lines().filter(|line| line.contains(kind)).collect() };
            let (cursors, newcomers) = (of(r#""kind":"cursor""#), of(r#""kind":"newcomer""#));
            assert_eq!((cursors.len(), newcomers.len(), of(r#""kind":"link""#).len()), (1, 1, 3_000));
            let number = cursors[0].split('"').nth_back(1).unwrap();
            assert!(newcomers[0].contains(&format!("\"n{number:0>5}\"")), "{} {}", cursors[0], newcomers[0]);
            assert!(store.verify().unwrap().whole);
        }
        drop(stop);
    });
}
