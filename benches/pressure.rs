//! The release daemon under pressure: a flood of webhooks, and an admin who changes everybody at once. One run of each; the
//! figures are printed as the README's table has them.
//!
//! `cargo bench --bench pressure`; `LOCKSTEP_BENCH_PEOPLE=20000` makes the second part shorter, and `LOCKSTEP_BENCH_PART`
//! (`flood` or `everybody`) picks one. All traffic stays on 127.0.0.1, and is bounded in number and in time.

mod stage;

use lockstep::model::{ProspectId, SalesforceId};
use lockstep::sandbox::seed;
use serde_json::json;
use stage::{Stage, WEBHOOK_SECRET, sandbox};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Deliveries offered a second, and for how long.
const A_SECOND: usize = 5_000;
const SECONDS: usize = 8;

/// Connections that they come over, each with one delivery at a time.
const CONNECTIONS: usize = 256;

/// Linked people whom the deliveries are about.
const PEOPLE: usize = 2_000;

/// Nobody waits longer than this for an answer before it counts as none.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn main() {
    // `cargo test --benches` only wants to know that this links.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let part = setting("LOCKSTEP_BENCH_PART");
    let is_wanted = |name: &str| part.as_deref().is_none_or(|part| part == name);
    let people = setting("LOCKSTEP_BENCH_PEOPLE").and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        if is_wanted("flood") {
            flood().await;
        }
        if is_wanted("everybody") {
            everybody(people).await;
        }
    });
}

/// Waits until the first listing is over.
async fn first_pass(stage: &Stage, people: usize) {
    let polls =
        || stage.sandbox.product.calls().iter().filter(|call| call.ends_with("/api/v1/prospects")).count();
    while polls() < people.div_ceil(500) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_secs(4)).await;
}

/// A request as it goes over the wire.
fn request(address: &str, headers: &[(String, String)], body: &str) -> Vec<u8> {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!(
        "POST /webhooks/engage HTTP/1.1\r\nhost: {address}\r\ncontent-length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Three in five are news, one in five was sent a moment before, one in five is forged.
fn deliveries(stage: &Stage, people: &[(SalesforceId, ProspectId)]) -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = Vec::with_capacity(A_SECOND * SECONDS);
    for number in 0..A_SECOND * SECONDS {
        let (_, prospect) = &people[number % people.len()];
        let secret = if number % 5 == 4 { "not the secret" } else { WEBHOOK_SECRET };
        match number % 5 {
            3 => all.push(all[number - 3].clone()),
            _ => {
                let (headers, body) = stage.sandbox.product.signed_event(prospect, &[secret]);
                all.push(request(&stage.address, &headers, &body));
            }
        }
    }
    all
}

/// The status of an answer, once all of it is there.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> std::io::Result<u16> {
    buffer.clear();
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        let mut chunk = [0; 1024];
        match stream.read(&mut chunk).await? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            read => buffer.extend_from_slice(&chunk[..read]),
        }
    };
    let head = String::from_utf8_lossy(&buffer[..end]).to_lowercase();
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
    let mut rest = length.trim().parse::<usize>().unwrap_or(0).saturating_sub(buffer.len() - end - 4);
    while rest > 0 {
        let mut chunk = vec![0; rest];
        rest -= stream.read(&mut chunk).await?.max(1).min(rest);
    }
    Ok(status)
}

/// How one delivery was answered (0 is not at all), and how long after its time that came.
type Answered = (usize, u16, Duration);

/// Sends every n-th delivery over one connection, each at its time or as soon after it as the last one is answered.
async fn send(address: String, start: Instant, mine: Vec<(usize, Vec<u8>)>) -> Vec<Answered> {
    let mut answered = Vec::with_capacity(mine.len());
    let mut stream = None;
    let mut buffer = Vec::new();
    for (number, delivery) in mine {
        let at = start + Duration::from_secs_f64(number as f64 / A_SECOND as f64);
        tokio::time::sleep_until(at.into()).await;
        let begun = Instant::now();
        let call = async {
            let open = match stream.take() {
                Some(open) => open,
                None => TcpStream::connect(&address).await?,
            };
            let stream = stream.insert(open);
            stream.write_all(&delivery).await?;
            answer(stream, &mut buffer).await
        };
        let status = match tokio::time::timeout(ANSWER_WITHIN, call).await {
            Ok(Ok(status)) => status,
            _ => {
                stream = None;
                0
            }
        };
        answered.push((number, status, begun.elapsed()));
    }
    answered
}

async fn flood() {
    let sandbox = sandbox().await;
    let people = seed::linked(&sandbox.org, &sandbox.product, PEOPLE, 1);
    let people: Vec<_> =
        people.into_iter().filter(|(_, prospect)| sandbox.product.status(prospect) != "bounced").collect();
    // Only a webhook can tell of a change: polls are an hour apart.
    let engage = "changes = [\"webhook\", \"poll\"]\npoll_every = \"1h\"\nwebhook_secret_file = \"webhook\"";
    let stage = Stage::with(sandbox, "[\"poll\"]", engage, 1.0).await;
    first_pass(&stage, PEOPLE).await;
    for (_, prospect) in &people {
        let next =
            if stage.sandbox.product.status(prospect) == "success" { "not_interested" } else { "success" };
        stage.sandbox.product.set_status(prospect, next).expect("a person may become that");
    }
    let deliveries = deliveries(&stage, &people);
    let before = stage.resident("VmRSS");
    let mut shares: Vec<Vec<(usize, Vec<u8>)>> = vec![Vec::new(); CONNECTIONS];
    for (number, delivery) in deliveries.into_iter().enumerate() {
        shares[number % CONNECTIONS].push((number, delivery));
    }
    let start = Instant::now() + Duration::from_millis(200);
    let mut senders = tokio::task::JoinSet::new();
    for share in shares {
        senders.spawn(send(stage.address.clone(), start, share));
    }
    let mut during: f64 = 0.0;
    let mut answered = Vec::new();
    while !senders.is_empty() {
        tokio::select! {
            Some(some) = senders.join_next() => answered.extend(some.expect("a sender ends")),
            () = tokio::time::sleep(Duration::from_millis(500)) => during = during.max(stage.resident("VmRSS")),
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let after = stage.resident("VmRSS");
    let mut by_status: BTreeMap<u16, usize> = BTreeMap::new();
    answered.iter().for_each(|(_, status, _)| *by_status.entry(*status).or_default() += 1);
    let mut times: Vec<Duration> = answered.iter().map(|(.., time)| *time).collect();
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_millis();
    println!(
        "webhook flood: {} offered in {seconds:.1} s ({:.0} a second) over {CONNECTIONS} connections; answered {by_status:?}; \
         {} ms at the median, {} ms at the 99th percentile, {} ms at the most; resident {before:.0} MiB before, {during:.0} \
         at the most, {after:.0} after",
        answered.len(),
        answered.len() as f64 / seconds,
        at(0.5),
        at(0.99),
        at(1.0),
    );
    // Every acknowledgement leads to a look: these people's changes were told in no other way.
    let acknowledged: std::collections::BTreeSet<usize> = answered
        .iter()
        .filter(|(_, status, _)| *status == 204)
        .map(|(number, ..)| if number % 5 == 3 { number - 3 } else { *number } % people.len())
        .collect();
    let carried = || {
        let is = |index: &&usize| {
            let (lead, prospect) = &people[**index];
            let wanted = if stage.sandbox.product.status(prospect) == "success" {
                "Nurture"
            } else {
                "Not interested"
            };
            stage.sandbox.org.get(*lead, "Status") == json!(wanted)
        };
        acknowledged.iter().filter(is).count()
    };
    let settling = Instant::now();
    while carried() < acknowledged.len() {
        assert!(settling.elapsed() < Duration::from_secs(120), "{} of {}", carried(), acknowledged.len());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!(
        "... about {} people, all of whose changes stand in Salesforce {:.1} s later, each by one write",
        acknowledged.len(),
        settling.elapsed().as_secs_f64()
    );
    assert!(people.iter().all(|(lead, _)| stage.sandbox.org.writes_of(*lead) <= 1));
}

/// An admin changes everybody: the plan waits, and opt-outs pass all the same.
async fn everybody(people: usize) {
    let sandbox = sandbox().await;
    let all = seed::linked(&sandbox.org, &sandbox.product, people, 1);
    let stage = Stage::with(sandbox, "[\"poll\"]", "changes = [\"poll\"]\npoll_every = \"1s\"", 0.2).await;
    first_pass(&stage, people).await;
    let before = stage.resident("VmRSS");
    let start = Instant::now();
    let mut changed = 0u64;
    let mut opted_out = None;
    for (lead, prospect) in &all {
        if stage.sandbox.product.status(prospect) == "bounced" {
            continue;
        }
        let next = if stage.sandbox.org.get(*lead, "Status") == json!("Nurture") {
            "Not interested"
        } else {
            "Nurture"
        };
        stage.sandbox.org.edit(*lead, &[("Status", json!(next))]);
        changed += 1;
        opted_out = Some((*lead, prospect.clone()));
    }
    let (lead, prospect) = opted_out.expect("somebody");
    stage.sandbox.org.edit(lead, &[("HasOptedOutOfEmail", json!(true))]);
    println!("{changed} Leads changed within {:.1} s", start.elapsed().as_secs_f64());
    let start = Instant::now();
    let (mut most, mut opt_out_after) = (0f64, None);
    while opt_out_after.is_none() || start.elapsed() < Duration::from_secs(60) {
        assert!(start.elapsed() < Duration::from_secs(900), "the opt-out does not come through");
        most = most.max(stage.resident("VmRSS"));
        if opt_out_after.is_none() && stage.sandbox.product.status(&prospect) == "opted_out" {
            opt_out_after = Some(start.elapsed());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!(
        "{changed} of {people} changed at once: the plan waits, {} written; the opt-out among them after {:.1} s; resident \
         {before:.0} MiB before, {most:.0} at the most, {:.0} a minute later",
        stage.sandbox.product.writes(),
        opt_out_after.unwrap_or_default().as_secs_f64(),
        stage.resident("VmRSS")
    );
    // The operator looks, and lets it through.
    let (looking, mut most) = (Instant::now(), 0f64);
    let seen = stage.command(&["plan"]).await;
    println!(
        "`lockstep plan` of {} lines after {:.1} s; resident {:.0} MiB behind it",
        seen.lines().count(),
        looking.elapsed().as_secs_f64(),
        stage.resident("VmRSS")
    );
    let (start, before) = (Instant::now(), stage.sandbox.product.writes());
    let said = stage.command(&["plan", "--apply"]).await;
    while stage.sandbox.product.writes() < before + changed - 1 {
        assert!(
            start.elapsed() < Duration::from_secs(900),
            "{said}: {} written",
            stage.sandbox.product.writes()
        );
        most = most.max(stage.resident("VmRSS"));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!(
        "let through: {changed} written within {:.1} s; resident {most:.0} MiB at the most",
        start.elapsed().as_secs_f64()
    );
}
