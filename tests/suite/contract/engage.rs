//! What the Engage connector relies on.

use super::stubs::StubServer;
use super::{MINUTE, at, engage_config, fixtures, free_port, held_by_all, tells, wiremock};
use lockstep::connector::engage::{Engage, EngageWrite};
use lockstep::connector::{CallError, Effect, Retry};
use lockstep::model::{ActorKind, Enrollment, EnrollmentState, PersonStatus, Prospect, ProspectId};
use lockstep::sandbox::engage::Product;
use lockstep::sandbox::{Clock, Fault, Served, When};
use std::time::Duration;

/// When everybody was imported.
const IMPORTED_AT: &str = "2026-11-23T05:50:00Z";

/// How many it takes to fill more than a page of 500.
const CROWD: usize = 500;

const REASON: &str = "a salesperson took over";

/// Prospects by what is told of them.
struct Prospects {
    /// Approaching since 06:05; linked to a Lead.
    jane: ProspectId,
    deleted: ProspectId,
    bounced: ProspectId,
    /// Approaching, and at version 5.
    moved: ProspectId,
    /// One sequence runs, another was paused by a user.
    busy: ProspectId,
    /// One sequence runs.
    ready: ProspectId,
    stopped: ProspectId,
    /// For one test each.
    ended: ProspectId,
    limited: ProspectId,
    down: ProspectId,
    /// There is no such prospect.
    nobody: ProspectId,
}

/// An Engage of one of the three kinds, with the connector at its door.
struct World {
    engage: Engage,
    clock: Clock,
    prospects: Prospects,
    base_url: String,
    /// Only in the sandbox has anything to be done: the stub files say already what happens to whom.
    product: Option<Product>,
    _served: Option<Served>,
    _stubs: Option<StubServer>,
}

impl Prospects {
    fn named(mut id: impl FnMut(&str) -> ProspectId) -> Prospects {
        Prospects {
            jane: id("jane"),
            deleted: id("omar"),
            bounced: id("mei"),
            moved: id("piotr"),
            ended: id("ines"),
            limited: id("karl"),
            down: id("yuki"),
            busy: id("pia"),
            ready: id("finn"),
            stopped: id("stan"),
            nobody: "p_999999".parse().expect("an id"),
        }
    }
}

impl World {
    fn new(base_url: String, prospects: Prospects, clock: Clock) -> World {
        let config = engage_config(&base_url, "secret");
        let engage = Engage::new(&config, tells(&clock)).expect("a connector");
        World { engage, clock, prospects, base_url, product: None, _served: None, _stubs: None }
    }

    fn of_stubs(base_url: String) -> World {
        let mut number = 0;
        let prospects = Prospects::named(|_| {
            number += 1;
            format!("p_{number:06}").parse().expect("an id")
        });
        World::new(base_url, prospects, Clock::driven(at("2026-11-23T06:10:00Z")))
    }

    async fn of_stub_files() -> World {
        let stubs = StubServer::start(&fixtures("engage")).await;
        let world = World::of_stubs(stubs.base_url.clone());
        World { _stubs: Some(stubs), ..world }
    }

    fn of_wiremock() -> Option<World> {
        wiremock("LOCKSTEP_WIREMOCK_ENGAGE").map(World::of_stubs)
    }

    async fn of_sandbox() -> World {
        let clock = Clock::driven(at(IMPORTED_AT));
        let product = Product::new(clock.clone());
        product.register_client("lockstep", "secret");
        product.add_status("demo_booked", "Demo booked", "success");
        let lead = "00Q5f0000000001".parse().expect("an id");
        let prospects = Prospects::named(|name| {
            let link = (name == "jane").then_some(lead);
            product.create(&format!("{name}@example.com"), name, "Carter", "Harbor Freightways", link)
        });
        for number in 0..CROWD {
            product.create(&format!("{number}@example.com"), "Some", "Body", "Delta Looms", None);
        }
        product.delete(&prospects.deleted);
        product.bounce(&prospects.bounced).expect("a bounce");
        for status in ["approaching", "on_hold", "success", "approaching"] {
            product.set_status(&prospects.moved, status).expect("a status");
        }
        product.set_status(&prospects.stopped, "stopped").expect("a status");
        let sequence = product.add_sequence("Outbound", true, &[MINUTE]);
        product.add_sequence("Quiet", false, &[MINUTE]);
        product.enroll(&prospects.busy, &sequence);
        product.pause_as_user(&prospects.busy);
        product.enroll(&prospects.busy, &sequence);
        product.enroll(&prospects.ready, &sequence);
        product.enroll(&prospects.stopped, &sequence);
        clock.advance(15 * MINUTE);
        product.set_status(&prospects.jane, "approaching").expect("a status");
        clock.advance(5 * MINUTE);
        let served = product.serve(free_port().await).expect("a server");
        let world = World::new(served.base_url(), prospects, clock);
        World { product: Some(product), _served: Some(served), ..world }
    }

    fn in_the_sandbox(&self, act: impl FnOnce(&Product)) {
        if let Some(product) = &self.product {
            act(product);
        }
    }

    /// The next call like this is answered so.
    fn answers(&self, method: &str, status: u16, code: &str, retry_after: Option<u64>) {
        let body = format!(r#"{{"error":{{"code":"{code}","message":"words","field":null}}}}"#);
        self.in_the_sandbox(|product| {
            let when = When::next(method, "/api/v1/prospects");
            product.faults().add(when, Fault::Answer { status, body, retry_after });
        });
    }

    async fn read(&self, id: &ProspectId) -> Result<Vec<Prospect>, CallError> {
        self.engage.read(std::slice::from_ref(id)).await
    }

    fn calls_for(&self, operation: &str) -> u64 {
        self.engage.calls().by_operation.get(operation).copied().unwrap_or(0)
    }
}

fn write(id: &ProspectId, if_version: Option<u64>, status: &str) -> EngageWrite {
    EngageWrite {
        id: id.clone(),
        if_version,
        status: Some(PersonStatus::new(status)),
        details: Default::default(),
    }
}

held_by_all!(
    signing_in_tells_sequences_and_statuses_a_companys_own_included,
    a_wrong_secret_stops_with_engages_own_word,
    everybody_is_listed_page_by_page_and_the_next_poll_begins_before_the_first_page,
    a_read_leaves_unknown_prospects_out_and_says_who_is_deleted,
    each_row_of_a_batch_has_its_own_answer,
    a_pause_is_idempotent_and_a_resume_undoes_only_our_own,
    a_finish_says_what_it_finished,
    a_stopped_prospect_cannot_be_resumed,
    an_ended_token_is_renewed_once,
    a_429_is_waited_out_without_a_call,
    being_unavailable_is_passing_trouble,
);

async fn signing_in_tells_sequences_and_statuses_a_companys_own_included(world: World) {
    let statuses = world.engage.statuses().await.expect("statuses");
    for (key, label) in [("success", "Success"), ("demo_booked", "Demo booked")] {
        assert!(statuses.iter().any(|status| status.key == key && status.label == label), "{key}");
    }
    let sequences = world.engage.sequences().await.expect("sequences");
    let told: Vec<(&str, bool, bool)> = sequences
        .iter()
        .map(|s| (s.name.as_str(), s.active, s.update_person_status_on_stage_change))
        .collect();
    assert_eq!(told, [("Outbound", true, true), ("Quiet", true, false)]);
    let calls = world.engage.calls();
    assert_eq!((calls.allowed, calls.left), (Some(600), Some(598)));
}

async fn a_wrong_secret_stops_with_engages_own_word(world: World) {
    let config = engage_config(&world.base_url, "wrong");
    let engage = Engage::new(&config, tells(&world.clock)).expect("a connector");
    let error = engage.statuses().await.expect_err("a wrong secret");
    assert_eq!((error.code.as_str(), error.retry), ("invalid_client", Retry::Stop), "{error}");
}

async fn everybody_is_listed_page_by_page_and_the_next_poll_begins_before_the_first_page(world: World) {
    let people = &world.prospects;
    let first = world.engage.changes(None).await.expect("a page");
    assert!(!first.done);
    let is = |id: &ProspectId, page: &[Prospect]| page.iter().find(|person| person.id == *id).cloned();
    assert!(is(&people.deleted, &first.prospects).expect("deleted ones too").deleted);
    let bounced = is(&people.bounced, &first.prospects).expect("the bounced one");
    assert_eq!((bounced.status.key(), bounced.status_changed_by), ("bounced", Some(ActorKind::System)));

    // The listing takes a minute; what moves meanwhile may stand behind a page that was read.
    world.clock.advance(Duration::from_secs(5));
    let second = world.engage.changes(Some(&first.cursor)).await.expect("a page");
    assert!(second.done);
    let jane = is(&people.jane, &second.prospects).expect("the newest one stands last");
    assert_eq!(jane.updated_at, at("2026-11-23T06:05:00Z"));

    world.clock.advance(Duration::from_secs(5));
    let next = world.engage.changes(Some(&second.cursor)).await.expect("a page");
    assert!(next.done);
    let ids: Vec<&ProspectId> = next.prospects.iter().map(|person| &person.id).collect();
    assert_eq!(ids, [&people.jane], "from the first page's as_of, less the overlap");
}

async fn a_read_leaves_unknown_prospects_out_and_says_who_is_deleted(world: World) {
    let people = &world.prospects;
    let asked = [people.jane.clone(), people.deleted.clone(), people.nobody.clone()];
    let found = world.engage.read(&asked).await.expect("an answer");
    let [jane, deleted] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((&jane.id, jane.deleted, jane.version), (&people.jane, false, 2));
    assert_eq!((jane.status.key(), jane.status_changed_by), ("approaching", Some(ActorKind::User)));
    assert_eq!(jane.salesforce, Some("00Q5f0000000001".parse().expect("an id")));
    assert_eq!(jane.email.as_deref(), Some("jane@example.com"));
    assert_eq!(jane.status_changed_at, at("2026-11-23T06:05:00Z"));
    assert_eq!((&deleted.id, deleted.deleted, deleted.salesforce), (&people.deleted, true, None));
}

async fn each_row_of_a_batch_has_its_own_answer(world: World) {
    let people = &world.prospects;
    let read = world.engage.read(&[people.jane.clone(), people.moved.clone()]).await.expect("an answer");
    let [jane, moved] = read.as_slice() else { panic!("{read:?}") };
    let rows = [
        write(&people.jane, Some(jane.version), "success"),
        write(&people.moved, Some(moved.version - 1), "success"),
        write(&people.bounced, None, "opted_out"),
        write(&people.deleted, None, "success"),
        write(&people.ended, None, "daydreaming"),
    ];
    let answers = world.engage.set_status_many(&rows).await;
    let written = answers[0].as_ref().expect("written");
    assert_eq!(
        (&written.id, written.status.key(), written.version),
        (&people.jane, "success", jane.version + 1)
    );
    assert_eq!(written.status_changed_by, Some(ActorKind::Api));
    let refused: Vec<(&str, Retry, Effect)> = answers
        .iter()
        .filter_map(|answer| answer.as_ref().err())
        .map(|error| (error.code.as_str(), error.retry, error.effect))
        .collect();
    let wanted = [
        ("version_mismatch", Retry::ReRead, Effect::None),
        ("status_locked", Retry::Park, Effect::None),
        ("not_found", Retry::Relink, Effect::None),
        ("unknown_status", Retry::Park, Effect::None),
    ];
    assert_eq!(refused, wanted);
    let locked = answers[2].as_ref().expect_err("refused");
    assert_eq!(locked.message, "a bounced prospect cannot be opted out");
    assert_eq!(answers[4].as_ref().expect_err("refused").fields, ["status"]);
    assert_eq!(world.calls_for("write"), 1);
}

async fn a_pause_is_idempotent_and_a_resume_undoes_only_our_own(world: World) {
    let busy = &world.prospects.busy;
    let found = world.engage.enrollments(std::slice::from_ref(busy)).await.expect("enrolments");
    let [running, paused_by_a_user] = sorted(found);
    assert_eq!(
        (running.state, &running.paused_by, &running.prospect),
        (EnrollmentState::Active, &None, busy)
    );
    assert_eq!(paused_by_a_user.state, EnrollmentState::Paused);
    assert!(matches!(paused_by_a_user.paused_by, Some((ActorKind::User, Some(_)))));

    let changed = world.engage.pause(busy, REASON).await.expect("a pause");
    let [paused] = changed.as_slice() else { panic!("{changed:?}") };
    assert_eq!((&paused.id, paused.state), (&running.id, EnrollmentState::Paused));
    assert_eq!(paused.paused_by, Some((ActorKind::Api, Some("lockstep".to_owned()))));
    assert_eq!(world.engage.pause(busy, REASON).await, Ok(vec![]), "what is paused stays so");

    let changed = world.engage.resume(busy, REASON).await.expect("a resume");
    let [resumed] = changed.as_slice() else { panic!("{changed:?}") };
    assert_eq!((&resumed.id, resumed.state), (&running.id, EnrollmentState::Active), "not the user's");
    assert_eq!(world.engage.resume(busy, REASON).await, Ok(vec![]));
}

/// The running one first.
fn sorted(found: Vec<Enrollment>) -> [Enrollment; 2] {
    let (running, others): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|enrollment| enrollment.state == EnrollmentState::Active);
    [running, others].concat().try_into().expect("two enrolments")
}

async fn a_finish_says_what_it_finished(world: World) {
    let changed = world.engage.finish(&world.prospects.ready, REASON).await.expect("a finish");
    let [finished] = changed.as_slice() else { panic!("{changed:?}") };
    assert_eq!((&finished.prospect, finished.state), (&world.prospects.ready, EnrollmentState::Finished));
}

async fn a_stopped_prospect_cannot_be_resumed(world: World) {
    let error = world.engage.resume(&world.prospects.stopped, REASON).await.expect_err("it is stopped");
    assert_eq!((error.status, error.code.as_str(), error.retry), (Some(409), "status_locked", Retry::Park));
    assert_eq!(error.message, "a stopped prospect cannot be resumed");
}

async fn an_ended_token_is_renewed_once(world: World) {
    world.engage.statuses().await.expect("signed in");
    world.in_the_sandbox(Product::revoke_tokens);
    let found = world.read(&world.prospects.ended).await.expect("signed in again");
    assert_eq!(found.len(), 1);
    assert_eq!(world.calls_for("read"), 2, "refused once, repeated once");
}

async fn a_429_is_waited_out_without_a_call(world: World) {
    let limited = &world.prospects.limited;
    world.answers("GET", 429, "rate_limited", Some(7));
    let error = world.read(limited).await.expect_err("too many calls");
    assert_eq!((error.status, error.code.as_str()), (Some(429), "rate_limited"));
    assert_eq!((error.retry, error.effect), (Retry::After(Duration::from_secs(7)), Effect::None));

    world.clock.advance(Duration::from_secs(4));
    let error = world.read(limited).await.expect_err("not yet");
    assert_eq!((error.status, error.retry), (None, Retry::After(Duration::from_secs(3))));
    assert_eq!(world.calls_for("read"), 1, "no call was made");

    world.clock.advance(Duration::from_secs(3));
    assert_eq!(world.read(limited).await.expect("the wait is over").len(), 1);
}

async fn being_unavailable_is_passing_trouble(world: World) {
    let down = &world.prospects.down;
    world.answers("GET", 503, "unavailable", None);
    world.answers("POST", 503, "unavailable", None);
    let error = world.read(down).await.expect_err("it is down");
    assert_eq!((error.code.as_str(), error.retry, error.effect), ("unavailable", Retry::Soon, Effect::None));
    let answers = world.engage.set_status_many(&[write(down, None, "success")]).await;
    let error = answers[0].as_ref().expect_err("it is down");
    assert_eq!(
        (error.code.as_str(), error.retry, error.effect),
        ("unavailable", Retry::Soon, Effect::Unknown)
    );
}
