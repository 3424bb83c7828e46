//! The org as tests and the demo lead it: what people, admins and time do to it.

use super::ids;
use super::schema::{Field, FieldKind};
use super::state::{Kept, State, ValidationRule, second};
use super::writes::Writer;
use crate::model::SalesforceId;
use crate::sandbox::{Authority, Clock, Faults, Served};
use axum::body::{Body, Bytes};
use axum::extract::State as Shared;
use axum::http::{Request, Response};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard};
use std::{fmt, io};
use tokio::net::TcpListener;

/// The state while one transaction has it.
pub(super) struct InTransaction<'a> {
    state: MutexGuard<'a, State>,
    clock: &'a Clock,
}

impl Deref for InTransaction<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

impl DerefMut for InTransaction<'_> {
    fn deref_mut(&mut self) -> &mut State {
        &mut self.state
    }
}

impl Drop for InTransaction<'_> {
    fn drop(&mut self) {
        let now = second(self.clock.now());
        self.state.commit(now);
    }
}

/// An org. Cheap to clone; all clones are the same org.
#[derive(Clone)]
pub struct Org {
    pub(super) state: Arc<Mutex<State>>,
    pub(super) clock: Clock,
    pub(super) faults: Faults,
}

impl fmt::Debug for Org {
    /// Without its state, where sessions and codes stand that one could come in by.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Org")
            .field("clock", &self.clock)
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

impl Org {
    /// An empty org.
    pub fn new(clock: Clock) -> Org {
        Org { state: Arc::new(Mutex::new(State::new())), clock, faults: Faults::default() }
    }

    /// Serves the REST API and the Pub/Sub API.
    ///
    /// # Errors
    /// When the listener has no address any more.
    pub fn serve(&self, listener: TcpListener) -> io::Result<Served> {
        Served::start(listener, self.router(), None)
    }

    /// The same, over TLS too.
    ///
    /// # Errors
    /// When the listener has no address any more.
    pub fn serve_tls(&self, listener: TcpListener, authority: &Authority) -> io::Result<Served> {
        Served::start(listener, self.router(), Some(authority))
    }

    fn router(&self) -> axum::Router {
        let people = crate::sandbox::people::router(std::sync::Arc::new(self.clone()));
        super::events::beside(super::face::router(self.clone()).merge(people), self.clone())
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

    /// The state, for one transaction: what it changes is told when this is let go.
    pub(super) fn state(&self) -> InTransaction<'_> {
        let state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        InTransaction { state, clock: &self.clock }
    }

    pub(super) fn now(&self) -> i64 {
        second(self.clock.now())
    }

    pub(super) fn person(&self) -> Writer<'static> {
        Writer { user: ids::PERSON, origin: "", auto_assign: false, at: self.now() }
    }

    /// A person makes a Lead or Contact. Fields that the object does not have are left out.
    pub fn create(&self, object: &str, fields: &[(&str, Value)]) -> Option<SalesforceId> {
        let fields: Map<String, Value> =
            fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        self.state().create(object, &fields, self.person()).ok()?.parse().ok()
    }

    /// A person changes fields of a record, past every rule: as an admin could.
    pub fn edit(&self, id: SalesforceId, fields: &[(&str, Value)]) {
        let values = fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        self.state().set(id.as_str(), values, self.person());
    }

    /// A system change: only `SystemModstamp` moves.
    pub fn touch(&self, id: SalesforceId) {
        let now = self.now();
        let mut state = self.state();
        if let Some(mut record) = state.record(id.as_str()).cloned() {
            record.stamp = record.stamp.max(now);
            state.put(record);
        }
    }

    /// Begins a long transaction: what is changed in it is stamped now and seen only once it commits.
    pub fn begin(&self) -> OpenTransaction {
        let at = self.now();
        let mut state = self.state();
        let number = state.next_number();
        state.open_transactions.insert(number, at);
        OpenTransaction { org: self.clone(), number, at, edits: Vec::new() }
    }

    /// The value of a field, as an admin sees it; `null` where there is none.
    pub fn get(&self, id: SalesforceId, field: &str) -> Value {
        let state = self.state();
        let Some(record) = state.record(id.as_str()) else { return Value::Null };
        let Some(object) = state.object(&record.object) else { return Value::Null };
        let mut withdrawn = object.withdrawn.iter();
        let field =
            object.field(field).or_else(|| withdrawn.find(|other| other.name.eq_ignore_ascii_case(field)));
        field.map_or(Value::Null, |field| record.get(field))
    }

    /// A person converts a Lead. The new Contact.
    pub fn convert(&self, lead: SalesforceId) -> Option<SalesforceId> {
        self.state().convert(lead.as_str(), self.person())?.parse().ok()
    }

    /// A person merges a record into another.
    pub fn merge(&self, winner: SalesforceId, loser: SalesforceId) {
        self.state().merge(winner.as_str(), loser.as_str(), self.person());
    }

    /// A person deletes a record.
    pub fn delete(&self, id: SalesforceId) {
        self.state().delete(id.as_str(), self.person());
    }

    /// An admin takes a record out of the recycle bin.
    pub fn undelete(&self, id: SalesforceId) {
        self.state().undelete(id.as_str(), self.person());
    }

    /// An admin adds a custom field.
    pub fn add_field(&self, object: &str, name: &str, kind: FieldKind) {
        if let Some(object) = self.state().object_mut(object) {
            object.fields.push(Field::of_kind(name, kind));
        }
    }

    /// An admin adds or replaces a picklist.
    pub fn set_picklist(&self, object: &str, name: &str, values: &[&str], restricted: bool) {
        if let Some(object) = self.state().object_mut(object) {
            object.fields.retain(|field| !field.name.eq_ignore_ascii_case(name));
            object.fields.push(Field::picklist(name, values, restricted));
        }
    }

    /// Whether field history keeps a field's changes.
    pub fn track(&self, object: &str, name: &str, tracked: bool) {
        if let Some(field) = self.state().object_mut(object).and_then(|object| object.field_mut(name)) {
            field.tracked = tracked;
        }
    }

    /// Permissions hide a field from the API user, or show it as read-only.
    pub fn protect_field(&self, object: &str, name: &str) {
        if let Some(field) = self.state().object_mut(object).and_then(|object| object.field_mut(name)) {
            field.updateable = false;
        }
    }

    /// A validation rule: the API may not set this field to this value (or at all, without one).
    pub fn refuse(&self, object: &str, field: &str, value: Option<Value>, message: &str) {
        self.state().kept.rules.push(ValidationRule {
            object: object.to_owned(),
            field: field.to_owned(),
            value,
            message: message.to_owned(),
        });
    }

    /// Drops every validation rule.
    pub fn drop_rules(&self) {
        self.state().kept.rules.clear();
    }

    /// An admin makes a Flow that, inside whatever transaction sets a field to one value, makes it another.
    pub fn rewrite(&self, object: &str, field: &str, from: Value, to: Value) {
        self.state().rewrites.push((object.to_owned(), field.to_owned(), from, to));
    }

    /// The admin takes all such Flows out again.
    pub fn rewrite_nothing(&self) {
        self.state().rewrites.clear();
    }

    /// Whether the lead assignment rule is active: it takes Leads away from their owner on any creation and update
    /// that does not say `Sforce-Auto-Assign: FALSE`.
    pub fn set_assignment_rule(&self, active: bool) {
        self.state().assignment_rule = active;
    }

    /// Somebody else holds a record's lock, or lets it go.
    pub fn lock(&self, id: SalesforceId, locked: bool) {
        let mut state = self.state();
        if locked {
            state.locked.insert(id.to_string());
        } else {
            state.locked.remove(id.as_str());
        }
    }

    /// How many calls the org may use in 24 hours, and how many of them others have used.
    pub fn set_daily_limit(&self, limit: u64, used_by_others: u64) {
        let mut state = self.state();
        (state.daily_limit, state.used_by_others) = (limit, used_by_others);
    }

    /// The most rows a page of a query has, whatever is asked for: short pages happen.
    pub fn set_page_rows(&self, rows: usize) {
        self.state().page_rows_max = rows.max(1);
    }

    /// Calls made so far, one `METHOD /path` each, token calls and version lists not among them.
    pub fn calls(&self) -> Vec<String> {
        self.state().call_log.clone()
    }

    /// Rows that were written through the API, and rows that somebody tried to write.
    pub fn writes(&self) -> (u64, u64) {
        let state = self.state();
        (state.writes, state.writes_tried)
    }

    /// How often one record was written through the API.
    pub fn writes_of(&self, id: SalesforceId) -> u64 {
        self.state().writes_of.get(id.as_str()).copied().unwrap_or(0)
    }

    /// Everything, as JSON.
    ///
    /// # Errors
    /// Never in practice: the model is plain data.
    pub fn save(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&self.state().kept)
    }

    /// An org as it was saved.
    ///
    /// # Errors
    /// When the JSON is no saved org.
    pub fn load(saved: &[u8], clock: Clock) -> serde_json::Result<Org> {
        let kept: Kept = serde_json::from_slice(saved)?;
        Ok(Org { state: Arc::new(Mutex::new(State::from(kept))), clock, faults: Faults::default() })
    }

    /// A person changes a record in the very moment before the next Collections update is carried out.
    pub fn edit_before_next_update(&self, id: SalesforceId, field: &str, value: Value) {
        self.state().interloper = Some((id.to_string(), BTreeMap::from([(field.to_owned(), value)])));
    }

    /// Whether there are no records yet.
    pub fn is_empty(&self) -> bool {
        self.state().kept.records.is_empty()
    }

    /// A Lead's fields, for seeding.
    pub fn create_lead(
        &self,
        first: &str,
        last: &str,
        company: &str,
        email: &str,
        status: &str,
    ) -> Option<SalesforceId> {
        self.create(
            "Lead",
            &[
                ("FirstName", json!(first)),
                ("LastName", json!(last)),
                ("Company", json!(company)),
                ("Email", json!(email)),
                ("Status", json!(status)),
            ],
        )
    }

    /// All living Leads.
    pub fn leads(&self) -> Vec<SalesforceId> {
        let state = self.state();
        let living = state.kept.records.values().filter(|record| record.object == "Lead" && !record.deleted);
        living.filter_map(|record| record.id.parse().ok()).collect()
    }
}

/// A long transaction: nobody sees what it changed before it commits.
#[derive(Debug)]
pub struct OpenTransaction {
    org: Org,
    number: u64,
    at: i64,
    edits: Vec<(SalesforceId, BTreeMap<String, Value>)>,
}

impl OpenTransaction {
    /// Changes fields of a record, unseen for now.
    pub fn edit(&mut self, id: SalesforceId, fields: &[(&str, Value)]) {
        let values = fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        self.edits.push((id, values));
    }

    /// Commits: the rows appear with the time at which the transaction began.
    pub fn commit(self) {
        let mut state = self.org.state();
        state.open_transactions.remove(&self.number);
        for (id, values) in self.edits {
            let writer = Writer { user: ids::PERSON, origin: "", auto_assign: false, at: self.at };
            state.set(id.as_str(), values, writer);
        }
    }
}
