//! Every key there is, in one table: what may stand in the file, and what only in the environment.

/// What a key may hold, and where it may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text: a name, an address, a duration such as `"30s"`, a share such as `"20%"`.
    Text,
    /// A list of texts. In the environment, separated by commas.
    List,
    /// `true` or `false`.
    Bool,
    /// A secret: only ever in the environment, never in the file.
    Secret,
}

/// One key.
#[derive(Debug)]
pub struct Key {
    /// The table it stands in; empty for the top of the file.
    pub section: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
}

impl Key {
    /// The environment variable that sets it: `LOCKSTEP_SALESFORCE__POLL_EVERY`, `LOCKSTEP_TENANT`.
    pub fn variable(&self) -> String {
        match self.section {
            "" => format!("{PREFIX}{}", self.name.to_uppercase()),
            section => format!("{PREFIX}{}__{}", section.to_uppercase(), self.name.to_uppercase()),
        }
    }

    /// How messages name it: `[salesforce] poll_every`.
    pub fn shown(&self) -> String {
        match self.section {
            "" => self.name.to_owned(),
            section => format!("[{section}] {}", self.name),
        }
    }
}

/// What every variable of Lockstep begins with.
pub const PREFIX: &str = "LOCKSTEP_";

/// The tables of the file.
pub const SECTIONS: [&str; 8] =
    ["salesforce", "engage", "store", "sync", "admin", "webhooks", "log", "telemetry"];

/// The keys, in the order of the file.
pub static KEYS: &[Key] = &[
    key("", "tenant", Kind::Text),
    key("", "mapping", Kind::Text),
    key("salesforce", "login_url", Kind::Text),
    key("salesforce", "api_version", Kind::Text),
    key("salesforce", "flow", Kind::Text),
    key("salesforce", "client_id", Kind::Text),
    key("salesforce", "username", Kind::Text),
    key("salesforce", "private_key_file", Kind::Text),
    key("salesforce", "private_key", Kind::Secret),
    key("salesforce", "client_secret_file", Kind::Text),
    key("salesforce", "client_secret", Kind::Secret),
    key("salesforce", "refresh_token_file", Kind::Text),
    key("salesforce", "changes", Kind::List),
    key("salesforce", "poll_every", Kind::Text),
    key("salesforce", "overlap", Kind::Text),
    key("salesforce", "keep_free", Kind::Text),
    key("salesforce", "quota_retry", Kind::List),
    key("salesforce", "pubsub_endpoint", Kind::Text),
    key("salesforce", "pubsub_channel", Kind::Text),
    key("salesforce", "bulk", Kind::Text),
    key("engage", "profile", Kind::Text),
    key("engage", "base_url", Kind::Text),
    key("engage", "client_id", Kind::Text),
    key("engage", "client_secret_file", Kind::Text),
    key("engage", "client_secret", Kind::Secret),
    key("engage", "webhook_secret_file", Kind::Text),
    key("engage", "webhook_secret", Kind::Secret),
    key("engage", "changes", Kind::List),
    key("engage", "poll_every", Kind::Text),
    key("engage", "overlap", Kind::Text),
    key("store", "path", Kind::Text),
    key("sync", "sweep_every", Kind::Text),
    key("admin", "listen", Kind::Text),
    key("admin", "token_file", Kind::Text),
    key("admin", "token", Kind::Secret),
    key("webhooks", "listen", Kind::Text),
    key("log", "format", Kind::Text),
    key("log", "level", Kind::Text),
    key("log", "personal_data", Kind::Bool),
    key("telemetry", "otlp_endpoint", Kind::Text),
];

const fn key(section: &'static str, name: &'static str, kind: Kind) -> Key {
    Key { section, name, kind }
}

/// The key of this name in this section.
pub fn find(section: &str, name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.section == section && key.name == name)
}
