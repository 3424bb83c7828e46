//! Letting a plan through that waits.

use super::super::operations::Refusal;
use super::super::views::{ApplyPlan, Count};
use super::{PAGE, Stored};
use crate::model::{ProspectId, mark};
use crate::reconcile::plan_id;
use crate::store::{Newcomer, marks};

impl Stored {
    /// Those very writes that wait, and nothing that was decided later.
    pub(super) async fn let_plan_through(&self, apply: ApplyPlan) -> Result<Count, Refusal> {
        let mut waiting = Vec::new();
        let mut after = None;
        loop {
            let page = self.store.read(move |reader| reader.waiting_after(after.as_ref(), PAGE));
            let (page, last) = page.await?;
            waiting.extend(page);
            match last {
                Some(last) => after = Some(last),
                None => break,
            }
        }
        let newcomers = self.store.read(|reader| reader.newcomers()).await?;
        let newcomers: Vec<Newcomer> = newcomers.into_iter().filter(|newcomer| newcomer.waiting).collect();
        if waiting.is_empty() && newcomers.is_empty() {
            return Err(Refusal::not_found(
                "no plan waits: it waits once the daemon has made it and stopped before it",
            ));
        }
        let people = newcomers.iter().map(|newcomer| mark(&newcomer.id));
        let id = plan_id(waiting.iter().filter_map(|due| due.waiting).chain(people));
        if apply.id.as_ref().is_some_and(|asked| *asked != id) {
            return Err(Refusal::invalid(format!(
                "the plan that waits is another one by now ({id}): look at `lockstep plan` again"
            )));
        }
        // What does not wait any more, or waits as another write by now, was not shown: it is left as it is.
        let shown: Vec<String> = newcomers.into_iter().map(|newcomer| newcomer.id).collect();
        let mut records = self
            .store
            .write(move |tx| {
                let mut through = 0;
                for id in &shown {
                    if let Some(newcomer) = tx.newcomer(id)?.filter(|newcomer| newcomer.waiting) {
                        tx.put_newcomer(&Newcomer { waiting: false, approved: true, ..newcomer })?;
                        through += 1;
                    }
                }
                Ok(through)
            })
            .await?;
        for page in waiting.chunks(PAGE) {
            let shown: Vec<(ProspectId, u64)> =
                page.iter().filter_map(|due| Some((due.prospect.clone(), due.waiting?))).collect();
            let through = self.store.write(move |transaction| {
                let mut through = 0;
                for (prospect, fingerprint) in &shown {
                    through += u64::from(transaction.let_through(prospect, *fingerprint)?);
                }
                transaction.set_meta(marks::FIRST_RUN_DONE, "true")?;
                Ok(through)
            });
            records += through.await?;
        }
        Ok(Count { records })
    }
}
