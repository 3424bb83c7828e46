//! Outbound messages: SOAP that an org sends when a record changes (facts/salesforce-api.md 6.2).
//!
//! Only which organisation sends, and which records it speaks of, is read of a message: it is a hint, late, doubled and out
//! of order as it may be. Nothing is fetched, expanded or resolved: a document type or an entity of its own is refused.

use quick_xml::NsReader;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{Namespace, ResolveResult};

/// The namespace of the message itself.
const NOTIFICATIONS: &str = "http://soap.sforce.com/2005/09/outbound";

/// The namespaces of SOAP 1.1 and 1.2 envelopes.
const ENVELOPES: [&str; 2] =
    ["http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"];

/// Notifications of one message.
const NOTIFICATIONS_MAX: usize = 100;

/// Elements within elements: a message has seven.
const DEPTH_MAX: usize = 16;

/// 100 notifications of 800 fields, which is what an object can have.
const ELEMENTS_MAX: usize = 100_000;

/// The answer that says that a message is durable, and need not come again.
pub const ACK: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
<soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\"><soapenv:Body>\
<notificationsResponse xmlns=\"http://soap.sforce.com/2005/09/outbound\"><Ack>true</Ack></notificationsResponse>\
</soapenv:Body></soapenv:Envelope>";

/// What a message says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OutboundMessage {
    /// Who sends it: an organisation's id, of 15 or 18 characters.
    pub organisation: String,
    /// The ids of the records it speaks of, of whatever object.
    pub records: Vec<String>,
}

/// A body that is no outbound message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoMessage(String);

impl OutboundMessage {
    /// Whether an organisation's id names the sender: an id of 15 characters is the beginning of its 18.
    pub fn is_from(&self, organisation: &str) -> bool {
        let short = |id: &str| id.get(..15).map(str::to_owned);
        let known = |id: &str| (id.len() == 15 || id.len() == 18) && id.starts_with("00D");
        known(&self.organisation) && known(organisation) && short(&self.organisation) == short(organisation)
    }
}

/// A fault that says why a message is refused: Salesforce shows it to the admin beside the message.
pub fn fault(why: &str) -> String {
    let why = quick_xml::escape::escape(why);
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soapenv:Envelope \
         xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\"><soapenv:Body><soapenv:Fault>\
         <faultcode>soapenv:Client</faultcode><faultstring>{why}</faultstring></soapenv:Fault></soapenv:Body>\
         </soapenv:Envelope>"
    )
}

/// Where in a message an element stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Envelope,
    Body,
    Notifications,
    OrganisationId,
    Notification,
    Record,
    RecordId,
    /// Read over.
    Other,
}

/// Reads a message.
///
/// # Errors
/// Says why it is none. Never panics, whatever the bytes are.
pub fn parse(body: &[u8]) -> Result<OutboundMessage, NoMessage> {
    let wrong = |why: &str| NoMessage(why.to_owned());
    let body = std::str::from_utf8(body).map_err(|_| wrong("this is not UTF-8"))?;
    let mut reader = NsReader::from_str(body);
    reader.config_mut().expand_empty_elements = true;
    let (mut message, mut stack, mut elements) = (OutboundMessage::default(), Vec::new(), 0);
    let mut notifications = 0;
    let mut ids_at = Vec::new();
    loop {
        let (namespace, event) =
            reader.read_resolved_event().map_err(|error| NoMessage(format!("this is not XML: {error}")))?;
        match event {
            Event::DocType(_) => return Err(wrong("a document type is not accepted")),
            Event::GeneralRef(reference) => {
                let name: &str = &reference;
                let is_known = reference.is_char_ref() || ["amp", "lt", "gt", "apos", "quot"].contains(&name);
                if !is_known {
                    return Err(wrong("entities of its own are not accepted"));
                }
                // None of the ids can hold one.
                if matches!(stack.last(), Some(Place::OrganisationId | Place::RecordId)) {
                    return Err(wrong("an id holds a character that no id has"));
                }
            }
            Event::Start(start) => {
                elements += 1;
                if elements > ELEMENTS_MAX || stack.len() >= DEPTH_MAX {
                    return Err(wrong("no outbound message has so many elements"));
                }
                let place = place(&namespace, &start, stack.last().copied());
                if stack.is_empty() && place != Place::Envelope {
                    return Err(wrong("this is no SOAP envelope"));
                }
                if place == Place::Notification {
                    notifications += 1;
                    ids_at.push(message.records.len());
                    if notifications > NOTIFICATIONS_MAX {
                        return Err(wrong("a message has at most 100 notifications"));
                    }
                }
                if place == Place::RecordId {
                    message.records.push(String::new());
                }
                stack.push(place);
            }
            Event::End(_) => {
                stack.pop();
            }
            Event::Text(text) => take(&mut message, stack.last().copied(), &text),
            Event::CData(text) => take(&mut message, stack.last().copied(), &text),
            Event::Eof => break,
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
    if !stack.is_empty() {
        return Err(wrong("the message breaks off"));
    }
    if notifications == 0 || message.organisation.is_empty() {
        return Err(wrong("this is no outbound message: it has no organisation or no notification"));
    }
    // Each notification speaks of one record, and says which.
    ids_at.push(message.records.len());
    let each_has_one = ids_at.windows(2).all(|pair| pair[1] - pair[0] == 1);
    if !each_has_one || message.records.iter().any(String::is_empty) {
        return Err(wrong("a notification does not say which record it is about"));
    }
    Ok(message)
}

fn take(message: &mut OutboundMessage, place: Option<Place>, text: &str) {
    match place {
        Some(Place::OrganisationId) => message.organisation.push_str(text.trim()),
        Some(Place::RecordId) => {
            if let Some(id) = message.records.last_mut() {
                id.push_str(text.trim());
            }
        }
        _ => {}
    }
}

/// What an element is, by its namespace, its name and what it stands in. The record's own namespace is the org's; only its
/// `Id` counts.
fn place(namespace: &ResolveResult<'_>, start: &BytesStart<'_>, parent: Option<Place>) -> Place {
    let is = |wanted: &str| matches!(namespace, ResolveResult::Bound(Namespace(known)) if *known == wanted);
    let name = start.local_name();
    match (parent, name.as_ref()) {
        (None, "Envelope") if ENVELOPES.iter().any(|known| is(known)) => Place::Envelope,
        (Some(Place::Envelope), "Body") if ENVELOPES.iter().any(|known| is(known)) => Place::Body,
        (Some(Place::Body), "notifications") if is(NOTIFICATIONS) => Place::Notifications,
        (Some(Place::Notifications), "OrganizationId") if is(NOTIFICATIONS) => Place::OrganisationId,
        (Some(Place::Notifications), "Notification") if is(NOTIFICATIONS) => Place::Notification,
        (Some(Place::Notification), "sObject") if is(NOTIFICATIONS) => Place::Record,
        (Some(Place::Record), "Id") => Place::RecordId,
        _ => Place::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(inside: &str) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\"><soapenv:Body>\
             <notifications xmlns=\"http://soap.sforce.com/2005/09/outbound\">{inside}</notifications>\
             </soapenv:Body></soapenv:Envelope>"
        )
    }

    fn notification(id: &str) -> String {
        format!(
            "<Notification><Id>04l5f000000abcd</Id><sObject xsi:type=\"sf:Lead\" \
             xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xmlns:sf=\"urn:sobject.enterprise.soap.sforce.com\">\
             <sf:Id>{id}</sf:Id><sf:Status>A &amp; B &#38; C</sf:Status></sObject></Notification>"
        )
    }

    const ORG: &str = "<OrganizationId>00D5f000000SAND</OrganizationId><ActionId>04k5f000000abcd</ActionId><SessionId \
                       xsi:nil=\"true\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"/>";

    #[test]
    fn a_message_says_who_sends_it_and_which_records_it_is_about() {
        let ids: Vec<String> = (0..100).map(|n| format!("00Q5f0000000{n:03}")).collect();
        let all: String = ids.iter().map(|id| notification(id)).collect();
        let read = parse(message(&format!("{ORG}{all}")).as_bytes()).unwrap();
        assert_eq!(read.records, ids);
        assert!(read.is_from("00D5f000000SANDUA2") && read.is_from("00D5f000000SAND"));
        assert!(!read.is_from("00D5f000000OTHR") && !read.is_from("") && !read.is_from("00D"));
    }

    #[test]
    fn prefixes_cdata_and_comments_make_no_difference() {
        let text = "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
                    xmlns:o=\"http://soap.sforce.com/2005/09/outbound\"><s:Body><o:notifications>\
                    <o:OrganizationId><![CDATA[00D5f000000SAND]]></o:OrganizationId><!-- hello --><o:Notification>\
                    <o:Id>x</o:Id><o:sObject><a:Id xmlns:a=\"urn:a\">0035f00002EztxD</a:Id></o:sObject>\
                    </o:Notification></o:notifications></s:Body></s:Envelope>";
        let read = parse(text.as_bytes()).unwrap();
        assert_eq!((read.organisation.as_str(), read.records.len()), ("00D5f000000SAND", 1));
    }

    #[test]
    fn what_is_no_such_message_is_refused_in_words() {
        let one = notification("00Q5f000005bwLF");
        let many = one.repeat(101);
        let without_id = "<Notification><Id>1</Id><sObject></sObject></Notification>";
        let good = message(&format!("{ORG}{one}"));
        let bomb = format!(
            "<!DOCTYPE a [<!ENTITY b \"{}\">]>{}",
            "x".repeat(1000),
            message(&format!("{ORG}{}", one.replace("A &amp;", "&b;")))
        );
        for (text, why) in [
            (String::new(), "no outbound message"),
            ("{\"json\": true}".to_owned(), "no outbound message"),
            (good[..good.len() - 30].to_owned(), "XML"),
            (bomb, "document type"),
            (good.replace("A &amp;", "&evil;"), "entities"),
            (good.replace("2005/09/outbound", "2005/09/inbound"), "no outbound message"),
            (good.replace("schemas.xmlsoap.org", "example.com"), "no SOAP envelope"),
            (message(&format!("{ORG}{many}")), "at most 100"),
            (message(&format!("{ORG}{without_id}")), "which record"),
            (message(&one), "no organisation"),
            (message(ORG), "no notification"),
            (message(&format!("{ORG}{}", "<a>".repeat(30))), "so many elements"),
        ] {
            let refused = parse(text.as_bytes()).unwrap_err().to_string();
            assert!(refused.contains(why), "{refused}: {why}: {text:.80}");
        }
    }

    #[test]
    fn the_fault_cannot_be_broken_out_of() {
        assert!(fault("<x>&").contains("&lt;x&gt;&amp;"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn no_change_of_a_good_message_makes_it_panic(at in 0usize..600, byte in any::<u8>()) {
            let mut text = message(&format!("{ORG}{}", notification("00Q5f000005bwLF"))).into_bytes();
            let at = at % text.len();
            text[at] = byte;
            let _ = parse(&text);
        }
    }
}
