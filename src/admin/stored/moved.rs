//! What moved along the mapping of late, and who stands where on it.

use super::super::drawn::MappingCounts;
use super::super::operations::Refusal;
use super::{PAGE, Stored};
use crate::model::ProspectId;
use std::time::{Duration, Instant};

/// The newest entries of the journal that are counted for the mapping.
const JOURNAL_COUNTED: u64 = 10_000;

/// How often everybody is counted, at most. With many people less often: a twentieth of the time goes into it at most.
const COUNTED_EVERY: Duration = Duration::from_secs(2);

impl Stored {
    /// What moves along the mapping. Counted anew every few seconds at most, since everybody is looked at.
    ///
    /// # Errors
    /// The store failed.
    pub async fn mapping_counts(&self) -> Result<MappingCounts, Refusal> {
        let mut kept = self.mapping_counts.lock().await;
        let now = Instant::now();
        if let Some((_, counts)) = kept.as_ref().filter(|(until, _)| now < *until) {
            return Ok(counts.clone());
        }
        let mut counts = MappingCounts::default();
        let mut after: Option<ProspectId> = None;
        loop {
            let from = after.clone();
            let links = self.store.read(move |reader| reader.links_after(from.as_ref(), PAGE)).await?;
            for status in links.iter().filter_map(|link| link.baseline.as_ref()).map(|base| base.engage.key())
            {
                *counts.people.entry(status.to_owned()).or_default() += 1;
            }
            after = links.last().map(|link| link.prospect.clone());
            if links.len() < PAGE {
                break;
            }
        }
        let mut before = None;
        while counts.entries < JOURNAL_COUNTED {
            let page = self.store.read(move |reader| reader.journal_before(before, PAGE)).await?;
            for (_, entry) in &page {
                counts.entries += 1;
                counts.since = Some(entry.at);
                if let ("written", Some(rule), Some(side)) = (entry.what.as_str(), &entry.rule, entry.side) {
                    *counts.carried.entry((rule.line, side)).or_default() += 1;
                }
            }
            before = page.last().map(|(number, _)| *number);
            if page.len() < PAGE {
                break;
            }
        }
        *kept = Some((Instant::now() + COUNTED_EVERY.max(now.elapsed() * 20), counts.clone()));
        Ok(counts)
    }
}
