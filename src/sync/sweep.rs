//! The sweep: everything linked is compared, once a day, and at once where a change may have gone unnoticed.

use super::engine::{Engine, Interrupted, lock};
use super::gather::calls_to_look;
use super::intake::Fresh;
use super::pass::{PassReport, Turn};
use crate::emit;
use crate::model::{ProspectId, SalesforceObject};
use crate::store::{Reader, Seen, Source, StoreError, Transaction, marks};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// How long the journal is kept: a quarter, in which a disputed status is asked about.
const JOURNAL_KEPT_FOR: std::time::Duration = std::time::Duration::from_secs(90 * 24 * 3600);

/// How many entries are kept at most: about 500 MB.
const JOURNAL_ROWS_MAX: u64 = 1_000_000;

/// How many entries one transaction removes.
const JOURNAL_STEP: usize = 1_000;

/// A comparison that was interrupted goes on where it was within this time; later, what came before has grown too old.
const GOES_ON_WITHIN: SignedDuration = SignedDuration::from_hours(1);

impl Engine {
    /// Every link becomes due, page by page, and goes the same way as any change. The place is kept with the marks: a
    /// comparison that takes more calls than a minute has goes on in a later turn, instead of beginning anew for ever.
    pub(super) async fn sweep(
        &self,
        fresh: &mut Fresh,
        turn: &mut Turn,
        report: &mut PassReport,
    ) -> Result<(), Interrupted> {
        let read = |reader: &Reader<'_>| Ok((reader.link_count()?, reader.meta(marks::SWEEP_PLACE)?));
        let (linked, place) = self.store.read(read).await?;
        let place = place.and_then(|place| self.goes_on_behind(&place));
        if place.is_some() {
            // What was found before it was interrupted is written first, so that it waits for no end.
            self.carry_over(fresh, std::mem::take(turn), report).await?;
        } else {
            let calls = calls_to_look(linked);
            emit!(SWEEP_STARTED, "comparing {linked} links: {calls} calls to Salesforce, or fewer");
        }
        lock(&self.live).forget_all();
        self.backfill(Some(linked)).await?;
        let telling = self.tell_long("comparing everything linked", Some(linked));
        let (mut after, mut compared) = (place, 0);
        loop {
            let now = self.now();
            let (from, links_max) = (after.clone(), self.looked_at_once());
            let last = self
                .store
                .write(move |tx| {
                    let page = tx.links_after(from.as_ref(), links_max)?;
                    for link in &page {
                        let seen = Seen { side: None, source: Source::Sweep, at: now, value: None, by: None };
                        tx.mark_due(&link.prospect, seen)?;
                    }
                    let Some(last) = page.last().map(|link| link.prospect.clone()) else { return Ok(None) };
                    tx.set_meta(marks::SWEEP_PLACE, &format!("{now} {last}"))?;
                    Ok(Some((last, page.len() as u64)))
                })
                .await?;
            let Some((last, links)) = last else { break };
            after = Some(last);
            self.settle_due(fresh, turn).await?;
            compared += links;
            telling.done(compared);
        }
        let now = self.now();
        self.store
            .write(move |tx| {
                tx.remove_meta(marks::SWEEP_PLACE)?;
                tx.set_meta(marks::SWEPT_AT, &now.to_string())
            })
            .await?;
        self.end_backfill().await?;
        self.look_at_holds_anew().await?;
        self.prune_journal().await?;
        Ok(())
    }

    /// The link behind which an interrupted comparison goes on, by the mark that it left.
    fn goes_on_behind(&self, place: &str) -> Option<ProspectId> {
        let (at, link) = place.split_once(' ')?;
        let at: Timestamp = at.parse().ok()?;
        (self.now().duration_since(at).abs() <= GOES_ON_WITHIN).then(|| link.parse().ok()).flatten()
    }

    /// Old entries of the journal go, a bounded number in each transaction.
    async fn prune_journal(&self) -> Result<(), StoreError> {
        let now = self.now();
        loop {
            let prune = move |tx: &mut Transaction<'_>| {
                tx.prune_journal(JOURNAL_KEPT_FOR, now, JOURNAL_ROWS_MAX, JOURNAL_STEP)
            };
            if self.store.write(prune).await? < JOURNAL_STEP {
                return Ok(());
            }
        }
    }

    /// Of a field that is read from now on nobody's value is known, and its next change would be taken for what had always
    /// been there: everything is compared next.
    pub(super) async fn note_fields_read(&self) -> Result<(), StoreError> {
        let of = |object| self.fields_read(object).into_iter().map(move |field| format!("{object}.{field}"));
        let fields: Vec<String> = SalesforceObject::BOTH.into_iter().flat_map(of).collect();
        let (known, first_pass_done) = self
            .store
            .read(|reader| Ok((reader.meta(marks::FIELDS_READ)?, marks::first_pass_done(reader)?)))
            .await?;
        let text = fields.join(" ");
        if known.as_ref() == Some(&text) {
            return Ok(());
        }
        let before: BTreeSet<&str> = known.iter().flat_map(|known| known.split(' ')).collect();
        let is_any_new = fields.iter().any(|field| !before.contains(&**field));
        let compare = is_any_new && (known.is_some() || first_pass_done);
        self.store
            .write(move |tx| {
                if compare {
                    marks::ask_for_sweep(tx)?;
                }
                tx.set_meta(marks::FIELDS_READ, &text)
            })
            .await
    }
}
