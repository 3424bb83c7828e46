//! The end of a run: faults and people stop; then it must become quiet, and every person must agree or be listed.

use super::run::Run;
use lockstep::model::{ProspectId, SalesforceId, Side};
use lockstep::store::{Reader, StoreError, marks};
use lockstep::sync::Cycle;
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::time::Duration;

/// What a store knows of somebody at the end; of two daemons, what either knows.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    pub(super) linked: bool,
    /// To whom.
    pub(super) record: Option<SalesforceId>,
    /// Held or parked.
    pub(super) listed: bool,
    pub(super) parked: Option<String>,
    /// Overwritten edits that were reported.
    pub(super) overwrites: u64,
    /// Writes that the journal tells of.
    pub(super) written: u64,
    /// ... and of those that a company's policy decided against somebody.
    pub(super) overruled: u64,
}

impl Known {
    fn of(reader: &Reader<'_>, id: &ProspectId) -> Result<Known, StoreError> {
        let journal = reader.journal_of(id, 1_000)?;
        let told = |what: &str| journal.iter().filter(|entry| entry.what == what).count() as u64;
        let parked = reader.parked(id)?.map(|parked| parked.code);
        let record = reader.link(id)?.map(|link| link.salesforce);
        Ok(Known {
            linked: record.is_some(),
            record,
            listed: parked.is_some() || reader.held(id)?.is_some(),
            parked,
            overwrites: told("overwrote"),
            written: told("written"),
            overruled: journal.iter().filter(|entry| entry.overruled.is_some()).count() as u64,
        })
    }

    fn add(&mut self, other: Known) {
        self.linked |= other.linked;
        self.record = other.record.or(self.record);
        self.listed |= other.listed;
        self.parked = self.parked.take().or(other.parked);
        self.overwrites += other.overwrites;
        self.written += other.written;
        self.overruled += other.overruled;
    }
}

impl Run {
    pub(super) async fn settle(&mut self) {
        {
            let mut play = self.shared.lock();
            play.rates.clear();
            play.stage.random = StdRng::seed_from_u64(1);
            play.stage.commit_all();
            play.stage.mend_everything();
            play.stage.tell("SETTLE   nothing goes wrong any more".to_owned());
        }
        for daemon in 0..=usize::from(self.twins) {
            self.daemon = daemon;
            // A store whose last flush failed is opened anew.
            while let Some((_, store)) = self.process() {
                if store.write(|tx| tx.remove_meta(marks::PAUSED).map(drop)).await.is_ok() {
                    break;
                }
                self.processes[daemon] = None;
            }
        }
        self.until_quiet().await;
        // The polls alone have seen everything: the daily comparison is a net that nobody may need.
        self.judge().await;
        self.advance(2 * 3_600);
        // What a rule refused is tried again by the daily comparison, now that the rule is gone.
        self.compare().await;
        if self.twins {
            // What one of them has put right the other takes in.
            self.compare().await;
        }
        let writes = self.writes();
        self.compare().await;
        if self.writes() != writes {
            self.shared.lock().stage.checker.breaks("rule 1: it is quiet, and something was written");
        }
        self.judge().await;
    }

    /// Polls until nothing more comes of them.
    pub(super) async fn until_quiet(&mut self) {
        // What failed in passing is tried again within a day.
        for round in 0..56 {
            self.advance(if round == 0 { 3 } else { 1_801 });
            let before = self.writes();
            let mut idle = true;
            for daemon in 0..=usize::from(self.twins) {
                self.daemon = daemon;
                for cycle in [Cycle::POLL, Cycle::DUE] {
                    self.turn(cycle).await;
                    self.advance(3);
                }
                self.let_through().await;
                idle &= self.is_idle().await;
            }
            if round > 0 && before == self.writes() && idle {
                break;
            }
        }
    }

    /// Every daemon compares everything.
    async fn compare(&mut self) {
        for daemon in 0..=usize::from(self.twins) {
            self.daemon = daemon;
            self.turn(Cycle { sweep: true, ..Cycle::POLL }).await;
            self.advance(3);
            self.turn(Cycle::POLL).await;
        }
    }

    /// What the stores know of everybody; `None` where one cannot be opened.
    pub(super) async fn known(&mut self) -> Option<Vec<Known>> {
        let people = self.shared.lock().stage.people.clone();
        let mut known = vec![Known::default(); people.len()];
        for daemon in 0..=usize::from(self.twins) {
            self.daemon = daemon;
            let (_, store) = self.process()?;
            for (person, known) in people.iter().zip(&mut known) {
                let id = person.prospect.clone();
                let more = store.read(move |reader| Known::of(reader, &id));
                known.add(more.await.expect("a store that works"));
            }
        }
        Some(known)
    }

    async fn judge(&mut self) {
        let Some(known) = self.known().await else { return };
        let ambiguous = self.shared.lock().stage.ambiguous.clone();
        for daemon in 0..=usize::from(self.twins) {
            self.daemon = daemon;
            let Some((_, store)) = self.process() else { return };
            for id in ambiguous.clone() {
                let linked = store.read(move |reader| Ok(reader.link(&id)?.is_some()));
                if linked.await.expect("a store that works") {
                    let broken = "rule 8: a record was guessed by a shared address";
                    self.shared.lock().stage.checker.breaks(broken);
                }
            }
        }
        for (who, known) in known.iter().enumerate() {
            self.shared.lock().stage.judge_the_end(who, known);
        }
        let mut play = self.shared.lock();
        let hours = play.stage.hours();
        let faults: u64 = play.faults.iter().map(|(_, count)| count).sum();
        let expected = 2 * (play.processes + faults + hours) + 8;
        if play.grants > expected {
            let broken = format!("rule 10: {} sign-ins, and {expected} would be many", play.grants);
            play.stage.checker.breaks(&broken);
        }
    }

    fn advance(&self, seconds: u64) {
        self.shared.lock().stage.advance(Duration::from_secs(seconds));
    }

    /// Whether nobody waits for anything but a person.
    async fn is_idle(&mut self) -> bool {
        let Some((engine, store)) = self.process() else { return false };
        let due = store.read(|reader| reader.due_count()).await;
        let well = |side| engine.health(side).trouble.is_none();
        due.is_ok_and(|due| due == 0) && Side::BOTH.into_iter().all(well)
    }

    /// An operator lets through whatever asks first.
    async fn let_through(&mut self) {
        let Some((_, store)) = self.process() else { return };
        let through = store.write(|tx| {
            let (waiting, _) = tx.waiting_after(None, 10_000)?;
            let mut shown = waiting.iter().filter_map(|due| Some((&due.prospect, due.waiting?)));
            shown.try_for_each(|(prospect, what)| tx.let_through(prospect, what).map(drop))?;
            tx.set_meta(marks::FIRST_RUN_DONE, "true")
        });
        through.await.expect("a store that works");
    }

    fn writes(&self) -> (u64, u64, u64) {
        let play = self.shared.lock();
        let (calls, rows) = play.stage.org.writes();
        (calls, rows, play.stage.product.writes())
    }
}
