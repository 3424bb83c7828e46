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
        let mut records = newcomers.len() as u64;
        let through: Vec<Newcomer> = newcomers
            .into_iter()
            .map(|newcomer| Newcomer { waiting: false, approved: true, ..newcomer })
            .collect();
        self.store.write(move |tx| through.iter().try_for_each(|newcomer| tx.put_newcomer(newcomer))).await?;
        for page in waiting.chunks(PAGE) {
            let people: Vec<ProspectId> = page.iter().map(|due| due.prospect.clone()).collect();
            let through = self.store.write(move |transaction| {
                let mut through = 0;
                for prospect in &people {
                    through += u64::from(transaction.let_through(prospect)?);
                }
                transaction.set_meta(marks::FIRST_RUN_DONE, "true")?;
                Ok(through)
            });
            records += through.await?;
        }
        Ok(Count { records })
    }
}
