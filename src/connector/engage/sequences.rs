//! Enrolments, sequences, statuses.

use super::Engage;
use super::call::Call;
use super::wire::WireEnrollment;
use crate::connector::CallError;
use crate::model::{Enrollment, ProspectId};
use serde::Deserialize;
use serde_json::json;

/// Ids a call.
const BATCH_ROWS: usize = 200;

/// A sequence.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Sequence {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether it runs.
    #[serde(default)]
    pub active: bool,
    /// The switch "update person status on sequence stage change".
    #[serde(default)]
    pub update_person_status_on_stage_change: bool,
}

/// A status that the tenant knows.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Status {
    /// Its key.
    pub key: String,
    /// Its label.
    #[serde(default)]
    pub label: String,
    /// Its group: `general`, `success` or `failed`.
    #[serde(default)]
    pub group: Option<String>,
}

#[derive(Deserialize)]
struct Enrollments {
    enrollments: Vec<WireEnrollment>,
}

#[derive(Deserialize)]
struct Sequences {
    sequences: Vec<Sequence>,
}

#[derive(Deserialize)]
struct Statuses {
    statuses: Vec<Status>,
}

impl Engage {
    /// The enrolments of prospects, 200 a call. They are read, never polled (rulings.md 4).
    ///
    /// # Errors
    /// When a call fails.
    pub async fn enrollments(&self, ids: &[ProspectId]) -> Result<Vec<Enrollment>, CallError> {
        let mut all = Vec::new();
        for ids in ids.chunks(BATCH_ROWS) {
            let ids = ids.iter().map(ProspectId::as_str).collect::<Vec<_>>().join(",");
            let call = Call::get("enrollments", "/api/v1/enrollments").query("prospect_ids", ids);
            let answer: Enrollments = self.json(call).await?;
            all.extend(answer.enrollments.into_iter().map(Enrollment::from));
        }
        Ok(all)
    }

    /// Puts one prospect's sequences on hold. Returns those that it changed; pausing what is paused changes nothing.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn pause(&self, id: &ProspectId, reason: &str) -> Result<Vec<Enrollment>, CallError> {
        self.sequences_call("pause", id, reason).await
    }

    /// Undoes the pauses made by this caller, no others.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn resume(&self, id: &ProspectId, reason: &str) -> Result<Vec<Enrollment>, CallError> {
        self.sequences_call("resume", id, reason).await
    }

    /// Finishes one prospect's sequences.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn finish(&self, id: &ProspectId, reason: &str) -> Result<Vec<Enrollment>, CallError> {
        self.sequences_call("finish", id, reason).await
    }

    async fn sequences_call(
        &self,
        verb: &'static str,
        id: &ProspectId,
        reason: &str,
    ) -> Result<Vec<Enrollment>, CallError> {
        let path = format!("/api/v1/prospects/{id}/sequences/{verb}");
        let answer: Enrollments = self.json(Call::post(verb, path, json!({ "reason": reason }))).await?;
        Ok(answer.enrollments.into_iter().map(Enrollment::from).collect())
    }

    /// All sequences, with their switch.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn sequences(&self) -> Result<Vec<Sequence>, CallError> {
        Ok(self.json::<Sequences>(Call::get("sequences", "/api/v1/sequences")).await?.sequences)
    }

    /// The statuses that the tenant knows, its own included.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn statuses(&self) -> Result<Vec<Status>, CallError> {
        Ok(self.json::<Statuses>(Call::get("statuses", "/api/v1/statuses")).await?.statuses)
    }
}
