//! The apps of an org, as tests and the demo lead them: what admins register and what people allow.

use super::app::{App, Consent};
use super::drive::Org;

impl Org {
    /// An app that signs in with a secret: client credentials.
    pub fn register_app(&self, client_id: &str, secret: &str) {
        self.state().apps.entry(client_id.to_owned()).or_default().secret = Some(secret.to_owned());
    }

    /// A certificate of an app: JWTs signed with its key, for this user, are good.
    pub fn register_key(&self, client_id: &str, username: &str, public_key_pem: &str) {
        let mut state = self.state();
        let app = state.apps.entry(client_id.to_owned()).or_default();
        app.public_keys.push(public_key_pem.to_owned());
        app.username = Some(username.to_owned());
    }

    /// A refresh token of an app; with `rotates`, each use makes a new one and kills the old.
    pub fn grant_refresh_token(&self, client_id: &str, token: &str, rotates: bool) {
        let mut state = self.state();
        let app: &mut App = state.apps.entry(client_id.to_owned()).or_default();
        app.refresh_tokens.insert(token.to_owned());
        app.rotates = rotates;
    }

    /// An address that a person's consent to an app may be brought to; with `rotates`, so do the refresh tokens that
    /// come of it. An app without a secret is a public one.
    pub fn register_callback(&self, client_id: &str, callback: &str, rotates: bool) {
        let mut state = self.state();
        let app = state.apps.entry(client_id.to_owned()).or_default();
        app.callbacks.insert(callback.to_owned());
        app.rotates = rotates;
    }

    /// What the person at the browser does from now on.
    pub fn set_consent(&self, consent: Consent) {
        self.state().consent = consent;
    }

    /// Leaves the API user no more than reading an object and editing these fields of it.
    pub fn grant_only(&self, object: &str, editable: &[&str]) {
        if let Some(object) = self.state().object_mut(object) {
            object.is_open = false;
            for field in &mut object.fields {
                field.updateable &= editable.contains(&field.name.as_str());
            }
        }
    }

    /// Ends every session: the next call is answered 401.
    pub fn revoke_sessions(&self) {
        self.state().sessions.clear();
    }
}
