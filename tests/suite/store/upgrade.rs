//! Stores that older versions wrote, kept as files: `schema-1` was made by the last commit that wrote schema 1 (2938945).

use super::rows::{at, copy_dir};
use lockstep::model::*;
use lockstep::store::*;
use std::path::Path;

#[test]
fn a_store_of_schema_1_opens_with_all_it_knows_and_is_guarded_from_then_on() {
    let dir = tempfile::tempdir().unwrap();
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/store/schema-1");
    copy_dir(&kept, dir.path());
    let p = |number: u32| -> ProspectId { format!("p_{number}").parse().unwrap() };
    let s = |number: u32| -> SalesforceId { format!("00Q{number:012}").parse().unwrap() };
    for _ in 0..2 {
        let store = Store::open(dir.path(), "acme", StoreOptions::default()).unwrap();
        let found = store.verify().unwrap();
        assert!(found.whole, "{:?}", found.problems);
        store
            .read_blocking(move |r| {
                assert_eq!(
                    (r.link_count()?, r.due_count()?, r.held_count()?, r.parked_count()?),
                    (40, 1, 1, 1)
                );
                assert_eq!(r.held_by_kind()?.values().sum::<u64>(), 1);
                let parked = r.parked_by_side()?;
                assert_eq!(parked.salesforce + parked.engage, 1);
                let latch =
                    Latch { since: at(5), seen: BySide { salesforce: true, engage: false }, in_engage: None };
                assert_eq!(r.link(&p(7))?.unwrap().latch, Some(latch));
                assert_eq!(r.links_by_salesforce(&s(40))?, [p(40)]);
                let due = r.due(&p(2))?.unwrap();
                assert_eq!((due.since, due.seen.len()), (at(10), 1));
                assert_eq!(r.intent(&p(2))?.unwrap().at, at(11));
                let pauses = OwnPauses { enrollments: vec!["e_1".into()], pending: true };
                assert_eq!(r.own_pauses(&p(2))?, pauses);
                assert_eq!(r.held_by_id("k3")?.unwrap().prospect, p(3));
                assert_eq!(r.parked(&p(4))?.unwrap().code, "FLAPPING");
                assert_eq!(r.newcomers()?, [Newcomer::of("p_900", Side::Engage, at(14))]);
                assert_eq!(r.formers_by_salesforce(&s(902))?.len(), 1);
                assert_eq!(r.writes_in_last_hour(&p(4), Side::Salesforce, at(17))?, 1);
                assert_eq!(r.journal_of_salesforce(&s(4), 9)?.len(), 1);
                assert_eq!(r.cursor("engage")?.as_deref(), Some("2026-07-01T00:00:00Z"));
                assert_eq!(r.meta("first_pass_done")?.as_deref(), Some("true"));
                Ok(())
            })
            .unwrap();
    }
    let store = Store::open(dir.path(), "acme", StoreOptions::default()).unwrap();
    store.write_blocking(move |t| t.remove_link(&p(40)).map(drop)).unwrap();
    assert!(store.verify().unwrap().whole);
}
