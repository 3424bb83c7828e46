//! The declared window: between the read just before a Collections call and the call itself, somebody may edit a record,
//! and no precondition protects it. Where the status field is tracked, the field history shows afterwards what each of
//! our writes replaced; anything but what we had read is reported, and put right by a person.

use super::engine::{Engine, Interrupted};
use super::write::Write;
use crate::connector::salesforce::Replaced;
use crate::emit;
use crate::mapping::Mapping;
use crate::model::{FieldValue, ProspectId, SalesforceId, SalesforceObject, Side, Target};
use crate::store::{JournalEntry, Reader, StoreError, Transaction, marks};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// What a call without a precondition is to replace: durable before the call, until the field history was asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Expected {
    prospect: ProspectId,
    salesforce: SalesforceId,
    from: FieldValue,
    to: FieldValue,
    /// Before the call, by Salesforce's clock.
    since: Timestamp,
}

impl Expected {
    fn of(mapping: &Mapping, write: &Write, since: Timestamp) -> Option<Expected> {
        let salesforce = write.work.link.salesforce;
        let status = &mapping.object(salesforce.object())?.status;
        let Target::Salesforce { fields } = &write.step().target else { return None };
        let from = write.step().seen.salesforce.get(status)?.clone();
        let to = fields.get(status)?.clone();
        Some(Expected { prospect: write.intent.prospect.clone(), salesforce, from, to, since })
    }

    /// Whether this call may have replaced that. A history's times are whole seconds.
    fn may_have(&self, replaced: &Replaced) -> bool {
        let known_by = replaced.at.saturating_add(SignedDuration::from_secs(1)).unwrap_or(replaced.at);
        self.salesforce == replaced.id
            && replaced.new.as_deref() == self.to.as_text()
            && self.since <= known_by
    }
}

/// The calls that were not looked at since. A list that cannot be read any more is let go of: it only reports.
fn kept(reader: &Reader<'_>) -> Result<Vec<Expected>, StoreError> {
    let kept = reader.meta(marks::UNGUARDED_WRITES)?;
    Ok(kept.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

fn keep(tx: &mut Transaction<'_>, expected: &[Expected]) -> Result<(), StoreError> {
    match serde_json::to_string(expected) {
        Ok(text) if !expected.is_empty() => tx.set_meta(marks::UNGUARDED_WRITES, &text),
        _ => tx.remove_meta(marks::UNGUARDED_WRITES),
    }
}

/// Keeps what calls are about to replace, in the transaction of their intents.
pub(super) fn expect(tx: &mut Transaction<'_>, more: Vec<Expected>) -> Result<(), StoreError> {
    if more.is_empty() {
        return Ok(());
    }
    let mut all = kept(tx)?;
    all.extend(more);
    keep(tx, &all)
}

impl Engine {
    /// What these writes would replace, should they be made by a call without a precondition.
    pub(super) fn expected<'a>(&self, writes: impl Iterator<Item = &'a Write>) -> Vec<Expected> {
        let (mapping, since) = (self.mapping(), self.salesforce.server_told());
        writes.filter_map(|write| Expected::of(&mapping, write, since)).collect()
    }

    /// Asks the field history what calls without a precondition replaced: one call an object, and none without such calls.
    /// What could not be asked is asked in the next turn, or once calls are free again.
    pub(super) async fn look_for_overwrites(&self) -> Result<(), Interrupted> {
        if self.salesforce.budget().is_short() {
            return Ok(());
        }
        let all = self.store.read(kept).await?;
        if all.is_empty() {
            return Ok(());
        }
        for object in SalesforceObject::BOTH {
            let writes = || all.iter().filter(|write| write.salesforce.object() == object);
            let Some(since) = writes().map(|write| write.since).min() else { continue };
            // Before the org is known nobody can be asked; without our user's id, or the object, never.
            let Some(org) = self.org.load_full() else { return Ok(()) };
            let mapping = self.mapping();
            let replaced = match (&org.user, mapping.object(object)) {
                (Some(user), Some(columns)) => {
                    let from = since.saturating_sub(SignedDuration::from_secs(1)).unwrap_or(since);
                    self.salesforce.set_by(user, object, &columns.status, from).await?
                }
                _ => Vec::new(),
            };
            let lost: Vec<(Expected, String)> = replaced
                .iter()
                .filter_map(|replaced| {
                    // Of several that were meant, the last one: those before it were perhaps never made.
                    let ours = writes().filter(|write| write.may_have(replaced));
                    let ours = ours.max_by_key(|write| write.since)?;
                    let lost = replaced.old.as_deref() != ours.from.as_text();
                    lost.then(|| (ours.clone(), replaced.old.clone().unwrap_or_else(|| "(empty)".to_owned())))
                })
                .collect();
            self.report_overwrites(object, lost).await?;
        }
        Ok(())
    }

    /// Reports what was overwritten, and lets go of what was looked at.
    async fn report_overwrites(
        &self,
        object: SalesforceObject,
        lost: Vec<(Expected, String)>,
    ) -> Result<(), StoreError> {
        let (now, entries) = (self.now(), lost.clone());
        self.store
            .write(move |tx| {
                for (expected, lost) in &entries {
                    let mut entry =
                        JournalEntry::about(expected.prospect.clone(), "overwrote", reason(lost), now);
                    entry.salesforce = Some(expected.salesforce);
                    entry.side = Some(Side::Salesforce);
                    entry.overruled = Some(lost.clone());
                    (entry.from, entry.to) = (Some(expected.from.to_string()), Some(expected.to.to_string()));
                    tx.append_journal(&entry)?;
                }
                let mut left = kept(tx)?;
                left.retain(|write| write.salesforce.object() != object);
                keep(tx, &left)
            })
            .await?;
        for (expected, lost) in &lost {
            let reason = reason(lost);
            emit!(
                OVERWRITE_DETECTED,
                side = Side::Salesforce.as_str(),
                record = expected.salesforce.as_str(),
                prospect = expected.prospect.as_str(),
                from = lost,
                to = %expected.to,
                reason,
                "an edit was overwritten: {reason}"
            );
        }
        Ok(())
    }
}

fn reason(lost: &str) -> String {
    format!("somebody set {lost} just before our write; a person should look")
}
