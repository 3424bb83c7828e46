//! The org's whole state: a plain model.

use super::app::{App, Code, Consent};
use super::bulk_jobs::Job;
use super::events::{Bus, Change, Kind};
use super::ids;
use super::outbound::Outbound;
use super::record::Record;
use super::schema::{self, Object};
use super::writes::Writer;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use uuid::Uuid;

/// Seconds in which calls count against the daily limit: a rolling day.
const LIMIT_WINDOW_SECONDS: i64 = 24 * 60 * 60;

/// Seconds a query's locator lives: two days (facts/salesforce-api.md 2.2).
const LOCATOR_SECONDS: i64 = 2 * 24 * 60 * 60;

/// A change of a tracked field.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct History {
    pub(super) id: String,
    pub(super) parent: String,
    pub(super) field: String,
    pub(super) old: Value,
    pub(super) new: Value,
    pub(super) created: i64,
    pub(super) by: String,
}

/// What refuses a write: setting this field to this value, or anything at all.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ValidationRule {
    pub(super) object: String,
    pub(super) field: String,
    pub(super) value: Option<Value>,
    pub(super) message: String,
}

/// A query whose further pages are still to be fetched.
#[derive(Debug)]
pub(super) struct Locator {
    pub(super) rows: Vec<Value>,
    pub(super) page: usize,
    pub(super) made: i64,
}

/// What is kept with `--state`.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) objects: Vec<Object>,
    pub(super) records: BTreeMap<String, Record>,
    pub(super) history: Vec<History>,
    pub(super) rules: Vec<ValidationRule>,
    pub(super) next: u64,
}

/// The state.
#[derive(Debug)]
pub(super) struct State {
    pub(super) kept: Kept,
    /// By object, stamp and id: polls must not look at 100,000 rows to find three.
    pub(super) by_stamp: HashMap<String, BTreeSet<(i64, String)>>,
    pub(super) history_of: HashMap<String, Vec<usize>>,
    /// Stamps of transactions that are still open: their rows are to come.
    pub(super) open_transactions: BTreeMap<u64, i64>,
    pub(super) assignment_rule: bool,
    pub(super) locked: BTreeSet<String>,
    pub(super) apps: HashMap<String, App>,
    /// By the code itself.
    pub(super) codes: HashMap<String, Code>,
    pub(super) consent: Consent,
    pub(super) sessions: BTreeSet<String>,
    pub(super) locators: HashMap<String, Locator>,
    pub(super) daily_limit: u64,
    /// Calls of others, which count too.
    pub(super) used_by_others: u64,
    pub(super) calls: Vec<(i64, u64)>,
    pub(super) call_log: Vec<String>,
    pub(super) writes_tried: u64,
    pub(super) writes: u64,
    pub(super) writes_of: HashMap<String, u64>,
    pub(super) page_rows_max: usize,
    /// An edit that comes in just before the next Collections update.
    pub(super) interloper: Option<(String, BTreeMap<String, Value>)>,
    /// Automations: where this object's field is set to the first value, they make it the second.
    pub(super) rewrites: Vec<(String, String, Value, Value)>,
    pub(super) jobs: BTreeMap<String, Job>,
    pub(super) outbound: Option<Outbound>,
    pub(super) bus: Bus,
    /// What the open transaction has changed so far.
    pub(super) changes: Vec<Change>,
    /// When an object's description last changed.
    pub(super) described: i64,
    is_redescribed: bool,
}

/// How things stood before a part of a transaction that may have to be undone.
#[derive(Debug)]
pub(super) struct Savepoint {
    changes: usize,
    history: usize,
    /// As they were, in the order in which they were touched.
    records: Vec<Record>,
    made: Vec<String>,
}

impl Savepoint {
    /// Notes a record before it is touched.
    pub(super) fn before(&mut self, record: Option<&Record>) {
        self.records.extend(record.cloned());
    }

    /// Notes a record that was made.
    pub(super) fn made(&mut self, id: &str) {
        self.made.push(id.to_owned());
    }
}

impl State {
    pub(super) fn new() -> State {
        State::from(Kept { objects: schema::objects(), next: 1, ..Kept::default() })
    }

    /// The object of this name, whatever its case.
    pub(super) fn object(&self, name: &str) -> Option<&Object> {
        self.kept.objects.iter().find(|object| object.name.eq_ignore_ascii_case(name))
    }

    /// The same, to change it.
    pub(super) fn object_mut(&mut self, name: &str) -> Option<&mut Object> {
        self.is_redescribed = true;
        self.kept.objects.iter_mut().find(|object| object.name.eq_ignore_ascii_case(name))
    }

    pub(super) fn record(&self, id: &str) -> Option<&Record> {
        self.kept.records.get(id)
    }

    /// Puts a record in place, and keeps the index in step.
    pub(super) fn put(&mut self, record: Record) {
        let index = self.by_stamp.entry(record.object.clone()).or_default();
        if let Some(old) = self.kept.records.get(&record.id) {
            index.remove(&(old.stamp, old.id.clone()));
        }
        index.insert((record.stamp, record.id.clone()));
        self.kept.records.insert(record.id.clone(), record);
    }

    /// Begins a part of the transaction that may have to be undone.
    pub(super) fn savepoint(&self) -> Savepoint {
        Savepoint {
            changes: self.changes.len(),
            history: self.kept.history.len(),
            records: Vec::new(),
            made: Vec::new(),
        }
    }

    /// Undoes everything since: records, their history and what subscribers would have heard.
    pub(super) fn roll_back(&mut self, savepoint: Savepoint) {
        self.changes.truncate(savepoint.changes);
        for row in self.kept.history.drain(savepoint.history..) {
            if let Some(rows) = self.history_of.get_mut(&row.parent) {
                rows.retain(|index| *index < savepoint.history);
            }
        }
        savepoint.records.into_iter().rev().for_each(|record| self.put(record));
        savepoint.made.iter().for_each(|id| self.take_out(id));
    }

    /// A record is gone for good, without a trace.
    pub(super) fn take_out(&mut self, id: &str) {
        if let Some(record) = self.kept.records.remove(id)
            && let Some(index) = self.by_stamp.get_mut(&record.object)
        {
            index.remove(&(record.stamp, record.id));
        }
    }

    /// One more refresh token of an app; others of it stay good.
    pub(super) fn new_refresh_token(&mut self, client: &str) -> Option<String> {
        let token = format!("5Aep{}", Uuid::new_v4().simple());
        self.apps.get_mut(client)?.refresh_tokens.insert(token.clone());
        Some(token)
    }

    /// What a refresh token is followed by once it was used: nothing, where the app's do not rotate.
    pub(super) fn rotate_refresh_token(&mut self, client: &str, used: &str) -> Option<String> {
        let app = self.apps.get_mut(client).filter(|app| app.rotates)?;
        app.refresh_tokens.remove(used);
        self.new_refresh_token(client)
    }

    /// Notes what a transaction does to a record: it is told once the transaction commits.
    pub(super) fn note_change(
        &mut self,
        record: &Record,
        kind: Kind,
        values: BTreeMap<String, Value>,
        writer: Writer<'_>,
    ) {
        self.changes.push(Change {
            object: record.object.clone(),
            ids: vec![record.id.clone()],
            kind,
            values,
            user: ids::long(writer.user),
            origin: writer.origin.to_owned(),
        });
    }

    /// The transaction commits.
    pub(super) fn commit(&mut self, now: i64) {
        if std::mem::take(&mut self.is_redescribed) {
            self.described = now;
        }
        let changes = std::mem::take(&mut self.changes);
        if !changes.is_empty() {
            self.queue_outbound(&changes, now);
            self.bus.publish(changes, &self.kept.objects, now);
        }
    }

    pub(super) fn next_number(&mut self) -> u64 {
        let number = self.kept.next;
        self.kept.next += 1;
        number
    }

    pub(super) fn next_id(&mut self, prefix: &str) -> String {
        let number = self.next_number();
        ids::numbered(prefix, number)
    }

    pub(super) fn add_history(
        &mut self,
        parent: &str,
        field: &str,
        old: Value,
        new: Value,
        by: &str,
        at: i64,
    ) {
        let id = self.next_id("017");
        self.history_of.entry(parent.to_owned()).or_default().push(self.kept.history.len());
        self.kept.history.push(History {
            id,
            parent: parent.to_owned(),
            field: field.to_owned(),
            old,
            new,
            created: at,
            by: by.to_owned(),
        });
    }

    /// Up to when nothing is still to come: now, or the start of the oldest transaction that is still open.
    pub(super) fn latest_date_covered(&self, now: i64) -> i64 {
        self.open_transactions.values().copied().min().map_or(now, |oldest| oldest.min(now))
    }

    /// Counts a call, and says whether it may be made.
    pub(super) fn count_call(&mut self, now: i64) -> bool {
        if self.used(now) >= self.daily_limit {
            return false;
        }
        match self.calls.last_mut() {
            Some((minute, calls)) if *minute == now / 60 => *calls += 1,
            _ => self.calls.push((now / 60, 1)),
        }
        true
    }

    /// Calls of the last 24 hours, everybody's.
    pub(super) fn used(&mut self, now: i64) -> u64 {
        self.calls.retain(|(minute, _)| minute * 60 > now - LIMIT_WINDOW_SECONDS);
        self.used_by_others + self.calls.iter().map(|(_, calls)| calls).sum::<u64>()
    }

    pub(super) fn drop_old_locators(&mut self, now: i64) {
        self.locators.retain(|_, locator| locator.made > now - LOCATOR_SECONDS);
    }
}

impl From<Kept> for State {
    fn from(kept: Kept) -> State {
        let mut by_stamp: HashMap<String, BTreeSet<(i64, String)>> = HashMap::new();
        for record in kept.records.values() {
            by_stamp.entry(record.object.clone()).or_default().insert((record.stamp, record.id.clone()));
        }
        let mut history_of: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, row) in kept.history.iter().enumerate() {
            history_of.entry(row.parent.clone()).or_default().push(index);
        }
        State {
            kept,
            by_stamp,
            history_of,
            open_transactions: BTreeMap::new(),
            assignment_rule: false,
            locked: BTreeSet::new(),
            apps: HashMap::new(),
            codes: HashMap::new(),
            consent: Consent::default(),
            sessions: BTreeSet::new(),
            locators: HashMap::new(),
            daily_limit: 100_000,
            used_by_others: 0,
            calls: Vec::new(),
            call_log: Vec::new(),
            writes_tried: 0,
            writes: 0,
            writes_of: HashMap::new(),
            page_rows_max: 2_000,
            interloper: None,
            rewrites: Vec::new(),
            jobs: BTreeMap::new(),
            outbound: None,
            bus: Bus::new(),
            changes: Vec::new(),
            described: 0,
            is_redescribed: false,
        }
    }
}

/// The second that a time falls into.
pub(super) fn second(at: Timestamp) -> i64 {
    at.as_second()
}
