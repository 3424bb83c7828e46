//! The declared window: between the read just before a Collections call and the call itself, somebody may edit a record,
//! and no precondition protects it. Where the status field is tracked, the field history shows afterwards what each of
//! our writes replaced; anything but what we had read is reported, and put right by a person.

use super::engine::{Engine, Interrupted, lock};
use super::write::Write;
use crate::emit;
use crate::model::{FieldValue, ProspectId, SalesforceId, SalesforceObject, Side, Target};
use crate::store::{JournalEntry, StoreError};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;

/// What a Collections call was to replace.
#[derive(Debug, Clone)]
pub(super) struct Expected {
    prospect: ProspectId,
    salesforce: SalesforceId,
    from: FieldValue,
    to: FieldValue,
}

/// The writes that had no precondition and were not looked at since, and the time of the first.
#[derive(Debug, Default)]
pub(super) struct Unguarded {
    since: Option<Timestamp>,
    writes: Vec<Expected>,
}

impl Unguarded {
    /// The writes to one object, and since when there are any.
    fn take(&mut self, object: SalesforceObject) -> (Option<Timestamp>, Vec<Expected>) {
        let since = self.since;
        let all = std::mem::take(&mut self.writes);
        let (taken, left) = all.into_iter().partition(|write| write.salesforce.object() == object);
        self.writes = left;
        self.since = since.filter(|_| !self.writes.is_empty());
        (since, taken)
    }

    fn put_back(&mut self, since: Timestamp, writes: Vec<Expected>) {
        self.since = Some(self.since.map_or(since, |other| other.min(since)));
        self.writes.extend(writes);
    }
}

impl Engine {
    /// Remembers what a Collections call is about to replace.
    pub(super) fn expect_replaced(&self, writes: &[Write]) {
        let mapping = self.mapping();
        let now = self.salesforce.server_now();
        let mut unguarded = lock(&self.unguarded);
        unguarded.since.get_or_insert(now);
        for write in writes {
            let id = write.work.link.salesforce;
            let Some(columns) = mapping.object(id.object()) else { continue };
            let Target::Salesforce { fields } = &write.step().target else { continue };
            let seen = write.step().seen.salesforce.get(&columns.status);
            if let (Some(from), Some(to)) = (seen, fields.get(&columns.status)) {
                unguarded.writes.push(Expected {
                    prospect: write.intent.prospect.clone(),
                    salesforce: id,
                    from: from.clone(),
                    to: to.clone(),
                });
            }
        }
    }

    /// Asks the field history what Collections calls replaced: one call an object, and none without such calls. What could
    /// not be asked is asked in the next turn.
    pub(super) async fn look_for_overwrites(&self) -> Result<(), Interrupted> {
        for object in SalesforceObject::BOTH {
            let (since, writes) = lock(&self.unguarded).take(object);
            let user = self.org.load().as_ref().and_then(|org| org.user.clone());
            let mapping = self.mapping();
            let columns = mapping.object(object).filter(|_| !writes.is_empty());
            let (Some(since), Some(user), Some(columns)) = (since, user, columns) else { continue };
            let from = since.saturating_sub(SignedDuration::from_secs(1)).unwrap_or(since);
            let replaced = match self.salesforce.set_by(&user, object, &columns.status, from).await {
                Ok(replaced) => replaced,
                Err(error) => {
                    lock(&self.unguarded).put_back(since, writes);
                    return Err(error.into());
                }
            };
            let expected: HashMap<SalesforceId, &Expected> =
                writes.iter().map(|write| (write.salesforce, write)).collect();
            for replaced in replaced {
                let Some(expected) = expected.get(&replaced.id) else { continue };
                let ours = replaced.new.as_deref() == expected.to.as_text();
                if ours && replaced.old.as_deref() != expected.from.as_text() {
                    self.report_overwrite(expected, replaced.old.as_deref()).await?;
                }
            }
        }
        Ok(())
    }

    async fn report_overwrite(&self, expected: &Expected, lost: Option<&str>) -> Result<(), StoreError> {
        let lost = lost.unwrap_or("(empty)").to_owned();
        let reason = format!("somebody set {lost} just before our write; a person should look");
        let mut entry =
            JournalEntry::about(expected.prospect.clone(), "overwrote", reason.clone(), self.now());
        entry.salesforce = Some(expected.salesforce);
        entry.side = Some(Side::Salesforce);
        entry.overruled = Some(lost.clone());
        (entry.from, entry.to) = (Some(expected.from.to_string()), Some(expected.to.to_string()));
        self.store.write(move |tx| tx.append_journal(&entry).map(drop)).await?;
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
        Ok(())
    }
}
