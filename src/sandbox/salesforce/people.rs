//! The Leads as a list for people.

use super::drive::Org;
use crate::model::SalesforceId;
use crate::sandbox::people::{Listed, People, Person, SHOWN_MAX};
use serde_json::json;

impl People for Org {
    fn listed(&self) -> Listed {
        let text =
            |id: SalesforceId, field: &str| self.get(id, field).as_str().unwrap_or_default().to_owned();
        let people = self.leads().into_iter().rev().take(SHOWN_MAX).map(|id| Person {
            id: id.to_string(),
            name: format!("{} {}", text(id, "FirstName"), text(id, "LastName")),
            company: text(id, "Company"),
            status: text(id, "Status"),
        });
        let people = people.collect();
        let state = self.state();
        let values = state.object("Lead").and_then(|lead| lead.field("Status")).map(|field| &field.values);
        let active = values.into_iter().flatten().filter(|(_, active)| *active);
        let statuses = active.map(|(value, _)| (value.clone(), value.clone())).collect();
        Listed { title: "Leads", system: "Salesforce", statuses, people }
    }

    fn set(&self, id: &str, status: &str) -> Result<(), String> {
        let id: SalesforceId = id.parse().map_err(|_| "there is no such Lead".to_owned())?;
        self.edit(id, &[("Status", json!(status))]);
        Ok(())
    }
}
