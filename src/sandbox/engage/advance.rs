//! What the product does by itself: steps are sent, nobody answers for a week, mail bounces, people unsubscribe.

use super::state::{Actor, Enrollment, State, enrollment_json};
use crate::lifecycle::{self, UNRESPONSIVE_AFTER};
use jiff::{SignedDuration, Timestamp};

impl State {
    /// Everything that has become due by `now`, in the order in which it became due.
    pub(super) fn advance(&mut self, now: Timestamp) {
        loop {
            let next = self
                .kept
                .enrollments
                .values()
                .filter(|e| self.runs(e))
                .filter_map(|e| Some((due(e)?, e.id.clone())))
                .min();
            match next {
                Some((at, id)) if at <= now => self.step(&id, at),
                _ => return,
            }
        }
    }

    /// Whether an enrolment goes on: it is active, and its person is not on hold, which freezes every sequence.
    fn runs(&self, enrollment: &Enrollment) -> bool {
        let sequence = self.kept.sequences.get(&enrollment.sequence);
        let person = self.prospect(&enrollment.prospect);
        enrollment.state == "active"
            && sequence.is_some_and(|sequence| sequence.active)
            && person.is_some_and(|person| {
                !person.deleted && !matches!(person.status.as_str(), "on_hold" | "opted_out" | "bounced")
            })
    }

    fn step(&mut self, id: &str, at: Timestamp) {
        let Some(mut enrollment) = self.kept.enrollments.get(id).cloned() else { return };
        let steps =
            self.kept.sequences.get(&enrollment.sequence).map(|s| s.steps.clone()).unwrap_or_default();
        if enrollment.due_at == Some(at) {
            // A step is sent.
            enrollment.next_step += 1;
            enrollment.waiting_since = Some(at);
            let next = steps.get(enrollment.next_step).map(|seconds| SignedDuration::from_secs(*seconds));
            enrollment.due_at = next.and_then(|wait| at.checked_add(wait).ok());
            self.stage(enrollment, "approaching", at);
        } else {
            // "no response from a prospect to automated email sequence messages for 1 week"
            enrollment.waiting_since = None;
            enrollment.due_at = None;
            enrollment.state = "finished".to_owned();
            self.stage(enrollment, "unresponsive", at);
        }
    }

    /// An enrolment reaches a stage; the person's status follows where the sequence's switch is on.
    pub(super) fn stage(&mut self, mut enrollment: Enrollment, stage: &str, at: Timestamp) {
        enrollment.stage = stage.to_owned();
        enrollment.updated_at = at;
        let moves =
            self.kept.sequences.get(&enrollment.sequence).is_some_and(|sequence| sequence.moves_status);
        let (prospect, body) = (enrollment.prospect.clone(), enrollment_json(&enrollment));
        self.kept.enrollments.insert(enrollment.id.clone(), enrollment);
        self.tell("enrollment.stage_changed", &prospect, body, at);
        if let Some(status) = lifecycle::status_of_stage(stage).filter(|_| moves) {
            // What the product forbids itself (an opt-out of a bounced person) simply does not happen.
            let _ = self.set_status(&prospect, status, None, Actor::system(), at);
        }
    }

    /// Ends every running enrolment of a person at a stage.
    pub(super) fn end_all(&mut self, prospect: &str, stage: &str, at: Timestamp) {
        for id in self.enrollments_of.get(prospect).cloned().unwrap_or_default() {
            if let Some(mut enrollment) = self.kept.enrollments.get(&id).cloned()
                && matches!(enrollment.state.as_str(), "active" | "paused")
            {
                enrollment.state = "finished".to_owned();
                (enrollment.due_at, enrollment.waiting_since, enrollment.paused_by) = (None, None, None);
                enrollment.stage = stage.to_owned();
                enrollment.updated_at = at;
                self.kept.enrollments.insert(id, enrollment);
            }
        }
    }
}

/// When something happens to an enrolment by itself: its next step, or the end of a week without an answer.
fn due(enrollment: &Enrollment) -> Option<Timestamp> {
    let week = enrollment.waiting_since.and_then(|since| since.checked_add(UNRESPONSIVE_AFTER).ok());
    match (enrollment.due_at, week) {
        (Some(step), Some(week)) => Some(step.min(week)),
        (step, week) => step.or(week),
    }
}
