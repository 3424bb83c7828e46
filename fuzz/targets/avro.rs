//! Change events: any bytes under the schema that an org gives for Leads, or under a schema that stands in the bytes too.

use lockstep::connector::salesforce::{ChangeEvent, What, Whom};

/// The schema of Leads' events, in small.
pub const LEAD: &str = include_str!("lead.avsc.json");

/// A schema begins with `{` or `[` and ends at the first zero byte; without one it is that of Leads.
pub fn run(bytes: &[u8]) {
    let own = bytes.first().is_some_and(|first| b"{[\"".contains(first));
    let (schema, payload) = match bytes.iter().position(|byte| *byte == 0).filter(|_| own) {
        Some(end) => (std::str::from_utf8(&bytes[..end]), &bytes[end + 1..]),
        None => (Ok(LEAD), bytes),
    };
    if let Ok(schema) = schema {
        read(schema, payload);
    }
}

/// Reads one event, and looks at all that it says.
pub fn read(schema: &str, payload: &[u8]) -> Option<ChangeEvent> {
    let event = ChangeEvent::read(schema, payload).ok()??;
    if let Whom::Records(records) = &event.whom {
        assert!(!records.is_empty());
        assert!(records.iter().all(|id| id.object() == event.object));
    }
    for field in ["Status", "status", "HasOptedOutOfEmail", "FirstName", "Name", "Nobody__c"] {
        if event.value(field).is_some() {
            assert!(event.mentions(field) || matches!(event.what, What::Deleted | What::Gap));
        }
        let _ = event.covers(field);
    }
    Some(event)
}
