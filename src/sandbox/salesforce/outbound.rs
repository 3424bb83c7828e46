//! Outbound messages: SOAP to a URL when records change, at least once, in no order, and with the latest state only
//! (facts/salesforce-api.md 6.2).

use super::drive::Org;
use super::events::{Change, Kind};
use super::ids;
use super::record::Record;
use super::state::State;
use serde_json::Value;
use std::collections::VecDeque;
use std::time::Duration;

/// Notifications of one message.
const NOTIFICATIONS_MAX: usize = 100;
/// What was not acknowledged by then is dropped.
const KEPT_SECONDS: i64 = 24 * 60 * 60;
/// The longest wait between two tries.
const RETRY_SECONDS_MAX: i64 = 2 * 60 * 60;
/// How long an answer is waited for.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// How the sender misbehaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OutboundMischief {
    /// It does not.
    #[default]
    None,
    /// Every message is sent twice.
    Twice,
    /// The newest go first.
    Backwards,
    /// Another organisation's id stands in it.
    Foreign,
}

/// Where messages go, and which.
#[derive(Debug, Clone)]
pub(super) struct Outbound {
    url: String,
    object: String,
    fields: Vec<String>,
    /// Whether what the API user does is sent too: a flag of its profile, off as the guard against loops.
    api_user_sends: bool,
    mischief: OutboundMischief,
    waiting: VecDeque<Waiting>,
    next: u64,
    http: reqwest::Client,
}

/// A notification that was not acknowledged yet.
#[derive(Debug, Clone)]
struct Waiting {
    notification: String,
    record: String,
    since: i64,
    not_before: i64,
    tries: u32,
}

impl State {
    /// Notes what a transaction changed, for whoever is to be told.
    pub(super) fn queue_outbound(&mut self, changes: &[Change], now: i64) {
        let Some(outbound) = &mut self.outbound else { return };
        for change in changes {
            let is_ours = change.user == ids::long(ids::API_USER) && !outbound.api_user_sends;
            let is_told =
                matches!(change.kind, Kind::Create | Kind::Update) && change.object == outbound.object;
            if is_ours || !is_told {
                continue;
            }
            for record in &change.ids {
                outbound.next += 1;
                let notification = ids::numbered("04l", outbound.next);
                let waiting =
                    Waiting { notification, record: record.clone(), since: now, not_before: now, tries: 0 };
                outbound.waiting.push_back(waiting);
            }
        }
    }
}

impl Org {
    /// An admin has a message with these fields sent to a URL whenever a record of an object is made or changed.
    pub fn send_outbound_messages(&self, url: &str, object: &str, fields: &[&str]) {
        self.state().outbound = Some(Outbound {
            url: url.to_owned(),
            object: object.to_owned(),
            fields: fields.iter().map(|field| (*field).to_owned()).collect(),
            api_user_sends: false,
            mischief: OutboundMischief::None,
            waiting: VecDeque::new(),
            next: 0,
            http: reqwest::Client::new(),
        });
    }

    /// Whether changes of the API user are sent too.
    pub fn let_api_user_send(&self, sends: bool) {
        if let Some(outbound) = &mut self.state().outbound {
            outbound.api_user_sends = sends;
        }
    }

    /// How the sender misbehaves from now on.
    pub fn set_outbound_mischief(&self, mischief: OutboundMischief) {
        if let Some(outbound) = &mut self.state().outbound {
            outbound.mischief = mischief;
        }
    }

    /// How many notifications wait to be acknowledged.
    pub fn outbound_waiting(&self) -> usize {
        self.state().outbound.as_ref().map_or(0, |outbound| outbound.waiting.len())
    }

    /// The next message, as it is sent: for tests that post it themselves.
    pub fn next_outbound_message(&self) -> Option<String> {
        let now = self.now();
        let state = self.state();
        let outbound = state.outbound.as_ref()?;
        let ready: Vec<Waiting> = outbound
            .waiting
            .iter()
            .filter(|w| w.not_before <= now)
            .take(NOTIFICATIONS_MAX)
            .cloned()
            .collect();
        (!ready.is_empty()).then(|| message(&state, outbound, &ready))
    }

    /// Sends what is ready to be sent. Returns how many notifications were acknowledged.
    pub async fn deliver_outbound(&self) -> usize {
        let mut acknowledged = 0;
        loop {
            let now = self.now();
            let Some((messages, batch, url, http)) = self.take_outbound(now) else { return acknowledged };
            let mut is_acknowledged = false;
            for message in messages {
                let sent = http
                    .post(&url)
                    .timeout(ANSWER_WITHIN)
                    .header("content-type", "text/xml; charset=utf-8")
                    .header("soapaction", "\"\"")
                    .body(message)
                    .send()
                    .await;
                is_acknowledged |= match sent {
                    // 200 without an Ack is a failure.
                    Ok(answer) if answer.status().as_u16() == 200 => {
                        answer.text().await.is_ok_and(|text| text.contains("<Ack>true</Ack>"))
                    }
                    _ => false,
                };
            }
            if is_acknowledged {
                acknowledged += batch.len();
                continue;
            }
            let mut state = self.state();
            let Some(outbound) = &mut state.outbound else { return acknowledged };
            outbound.waiting.extend(batch.into_iter().map(|waiting| {
                let wait = (15 << waiting.tries.min(10)).min(RETRY_SECONDS_MAX);
                Waiting { not_before: now + wait, tries: waiting.tries + 1, ..waiting }
            }));
        }
    }

    fn take_outbound(&self, now: i64) -> Option<(Vec<String>, Vec<Waiting>, String, reqwest::Client)> {
        let mut state = self.state();
        let mut outbound = state.outbound.take()?;
        outbound.waiting.retain(|waiting| waiting.since > now - KEPT_SECONDS);
        let (mut ready, later): (Vec<Waiting>, Vec<Waiting>) =
            outbound.waiting.drain(..).partition(|waiting| waiting.not_before <= now);
        if outbound.mischief == OutboundMischief::Backwards {
            ready.reverse();
        }
        let rest = ready.split_off(ready.len().min(NOTIFICATIONS_MAX));
        outbound.waiting.extend(rest.into_iter().chain(later));
        let taken = (!ready.is_empty()).then(|| {
            let text = message(&state, &outbound, &ready);
            let messages = match outbound.mischief {
                OutboundMischief::Twice => vec![text.clone(), text],
                _ => vec![text],
            };
            (messages, ready, outbound.url.clone(), outbound.http.clone())
        });
        state.outbound = Some(outbound);
        taken
    }
}

fn message(state: &State, outbound: &Outbound, notifications: &[Waiting]) -> String {
    let organisation = match outbound.mischief {
        OutboundMischief::Foreign => ids::long("00D5f000000OTHR"),
        _ => ids::long(ids::ORG),
    };
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\n\
         <soapenv:Body>\n<notifications xmlns=\"http://soap.sforce.com/2005/09/outbound\">\n\
         <OrganizationId>{organisation}</OrganizationId>\n<ActionId>04k5f0000000001AAA</ActionId>\n\
         <SessionId xsi:nil=\"true\"/>\n<EnterpriseUrl>https://sandbox.my.salesforce.com/services/Soap/c/67.0\
         </EnterpriseUrl>\n<PartnerUrl>https://sandbox.my.salesforce.com/services/Soap/u/67.0</PartnerUrl>\n"
    );
    for waiting in notifications {
        let Some(record) = state.record(&waiting.record) else { continue };
        text.push_str(&format!(
            "<Notification>\n<Id>{}</Id>\n<sObject xsi:type=\"sf:{}\" \
             xmlns:sf=\"urn:sobject.enterprise.soap.sforce.com\">\n<sf:Id>{}</sf:Id>\n",
            waiting.notification, outbound.object, waiting.record
        ));
        for name in &outbound.fields {
            if let Some(value) = told(state, record, name) {
                text.push_str(&format!("<sf:{name}>{value}</sf:{name}>\n"));
            }
        }
        text.push_str("</sObject>\n</Notification>\n");
    }
    text.push_str("</notifications>\n</soapenv:Body>\n</soapenv:Envelope>");
    text
}

/// A field's value as XML; nothing where it is empty.
fn told(state: &State, record: &Record, name: &str) -> Option<String> {
    let field = state.object(&record.object)?.field(name)?;
    match record.get(field) {
        Value::Null => None,
        Value::String(text) => Some(quick_xml::escape::escape(text.as_str()).into_owned()),
        other => Some(other.to_string()),
    }
}
