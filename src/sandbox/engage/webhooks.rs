//! The webhook sender: at least once, and on demand late, twice, out of order, or never.

use super::drive::Product;
use super::state::{Event, time};
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use std::time::Duration;
use uuid::Uuid;

/// How long an answer is waited for.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// How often an event is tried.
const TRIES: usize = 4;

/// How the sender misbehaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mischief {
    /// It does not.
    #[default]
    None,
    /// Nothing is ever sent.
    Silent,
    /// Everything is sent twice.
    Twice,
    /// The newest goes first.
    Backwards,
    /// The body is changed after it was signed.
    Tampers,
}

/// Where events go.
#[derive(Debug, Clone)]
pub(super) struct Sender {
    url: String,
    secrets: Vec<String>,
    http: reqwest::Client,
    pub(super) mischief: Mischief,
}

impl Product {
    /// Sends events to this URL, signed with each of these secrets (two while they rotate).
    pub fn send_webhooks(&self, url: &str, secrets: &[&str]) {
        let sender = Sender {
            url: url.to_owned(),
            secrets: secrets.iter().map(|secret| (*secret).to_owned()).collect(),
            http: reqwest::Client::new(),
            mischief: Mischief::None,
        };
        *self.sender.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(sender);
        self.state().webhooks_on = true;
    }

    /// How the sender misbehaves from now on.
    pub fn set_mischief(&self, mischief: Mischief) {
        if let Some(sender) = &mut *self.sender.lock().unwrap_or_else(std::sync::PoisonError::into_inner) {
            sender.mischief = mischief;
        }
    }

    /// Sends what is in the outbox. Returns how many events were taken by the receiver.
    pub async fn deliver(&self) -> usize {
        let sender = self.sender.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        let Some(sender) = sender else { return 0 };
        let mut events: Vec<Event> = self.state().outbox.drain(..).collect();
        match sender.mischief {
            Mischief::Silent => return 0,
            Mischief::Backwards => events.reverse(),
            Mischief::Twice => events = events.into_iter().flat_map(|event| [event.clone(), event]).collect(),
            Mischief::None | Mischief::Tampers => {}
        }
        let mut taken = 0;
        for event in events {
            for _ in 0..TRIES {
                let (headers, body) = self.signed(&event, &sender.secrets);
                let body = if sender.mischief == Mischief::Tampers {
                    body.replace("updated", "updatEd")
                } else {
                    body
                };
                let mut request = sender.http.post(&sender.url).timeout(ANSWER_WITHIN).body(body);
                for (name, value) in headers {
                    request = request.header(name, value);
                }
                match request.send().await {
                    Ok(answer) if answer.status().is_success() => {
                        taken += 1;
                        break;
                    }
                    // What is refused for good is not sent again; a full receiver is tried again.
                    Ok(answer) if answer.status().is_client_error() => break,
                    _ => {}
                }
            }
        }
        taken
    }

    /// A delivery of an event that says what a person is like now: headers and body, for tests that post it themselves.
    pub fn signed_event(
        &self,
        prospect: &crate::model::ProspectId,
        secrets: &[&str],
    ) -> (Vec<(String, String)>, String) {
        let now = self.now();
        let body = self.state().prospect(prospect.as_str()).map_or(Value::Null, super::state::prospect_json);
        let event = Event {
            id: Uuid::new_v4().to_string(),
            kind: "prospect.updated",
            at: now,
            prospect: prospect.to_string(),
            body,
        };
        let secrets: Vec<String> = secrets.iter().map(|secret| (*secret).to_owned()).collect();
        self.signed(&event, &secrets)
    }

    fn signed(&self, event: &Event, secrets: &[String]) -> (Vec<(String, String)>, String) {
        // A stage change carries no prospect.
        let prospect =
            if event.kind == "enrollment.stage_changed" { Value::Null } else { event.body.clone() };
        let body = json!({
            "id": event.id, "type": event.kind, "occurred_at": time(event.at), "prospect_id": event.prospect,
            "prospect": prospect,
        })
        .to_string();
        let at = self.now().as_second();
        let signatures: String = secrets
            .iter()
            .filter_map(|secret| sign(secret, at, &body))
            .map(|hex| format!(",v1={hex}"))
            .collect();
        let headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("x-engage-delivery".to_owned(), Uuid::new_v4().to_string()),
            ("x-engage-signature".to_owned(), format!("t={at}{signatures}")),
        ];
        (headers, body)
    }
}

fn sign(secret: &str, at: i64, body: &str) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    mac.update(format!("{at}.").as_bytes());
    mac.update(body.as_bytes());
    Some(hex::encode(mac.finalize().into_bytes()))
}
