//! Least privilege: what the integration user may do and never has to is told by `check --live`.

use crate::scenarios::world;
use lockstep::cli::{Finding, check_live};
use lockstep::diagnostic::Severity;
use lockstep::sandbox::Clock;
use lockstep::sandbox::engage::Product;
use lockstep::sandbox::salesforce::Org;

const EXAMPLE: &str = include_str!("../../../mapping/example.toml");

/// What the mapping writes on either object.
const MAPPED: [&str; 3] = ["Status", "Engagement_Status__c", "HasOptedOutOfEmail"];

async fn found(mapping: &str, change: impl FnOnce(&Org)) -> Vec<Finding> {
    let (org, product) = (Org::new(Clock::real()), Product::new(Clock::real()));
    product.add_sequence("Outreach", true, &[]);
    let dir = tempfile::tempdir().unwrap();
    let (config, _served) = world::config(&org, &product, dir.path()).await;
    change(&org);
    let mapping = lockstep::mapping::parse("live.toml", mapping).unwrap().mapping;
    check_live(&config, &mapping).await
}

#[tokio::test]
async fn rights_that_the_mapping_never_uses_are_pointed_out_for_each_object() {
    let findings = found(EXAMPLE, |_| {}).await;
    assert_eq!(findings.len(), 2, "one for Leads, one for Contacts: {findings:#?}");
    for (finding, object) in findings.iter().zip(["Lead", "Contact"]) {
        assert_eq!(finding.severity, Severity::Warning, "the daemon works all the same");
        for part in ["more rights than are used", &format!("delete {object}s"), &format!("create {object}s")]
        {
            assert!(finding.message.contains(part), "{part}: {}", finding.message);
        }
        assert!(finding.message.contains(&format!("of {object} that the mapping never writes (")));
        assert!(
            MAPPED.iter().all(|name| !finding.message.contains(&format!("{name},"))),
            "{}",
            finding.message
        );
    }
}

#[tokio::test]
async fn a_user_with_the_mapped_fields_alone_has_no_right_too_many() {
    let exact = |org: &Org| ["Lead", "Contact"].iter().for_each(|object| org.grant_only(object, &MAPPED));
    assert_eq!(found(EXAMPLE, exact).await, []);
    let one_more = |org: &Org| {
        org.grant_only("Lead", &MAPPED);
        org.grant_only("Contact", &[&MAPPED[..], &["Title"]].concat());
    };
    let findings = found(EXAMPLE, one_more).await;
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert!(
        findings[0].message.ends_with("edit 1 field of Contact that the mapping never writes (Title)"),
        "{findings:#?}"
    );
}

#[tokio::test]
async fn where_prospects_become_leads_the_right_to_create_them_is_used() {
    let creating = format!("{EXAMPLE}\n[new]\nprospects = \"create\"\n");
    let findings = found(&creating, |_| {}).await;
    let lead = findings.iter().find(|finding| finding.message.contains("delete Leads")).expect("a finding");
    assert!(!lead.message.contains("create Leads"), "{}", lead.message);
    assert!(findings.iter().any(|finding| finding.message.contains("create Contacts")));
}
