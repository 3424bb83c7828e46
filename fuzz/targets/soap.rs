//! Outbound messages, as they come to the webhook port.

use lockstep::connector::salesforce::outbound;

/// Reads a message, and answers it.
pub fn run(bytes: &[u8]) {
    match outbound::parse(bytes) {
        Ok(message) => {
            assert!(!message.organisation.is_empty() && (1..=100).contains(&message.records.len()));
            let _ = message.is_from("00D5f000000SANDUA2");
        }
        Err(why) => {
            let _ = outbound::fault(&why.to_string());
        }
    }
}
