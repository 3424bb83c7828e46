//! Writing prospects: the sequences first, the status last, so that a crash in between repeats a pause (harmless)
//! and never forgets one.

use super::engine::{Engine, Interrupted};
use super::write::{Ended, Write};
use crate::connector::CallError;
use crate::connector::engage::EngageWrite;
use crate::model::{Enrollment, EnrollmentState, ProspectId, SequenceAction, Target};
use crate::mutant;
use crate::store::OwnPauses;
use futures_util::{FutureExt, StreamExt, stream};
use std::collections::{BTreeMap, HashMap};

/// Sequence calls under way at once: each is for one prospect, since the default profile has no batch for them.
const SEQUENCE_CALLS_AT_ONCE: usize = 8;

impl Engine {
    /// Writes up to 200 prospects. The second part tells of trouble that concerns the side as a whole.
    pub(super) async fn write_engage(
        &self,
        writes: Vec<Write>,
    ) -> Result<(Vec<(Write, Ended)>, Option<CallError>), Interrupted> {
        let mut ended = Vec::with_capacity(writes.len());
        let with_sequences: Vec<ProspectId> = writes
            .iter()
            .filter(|w| action(w) != SequenceAction::Leave)
            .map(|w| w.intent.prospect.clone())
            .collect();
        let mut enrollments: HashMap<ProspectId, Vec<Enrollment>> = HashMap::new();
        if !with_sequences.is_empty() {
            match self.engage.enrollments(&with_sequences).await {
                Ok(all) => {
                    for enrollment in all {
                        enrollments.entry(enrollment.prospect.clone()).or_default().push(enrollment);
                    }
                }
                Err(error) => {
                    let failed =
                        writes.into_iter().map(|write| (write, Ended::Failed(error.clone()))).collect();
                    return Ok((failed, super::salesforce_write::side_trouble_of(Some(&error))));
                }
            }
        }
        let enrollments = &enrollments;
        let mut moved = stream::iter(writes)
            .map(|write| self.sequences_moved(write, enrollments).boxed())
            .buffered(SEQUENCE_CALLS_AT_ONCE);
        let mut going = Vec::new();
        while let Some((write, result)) = moved.next().await {
            match result {
                Ok(()) => going.push(write),
                Err(Interrupted::Call(error)) => ended.push((write, Ended::Failed(error))),
                Err(fatal) => return Err(fatal),
            }
        }
        let rows: Vec<EngageWrite> = going.iter().filter_map(row).collect();
        if rows.is_empty() {
            return Ok((ended, None));
        }
        let answers = self.engage.set_status_many(&rows).await;
        let trouble =
            super::salesforce_write::side_trouble(answers.iter().map(|answer| answer.as_ref().err()));
        for (write, answer) in going.into_iter().zip(answers) {
            let end = match answer {
                Ok(prospect) => Ended::Written { shows: Some(Box::new(prospect)) },
                Err(error) => Ended::Failed(error),
            };
            ended.push((write, end));
        }
        Ok((ended, trouble))
    }

    async fn sequences_moved(
        &self,
        write: Write,
        enrollments: &HashMap<ProspectId, Vec<Enrollment>>,
    ) -> (Write, Result<(), Interrupted>) {
        let mine = enrollments.get(&write.intent.prospect).map_or(&[][..], Vec::as_slice);
        let result = self.move_sequences(&write, mine).await;
        (write, result)
    }

    /// Pauses, resumes or finishes one person's sequences, as the row says.
    async fn move_sequences(&self, write: &Write, enrollments: &[Enrollment]) -> Result<(), Interrupted> {
        let prospect = &write.intent.prospect;
        let any = |wanted: &[EnrollmentState]| enrollments.iter().any(|e| wanted.contains(&e.state));
        let reason = super::record::reason(write.step());
        match action(write) {
            SequenceAction::Leave => Ok(()),
            SequenceAction::Pause => {
                if any(&[EnrollmentState::Active]) {
                    self.pause(prospect, &reason, enrollments).await?;
                }
                Ok(())
            }
            SequenceAction::Resume => {
                // Only our own pauses are resumed; a person's review of a reply is never undone.
                if !write.work.pauses.enrollments.is_empty() || mutant::is("all-pauses-resumed") {
                    self.engage.resume(prospect, &reason).await?;
                    let prospect = prospect.clone();
                    self.store.write(move |tx| tx.set_own_pauses(&prospect, &OwnPauses::default())).await?;
                }
                Ok(())
            }
            SequenceAction::Finish => {
                if any(&[EnrollmentState::Active, EnrollmentState::Paused]) {
                    self.engage.finish(prospect, &reason).await?;
                }
                Ok(())
            }
        }
    }

    /// Remembers the pause before making it, so that one whose status write never comes can be taken back.
    async fn pause(
        &self,
        prospect: &ProspectId,
        reason: &str,
        enrollments: &[Enrollment],
    ) -> Result<(), Interrupted> {
        let active = enrollments.iter().filter(|e| e.state == EnrollmentState::Active);
        let active: Vec<String> = active.map(|enrollment| enrollment.id.clone()).collect();
        let id = prospect.clone();
        self.store
            .write(move |tx| {
                let mut pauses = tx.own_pauses(&id)?;
                pauses.enrollments.extend(active);
                pauses.enrollments.sort_unstable();
                pauses.enrollments.dedup();
                pauses.pending = true;
                tx.set_own_pauses(&id, &pauses)
            })
            .await?;
        self.engage.pause(prospect, reason).await?;
        Ok(())
    }
}

fn action(write: &Write) -> SequenceAction {
    match &write.step().target {
        Target::Engage { sequences, .. } => *sequences,
        Target::Salesforce { .. } | Target::EngageDetails { .. } => SequenceAction::Leave,
    }
}

fn row(write: &Write) -> Option<EngageWrite> {
    let (status, details) = match &write.step().target {
        Target::Engage { status, .. } => (Some(status.clone()), BTreeMap::new()),
        Target::EngageDetails { details } => (None, details.clone()),
        Target::Salesforce { .. } => return None,
    };
    let version = write.work.prospect.as_ref()?.version;
    Some(EngageWrite { id: write.intent.prospect.clone(), if_version: Some(version), status, details })
}
