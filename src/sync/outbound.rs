//! Taking in outbound messages. Each record that a message speaks of makes its link due, and nothing else in the message
//! counts: what it says may be over.

use super::engine::{Engine, lock};
use crate::connector::salesforce::outbound::{self, NoMessage};
use crate::emit;
use crate::mapping::NewLeads;
use crate::model::{SalesforceId, SalesforceObject, Side};
use crate::store::{Seen, Source, StoreError};

/// Why a message was not taken in.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// `[salesforce] changes` does not name them.
    #[error("[salesforce] changes does not name \"outbound-messages\"")]
    NotExpected,
    /// It is none.
    #[error(transparent)]
    NoMessage(#[from] NoMessage),
    /// Another organisation sends it.
    #[error("the message is of another organisation")]
    OtherOrganisation,
    /// Nobody knows yet which organisation is ours; the sender tries again.
    #[error("not signed in to Salesforce yet")]
    NotSignedIn,
    /// It cannot be kept now; the sender tries again.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl OutboundError {
    /// Its name in the log.
    fn code(&self) -> &'static str {
        match self {
            OutboundError::NotExpected => "not-expected",
            OutboundError::NoMessage(_) => "no-message",
            OutboundError::OtherOrganisation => "other-organisation",
            OutboundError::NotSignedIn => "not-signed-in",
            OutboundError::Store(_) => "store",
        }
    }
}

impl Engine {
    /// Takes in an outbound message. When this returns well, all of its notifications are durable.
    ///
    /// # Errors
    /// Says which answer the sender gets; it sends again what was not acknowledged.
    pub async fn take_in_outbound(&self, body: &[u8]) -> Result<(), OutboundError> {
        let taken = self.take_in_message(body).await;
        match &taken {
            Ok(records) => {
                emit!(
                    WEBHOOK_ACCEPTED,
                    side = Side::Salesforce.as_str(),
                    "an outbound message about {records} records was taken in"
                );
                self.wake.notify_one();
            }
            Err(error) => emit!(
                WEBHOOK_REJECTED,
                side = Side::Salesforce.as_str(),
                code = error.code(),
                "an outbound message was refused: {error}"
            ),
        }
        taken.map(drop)
    }

    async fn take_in_message(&self, body: &[u8]) -> Result<usize, OutboundError> {
        if !self.takes_outbound_messages() {
            return Err(OutboundError::NotExpected);
        }
        let message = outbound::parse(body)?;
        let ours = self.salesforce.organisation().await.ok_or(OutboundError::NotSignedIn)?;
        if !message.is_from(&ours) {
            return Err(OutboundError::OtherOrganisation);
        }
        let (mapping, now) = (self.mapping(), self.now());
        let known = message.records.iter().filter_map(|id| id.parse::<SalesforceId>().ok());
        let ids: Vec<SalesforceId> = known.filter(|id| mapping.object(id.object()).is_some()).collect();
        // What events told of these records may be over by now.
        let committed = self.salesforce.server_now();
        ids.iter().for_each(|id| lock(&self.live).tell(*id, None, committed));
        let unknown_leads = self
            .store
            .write(move |tx| {
                let mut unknown = false;
                for id in ids {
                    let prospects = tx.links_by_salesforce(&id)?;
                    unknown |= prospects.is_empty() && id.object() == SalesforceObject::Lead;
                    for prospect in prospects {
                        let seen = Seen {
                            side: Some(Side::Salesforce),
                            source: Source::OutboundMessage,
                            at: now,
                            value: None,
                            by: None,
                        };
                        tx.mark_due(&prospect, seen)?;
                    }
                }
                Ok(unknown)
            })
            .await?;
        // A message carries chosen fields only: whether a new Lead is one to be made known is for a poll to say.
        if unknown_leads && mapping.new.leads == NewLeads::Create {
            self.ask_for_poll();
        }
        Ok(message.records.len())
    }
}
