//! The product as tests and the demo lead it: what people, mail servers and time do to it.

use super::state::{Actor, Enrollment, Kept, Prospect, Refusal, Sequence, State};
use super::webhooks::Sender;
use crate::model::{ProspectId, SalesforceId};
use crate::sandbox::{Clock, Faults, Served};
use axum::body::{Body, Bytes};
use axum::extract::State as Shared;
use axum::http::{Request, Response};
use jiff::{SignedDuration, Timestamp};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::net::TcpListener;

/// A step of a sequence: how long after the one before.
pub type SequenceStep = std::time::Duration;

/// A Revenue Engage tenant. Cheap to clone; all clones are the same.
#[derive(Debug, Clone)]
pub struct Product {
    pub(super) state: Arc<Mutex<State>>,
    pub(super) clock: Clock,
    pub(super) faults: Faults,
    pub(super) sender: Arc<Mutex<Option<Sender>>>,
}

impl Product {
    /// An empty tenant.
    pub fn new(clock: Clock) -> Product {
        Product::from_state(State::default(), clock)
    }

    fn from_state(state: State, clock: Clock) -> Product {
        Product {
            state: Arc::new(Mutex::new(state)),
            clock,
            faults: Faults::default(),
            sender: Arc::default(),
        }
    }

    /// Serves the API.
    ///
    /// # Errors
    /// When the listener has no address any more.
    pub fn serve(&self, listener: TcpListener) -> io::Result<Served> {
        let people = crate::sandbox::people::router(Arc::new(self.clone()));
        Served::start(listener, super::face::router(self.clone()).merge(people), None)
    }

    /// Answers one request, without a network between.
    pub async fn answer(&self, request: Request<Bytes>) -> Response<Bytes> {
        let response = super::face::door(Shared(self.clone()), request.map(Body::from)).await;
        let (parts, body) = response.into_parts();
        // A body that breaks off is a fault of a network; there is none.
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
        Response::from_parts(parts, body)
    }

    /// What goes wrong on demand.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Milliseconds are all that is shown, so all that there is.
    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.clock.now().as_millisecond()).unwrap_or_default()
    }

    /// A client that may ask for tokens.
    pub fn register_client(&self, id: &str, secret: &str) {
        self.state().clients.insert(id.to_owned(), secret.to_owned());
    }

    /// Ends every token: the next call is answered 401.
    pub fn revoke_tokens(&self) {
        self.state().tokens.clear();
    }

    /// How many calls a minute are allowed.
    pub fn set_calls_a_minute(&self, calls: u64) {
        self.state().calls_a_minute = Some(calls);
    }

    /// A company-made status.
    pub fn add_status(&self, key: &str, label: &str, group: &str) {
        self.state().kept.custom_statuses.push((key.to_owned(), label.to_owned(), group.to_owned()));
    }

    /// Somebody edits a further field of a person: `first_name`, `last_name`, `company`, `title`.
    pub fn set_field(&self, id: &ProspectId, field: &str, value: &str) {
        let now = self.now();
        let update = serde_json::json!({ field: value });
        // Only a person who is not there refuses, and then there is nothing to edit.
        let _ = self.state().set(id.as_str(), &update, None, super::state::Actor::user(), now);
    }

    /// What a further field of a person holds; empty for one that there is not.
    pub fn field(&self, id: &ProspectId, field: &str) -> String {
        let state = self.state();
        let shown = state.prospect(id.as_str()).map(super::state::prospect_json).unwrap_or_default();
        shown[field].as_str().unwrap_or_default().to_owned()
    }

    /// Imports a person: Just added, unless a status is given.
    pub fn create(
        &self,
        email: &str,
        first: &str,
        last: &str,
        company: &str,
        salesforce: Option<SalesforceId>,
    ) -> ProspectId {
        let now = self.now();
        let mut state = self.state();
        state.kept.next += 1;
        let id = format!("p_{:06}", state.kept.next);
        let prospect = Prospect {
            id: id.clone(),
            email: email.to_owned(),
            first_name: first.to_owned(),
            last_name: last.to_owned(),
            company: company.to_owned(),
            title: String::new(),
            status: "just_added".to_owned(),
            status_changed_at: now,
            status_changed_by: Actor::system(),
            salesforce: salesforce.map(|id| (id.object().to_string(), id.to_string())),
            version: 1,
            created_at: now,
            updated_at: now,
            deleted: false,
        };
        state.put(prospect, now, "prospect.created");
        drop(state);
        // Ids made here are of the allowed letters.
        id.parse().unwrap_or_else(|_| unreachable!("{id} is a prospect id"))
    }

    /// A user sets a status by hand.
    ///
    /// # Errors
    /// With the product's own words, where it forbids that.
    pub fn set_status(&self, id: &ProspectId, status: &str) -> Result<(), String> {
        self.as_actor(id, status, Actor::user())
    }

    fn as_actor(&self, id: &ProspectId, status: &str, actor: Actor) -> Result<(), String> {
        let now = self.now();
        self.state()
            .set_status(id.as_str(), status, None, actor, now)
            .map_err(|refusal: Refusal| refusal.message)
    }

    /// A user clicks "Finish: ..." : the sequences end, and the person has that status.
    ///
    /// # Errors
    /// With the product's own words, where it forbids that.
    pub fn finish(&self, id: &ProspectId, status: &str) -> Result<(), String> {
        let now = self.now();
        self.state().end_all(id.as_str(), status, now);
        self.set_status(id, status)
    }

    /// The person clicks the unsubscribe link of an email.
    ///
    /// # Errors
    /// When the person is bounced, which blocks opting out.
    pub fn unsubscribe(&self, id: &ProspectId) -> Result<(), String> {
        let now = self.now();
        self.as_actor(id, "opted_out", Actor::system())?;
        self.state().end_all(id.as_str(), "opted_out", now);
        Ok(())
    }

    /// A hard bounce comes back.
    ///
    /// # Errors
    /// When there is no such person.
    pub fn bounce(&self, id: &ProspectId) -> Result<(), String> {
        let now = self.now();
        self.state().end_all(id.as_str(), "bounced", now);
        self.as_actor(id, "bounced", Actor::system())
    }

    /// The person answers: the sequences pause for a user to look, and the week's wait is over.
    pub fn reply(&self, id: &ProspectId) {
        let now = self.now();
        let mut state = self.state();
        // Nobody to pause is no trouble.
        let _ = state.move_sequences(id.as_str(), "pause", &Actor::system(), now);
        for enrollment in state.enrollments_of.get(id.as_str()).cloned().unwrap_or_default() {
            if let Some(enrollment) = state.kept.enrollments.get_mut(&enrollment) {
                enrollment.waiting_since = None;
            }
        }
    }

    /// A user pauses a person's sequences.
    pub fn pause_as_user(&self, id: &ProspectId) {
        let now = self.now();
        let _ = self.state().move_sequences(id.as_str(), "pause", &Actor::user(), now);
    }

    /// Makes a sequence. `moves_status` is its switch "update person status on sequence stage change".
    pub fn add_sequence(&self, name: &str, moves_status: bool, steps: &[SequenceStep]) -> String {
        let mut state = self.state();
        state.kept.next += 1;
        let id = format!("s_{}", state.kept.next);
        let steps = steps.iter().map(|step| i64::try_from(step.as_secs()).unwrap_or(i64::MAX)).collect();
        let sequence = Sequence { id: id.clone(), name: name.to_owned(), active: true, moves_status, steps };
        state.kept.sequences.insert(id.clone(), sequence);
        id
    }

    /// Adds a person to a sequence: Not contacted, until the first step is sent.
    pub fn enroll(&self, id: &ProspectId, sequence: &str) -> String {
        let now = self.now();
        let mut state = self.state();
        state.kept.next += 1;
        let first = state.kept.sequences.get(sequence).and_then(|s| s.steps.first().copied());
        let enrollment = Enrollment {
            id: format!("e_{}", state.kept.next),
            prospect: id.to_string(),
            sequence: sequence.to_owned(),
            stage: "started".to_owned(),
            state: "active".to_owned(),
            paused_by: None,
            updated_at: now,
            next_step: 0,
            due_at: first.and_then(|seconds| now.checked_add(SignedDuration::from_secs(seconds)).ok()),
            waiting_since: None,
        };
        let (key, name) = (enrollment.id.clone(), enrollment.prospect.clone());
        state.enrollments_of.entry(name.clone()).or_default().push(key.clone());
        state.kept.enrollments.insert(key.clone(), enrollment);
        let moves = state.kept.sequences.get(sequence).is_some_and(|s| s.moves_status);
        if moves && state.prospect(&name).is_some_and(|prospect| prospect.status == "just_added") {
            // "a prospect has been added to a sequence, but no outreach has been made yet"
            let _ = state.set_status(&name, "not_contacted", None, Actor::system(), now);
        }
        key
    }

    /// Executes what is due by the clock: steps, and weeks without an answer.
    pub fn tick(&self) {
        let now = self.now();
        self.state().advance(now);
    }

    /// A user deletes a person.
    pub fn delete(&self, id: &ProspectId) {
        let now = self.now();
        let mut state = self.state();
        if let Some(mut prospect) = state.prospect(id.as_str()).cloned() {
            prospect.deleted = true;
            state.put(prospect, now, "prospect.deleted");
        }
    }

    /// A user links a person to another Lead or Contact, or to none.
    pub fn link(&self, id: &ProspectId, salesforce: Option<SalesforceId>) {
        let now = self.now();
        let mut state = self.state();
        if let Some(mut prospect) = state.prospect(id.as_str()).cloned() {
            prospect.salesforce = salesforce.map(|id| (id.object().to_string(), id.to_string()));
            state.put(prospect, now, "prospect.updated");
        }
    }

    /// A user gives a person another email address, or none.
    pub fn set_email(&self, id: &ProspectId, email: &str) {
        let now = self.now();
        let mut state = self.state();
        if let Some(mut prospect) = state.prospect(id.as_str()).cloned() {
            prospect.email = email.to_owned();
            state.put(prospect, now, "prospect.updated");
        }
    }

    /// A person's status; empty when there is no such person.
    pub fn status(&self, id: &ProspectId) -> String {
        self.state().prospect(id.as_str()).map(|prospect| prospect.status.clone()).unwrap_or_default()
    }

    /// A person's version.
    pub fn version(&self, id: &ProspectId) -> u64 {
        self.state().prospect(id.as_str()).map_or(0, |prospect| prospect.version)
    }

    /// The states of a person's enrolments.
    pub fn enrollment_states(&self, id: &ProspectId) -> Vec<String> {
        self.state().enrollments_of(id.as_str()).iter().map(|enrollment| enrollment.state.clone()).collect()
    }

    /// The stages of a person's enrolments.
    pub fn enrollment_stages(&self, id: &ProspectId) -> Vec<String> {
        self.state().enrollments_of(id.as_str()).iter().map(|enrollment| enrollment.stage.clone()).collect()
    }

    /// Calls made so far, one `METHOD /path` each.
    pub fn calls(&self) -> Vec<String> {
        self.state().call_log.clone()
    }

    /// Status changes made through the API.
    pub fn writes(&self) -> u64 {
        self.state().writes
    }

    /// How often one person's status was changed through the API.
    pub fn writes_of(&self, id: &ProspectId) -> u64 {
        self.state().writes_of.get(id.as_str()).copied().unwrap_or(0)
    }

    /// Everybody who is not deleted.
    pub fn prospects(&self) -> Vec<ProspectId> {
        let state = self.state();
        let living = state.kept.prospects.values().filter(|prospect| !prospect.deleted);
        living.filter_map(|prospect| prospect.id.parse().ok()).collect()
    }

    /// Whether there is nobody yet.
    pub fn is_empty(&self) -> bool {
        self.state().kept.prospects.is_empty()
    }

    /// Everything, as JSON.
    ///
    /// # Errors
    /// Never in practice: the model is plain data.
    pub fn save(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&self.state().kept)
    }

    /// A tenant as it was saved.
    ///
    /// # Errors
    /// When the JSON is no saved tenant.
    pub fn load(saved: &[u8], clock: Clock) -> serde_json::Result<Product> {
        let kept: Kept = serde_json::from_slice(saved)?;
        Ok(Product::from_state(State::from(kept), clock))
    }
}
