//! The SOAP `login` of old clients: a username and a password for a session. Salesforce ends it with version 65.

use super::Asked;
use super::auth::{base, session};
use crate::sandbox::salesforce::drive::Org;
use crate::sandbox::salesforce::ids;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use quick_xml::NsReader;
use quick_xml::events::Event;
use std::collections::HashMap;

/// The first version whose SOAP API has no login (facts/salesforce-api.md 1.8).
const GONE_FROM: u32 = 65;
/// The user that programs sign in as.
pub(super) const USERNAME: &str = "lockstep@sandbox.example";

/// Answers `POST /services/Soap/u/NN.0`, whichever WSDL it was made from.
pub(super) fn login(org: &Org, asked: &Asked, version: &str) -> Response {
    let number = version.split('.').next().and_then(|number| number.parse::<u32>().ok());
    if number.is_none_or(|number| number >= GONE_FROM) {
        let why = format!("UNSUPPORTED_API_VERSION: login() is not available in API version {version}");
        return fault("UNSUPPORTED_API_VERSION", &why);
    }
    let given = texts(&asked.body);
    let given = |name: &str| given.get(name).map(String::as_str).unwrap_or_default();
    let is_known = given("username").eq_ignore_ascii_case(USERNAME)
        && org.state().apps.values().any(|app| app.secret.as_deref() == Some(given("password")));
    if !is_known {
        let why = "INVALID_LOGIN: Invalid username, password, security token; or user locked out.";
        return fault("INVALID_LOGIN", why);
    }
    let (session, base) = (session(org), base(asked));
    let (organisation, user) = (ids::long(ids::ORG), ids::long(ids::API_USER));
    let server = format!("{base}/services/Soap/u/{version}/{organisation}");
    // Clients read this by position: the order is the WSDL's.
    let info = [
        ("accessibilityMode", "false"),
        ("chatterExternal", "false"),
        ("currencySymbol", "$"),
        ("orgAttachmentFileSizeLimit", "5242880"),
        ("orgDefaultCurrencyIsoCode", "USD"),
        ("orgDefaultCurrencyLocale", "en_US"),
        ("orgDisallowHtmlAttachments", "false"),
        ("orgHasPersonAccounts", "false"),
        ("organizationId", organisation.as_str()),
        ("organizationMultiCurrency", "false"),
        ("organizationName", "Sandbox"),
        ("profileId", "00e5f000000APIUAAA"),
        ("roleId", ""),
        ("sessionSecondsValid", "7200"),
        ("userDefaultCurrencyIsoCode", ""),
        ("userEmail", USERNAME),
        ("userFullName", "Lockstep"),
        ("userId", user.as_str()),
        ("userLanguage", "en_US"),
        ("userLocale", "en_US"),
        ("userName", USERNAME),
        ("userTimeZone", "Europe/Berlin"),
        ("userType", "Standard"),
        ("userUiSkin", "Theme3"),
    ];
    let info: String = info.iter().map(|(name, text)| element(name, text)).collect();
    let result = [
        element("metadataServerUrl", &server.replace("/Soap/u/", "/Soap/m/")),
        element("passwordExpired", "false"),
        element("sandbox", "true"),
        element("serverUrl", &server),
        element("sessionId", &session),
        element("userId", &user),
        format!("<userInfo>{info}</userInfo>"),
    ]
    .concat();
    envelope(StatusCode::OK, &format!("<loginResponse><result>{result}</result></loginResponse>"))
}

/// Empty texts as the WSDL's nil.
fn element(name: &str, text: &str) -> String {
    match text {
        "" => format!("<{name} xsi:nil=\"true\"/>"),
        text => format!("<{name}>{}</{name}>", quick_xml::escape::escape(text)),
    }
}

fn fault(code: &str, why: &str) -> Response {
    let why = quick_xml::escape::escape(why);
    envelope(
        StatusCode::INTERNAL_SERVER_ERROR,
        &format!(
            "<soapenv:Fault><faultcode>sf:{code}</faultcode><faultstring>{why}</faultstring></soapenv:Fault>"
        ),
    )
}

fn envelope(status: StatusCode, body: &str) -> Response {
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soapenv:Envelope \
         xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns=\"urn:partner.soap.sforce.com\" \
         xmlns:sf=\"urn:fault.partner.soap.sforce.com\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\
         <soapenv:Body>{body}</soapenv:Body></soapenv:Envelope>"
    );
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/xml;charset=utf-8"));
    response
}

/// The texts of an envelope's elements by their local names; what comes last counts.
fn texts(body: &[u8]) -> HashMap<String, String> {
    let mut texts: HashMap<String, String> = HashMap::new();
    let Ok(body) = std::str::from_utf8(body) else { return texts };
    let (mut reader, mut inside) = (NsReader::from_str(body), String::new());
    loop {
        match reader.read_event() {
            Ok(Event::Start(start)) => {
                inside = start.local_name().as_ref().to_owned();
                texts.remove(&inside);
            }
            Ok(Event::Text(text)) => texts.entry(inside.clone()).or_default().push_str(&text),
            Ok(Event::GeneralRef(reference)) => {
                let entity = format!("&{};", &*reference);
                let meant = quick_xml::escape::unescape(&entity).unwrap_or_default();
                texts.entry(inside.clone()).or_default().push_str(&meant);
            }
            Ok(Event::End(_)) => inside.clear(),
            Ok(Event::Eof) | Err(_) => return texts,
            Ok(_) => {}
        }
    }
}
