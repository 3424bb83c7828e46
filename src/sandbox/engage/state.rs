//! The product's whole state: a plain model, and the rules by which a person's status moves.

use crate::lifecycle;
use crate::model::PersonStatus;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Actor {
    pub(super) kind: String,
    pub(super) id: String,
}

impl Actor {
    pub(super) fn user() -> Actor {
        Actor { kind: "user".to_owned(), id: "u_ana".to_owned() }
    }

    pub(super) fn system() -> Actor {
        Actor { kind: "system".to_owned(), id: "engage".to_owned() }
    }

    pub(super) fn api(client: &str) -> Actor {
        Actor { kind: "api".to_owned(), id: client.to_owned() }
    }
}

/// A prospect.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Prospect {
    pub(super) id: String,
    pub(super) email: String,
    pub(super) first_name: String,
    pub(super) last_name: String,
    pub(super) company: String,
    pub(super) title: String,
    pub(super) status: String,
    pub(super) status_changed_at: Timestamp,
    pub(super) status_changed_by: Actor,
    /// Object and id.
    pub(super) salesforce: Option<(String, String)>,
    pub(super) version: u64,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) deleted: bool,
}

/// A sequence: emails a fixed time apart.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Sequence {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) active: bool,
    /// "Update Person status on Sequence Stage Change".
    pub(super) moves_status: bool,
    /// Seconds after the step before.
    pub(super) steps: Vec<i64>,
}

/// A prospect's place in a sequence.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Enrollment {
    pub(super) id: String,
    pub(super) prospect: String,
    pub(super) sequence: String,
    pub(super) stage: String,
    pub(super) state: String,
    pub(super) paused_by: Option<Actor>,
    pub(super) updated_at: Timestamp,
    /// The next step, and when it is due.
    pub(super) next_step: usize,
    pub(super) due_at: Option<Timestamp>,
    /// Since when an answer is waited for.
    pub(super) waiting_since: Option<Timestamp>,
}

/// An event on its way to the webhook.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) kind: &'static str,
    pub(super) at: Timestamp,
    pub(super) prospect: String,
    pub(super) body: Value,
}

/// What is kept with `--state`.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) prospects: BTreeMap<String, Prospect>,
    pub(super) sequences: BTreeMap<String, Sequence>,
    pub(super) enrollments: BTreeMap<String, Enrollment>,
    /// Key, label, group.
    pub(super) custom_statuses: Vec<(String, String, String)>,
    pub(super) next: u64,
}

/// The state.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) kept: Kept,
    /// By time and id, so that a poll need not look at everybody.
    pub(super) by_update: BTreeSet<(Timestamp, String)>,
    pub(super) enrollments_of: HashMap<String, Vec<String>>,
    pub(super) clients: HashMap<String, String>,
    pub(super) tokens: HashMap<String, (String, Timestamp)>,
    pub(super) calls_a_minute: Option<u64>,
    pub(super) window: Option<(i64, u64)>,
    pub(super) call_log: Vec<String>,
    pub(super) writes: u64,
    pub(super) writes_of: HashMap<String, u64>,
    pub(super) outbox: VecDeque<Event>,
    pub(super) webhooks_on: bool,
}

/// Why a change is refused: HTTP status, code, message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) field: Option<&'static str>,
}

impl Refusal {
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Refusal {
        Refusal { status, code, message: message.into(), field: None }
    }

    pub(super) fn not_found(what: &str) -> Refusal {
        Refusal::new(404, "not_found", format!("there is no {what}"))
    }

    pub(super) fn json(&self) -> Value {
        json!({"code": self.code, "message": self.message, "field": self.field})
    }
}

impl State {
    pub(super) fn prospect(&self, id: &str) -> Option<&Prospect> {
        self.kept.prospects.get(id)
    }

    /// A new version of a prospect, with its event.
    pub(super) fn put(&mut self, mut prospect: Prospect, now: Timestamp, kind: &'static str) {
        if let Some(old) = self.kept.prospects.get(&prospect.id) {
            self.by_update.remove(&(old.updated_at, old.id.clone()));
            prospect.version = old.version + 1;
        }
        prospect.updated_at = now.max(prospect.updated_at);
        self.by_update.insert((prospect.updated_at, prospect.id.clone()));
        let event = (prospect.id.clone(), prospect_json(&prospect));
        self.kept.prospects.insert(prospect.id.clone(), prospect);
        self.tell(kind, &event.0, event.1, now);
    }

    /// Puts an event into the outbox, if anybody listens.
    pub(super) fn tell(&mut self, kind: &'static str, prospect: &str, body: Value, now: Timestamp) {
        if self.webhooks_on {
            let id = uuid::Uuid::new_v4().to_string();
            self.outbox.push_back(Event { id, kind, at: now, prospect: prospect.to_owned(), body });
        }
    }

    pub(super) fn knows_status(&self, key: &str) -> bool {
        lifecycle::BUILT_IN.iter().any(|status| status.key == key)
            || self.kept.custom_statuses.iter().any(|(known, _, _)| known == key)
    }

    /// Moves a person's status, whoever asks. What the product itself forbids is refused; setting the status that is
    /// there changes nothing (rulings.md 3).
    pub(super) fn set_status(
        &mut self,
        id: &str,
        status: &str,
        if_version: Option<u64>,
        actor: Actor,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let known = self.knows_status(status);
        let Some(mut prospect) = self.prospect(id).filter(|prospect| !prospect.deleted).cloned() else {
            return Err(Refusal::not_found("such prospect"));
        };
        if !known {
            let refusal = Refusal::new(422, "unknown_status", format!("there is no status {status:?}"));
            return Err(Refusal { field: Some("status"), ..refusal });
        }
        if if_version.is_some_and(|wanted| wanted != prospect.version) {
            let message = format!("the prospect has version {}", prospect.version);
            return Err(Refusal::new(412, "version_mismatch", message));
        }
        if prospect.status == status {
            return Ok(());
        }
        if !lifecycle::api_may_set(&PersonStatus::new(&prospect.status), &PersonStatus::new(status)) {
            let message = "a bounced prospect cannot be opted out";
            return Err(Refusal::new(409, "status_locked", message));
        }
        prospect.status = status.to_owned();
        prospect.status_changed_at = now;
        prospect.status_changed_by = actor;
        self.put(prospect, now, "prospect.updated");
        Ok(())
    }

    /// Sets what an update names: further fields, and the status. All of it or nothing.
    pub(super) fn set(
        &mut self,
        id: &str,
        update: &Value,
        if_version: Option<u64>,
        actor: Actor,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let current = self.prospect(id).map(|prospect| prospect.version);
        if let Some(status) = update["status"].as_str() {
            self.set_status(id, status, if_version, actor, now)?;
        } else if current.is_some() && if_version.is_some_and(|wanted| Some(wanted) != current) {
            let message = format!("the prospect has version {}", current.unwrap_or_default());
            return Err(Refusal::new(412, "version_mismatch", message));
        }
        let Some(mut prospect) = self.prospect(id).filter(|prospect| !prospect.deleted).cloned() else {
            return Err(Refusal::not_found("such prospect"));
        };
        let text = |key: &str, old: &str| update[key].as_str().unwrap_or(old).to_owned();
        let before = prospect.clone();
        prospect.first_name = text("first_name", &before.first_name);
        prospect.last_name = text("last_name", &before.last_name);
        prospect.company = text("company", &before.company);
        prospect.title = text("title", &before.title);
        let named =
            |p: &Prospect| (p.first_name.clone(), p.last_name.clone(), p.company.clone(), p.title.clone());
        if named(&prospect) != named(&before) {
            self.put(prospect, now, "prospect.updated");
        }
        Ok(())
    }

    pub(super) fn enrollments_of(&self, prospect: &str) -> Vec<&Enrollment> {
        let ids = self.enrollments_of.get(prospect).map(Vec::as_slice).unwrap_or_default();
        ids.iter().filter_map(|id| self.kept.enrollments.get(id)).collect()
    }

    /// Pauses, resumes or finishes a person's sequences. Returns those that changed. Neither version nor `updated_at`
    /// of the prospect moves (rulings.md 4).
    pub(super) fn move_sequences(
        &mut self,
        prospect: &str,
        verb: &str,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<Vec<Enrollment>, Refusal> {
        let Some(person) = self.prospect(prospect).filter(|person| !person.deleted) else {
            return Err(Refusal::not_found("such prospect"));
        };
        if verb == "resume" && person.status == "stopped" {
            return Err(Refusal::new(409, "status_locked", "a stopped prospect cannot be resumed"));
        }
        let ids = self.enrollments_of.get(prospect).cloned().unwrap_or_default();
        let mut changed = Vec::new();
        for id in ids {
            let Some(enrollment) = self.kept.enrollments.get_mut(&id) else { continue };
            match (verb, enrollment.state.as_str()) {
                ("pause", "active") => {
                    enrollment.state = "paused".to_owned();
                    enrollment.paused_by = Some(actor.clone());
                }
                ("resume", "paused") if enrollment.paused_by.as_ref() == Some(actor) => {
                    enrollment.state = "active".to_owned();
                    enrollment.paused_by = None;
                }
                ("finish", "active" | "paused") => {
                    enrollment.state = "finished".to_owned();
                    enrollment.paused_by = None;
                }
                _ => continue,
            }
            enrollment.updated_at = now;
            changed.push(enrollment.clone());
        }
        Ok(changed)
    }

    /// One call of the minute's budget. `Err` is the seconds until the next window.
    pub(super) fn count_call(&mut self, now: Timestamp) -> Result<(u64, u64, i64), u64> {
        let limit = self.calls_a_minute.unwrap_or(600);
        let minute = now.as_second().div_euclid(60);
        let resets = (minute + 1) * 60;
        let used = match self.window {
            Some((window, used)) if window == minute => used,
            _ => 0,
        };
        if used >= limit {
            return Err((resets - now.as_second()).max(1).unsigned_abs());
        }
        self.window = Some((minute, used + 1));
        Ok((limit, limit - used - 1, resets))
    }
}

impl From<Kept> for State {
    fn from(kept: Kept) -> State {
        let mut state = State::default();
        for prospect in kept.prospects.values() {
            state.by_update.insert((prospect.updated_at, prospect.id.clone()));
        }
        for enrollment in kept.enrollments.values() {
            state.enrollments_of.entry(enrollment.prospect.clone()).or_default().push(enrollment.id.clone());
        }
        state.kept = kept;
        state
    }
}

/// `2026-11-23T06:45:01.123Z`.
pub(super) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// A prospect as it is answered. `opted_out` is true exactly while the status says so (rulings.md 2).
pub(super) fn prospect_json(prospect: &Prospect) -> Value {
    let link = prospect.salesforce.as_ref().map(|(object, id)| json!({"object": object, "id": id}));
    json!({
        "id": prospect.id, "email": prospect.email, "first_name": prospect.first_name,
        "last_name": prospect.last_name, "company": prospect.company, "title": prospect.title,
        "status": prospect.status, "status_changed_at": time(prospect.status_changed_at),
        "status_changed_by": prospect.status_changed_by, "opted_out": prospect.status == "opted_out",
        "salesforce": link, "version": prospect.version, "created_at": time(prospect.created_at),
        "updated_at": time(prospect.updated_at), "deleted": prospect.deleted,
    })
}

/// An enrolment as it is answered.
pub(super) fn enrollment_json(enrollment: &Enrollment) -> Value {
    json!({
        "id": enrollment.id, "prospect_id": enrollment.prospect, "sequence_id": enrollment.sequence,
        "stage": enrollment.stage, "state": enrollment.state, "paused_by": enrollment.paused_by,
        "updated_at": time(enrollment.updated_at),
    })
}
