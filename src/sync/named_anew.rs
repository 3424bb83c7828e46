//! People for whom Engage names another record than the one they were linked to.

use super::engine::{Engine, Interrupted};
use super::gather::Work;
use super::intake::remember;
use super::observe::{self, Observed, Pending};
use crate::connector::CallError;
use crate::connector::salesforce::Purpose;
use crate::mapping::Mapping;
use crate::model::{Link, SalesforceId, SalesforceRecord};
use crate::store::Source;
use std::collections::{BTreeSet, HashMap};
use std::iter::successors;

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
        let read = self.read_left(left.collect(), purpose).await?;
        let (mut heard, mut asked_anew, now) = (Vec::new(), Vec::new(), self.now());
        for work in works.iter_mut().filter(|work| !work.link.left.is_empty()) {
            let before = work.link.clone();
            let said = have_said_opted_out(&mapping, &read, &work.link);
            work.link.left.clear();
            if said {
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

    /// The records that people were, and those that these have gone on as, whether or not anybody saw that they did.
    async fn read_left(
        &self,
        mut left: Vec<SalesforceId>,
        purpose: Purpose,
    ) -> Result<HashMap<SalesforceId, SalesforceRecord>, CallError> {
        let (mapping, mut asked, mut read) = (self.mapping(), BTreeSet::new(), HashMap::new());
        loop {
            left.retain(|id| mapping.object(id.object()).is_some() && asked.insert(*id));
            if left.is_empty() {
                return Ok(read);
            }
            let found = self.read_both(&left, &[], purpose).await?.salesforce;
            left = found.values().filter_map(SalesforceRecord::went_on_as).collect();
            read.extend(found);
        }
    }
}

/// Whether somebody was, until Engage named the present one, a record that says "opted out".
fn have_said_opted_out(
    mapping: &Mapping,
    read: &HashMap<SalesforceId, SalesforceRecord>,
    link: &Link,
) -> bool {
    let went_on = |id: &SalesforceId| read.get(id)?.went_on_as().filter(|to| *to != link.salesforce);
    // No chain is longer, unless it is a circle.
    let were = |&id: &SalesforceId| successors(Some(id), went_on).take(read.len());
    let mut records = link.left.iter().flat_map(were).filter_map(|id| read.get(&id));
    records.any(|record| mapping.is_opted_out(record.id.object(), &record.fields))
}
