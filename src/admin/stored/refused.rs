//! What a system refused for good: single writes, which are parked, and values, whose rows are held.

use super::super::operations::Refusal;
use super::super::person::Wanted;
use super::super::verdict::retry;
use super::super::views::{Count, HeldRow, ParkedRecord, Which};
use super::{PAGE, Stored};
use crate::model::ProspectId;
use crate::store::{StoreError, Transaction};
use jiff::Timestamp;

impl Stored {
    /// All of it, oldest first; a held row stands for all its records.
    pub(super) async fn refused(&self) -> Result<Vec<ParkedRecord>, Refusal> {
        let rows = self.pages(|r, after| r.parked_after(after, PAGE), |row| &row.prospect).await?;
        let mut parked: Vec<ParkedRecord> = rows.iter().map(ParkedRecord::from).collect();
        parked.extend(self.held_rows().await?.into_iter().map(ParkedRecord::from));
        parked.sort_by_key(|parked| parked.since);
        Ok(parked)
    }

    /// Has one of them tried again, or all, and with all of them those that failed in passing and wait for their next try.
    pub(super) async fn try_again(&self, which: Which) -> Result<Count, Refusal> {
        let rows = self.held_rows().await?;
        let named = |row: &&HeldRow| which.id.as_ref().is_none_or(|id| *id == row.id);
        let tried: Vec<&HeldRow> = rows.iter().filter(named).collect();
        let ids: Vec<String> = tried.iter().map(|row| row.id.clone()).collect();
        self.store.write(move |tx| ids.iter().try_for_each(|id| tx.let_value_go(id))).await?;
        let waiting: u64 = tried.iter().map(|row| row.waiting).sum();
        if which.id.is_some() && !tried.is_empty() {
            return Ok(Count { records: waiting });
        }
        let failed = if which.id.is_none() { self.fail_no_longer().await? } else { 0 };
        let parked = self.change_parked(which, retry).await?;
        Ok(Count { records: parked.records + waiting + failed })
    }

    /// Ends the wait of those that failed in passing. Says of how many.
    async fn fail_no_longer(&self) -> Result<u64, Refusal> {
        let (now, mut records) = ((self.clock)(), 0);
        // Once for each who is due: who fails again meanwhile is not asked for a second time.
        let most = self.store.read(|reader| reader.due_count()).await?;
        while records < most {
            let page = self.store.write(move |transaction| transaction.try_again_now(now, PAGE)).await?;
            records += page as u64;
            if page < PAGE {
                break;
            }
        }
        Ok(records)
    }

    /// The rows that are held, each with how many wait.
    pub(super) async fn held_rows(&self) -> Result<Vec<HeldRow>, Refusal> {
        let values = self.store.read(|reader| reader.refused_values()).await?;
        let mut rows: Vec<HeldRow> = values.iter().filter_map(HeldRow::of).collect();
        let mut after = None;
        while !rows.is_empty() {
            let page = self.store.read(move |reader| reader.waiting_for_values_after(after.as_ref(), PAGE));
            let (waiting, last) = page.await?;
            for value in waiting.into_iter().filter_map(|due| due.waits_for) {
                rows.iter_mut().filter(|row| row.id == value).for_each(|row| row.waiting += 1);
            }
            match last {
                Some(last) => after = Some(last),
                None => break,
            }
        }
        Ok(rows)
    }

    /// What is asked for by one id, or everything that is parked.
    async fn parked_ids(&self, which: Which) -> Result<Vec<ProspectId>, Refusal> {
        let Some(id) = which.id else {
            let parked = self.pages(|r, after| r.parked_after(after, PAGE), |row| &row.prospect).await?;
            return Ok(parked.into_iter().map(|row| row.prospect).collect());
        };
        let wanted = Wanted::parse(&id)?;
        let found = self.store.read(move |reader| {
            let people = wanted.find(reader)?;
            let parked = people.into_iter().filter_map(|person| reader.parked(&person).transpose());
            parked.collect::<Result<Vec<_>, _>>()
        });
        match found.await? {
            found if found.is_empty() => Err(Refusal::not_found(format!("nothing is parked for {id}"))),
            found => Ok(found.into_iter().map(|row| row.prospect).collect()),
        }
    }

    /// Changes parked rows, in pages, and says how many were still there.
    pub(super) async fn change_parked(
        &self,
        which: Which,
        change: fn(&mut Transaction<'_>, &ProspectId, Timestamp) -> Result<bool, StoreError>,
    ) -> Result<Count, Refusal> {
        let now = (self.clock)();
        let mut records = 0;
        for page in self.parked_ids(which).await?.chunks(PAGE) {
            let page = page.to_vec();
            let changed = self.store.write(move |transaction| {
                let mut changed = 0;
                for prospect in &page {
                    changed += u64::from(change(transaction, prospect, now)?);
                }
                Ok(changed)
            });
            records += changed.await?;
        }
        Ok(Count { records })
    }
}
