//! People on both sides, the same ones for the same seed.

use super::engage::Product;
use super::salesforce::Org;
use crate::model::{ProspectId, SalesforceId};
use rand::prelude::*;
use rand::rngs::StdRng;

const FIRST: [&str; 16] = [
    "Jane", "Omar", "Mei", "Piotr", "Aisha", "Lucas", "Nora", "Tomas", "Ines", "Karl", "Yuki", "Sara", "Ben",
    "Olga", "Ravi", "Lena",
];
const LAST: [&str; 16] = [
    "Carter", "Haddad", "Lin", "Nowak", "Bello", "Moreau", "Berg", "Silva", "Costa", "Weber", "Sato",
    "Rossi", "Cole", "Petrova", "Iyer", "Koch",
];
const COMPANIES: [&str; 8] = [
    "Harbor Freightways",
    "Northwind Clinics",
    "Bluebird Solar",
    "Atlas Bearings",
    "Finch & Co",
    "Juniper Labs",
    "Copper Mill",
    "Delta Looms",
];

/// Values of the two sides that agree by the specification document's own table.
pub const AGREEING: [(&str, &str); 6] = [
    ("In progress", "just_added"),
    ("Attempting to contact", "approaching"),
    ("Attempting to contact", "unresponsive"),
    ("Nurture", "success"),
    ("Not interested", "not_interested"),
    ("Junk lead", "bounced"),
];

/// Makes `count` people who are linked and agree. Returns who is who.
pub fn linked(org: &Org, product: &Product, count: usize, seed: u64) -> Vec<(SalesforceId, ProspectId)> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut people = Vec::with_capacity(count);
    for number in 0..count {
        let pick = |random: &mut StdRng, from: &[&'static str]| from[random.random_range(0..from.len())];
        let (first, last) = (pick(&mut random, &FIRST), pick(&mut random, &LAST));
        let company = pick(&mut random, &COMPANIES);
        let (status, person) = AGREEING[random.random_range(0..AGREEING.len())];
        let email = format!("{}.{}.{number}@example.com", first.to_lowercase(), last.to_lowercase());
        let Some(lead) = org.create_lead(first, last, company, &email, status) else { continue };
        let prospect = product.create(&email, first, last, company, Some(lead));
        // Seeded people are new: nothing forbids any status.
        let _ = product.set_status(&prospect, person);
        people.push((lead, prospect));
    }
    people
}
