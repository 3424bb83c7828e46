//! `check --live` against both systems of the sandbox: each thing that is wrong is found, and nothing is written.

use crate::scenarios::world;
use lockstep::cli::{Finding, check_live};
use lockstep::config::{Config, SalesforceChanges};
use lockstep::sandbox::Clock;
use lockstep::sandbox::engage::Product;
use lockstep::sandbox::salesforce::Org;

/// What is found with this mapping, after the org was changed.
async fn found(mapping: &str, change: impl FnOnce(&Org, &Product)) -> Vec<Finding> {
    found_with(mapping, |_| {}, change).await
}

/// The same, with another configuration.
async fn found_with(
    mapping: &str,
    configure: impl FnOnce(&mut Config),
    change: impl FnOnce(&Org, &Product),
) -> Vec<Finding> {
    let (org, product) = (Org::new(Clock::real()), Product::new(Clock::real()));
    let dir = tempfile::tempdir().unwrap();
    let (mut config, _served) = world::config(&org, &product, dir.path()).await;
    configure(&mut config);
    for object in ["Lead", "Contact"] {
        org.grant_only(object, &["Status", "Engagement_Status__c", "HasOptedOutOfEmail"]);
    }
    change(&org, &product);
    let mapping = lockstep::mapping::parse("live.toml", mapping).unwrap().mapping;
    let findings = check_live(&config, &mapping).await;
    assert_eq!((org.writes(), product.writes()), ((0, 0), 0), "it only asks");
    findings
}

fn only(findings: &[Finding]) -> &Finding {
    assert_eq!(findings.len(), 1, "{findings:#?}");
    &findings[0]
}

const EXAMPLE: &str = include_str!("../../../mapping/example.toml");

#[tokio::test]
async fn a_mapping_that_fits_both_systems_has_no_findings() {
    assert_eq!(found(EXAMPLE, |_, product| _ = product.add_sequence("Outreach", true, &[])).await, []);
}

#[tokio::test]
async fn an_object_that_is_not_selected_for_change_data_capture_is_found_where_events_are_asked_for() {
    let unselected = |org: &Org, product: &Product| {
        product.add_sequence("Outreach", true, &[]);
        org.select_for_events("Contact", false);
    };
    let by_events = |config: &mut Config| config.salesforce.changes = vec![SalesforceChanges::PubSub];
    let findings = found_with(EXAMPLE, by_events, unselected).await;
    let finding = only(&findings);
    assert!(finding.message.contains("/data/ContactChangeEvent: topic.not.found"), "{finding:?}");
    assert!(finding.help.as_deref().is_some_and(|help| help.contains("Change Data Capture")));
    assert_eq!(found(EXAMPLE, unselected).await, [], "polls need no selection");
}

fn with_sequence(change: impl FnOnce(&Org, &Product)) -> impl FnOnce(&Org, &Product) {
    |org, product| {
        product.add_sequence("Outreach", true, &[]);
        change(org, product);
    }
}

#[tokio::test]
async fn a_value_one_letter_off_is_found_with_its_line_and_the_value_that_was_meant() {
    let mapping = EXAMPLE
        .replace("\"Junk lead\"", "\"Junk laed\"")
        .replace("[salesforce.contact]", "[salesforce.contact]\n#");
    let findings = found(&mapping, with_sequence(|_, _| {})).await;
    let finding = findings.iter().find(|f| f.message.contains("Lead.Status")).expect("the typo is found");
    assert_eq!(finding.help.as_deref(), Some("did you mean \"Junk lead\"?"));
    assert!(
        finding.line.is_some_and(|line| mapping
            .lines()
            .nth(line as usize - 1)
            .unwrap()
            .contains("Junk laed"))
    );
}

#[tokio::test]
async fn a_field_that_is_missing_or_read_only_is_found() {
    let missing = EXAMPLE.replace("Engagement_Status__c", "Engagement_Stat__c");
    let findings = found(&missing, with_sequence(|_, _| {})).await;
    assert!(
        findings.iter().any(|f| f.help.as_deref().is_some_and(|help| help.contains("Engagement_Status__c"))),
        "{findings:#?}"
    );
    let findings = found(EXAMPLE, with_sequence(|org, _| org.protect_field("Lead", "Status"))).await;
    assert!(
        findings.iter().all(|f| f.message == "Lead.Status cannot be written by this user"),
        "{findings:#?}"
    );
    assert!(!findings.is_empty());
}

#[tokio::test]
async fn a_status_that_means_converted_may_not_be_written() {
    let mapping = EXAMPLE.replace("salesforce = \"Nurture\"", "lead = \"Closed - Converted\"");
    let findings = found(&mapping, with_sequence(|_, _| {})).await;
    assert!(only(&findings).message.contains("only a conversion may set it"));
}

#[tokio::test]
async fn a_company_made_status_without_a_row_is_pointed_out() {
    let findings = found(
        EXAMPLE,
        with_sequence(|_, product| product.add_status("demo_booked", "Demo booked", "success")),
    )
    .await;
    assert!(only(&findings).message.contains("Demo booked (demo_booked) has no row"));
}

#[tokio::test]
async fn wrong_credentials_are_told_with_the_systems_own_words() {
    let (org, product) = (Org::new(Clock::real()), Product::new(Clock::real()));
    let dir = tempfile::tempdir().unwrap();
    let (mut config, _served) = world::config(&org, &product, dir.path()).await;
    config.salesforce.client_id = "somebody else".to_owned();
    config.engage.client_id = "somebody else".to_owned();
    let mapping = lockstep::mapping::parse("live.toml", EXAMPLE).unwrap().mapping;
    let findings = check_live(&config, &mapping).await;
    let told = |words: &str| findings.iter().any(|finding| finding.message.contains(words));
    assert!(told("invalid_client_id") && told("invalid_client"), "{findings:#?}");
}
