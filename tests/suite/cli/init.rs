//! `mapping schema`, and `mapping init` against both systems of the sandbox.

use super::{call, company};
use crate::scenarios::world;
use lockstep::cli::{check_live, facts};
use lockstep::mapping::{Facts, Mapping, draft, parse};
use lockstep::sandbox::Clock;
use lockstep::sandbox::engage::Product;
use lockstep::sandbox::salesforce::{FieldKind, Org};
use std::fs;
use tempfile::TempDir;

/// What is found after the systems were changed, and the mapping drafted from it, of which `check --live` finds nothing
/// wrong.
async fn drafted(change: impl FnOnce(&Org, &Product)) -> (Facts, String, Mapping) {
    let (org, product) = (Org::new(Clock::real()), Product::new(Clock::real()));
    let dir = TempDir::new().unwrap();
    let (config, _served) = world::config(&org, &product, dir.path()).await;
    change(&org, &product);
    let facts = facts(&config, "Acme").await.unwrap();
    let text = draft(&facts).text;
    let mapping = parse("draft.toml", &text).unwrap_or_else(|problems| panic!("{problems}\n{text}")).mapping;
    let mut findings = check_live(&config, &mapping).await;
    // The sandbox's user may do everything; that this is told is shown in security/rights.rs.
    findings.retain(|finding| !finding.message.contains("more rights than are used"));
    assert_eq!(findings, [], "{text}");
    assert_eq!((org.writes(), product.writes()), ((0, 0), 0), "it only asks");
    (facts, text, mapping)
}

fn lead(mapping: &Mapping, key: &str) -> Option<String> {
    let row = mapping.rows.iter().find(|row| row.person.key() == key)?;
    row.lead.as_ref()?.values().next().map(ToString::to_string)
}

#[tokio::test]
async fn a_new_org_gives_the_example_for_both_objects() {
    let (facts, text, mapping) = drafted(|_, _| {}).await;
    assert_eq!(facts.contact.unwrap().status, "Engagement_Status__c");
    assert_eq!(lead(&mapping, "success").as_deref(), Some("Nurture"));
    assert!(text.contains("scope   = { IsConverted = false }"), "{text}");
    assert!(text.contains("Closed - Converted") && !text.contains("salesforce = \"Closed"), "{text}");
}

#[tokio::test]
async fn a_companys_own_words_and_statuses_are_found() {
    let (_, text, mapping) = drafted(|org, product| {
        org.set_picklist(
            "Lead",
            "Status",
            &["Open", "Approached", "Demo Booked", "Opted In", "Closed - Converted"],
            false,
        );
        org.set_picklist("Contact", "Engagement_Status__c", &[], true);
        product.add_status("demo_booked", "Demo booked", "success");
    })
    .await;
    assert_eq!(lead(&mapping, "demo_booked").as_deref(), Some("Demo Booked"));
    assert_eq!(lead(&mapping, "approaching").as_deref(), Some("Approached"));
    assert_eq!(lead(&mapping, "opted_out"), None);
    assert!(text.contains("#   \"Open\"\n#   \"Opted In\"\n"), "{text}");
}

#[tokio::test]
async fn of_several_fields_on_contact_the_one_with_the_most_values_is_taken_and_the_others_are_told() {
    let (facts, text, _) = drafted(|org, _| {
        org.set_picklist("Contact", "Marital_Status__c", &["Single", "Married"], true);
        org.add_field("Contact", "Status_Note__c", FieldKind::Text);
    })
    .await;
    let contact = facts.contact.unwrap();
    assert_eq!(
        (contact.status.as_str(), contact.other_fields),
        ("Engagement_Status__c", vec!["Marital_Status__c".to_owned()])
    );
    assert!(text.contains("\"Marital_Status__c\""), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_writes_a_file_that_loads_and_never_over_another() {
    let (org, product) = (Org::new(Clock::real()), Product::new(Clock::real()));
    let scratch = TempDir::new().unwrap();
    let (config, _served) = world::config(&org, &product, scratch.path()).await;
    org.register_app("3MVG9", "hush");
    product.register_client("lockstep", "hush");
    let dir = company("127.0.0.1:0");
    let file = dir.path().join("config/lockstep.toml");
    let text = fs::read_to_string(&file).unwrap();
    let text = text.replace(
        "https://acme.my.salesforce.com",
        config.salesforce.login_url.as_str().trim_end_matches('/'),
    );
    fs::write(
        &file,
        text.replace("https://acme.example", config.engage.base_url.as_str().trim_end_matches('/')),
    )
    .unwrap();
    let path = dir.path().to_owned();
    tokio::task::spawn_blocking(move || {
        let printed = call(&path, &["mapping", "init"], &[]);
        assert_eq!((printed.code, printed.err.as_str()), (0, ""));
        assert_eq!(&*parse("printed.toml", &printed.out).unwrap().mapping.company, "acme");

        let line = ["mapping", "init", "-o", "first.toml", "--company", "Acme & \"Sons\""];
        let written = call(&path, &line, &[]);
        assert_eq!(written.code, 0, "{}", written.err);
        assert!(written.out.contains("first.toml is written: 10 rows, 3 of them without"), "{}", written.out);
        let text = fs::read_to_string(path.join("first.toml")).unwrap();
        assert_eq!(&*parse("first.toml", &text).unwrap().mapping.company, "Acme & \"Sons\"");
        assert_eq!(call(&path, &["mapping", "show", "first.toml"], &[]).code, 0);

        let again = call(&path, &line, &[]);
        assert_eq!(again.code, 1);
        assert!(again.err.contains("first.toml exists already"), "{}", again.err);
        assert_eq!(fs::read_to_string(path.join("first.toml")).unwrap(), text);
        let nowhere = call(&path, &["mapping", "init", "-o", "no/such/place.toml"], &[]);
        assert_eq!(nowhere.code, 1);
        assert!(nowhere.err.contains("cannot write no/such/place.toml"), "{}", nowhere.err);
    })
    .await
    .unwrap();
    assert_eq!((org.writes(), product.writes()), ((0, 0), 0), "it only asks");
}

#[tokio::test]
async fn a_system_that_does_not_answer_is_named() {
    let (org, product) = (Org::new(Clock::real()), Product::new(Clock::real()));
    let dir = TempDir::new().unwrap();
    let (mut config, _served) = world::config(&org, &product, dir.path()).await;
    config.engage.client_id = "somebody else".to_owned();
    assert_eq!(facts(&config, "Acme").await.unwrap_err().code, "invalid_client");
}

#[test]
fn the_schema_is_printed_for_editors_without_any_configuration() {
    let dir = TempDir::new().unwrap();
    let called = call(dir.path(), &["mapping", "schema"], &[]);
    assert_eq!(called.code, 0, "{}", called.err);
    let copy = include_str!("../../../mapping/schema.json");
    assert!(called.out == copy, "renew the copy: cargo run -- mapping schema > mapping/schema.json");
}
