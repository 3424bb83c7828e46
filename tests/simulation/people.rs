//! Who there is when a day begins.

use super::company::{self, Company, STATUSES};
use super::stage::Person;
use super::titles;
use lockstep::sandbox::engage::Product;
use lockstep::sandbox::salesforce::Org;
use rand::prelude::*;
use rand::rngs::StdRng;
use serde_json::json;
use std::time::Duration;

/// People whom both systems know, and who agree.
pub(super) fn people(
    count: usize,
    company: &Company,
    org: &Org,
    product: &Product,
    random: &mut StdRng,
) -> Vec<Person> {
    let sequence = product.add_sequence("Outreach", false, &[Duration::from_secs(400 * 24 * 3600)]);
    let pairs: Vec<(&str, &str)> = STATUSES
        .iter()
        .filter(|(_, key)| !["opted_out", "bounced"].contains(key))
        .flat_map(|(_, key)| company::VALUES.iter().map(move |value| (*value, *key)))
        .filter(|(value, key)| company.agree(value, key))
        .collect();
    (0..count)
        .map(|number| {
            let (value, status) = pairs[random.random_range(0..pairs.len())];
            let email = format!("person{number}@example.com");
            let lead = org.create_lead("Jane", "Doe", "Acme", &email, value).expect("a Lead");
            // On wider days every second one is known by their address alone, until Engage names their record.
            let named = company.titles.is_none() || number % 2 == 0;
            let prospect = product.create(&email, "Jane", "Doe", "Acme", named.then_some(lead));
            product.enroll(&prospect, &sequence);
            product.set_status(&prospect, status).expect("a status that a user may set");
            if company.titles.is_some() {
                let more = [("Title", json!(titles::FIRST)), ("Rating", json!(company::IN_SCOPE))];
                org.edit(lead, &more);
                product.set_field(&prospect, "title", titles::FIRST);
            }
            Person::new(lead, prospect)
        })
        .collect()
}
