//! Two daemons: on one store, which its lock forbids, and on two, which no lock can forbid. Then each change may be written
//! twice, but still no edit is overwritten and no opt-out is taken back (docs: one tenant, one daemon).

use super::company::{Company, Home};
use super::ledger::{Ledger, copy_files};
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_daemon_on_one_volume_ends_at_once_under_load_and_the_first_one_goes_on() {
    let (mut company, mut ledger) = (Company::of(20, 41).await, Ledger::default());
    company.is_known().await;
    let mut first = company.daemon(true);
    first.up().unwrap();
    for _ in 0..5 {
        company.somebody_edits();
        let begin = Instant::now();
        let mut second = company.daemon(true);
        let ended = second.up().expect_err("one store has one daemon");
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        assert!(ended.words.contains(&format!("in use by pid {} on ", first.pid())), "{}", ended.words);
        assert!(begin.elapsed() < Duration::from_secs(10), "at once, on a busy machine too");
    }
    // The first one dies, and its lock with it.
    first.kill();
    let mut second = company.daemon(false);
    second.up().unwrap();
    ledger.end(&mut company, &second).await;
}

/// Two volumes, one pair of systems: what a wrong deployment does.
///
/// Each daemon takes the other's write for a person's. So a status that somebody sets and takes back before the second
/// daemon has looked can be lost: what it sees is a change of the other side alone. Every value here is a new one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_daemons_on_two_volumes_take_back_no_opt_out_overwrite_no_edit_and_write_twice_at_most() {
    let (mut company, mut ledger) = (Company::of(40, 42).await, Ledger::default());
    company.is_known().await;
    let other = company.dir().join("other");
    copy_files(&company.store, &other);
    let (mut one, mut two) = (company.daemon(true), company.daemon_on(&other, false));
    one.up().unwrap();
    two.up().unwrap();
    for round in 0..20 {
        for _ in 0..4 {
            company.somebody_edits_anew();
        }
        if round % 5 == 0 {
            let at = company.mailable(Home::Salesforce).unwrap();
            company.opts_out(at, round % 2 == 0);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        company.nobody_is_opted_in_again();
    }
    two.stops_well();
    ledger.close_with(&mut company, &one, 2).await;
    one.stops_well();
}

/// A container is frozen, another is started on a copy of its volume, and later the first one wakes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_container_that_wakes_beside_a_new_one_does_no_harm() {
    let (mut company, mut ledger) = (Company::of(40, 43).await, Ledger::default());
    company.is_known().await;
    let mut old = company.daemon(true);
    old.up().unwrap();
    for _ in 0..10 {
        company.somebody_edits_anew();
    }
    old.signal("STOP");
    let volume = company.dir().join("new");
    copy_files(&company.store, &volume);
    let mut new = company.daemon_on(&volume, false);
    new.up().unwrap();
    for _ in 0..10 {
        company.somebody_edits_anew();
    }
    for in_salesforce in [true, false] {
        let at = company.mailable(Home::Engage).unwrap();
        company.opts_out(at, in_salesforce);
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    company.nobody_is_opted_in_again();
    old.signal("CONT");
    for _ in 0..10 {
        company.somebody_edits_anew();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    company.nobody_is_opted_in_again();
    tokio::time::sleep(Duration::from_secs(1)).await;
    old.stops_well();
    ledger.close_with(&mut company, &new, 2).await;
    new.stops_well();
}
