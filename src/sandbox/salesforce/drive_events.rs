//! What tests, admins and the platform do to the org's events.

use super::drive::Org;
pub use super::events::{Special, StreamFault};

impl Org {
    /// What becomes of the next transaction's events.
    pub fn next_events_are(&self, special: Special) {
        self.state().bus.specials.push_back(special);
    }

    /// Something goes wrong with a subscription.
    pub fn fault_stream(&self, fault: StreamFault) {
        self.state().bus.faults.push_back(fault);
    }

    /// Nothing goes wrong with subscriptions any more.
    pub fn clear_stream_faults(&self) {
        let mut state = self.state();
        state.bus.faults.clear();
        state.bus.specials.clear();
    }

    /// An empty answer goes to whoever subscribes, now rather than in two minutes.
    pub fn keep_streams_alive(&self) {
        let mut state = self.state();
        state.bus.keep_alives += 1;
        state.bus.news.send_modify(|news| *news += 1);
    }

    /// The org moves to another instance: replay ids made so far are no good any more.
    pub fn move_instance(&self) {
        let mut state = self.state();
        state.bus.oldest_good = state.bus.tip() + 1;
        state.bus.skip_replays(1_000_000);
    }

    /// How many events may be delivered in 24 hours.
    pub fn set_event_allocation(&self, events: u64) {
        self.state().bus.allocation = events;
    }

    /// An admin selects an object for change data capture, or takes it off.
    pub fn select_for_events(&self, object: &str, selected: bool) {
        let mut state = self.state();
        match selected {
            true => state.bus.selected.insert(object.to_owned()),
            false => state.bus.selected.remove(object),
        };
    }

    /// An admin makes a custom channel, as `Name__chn`.
    pub fn add_channel(&self, name: &str, objects: &[&str]) {
        let objects = objects.iter().map(|object| (*object).to_owned()).collect();
        self.state().bus.channels.insert(name.to_owned(), objects);
    }

    /// An admin changes a custom field's type and loses what it held: one event for every record of the object.
    pub fn convert_field_lossily(&self, object: &str) {
        let now = self.now();
        let mut state = self.state();
        let objects = state.kept.objects.clone();
        state.bus.publish_wildcard(object, &objects, now);
    }

    /// The replay id behind everything that was published.
    pub fn latest_replay(&self) -> Vec<u8> {
        self.state().bus.tip().to_be_bytes().to_vec()
    }
}
