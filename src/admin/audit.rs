//! Who had what done.

use crate::emit;
use serde::Deserialize;

/// Who asks for a change, for the log: `?by=Ann`. Nothing proves it: whoever has the admin token may say any name.
#[derive(Debug, Default, Deserialize)]
pub struct Acting {
    by: Option<String>,
}

impl Acting {
    /// A name that came otherwise.
    pub fn named(by: &str) -> Acting {
        Acting { by: Some(by.to_owned()) }
    }

    /// Tells the log that something was done, and to which record; an empty one stands for all.
    pub fn did(&self, action: &str, record: Option<&str>) {
        let (by, record) = (self.by.as_deref().unwrap_or_default(), record.unwrap_or_default());
        let who = if by.is_empty() { "somebody" } else { by };
        let whom = if record.is_empty() { String::new() } else { format!(" of {record}") };
        emit!(OPERATOR_ACTED, by, action, record, "{who} had this done over the admin port: {action}{whom}");
    }
}
