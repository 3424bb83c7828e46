//! Killed while a bulk job is made, waited for and read: these calls are only made where there are very many people.

use super::company::Company;
use super::ledger::Ledger;
use super::points::{Needs, Point, point};
use crate::process::WITHIN;
use lockstep::model::Side;
use lockstep::sandbox::Moment;

/// Fewer are read by calls.
const MANY: usize = 5_000;

const POINTS: [Point; 3] = [
    point("bulk job made", Side::Salesforce, "POST", "/jobs/query", Needs::Nothing),
    point("bulk job looked at", Side::Salesforce, "GET", "/jobs/query/", Needs::Nothing),
    point("bulk page", Side::Salesforce, "GET", "/results", Needs::Nothing),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_each_call_of_a_bulk_job_the_first_look_at_everybody_still_comes_to_its_end() {
    let (mut company, mut ledger) = (Company::of(MANY, 51).await, Ledger::default());
    company.variables.push(("LOCKSTEP_SALESFORCE__BULK", "always"));
    for point in POINTS {
        for moment in [Moment::Before, Moment::After] {
            let trap = point.trap(&company, moment);
            let daemon = company.daemon(false);
            trap.is_for(daemon.killer());
            assert!(trap.springs_within(WITHIN), "{} is never reached", point.at(moment));
        }
    }
    company.is_known().await;
    assert_eq!(company.sandbox.org.writes().1, 0, "nobody had to be written to");
    let mut daemon = company.daemon(false);
    daemon.up().unwrap();
    company.somebody_edits();
    ledger.end(&mut company, &daemon).await;
}
