//! Signing in by a refresh token that may rotate.

use super::token_file::TokenFile;
use super::{Salesforce, lock};
use crate::connector::CallError;
use crate::connector::oauth::{Grant, Granted};
use secrecy::SecretString;
use std::path::{Path, PathBuf};

/// A token that was used, and the one that follows it.
pub(super) struct Rotation {
    used: SecretString,
    successor: SecretString,
}

impl Salesforce {
    /// Uses the token of the file, and keeps the one that follows it before anything else can go wrong.
    pub(super) async fn refresh(
        &self,
        file: &Path,
        secret: Option<&SecretString>,
    ) -> Result<Granted, CallError> {
        let (this, file, secret) = (self.clone(), file.to_owned(), secret.cloned());
        // Whoever waits may be let go at any moment; a successor that is on its way must be taken in all the same.
        let refreshed = tokio::spawn(async move { this.refresh_to_the_end(file, secret).await });
        match refreshed.await {
            Ok(granted) => granted,
            Err(ended) => Err(super::auth::stop(format!("signing in was cut off: {ended}"))),
        }
    }

    async fn refresh_to_the_end(
        &self,
        file: PathBuf,
        secret: Option<SecretString>,
    ) -> Result<Granted, CallError> {
        let file = TokenFile::lock(&file).await?;
        let unkept = lock(&self.0.unkept).take();
        if let Some(rotation) = unkept {
            self.keep(&file, rotation)?;
        }
        let mut used = file.token()?;
        file.prove()?;
        let mut answer = self.ask(Grant::RefreshToken(used.clone()), secret.as_ref()).await;
        if answer.as_ref().is_err_and(|error| error.code == "invalid_grant")
            && let Some(other) = file.other_token()
        {
            file.use_leftover()?;
            used = other;
            answer = self.ask(Grant::RefreshToken(used.clone()), secret.as_ref()).await;
        }
        let granted = answer?;
        if let Some(successor) = granted.refresh_token.clone() {
            self.keep(&file, Rotation { used, successor })?;
        }
        Ok(granted)
    }

    /// What cannot be written is remembered, and written by the next try.
    fn keep(&self, file: &TokenFile, rotation: Rotation) -> Result<(), CallError> {
        file.follow(&rotation.used, &rotation.successor)
            .inspect_err(|_| *lock(&self.0.unkept) = Some(rotation))
    }
}
