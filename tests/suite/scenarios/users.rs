//! What people do on either side.

use super::world::{Person, World};
use lockstep::model::SalesforceId;
use serde_json::json;

impl World {
    pub fn user_sets_lead(&self, person: &Person, field: &str, value: &str) {
        self.org.edit(person.lead, &[(field, json!(value))]);
    }

    pub fn user_ticks_opt_out(&self, person: &Person) {
        self.org.edit(person.lead, &[("HasOptedOutOfEmail", json!(true))]);
    }

    pub fn user_clears_opt_out(&self, person: &Person, status: &str) {
        self.org.edit(person.lead, &[("HasOptedOutOfEmail", json!(false)), ("Status", json!(status))]);
    }

    pub fn user_sets_person(&self, person: &Person, status: &str) {
        self.product.set_status(&person.prospect, status).unwrap();
    }

    pub fn unsubscribes(&self, person: &Person) {
        self.product.unsubscribe(&person.prospect).unwrap();
    }

    pub fn user_pauses(&self, person: &Person) {
        self.product.pause_as_user(&person.prospect);
    }

    pub fn convert(&self, person: &Person) -> SalesforceId {
        let contact = self.org.convert(person.lead).unwrap();
        self.org.edit(contact, &[("Engagement_Status__c", json!("Attempting to contact"))]);
        contact
    }

    pub fn merge(&self, winner: SalesforceId, loser: &Person) {
        self.org.merge(winner, loser.lead);
    }

    pub fn delete_lead(&self, person: &Person) {
        self.org.delete(person.lead);
    }

    pub fn delete_prospect(&self, person: &Person) {
        self.product.delete(&person.prospect);
    }
}
