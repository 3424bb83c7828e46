//! People for whom Engage names another record than the one they were linked to.

use super::engine::{Engine, Interrupted};
use super::gather::Work;
use super::intake::remember;
use super::observe::{self, Observed, Pending};
use crate::connector::salesforce::Purpose;
use crate::model::Link;
use crate::store::Source;

impl Engine {
    /// Whoever is another record by now, as this very look shows, is linked to that one and looked at anew: what the record
    /// says that they were is not theirs to carry over.
    pub(super) async fn without_named_anew(&self, works: Vec<Work>) -> Result<Vec<Work>, Interrupted> {
        let (mapping, now) = (self.mapping(), self.now());
        let (mut same, mut observed) = (Vec::with_capacity(works.len()), Vec::new());
        for work in works {
            let link = Some((&work.link, Pending::default()));
            let prospect = work.prospect.as_ref();
            let says = |prospect| observe::prospect(&mapping, link, None, prospect, Source::Lockstep, now);
            match prospect.map(says) {
                Some(another @ Observed::Linked { .. }) => observed.push(another),
                _ => same.push(work),
            }
        }
        if !observed.is_empty() {
            let remembered = self.store.write(move |tx| {
                observed.into_iter().try_for_each(|observed| remember(tx, observed).map(drop))
            });
            remembered.await?;
        }
        Ok(same)
    }

    /// An opt-out that a record has said with its last word goes along with whoever was that record: it is looked for once.
    pub(super) async fn hear_last_words(
        &self,
        works: &mut [Work],
        purpose: Purpose,
    ) -> Result<(), Interrupted> {
        if works.iter().all(|work| work.link.left.is_empty()) {
            return Ok(());
        }
        let mapping = self.mapping();
        let left = works.iter().flat_map(|work| work.link.left.iter().copied());
        let records: Vec<_> = left.filter(|id| mapping.object(id.object()).is_some()).collect();
        let read = self.read_both(&records, &[], purpose).await?;
        let (mut heard, mut asked_anew, now) = (Vec::new(), Vec::new(), self.now());
        for work in works.iter_mut().filter(|work| !work.link.left.is_empty()) {
            let before = work.link.clone();
            let left = std::mem::take(&mut work.link.left);
            let mut records = left.iter().filter_map(|id| read.salesforce.get(id));
            if records.any(|record| mapping.is_opted_out(record.id.object(), &record.fields)) {
                work.link.hear_opt_out(now);
                if let Some(held) = work.held.as_mut().filter(|held| held.resolution.is_some()) {
                    // Whether the answer was given before this was said is not known: a person is asked once more.
                    held.resolution = None;
                    asked_anew.push(held.clone());
                }
            }
            heard.push((before, work.link.clone()));
        }
        let written = self.store.write(move |tx| {
            asked_anew.iter().try_for_each(|held| tx.put_held(held))?;
            heard.iter().try_for_each(|(before, link): &(Link, Link)| {
                // Who is somebody else again by now is looked at again.
                if tx.link(&link.prospect)?.as_ref() == Some(before) { tx.put_link(link) } else { Ok(()) }
            })
        });
        Ok(written.await?)
    }
}
