//! A person's consent: where it is asked for, and what becomes of the code that it brings.

use super::Salesforce;
use super::auth::stop;
use super::budget::Purpose;
use super::call::Call;
use super::token_file::TokenFile;
use crate::config::SalesforceFlow;
use crate::connector::CallError;
use crate::connector::oauth::{self, Expected, Grant};
use crate::model::Side;
use secrecy::SecretString;
use serde::Deserialize;
use std::path::Path;
use subtle::ConstantTimeEq;
use url::Url;

/// What the daemon has to be allowed: its calls, and coming back without a person.
const SCOPES: [&str; 2] = ["api", "refresh_token"];

/// A login that waits for a person's consent.
pub struct Login {
    /// Where the person is asked.
    pub url: Url,
    expected: Expected,
}

impl Login {
    /// Whether an answer with this `state` is meant for this login. Compared in constant time.
    pub fn is_for(&self, state: &str) -> bool {
        state.as_bytes().ct_eq(self.expected.state.secret().as_bytes()).into()
    }
}

/// Who signed in, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// The organisation's id.
    pub organization: String,
    /// The user's id.
    pub user: String,
    /// The user's name; some apps may not ask for it.
    pub username: Option<String>,
    /// Where the organisation's data is.
    pub instance: Url,
}

#[derive(Deserialize)]
struct UserInfo {
    organization_id: String,
    user_id: String,
    preferred_username: Option<String>,
}

impl Salesforce {
    /// Makes sure that a refresh token could be kept, and says where a person has to allow it. The answer is brought to
    /// `callback`, which must be one of the app's own, letter by letter. Nothing is called.
    ///
    /// # Errors
    /// When the configured flow uses no refresh token, or its file cannot be written.
    pub async fn begin_login(&self, callback: &str) -> Result<Login, CallError> {
        let (file, _) = self.token_file()?;
        TokenFile::lock(file).await?.prove()?;
        let endpoint = self.oauth_endpoint("authorize")?;
        let client = &self.0.config.client_id;
        let (url, expected) = oauth::consent_url(Side::Salesforce, &endpoint, client, callback, &SCOPES)?;
        Ok(Login { url, expected })
    }

    /// Fetches a refresh token for the code that the consent brought, keeps it, and uses it once to show that it works.
    ///
    /// # Errors
    /// When the code is refused or brings no refresh token, when the token cannot be kept, or when it does not work.
    pub async fn finish_login(&self, login: Login, code: SecretString) -> Result<Who, CallError> {
        let (path, secret) = self.token_file()?;
        let granted = self.ask(Grant::Code(code, login.expected), secret).await?;
        let Some(token) = granted.refresh_token else {
            return Err(stop(
                "Salesforce gave no refresh token: add the scope \"Perform requests at any time (refresh_token, \
                 offline_access)\" to the app"
                    .to_owned(),
            ));
        };
        TokenFile::lock(path).await?.put(&token)?;
        *self.0.session.lock().await = None;
        self.who().await
    }

    /// Signs in, and says as whom.
    ///
    /// # Errors
    /// When signing in fails, or Salesforce does not say who it was.
    pub async fn who(&self) -> Result<Who, CallError> {
        let session = self.session(None).await?;
        let instance = session.instance.clone();
        let asked = Call::get("/services/oauth2/userinfo".to_owned(), Purpose::Describe);
        match self.json::<UserInfo>(asked).await {
            Ok(UserInfo { organization_id: organization, user_id: user, preferred_username: username }) => {
                Ok(Who { organization, user, username, instance })
            }
            // An app may be allowed its calls and not this one; the ids came with the token.
            Err(error) if error.status == Some(403) => {
                let ids = session.identity.as_deref().and_then(ids_of);
                let (organization, user) = ids.ok_or(error)?;
                Ok(Who { organization, user, username: None, instance })
            }
            Err(error) => Err(error),
        }
    }

    fn token_file(&self) -> Result<(&Path, Option<&SecretString>), CallError> {
        match &self.0.config.flow {
            SalesforceFlow::RefreshToken { client_secret, refresh_token_file } => {
                Ok((refresh_token_file, client_secret.as_ref()))
            }
            _ => Err(stop("[salesforce] flow is not \"refresh-token\"".to_owned())),
        }
    }
}

/// Organisation and user of `https://HOST/id/ORGANISATION/USER`.
fn ids_of(identity: &str) -> Option<(String, String)> {
    let mut parts = identity.rsplit('/');
    let (user, organization) = (parts.next()?, parts.next()?);
    Some((organization.to_owned(), user.to_owned()))
}
