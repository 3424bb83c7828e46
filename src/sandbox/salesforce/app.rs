//! The apps that may sign in, and what they were granted.

use std::collections::BTreeSet;
use std::fmt;

/// An app that may sign in.
#[derive(Clone, Default)]
pub(super) struct App {
    pub(super) secret: Option<String>,
    /// RSA public keys, PEM; a JWT signed by one of them is good.
    pub(super) public_keys: Vec<String>,
    pub(super) username: Option<String>,
    /// Whom a code may be brought to: compared letter by letter.
    pub(super) callbacks: BTreeSet<String>,
    pub(super) refresh_tokens: BTreeSet<String>,
    /// Each use of a refresh token makes a new one and kills the old.
    pub(super) rotates: bool,
}

impl fmt::Debug for App {
    /// Without what one could sign in with.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("confidential", &self.secret.is_some())
            .field("username", &self.username)
            .field("callbacks", &self.callbacks)
            .field("refresh_tokens", &self.refresh_tokens.len())
            .field("rotates", &self.rotates)
            .finish_non_exhaustive()
    }
}

/// What a person allowed, until the app fetches its tokens for it.
#[derive(Clone)]
pub(super) struct Code {
    pub(super) client: String,
    pub(super) callback: String,
    /// Base64url of the SHA-256 of the verifier that is to come.
    pub(super) challenge: String,
    /// Whether a refresh token was asked for.
    pub(super) lasting: bool,
    pub(super) made: i64,
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Code").field("client", &self.client).field("made", &self.made).finish_non_exhaustive()
    }
}

/// What the person at the browser does when an app asks for consent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Consent {
    /// Sees a page and decides there.
    #[default]
    Asked,
    /// Allows it at once.
    Allowed,
    /// Denies it at once.
    Denied,
}
