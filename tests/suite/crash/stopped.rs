//! Frozen for a long time, told to end in the midst of work, and killed again and again before it is up.

use super::company::{Company, Home};
use super::ledger::Ledger;
use crate::process::{WITHIN, setting};
use lockstep::model::Side;
use lockstep::sandbox::{Moment, When};
use rand::prelude::*;
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

/// How long a daemon is frozen: seconds with the suite, minutes when `LOCKSTEP_FROZEN_SECONDS` says so.
fn frozen_for() -> Duration {
    Duration::from_secs(setting("LOCKSTEP_FROZEN_SECONDS", 2))
}

/// A container that is paused between its last look at both sides and its write, while the world goes on: what it does
/// when it wakes was decided about a world that is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frozen_between_look_and_write_it_overwrites_nothing_when_it_wakes() {
    for written in Side::BOTH {
        let (mut company, mut ledger) = (Company::of(20, 11).await, Ledger::default());
        company.is_known().await;
        // A conditional write needs a second between the record's last change and itself.
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        // Both persons are edited on both sides in the end.
        let both: Vec<usize> = (0..20).filter(|at| company.people[*at].home == Home::Both).collect();
        let (changed, out) = (both[0], both[1]);
        let in_salesforce = written == Side::Engage;
        let mut daemon = company.daemon(false);
        daemon.up().unwrap();
        let pid = daemon.pid();
        let (tell, told) = channel();
        // The last look before an Engage write is the read of prospects; before a Salesforce write, that of Leads.
        let (faults, when) = match written {
            Side::Engage => (company.sandbox.product.faults(), When::next("GET", "/prospects?ids=")),
            Side::Salesforce => {
                (company.sandbox.org.faults(), When::next("POST", "/composite/sobjects/Lead"))
            }
        };
        faults.at(Moment::After, when, move || {
            let stopped = Command::new("kill").args(["-STOP", &pid.to_string()]).status();
            let _ = tell.send(stopped.is_ok_and(|status| status.success()));
        });
        for at in [changed, out] {
            if in_salesforce { company.sets(at, "Nurture") } else { company.sets_status(at, "success") }
        }
        assert_eq!(told.recv_timeout(WITHIN), Ok(true), "it is frozen");
        // Meanwhile somebody edits one of them on the other side, the other one opts out there, and all tokens end.
        if in_salesforce {
            company.sets_status(changed, "not_interested");
        } else {
            company.sets(changed, "Not interested");
        }
        company.opts_out(out, !in_salesforce);
        company.sandbox.org.revoke_sessions();
        company.sandbox.product.revoke_tokens();
        tokio::time::sleep(frozen_for()).await;
        daemon.signal("CONT");
        ledger.end(&mut company, &daemon).await;
    }
}

/// The one window that is declared and not closed: a Collections call has no precondition. What is edited in it is
/// overwritten, and somebody is told (docs/guarantees.md).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frozen_just_before_a_call_without_precondition_it_reports_what_it_overwrites() {
    let (mut company, mut ledger) = (Company::of(20, 15).await, Ledger::default());
    company.is_known().await;
    let both: Vec<usize> = (0..20).filter(|at| company.people[*at].home == Home::Both).take(2).collect();
    for at in &both {
        company.sets_status(*at, "success");
    }
    let mut daemon = company.daemon(false);
    let (pid, faults) = (daemon.pid(), company.sandbox.org.faults().clone());
    let (tell, told) = channel();
    // The first read is what is decided by; the second one is the last look.
    let read = || When::next("POST", "/composite/sobjects/Lead");
    let again = faults.clone();
    faults.at(Moment::After, read(), move || {
        let last = again.clone();
        again.at(Moment::Before, read(), move || {
            last.at(Moment::After, read(), move || {
                let stopped = Command::new("kill").args(["-STOP", &pid.to_string()]).status();
                let _ = tell.send(stopped.is_ok_and(|status| status.success()));
            });
        });
    });
    assert_eq!(told.recv_timeout(WITHIN), Ok(true), "it is frozen");
    company.sets(both[0], "In progress");
    tokio::time::sleep(frozen_for()).await;
    daemon.signal("CONT");
    daemon.up().unwrap();
    let lead = company.people[both[0]].lead.to_string();
    let overwritten = daemon.hears("overwrite.detected", WITHIN);
    assert_eq!(overwritten.map(|line| line["record"].clone()), Some(lead.into()));
    ledger.end(&mut company, &daemon).await;
}

/// Frozen anywhere, under load.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frozen_at_random_under_load_it_goes_on_as_if_nothing_had_happened() {
    let (mut company, mut ledger) = (Company::of(30, 12).await, Ledger::default());
    company.is_known().await;
    let mut daemon = company.daemon(true);
    daemon.up().unwrap();
    for round in 0..4 {
        for _ in 0..6 {
            company.somebody_edits();
        }
        let wait = company.random().random_range(0..300);
        tokio::time::sleep(Duration::from_millis(wait)).await;
        daemon.signal("STOP");
        for _ in 0..6 {
            company.somebody_edits();
        }
        if round % 2 == 0 {
            let at = company.mailable(Home::Salesforce).unwrap();
            company.opts_out(at, false);
        }
        company.sandbox.product.revoke_tokens();
        tokio::time::sleep(frozen_for() / 4).await;
        daemon.signal("CONT");
    }
    ledger.end(&mut company, &daemon).await;
}

/// SIGTERM after a random time, while everything is under way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn told_to_end_in_the_midst_of_work_it_ends_well_in_ten_seconds_and_loses_nothing() {
    let (mut company, mut ledger) = (Company::of(30, 13).await, Ledger::default());
    company.is_known().await;
    let mut slowest = Duration::ZERO;
    for round in 0..8 {
        for _ in 0..6 {
            company.somebody_edits();
        }
        let mut daemon = company.daemon(round % 2 == 0);
        daemon.up().unwrap();
        let wait = company.random().random_range(0..400);
        tokio::time::sleep(Duration::from_millis(wait)).await;
        let at = company.anybody();
        ledger.webhook(&company, &daemon, at).await;
        let begin = Instant::now();
        daemon.stops_well();
        slowest = slowest.max(begin.elapsed());
        ledger.look(&company);
    }
    println!("8 stops under load, the slowest took {slowest:?}");
    let mut daemon = company.daemon(false);
    daemon.up().unwrap();
    ledger.end(&mut company, &daemon).await;
}

/// What an orchestrator does with a container that fails its health check too early.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_fifty_times_before_it_is_up_it_starts_the_fifty_first_time() {
    let (mut company, mut ledger) = (Company::of(20, 14).await, Ledger::default());
    company.is_known().await;
    for kill in 0..50 {
        if kill % 5 == 0 {
            company.somebody_edits();
        }
        let daemon = company.daemon(false);
        let wait = company.random().random_range(0..50_000);
        std::thread::sleep(Duration::from_micros(wait));
        daemon.kill();
    }
    ledger.look(&company);
    let mut daemon = company.daemon(false);
    daemon.up().unwrap();
    ledger.end(&mut company, &daemon).await;
}
