//! Whole objects are read by bulk jobs where that costs fewer calls, and what a job reads is as good as a call's answer.

use super::trouble::pauses_at;
use super::world::World;
use lockstep::config::Bulk;
use lockstep::model::{FieldName, ProspectId};
use lockstep::sandbox::{Fault, Moment, When};
use lockstep::sync::{Cycle, LongWork};

const MANY: usize = 5_000;

fn jobs(calls: &[String]) -> Vec<&String> {
    calls.iter().filter(|call| call.contains("/jobs/")).collect()
}

/// Everybody agrees with the other side, in a world that is large enough for a job where jobs are asked for: one where they
/// are cheaper takes a test too long to make.
async fn many() -> World {
    let world = World::with(include_str!("../../../mapping/example.toml"), Bulk::Always).await;
    lockstep::sandbox::seed::linked(&world.org, &world.product, MANY, 3);
    world
}

#[tokio::test]
async fn the_first_look_at_very_many_is_made_by_a_job_and_not_by_reads() {
    let world = many().await;
    let report = world.engine.cycle(Cycle::POLL).await.unwrap();
    assert_eq!((report.written, world.due().await), (0, 0), "everybody agrees");
    let calls = world.org.calls();
    assert!(!jobs(&calls).is_empty(), "{calls:?}");
    assert!(!calls.iter().any(|call| call.contains("/composite/")), "nobody was read twice: {calls:?}");
    assert_eq!(world.store.read(|reader| reader.link_count()).await.unwrap(), MANY as u64);
}

#[tokio::test]
async fn whoever_watches_a_long_read_is_told_how_far_it_is_and_when_it_is_over() {
    let world = many().await;
    let mut work = world.engine.long_work();
    let watching = tokio::spawn(async move {
        let mut told = Vec::new();
        while work.changed().await.is_ok() {
            told.push(work.borrow_and_update().clone());
            let over = told.iter().any(|now| now.as_ref().is_some_and(|now| now.what.starts_with("looking")));
            if over && told.last() == Some(&None) {
                break;
            }
        }
        told
    });
    world.engine.cycle(Cycle::POLL).await.unwrap();
    let told = watching.await.unwrap();
    let many = MANY as u64;
    let read = LongWork { what: "reading Leads".to_owned(), done: 0, of: Some(many) };
    assert_eq!(told[0], Some(read), "{told:?}");
    let looked_at: Vec<u64> = told.iter().flatten().skip(1).map(|now| now.done).collect();
    assert!(looked_at.is_sorted() && looked_at.last() == Some(&many), "{told:?}");
}

#[tokio::test]
async fn few_are_read_by_calls() {
    let world = World::example().await;
    world.people(3, "Nurture", "success").await;
    world.agree().await;
    assert_eq!(jobs(&world.org.calls()), Vec::<&String>::new());
}

#[tokio::test]
async fn a_restart_goes_on_with_the_job_where_it_was() {
    let world = many().await;
    // The page is lost on its way; the next turn asks the same job for it.
    world.org.faults().add(When::next("GET", "/results"), Fault::DropBefore);
    let report = world.engine.cycle(Cycle::POLL).await.unwrap();
    assert!(report.interrupted);
    world.advance(std::time::Duration::from_secs(600));
    world.cycle().await;
    let calls = world.org.calls();
    let made = calls.iter().filter(|call| call.starts_with("POST") && call.contains("/jobs/query")).count();
    assert_eq!(made, 1, "one job: {:?}", jobs(&calls));
    assert_eq!(world.due().await, 0);
}

#[tokio::test]
async fn a_job_that_salesforce_refuses_is_no_trouble_since_calls_do_it_too() {
    let world = many().await;
    let refusal = Fault::Answer {
        status: 400,
        body: r#"[{"errorCode":"FEATURENOTENABLED","message":"bulk api is not enabled"}]"#.to_owned(),
        retry_after: None,
    };
    world.org.faults().add(When::next("POST", "/jobs/query"), refusal);
    world.engine.cycle(Cycle::POLL).await.unwrap();
    assert_eq!(world.due().await, 0);
    assert!(world.org.calls().iter().any(|call| call.contains("/composite/")));
}

/// The job has read a Lead that somebody changes before its page is fetched, so much later. Returns the prospect.
async fn changed_behind_the_job(world: &World, seconds: u64) -> ProspectId {
    world.org.faults().add(When::next("GET", "/results"), Fault::DropAfter);
    world.engine.cycle(Cycle::POLL).await.unwrap();
    let mut leads = world.org.leads().into_iter();
    let lead = leads.find(|lead| world.org.get(*lead, "Status") == "Attempting to contact").unwrap();
    world.org.edit(lead, &[("Status", serde_json::json!("Nurture"))]);
    world.advance(std::time::Duration::from_secs(seconds));
    for _ in 0..3 {
        world.cycle().await;
    }
    world.store.read(move |reader| reader.links_by_salesforce(&lead)).await.unwrap()[0].clone()
}

#[tokio::test]
async fn what_changed_after_the_job_read_it_is_not_lost() {
    let world = many().await;
    let prospect = changed_behind_the_job(&world, 600).await;
    assert_eq!(world.product.status(&prospect), "success");
}

#[tokio::test]
async fn by_what_a_job_read_before_the_time_that_polls_look_back_nobody_is_judged() {
    let world = many().await;
    let prospect = changed_behind_the_job(&world, 1_200).await;
    let agreed = world.link_of(&prospect).await.unwrap().baseline.unwrap();
    let status = &agreed.salesforce[&FieldName::from("Status")];
    assert_eq!(status.as_text(), Some("Nurture"), "what the Lead holds by now, and not what it held");
}

#[tokio::test]
async fn a_sweep_of_very_many_uses_a_job_too_and_finds_what_no_event_told() {
    let world = many().await;
    world.engine.cycle(Cycle::POLL).await.unwrap();
    world.advance(std::time::Duration::from_secs(3600));
    let mut leads = world.org.leads().into_iter();
    let lead = leads.find(|lead| world.org.get(*lead, "Status") == "Attempting to contact").unwrap();
    world.org.edit(lead, &[("Status", serde_json::json!("Nurture"))]);
    let before = world.org.calls().len();
    world.engine.cycle(Cycle { poll_salesforce: false, poll_engage: false, sweep: true }).await.unwrap();
    let calls = world.org.calls().split_off(before);
    assert!(!jobs(&calls).is_empty(), "{calls:?}");
    let link = world.store.read(move |reader| reader.links_by_salesforce(&lead)).await.unwrap();
    assert_eq!(world.product.status(&link[0]), "success");
}

#[tokio::test]
async fn a_sweep_of_very_many_when_calls_run_short_keeps_no_opt_out_waiting() {
    let world = many().await;
    world.engine.cycle(Cycle::POLL).await.unwrap();
    world.advance(std::time::Duration::from_secs(3600));
    world.org.set_daily_limit(10_000, 8_500);
    world.engine.cycle(Cycle::POLL).await.unwrap();
    let before = world.org.calls().len();
    let prospect = world.product.prospects()[17].clone();
    world.product.unsubscribe(&prospect).unwrap();
    world.advance(std::time::Duration::from_secs(60));
    let report = world.engine.cycle(Cycle { sweep: true, ..Cycle::POLL }).await.unwrap();
    assert!(!report.interrupted);
    world.cycle_without_polls().await;
    let link = world.link_of(&prospect).await.unwrap();
    assert_eq!(world.org.get(link.salesforce, "HasOptedOutOfEmail"), true);
    let calls = world.org.calls().split_off(before);
    assert!(calls.len() < 10, "everybody else waits until calls are free: {calls:?}");
}

#[tokio::test]
async fn a_large_approved_plan_is_written_by_a_job_and_each_rows_end_is_told() {
    let mapping =
        include_str!("../../../mapping/example.toml").to_owned() + "\n[new]\ndisagree = \"apply\"\n";
    let mapping = mapping.replace("winner = \"newest\"", "winner = \"engage\"");
    let world = World::with(&mapping, Bulk::Always).await;
    let people = lockstep::sandbox::seed::linked(&world.org, &world.product, MANY, 3);
    for (lead, prospect) in &people {
        world.org.edit(*lead, &[("Status", serde_json::json!("In progress"))]);
        if world.product.status(prospect) != "bounced" {
            world.product.set_status(prospect, "success").unwrap();
        }
    }
    let bounced = people.iter().filter(|(_, prospect)| world.product.status(prospect) == "bounced").count();
    world.org.refuse("Lead", "Status", Some(serde_json::json!("Junk lead")), "no junk here");
    world.engine.cycle(Cycle::POLL).await.unwrap();
    assert_eq!(world.org.writes().0, 0, "a first run waits to be approved");
    world.approve_plan().await;
    world.advance(std::time::Duration::from_secs(60));
    // They are read to be decided, and once more before they are written.
    let (faults, read) = (world.product.faults().clone(), When::next("GET", people[0].1.as_str()));
    let (store, again) = (world.store.clone(), read.clone());
    world.product.faults().at(Moment::After, read, move || pauses_at(store, &faults, again));
    world.engine.cycle(Cycle::DUE).await.unwrap();
    assert_eq!(world.org.writes().0, 0, "an operator has paused before the job began");
    world.pause(false).await;
    let before = world.org.calls().len();
    let report = world.engine.cycle(Cycle::DUE).await.unwrap();
    let calls = world.org.calls().split_off(before);
    assert_eq!(report.written, MANY - bounced);
    assert_eq!(
        calls.iter().filter(|call| call.starts_with("PATCH") && call.contains("/composite")).count(),
        0
    );
    assert_eq!(jobs(&calls).iter().filter(|call| call.starts_with("PUT")).count(), 1, "{calls:?}");
    assert_eq!(world.parked().await.len(), bounced.min(100), "the refused ones are parked with their words");
    assert_eq!(world.parked().await[0].message, "no junk here");
    world.is_quiet().await;
}

#[tokio::test]
async fn a_job_that_was_left_behind_is_ended_before_anything_is_decided_about_its_rows() {
    let mapping =
        include_str!("../../../mapping/example.toml").to_owned() + "\n[new]\ndisagree = \"apply\"\n";
    let mapping = mapping.replace("winner = \"newest\"", "winner = \"engage\"");
    let world = World::with(&mapping, Bulk::Always).await;
    let people = lockstep::sandbox::seed::linked(&world.org, &world.product, MANY + 2_000, 3);
    for (lead, prospect) in &people {
        world.org.edit(*lead, &[("Status", serde_json::json!("In progress"))]);
        if world.product.status(prospect) != "bounced" {
            world.product.set_status(prospect, "success").unwrap();
        }
    }
    world.engine.cycle(Cycle::POLL).await.unwrap();
    world.approve_plan().await;
    world.advance(std::time::Duration::from_secs(60));
    // The call that lets the job go has its effect, and no answer.
    world.org.faults().add(When::next("PATCH", "/jobs/ingest"), Fault::DropAfter);
    world.engine.cycle(Cycle::DUE).await.unwrap();
    assert_eq!(world.org.writes().0, 0);
    world.advance(std::time::Duration::from_secs(600));
    world.cycle().await;
    for _ in 0..10 {
        world.advance(std::time::Duration::from_secs(2));
        world.engine.cycle(Cycle::DUE).await.unwrap();
    }
    let calls = world.org.calls();
    let ended =
        calls.iter().filter(|call| call.starts_with("PATCH") && call.contains("/jobs/ingest")).count();
    assert!(ended >= 3, "let go, ended, and another one let go: {:?}", jobs(&calls));
    let twice = people.iter().filter(|(lead, _)| world.org.writes_of(*lead) > 1).count();
    assert_eq!(twice, 0, "nobody is written twice");
    let (lead, _) = people.iter().find(|(_, prospect)| world.product.status(prospect) == "success").unwrap();
    assert_eq!(world.org.get(*lead, "Status"), "Nurture");
}
