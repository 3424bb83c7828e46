//! The people as a list for people.

use super::drive::Product;
use crate::lifecycle;
use crate::model::ProspectId;
use crate::sandbox::people::{Listed, People, Person, SHOWN_MAX};

impl People for Product {
    fn listed(&self) -> Listed {
        let state = self.state();
        let living = state.kept.prospects.values().rev().filter(|prospect| !prospect.deleted);
        let people = living.take(SHOWN_MAX).map(|prospect| Person {
            id: prospect.id.clone(),
            name: format!("{} {}", prospect.first_name, prospect.last_name),
            company: prospect.company.clone(),
            status: prospect.status.clone(),
        });
        let built_in = lifecycle::BUILT_IN.iter().map(|known| (known.key.to_owned(), known.label.to_owned()));
        let own = state.kept.custom_statuses.iter().map(|(key, label, _)| (key.clone(), label.clone()));
        let (people, statuses) = (people.collect(), built_in.chain(own).collect());
        Listed { title: "People", system: "Revenue Engage", statuses, people }
    }

    fn set(&self, id: &str, status: &str) -> Result<(), String> {
        let id: ProspectId = id.parse().map_err(|_| "there is no such person".to_owned())?;
        self.set_status(&id, status)
    }
}
