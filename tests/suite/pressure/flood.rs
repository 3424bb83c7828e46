//! A short slice of the flood of `benches/pressure.rs`, against the real daemon over a real port: everything offered is
//! answered, with what it deserves or with 503 and when to come again.

use crate::security::daemon::{Secrets, Stage};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::task::JoinSet;

const DELIVERIES: usize = 3_000;
const SENDERS: usize = 150;

/// Far more than any answer takes: what is not there by then hangs.
const HANGS_AFTER: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_delivery_of_a_flood_is_answered_for_what_it_is_or_turned_away_and_none_hangs() {
    let mut stage = Stage::set("Jane", "jane@example.com").await;
    let secret = || "made-for-this-test-only".to_owned();
    let secrets = Secrets { engage: secret(), webhook: [secret(), secret()], admin: secret() };
    stage.org.register_app(crate::security::daemon::CLIENT, &secrets.engage);
    crate::security::daemon::closed_file(&stage.dir.path().join("salesforce-secret"), &secrets.engage);
    stage.configure("flow = \"client-credentials\"\nclient_secret_file = \"salesforce-secret\"", &secrets);
    stage.start();
    stage.hears("pass.finished").await;
    let url = format!("{}/webhooks/engage", stage.address());

    let mut deliveries = Vec::new();
    for number in 0..DELIVERIES {
        let signed_by = if number % 5 == 4 { "somebody else" } else { &secrets.webhook[0] };
        match number % 5 {
            3 => {
                deliveries.push((204, deliveries.last().map(|(_, it): &(u16, _)| Clone::clone(it)).unwrap()))
            }
            _ => {
                let it = stage.product.signed_event(&stage.prospect, &[signed_by]);
                deliveries.push((if number % 5 == 4 { 401 } else { 204 }, it));
            }
        }
    }
    let client = reqwest::Client::new();
    let mut senders = JoinSet::new();
    let share = DELIVERIES.div_ceil(SENDERS);
    for some in deliveries.chunks(share) {
        let (some, client, url) = (some.to_vec(), client.clone(), url.clone());
        senders.spawn(async move {
            let mut answered = Vec::new();
            for (expected, (headers, body)) in some {
                let mut request = client.post(&url).timeout(HANGS_AFTER).body(body);
                for (name, value) in headers {
                    request = request.header(name, value);
                }
                let answer = request.send().await.expect("an answer");
                let retry = answer.headers().contains_key("retry-after");
                answered.push((expected, answer.status().as_u16(), retry));
            }
            answered
        });
    }
    let mut by_status: BTreeMap<u16, usize> = BTreeMap::new();
    for (expected, status, retry) in senders.join_all().await.into_iter().flatten() {
        assert!(status == expected || (status == 503 && retry), "{status} in the place of {expected}");
        *by_status.entry(status).or_default() += 1;
    }
    println!("{DELIVERIES} offered by {SENDERS} at once: {by_status:?}");
    assert_eq!(by_status.values().sum::<usize>(), DELIVERIES, "every one is answered");
    assert!(by_status[&204] > 0 && by_status[&401] > 0);
    // All of them are about one person, who has come to rest: one look, and nothing to write.
    stage.stop().await;
    assert_eq!(stage.product.writes(), 0);
}
