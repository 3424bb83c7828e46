//! What goes wrong, and what has to be counted.

use super::world::{Person, World};
use lockstep::model::Side;
use lockstep::sandbox::{Fault, Faults, Moment, When};
use lockstep::store::{Store, marks};
use lockstep::sync::Cycle;
use serde_json::json;
use std::time::Duration;

/// An operator pauses while the next such call is under way.
pub fn pauses_at(store: Store, faults: &Faults, call: When) {
    let pause = move || store.write_blocking(|tx| tx.set_meta(marks::PAUSED, "yes")).unwrap();
    faults.at(Moment::Before, call, pause);
}

impl World {
    /// What `lockstep pause` and `lockstep resume` leave in the store.
    pub async fn pause(&self, paused: bool) {
        self.store
            .write(move |tx| match paused {
                true => tx.set_meta(marks::PAUSED, "yes"),
                false => tx.remove_meta(marks::PAUSED),
            })
            .await
            .unwrap();
    }

    /// Engage is polled, and Salesforce does not answer when it is asked for namesakes.
    pub async fn cycle_without_an_answer_about_namesakes(&self) {
        self.org.faults().add(When::next("GET", "/services/data"), Fault::DropBefore);
        let only_engage = Cycle { poll_salesforce: false, poll_engage: true, sweep: false };
        self.engine.cycle(only_engage).await.unwrap();
    }

    pub fn restrict_status_to(&self, values: &[&str]) {
        self.org.set_picklist("Lead", "Status", values, true);
    }

    pub fn salesforce_writes_tried(&self) -> u64 {
        self.org.writes().1
    }

    pub fn salesforce_calls(&self) -> usize {
        self.org.calls().len()
    }

    pub fn engage_calls(&self) -> usize {
        self.product.calls().len()
    }

    pub fn salesforce_daily_limit_reached(&self) {
        self.org.set_daily_limit(1_000, 1_000);
    }

    pub fn salesforce_daily_limit_lifted(&self) {
        self.org.set_daily_limit(100_000, 0);
    }

    pub fn engage_answers_429(&self, wait: Duration) {
        let body =
            json!({"error": {"code": "rate_limited", "message": "slow down", "field": null}}).to_string();
        let fault = Fault::Answer { status: 429, body, retry_after: Some(wait.as_secs()) };
        self.product.faults().add(When::next("GET", "/api/v1/prospects"), fault);
    }

    pub fn lose_the_answer_of_the_next_writes(&self) {
        self.product.faults().add(When::next("POST", "/batch"), Fault::DropAfter);
        self.org.faults().add(When::next("PATCH", "/services/data"), Fault::DropAfter);
    }

    pub fn no_write_arrives(&self) {
        self.product.faults().add(When { times: 9, ..When::next("POST", "/batch") }, Fault::DropBefore);
        self.org.faults().add(When { times: 9, ..When::next("PATCH", "/services/data") }, Fault::DropBefore);
    }

    pub fn writes_arrive_again(&self) {
        self.product.faults().clear();
        self.org.faults().clear();
    }

    /// The next write to this side arrives, and from then on the side answers nothing.
    pub fn falls_silent_behind_the_next_write_to(&self, side: Side) {
        let (faults, write, reads) = match side {
            Side::Engage => (self.product.faults(), When::next("POST", "/batch"), "/prospects"),
            Side::Salesforce => (self.org.faults(), When::next("PATCH", "/services/data"), "/services/data"),
        };
        faults.add(write.clone(), Fault::DropAfter);
        let silent = faults.clone();
        faults.at(Moment::After, write, move || {
            ["GET", "POST"].into_iter().for_each(|method| silent.break_on(method, reads));
        });
    }

    pub fn answers_again(&self, side: Side) {
        match side {
            Side::Engage => self.product.faults().break_on_nothing(),
            Side::Salesforce => self.org.faults().break_on_nothing(),
        }
    }

    pub fn lose_the_answer_of_the_next_creations(&self) {
        self.product.faults().add(When::next("POST", "/api/v1/prospects"), Fault::DropAfter);
        self.org.faults().add(When::next("POST", "/v67.0/sobjects/Lead"), Fault::DropAfter);
    }

    /// The write finds another version than was read: somebody was faster.
    pub fn edit_just_before_the_next_engage_write(&self, person: &Person, status: &str) {
        let body = json!({"results": [{"id": person.prospect, "ok": false,
            "error": {"code": "version_mismatch", "message": "the prospect has another version", "field": null}}]});
        let fault = Fault::Answer { status: 200, body: body.to_string(), retry_after: None };
        self.product.faults().add(When::next("POST", "/batch"), fault);
        self.product.set_status(&person.prospect, status).unwrap();
    }

    pub fn engage_status_changes(&self, person: &Person) -> u64 {
        self.product.writes_of(&person.prospect)
    }

    pub fn salesforce_changes(&self, person: &Person) -> u64 {
        self.org.writes_of(person.lead)
    }
}
