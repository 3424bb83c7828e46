//! What enters a query keeps its shape, whatever somebody has as an address or a mapping as a field.

use crate::contract::{at, by_secret, salesforce_config, tells};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use lockstep::connector::salesforce::Salesforce;
use lockstep::connector::{Lost, Network, Wire};
use lockstep::model::SalesforceObject::{Contact, Lead};
use lockstep::model::{FieldName, SalesforceId, Side};
use lockstep::sandbox::Clock;
use lockstep::sandbox::salesforce::Org;
use proptest::prelude::*;
use std::sync::{Arc, Mutex};

/// Texts that mean something to somebody: to SOQL, SQL, shells, HTML, JSON, URLs, terminals, or to nobody at all.
const NAUGHTY: &[&str] = &[
    "",
    "'",
    "''",
    "\\",
    "\\'",
    "\\\\'",
    "' OR Name LIKE '%",
    "') OR (Id != '",
    "x' AND IsDeleted = true ORDER BY Id --",
    "\\') OR Id != null OR (Name = \\'",
    "'; DROP TABLE Lead; --",
    "' /* */ OR 1=1",
    "%27 OR 1=1",
    "\\u0027 OR Id != null OR Name = \\u0027",
    "\u{2019} OR 1=1",
    "\u{ff07} OR Id != null",
    "\u{2bc}",
    "a\nb",
    "a\r\nFROM User",
    "a\u{0}b",
    "a\u{8}'\u{8}",
    "\u{2028}'\u{2029}",
    "\u{202e}'txet",
    "\u{fffe}'\u{10ffff}",
    ":bound",
    "{!merge}",
    "$(id)",
    "`id`",
    "<script>'</script>",
    "\"quoted\"",
    "a,b'),('c",
    "SELECT Id FROM User",
    "(SELECT Id FROM Contacts)",
    "2026-11-23T06:10:00Z",
    "null",
    "true",
    "&q=SELECT+Id+FROM+User",
    "#fragment",
    "日本語'",
    "e\u{301}'",
    "\u{1f469}\u{200d}\u{1f4bb}'",
];

/// Salesforce in the sandbox, over a wire that keeps the queries.
struct Kept {
    org: Org,
    queries: Arc<Mutex<Vec<String>>>,
}

impl Wire for Kept {
    fn carry(
        &self,
        _: Side,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'static, Result<http::Response<Bytes>, Lost>> {
        let pairs = url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes());
        let found = pairs.filter(|(name, _)| name == "q").map(|(_, query)| query.into_owned());
        self.queries.lock().unwrap().extend(found);
        let org = self.org.clone();
        Box::pin(async move { Ok(org.answer(request).await) })
    }
}

fn salesforce() -> (Salesforce, Arc<Mutex<Vec<String>>>) {
    let clock = Clock::driven(at("2026-11-23T06:10:00Z"));
    let org = Org::new(clock.clone());
    org.register_app("lockstep", "secret");
    org.create_lead("Jane", "Doe", "Acme", "jane@example.com", "New").unwrap();
    let queries = Arc::<Mutex<Vec<String>>>::default();
    let wire = Arc::new(Kept { org, queries: queries.clone() });
    let config = salesforce_config("http://127.0.0.1:1", by_secret("secret"));
    (Salesforce::over(&config, tells(&clock), Network::simulated(wire)).unwrap(), queries)
}

/// A query with each text literal as `?`. Written from the rules of SOQL and not from the code under test: a literal ends at
/// the first quote that no backslash stands before.
fn shape(query: &str) -> String {
    let (mut shape, mut chars) = (String::new(), query.chars());
    while let Some(c) = chars.next() {
        if c != '\'' {
            shape.push(c);
            continue;
        }
        shape.push('?');
        loop {
            match chars.next() {
                Some('\\') => assert!(chars.next().is_some(), "the query ends within an escape"),
                Some('\'') => break,
                Some(c) => assert!(!c.is_control(), "{c:?} stands in a literal"),
                None => panic!("a literal without an end: {query}"),
            }
        }
    }
    shape
}

const BY_EMAIL: &str =
    "SELECT Id,Email FROM Lead WHERE Email IN (?) AND IsDeleted = false AND IsConverted = false";

fn searched(email: &str) -> (Vec<String>, usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (salesforce, queries) = salesforce();
        let found = salesforce.find_by_email(Lead, &[email.to_owned()]).await;
        let found = found.unwrap_or_else(|error| panic!("{email:?}: {error}"));
        let queries = queries.lock().unwrap().clone();
        (queries, found.len())
    })
}

#[test]
fn no_naughty_address_changes_the_shape_of_a_query_nor_finds_anybody() {
    for email in NAUGHTY {
        let (queries, found) = searched(email);
        assert_eq!((queries.len(), found), (1, 0), "{email:?}");
        assert_eq!(shape(&queries[0]), BY_EMAIL, "{email:?}");
    }
    assert_eq!(searched("jane@example.com").1, 1, "who is there is found");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_address_at_all_changes_the_shape_of_a_query(
        email in prop::collection::vec(prop_oneof![
            any::<char>().prop_map(String::from),
            prop::sample::select(NAUGHTY).prop_map(str::to_owned),
            prop::sample::select(&["'", "\\", "\\'", "\n", ")", ",", " OR "][..]).prop_map(str::to_owned),
        ], 0..8),
    ) {
        let (queries, _) = searched(&email.concat());
        prop_assert_eq!(queries.len(), 1);
        prop_assert_eq!(shape(&queries[0]), BY_EMAIL);
    }
}

#[tokio::test]
async fn no_naughty_field_nor_id_enters_a_query() {
    let (salesforce, queries) = salesforce();
    // "null" and "true" are names like others; an org that has no such field says so itself.
    let no_names = NAUGHTY.iter().filter(|text| !["null", "true"].contains(*text));
    let watched: Vec<FieldName> = no_names.map(|text| FieldName::from(*text)).collect();
    salesforce.changes(Lead, None, &watched).await.expect("a page");
    let nobody: SalesforceId = "0035f00002EztxD".parse().unwrap();
    salesforce
        .read(Contact, &[nobody], &watched, lockstep::connector::salesforce::Purpose::Read)
        .await
        .unwrap();
    salesforce.set_by(NAUGHTY[6], Lead, NAUGHTY[7], at("2026-11-23T06:10:00Z")).await.unwrap();
    let queries = queries.lock().unwrap();
    assert!(queries.len() >= 2);
    for query in queries.iter() {
        let shape = shape(query);
        let plain = |c: char| c.is_ascii_alphanumeric() || " ,.=<>()?:-_".contains(c);
        assert!(shape.chars().all(plain), "{shape}");
        assert!(!shape.contains("User") && !shape.contains("DROP"), "{shape}");
    }
    for text in NAUGHTY {
        assert!(text.parse::<SalesforceId>().is_err(), "{text}");
    }
}
