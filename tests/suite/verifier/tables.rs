//! Small tables at random: few statuses, few values, so that they meet.

use lockstep::mapping::{Condition, Mapping, OptOutCleared, OptOutField, Row, Way, Winner, parse};
use lockstep::model::{FieldName, FieldValue, Fields, PersonStatus, SalesforceObject, SequenceAction};
use rand::RngExt;
use rand::rngs::SmallRng;
use std::fmt::Write;

pub const OBJECT: SalesforceObject = SalesforceObject::Lead;

const PLAIN: &str = r#"
schema = 1
company = "random"
status = [{ person = "Success", salesforce = "a" }]
[salesforce.lead]
status = "Status"
[conflict]
winner = "hold"
"#;

/// A table that may well be unlawful.
pub fn random(random: &mut SmallRng) -> Mapping {
    let mut mapping = parse("random.toml", PLAIN).unwrap().mapping;
    let people = ["success", "approaching", "not_interested", "opted_out", "unresponsive", "bounced"];
    let count = random.random_range(1..=5);
    let conditions = random.random_range(0..3) == 0;
    let two_fields = random.random_range(0..3) == 0;
    mapping.rows.clear();
    for index in 0..count {
        let person = PersonStatus::new(people[random.random_range(0..people.len())]);
        let only_if = match conditions && !person.is_opted_out() && random.random_range(0..2) == 0 {
            true => condition(random),
            false => Condition::default(),
        };
        let again = |row: &Row| row.person == person && row.only_if.both(&only_if).is_some();
        if mapping.rows.iter().any(again) {
            continue;
        }
        let ways = [Way::Both, Way::Both, Way::ToSalesforce, Way::ToSalesforce, Way::ToEngage, Way::None];
        let also = if random.random_range(0..2) == 0 { vec![value(random, two_fields)] } else { vec![] };
        mapping.rows.push(Row {
            stage: None,
            lead: (random.random_range(0..8) > 0).then(|| value(random, two_fields)),
            contact: None,
            also_from_lead: also,
            also_from_contact: vec![],
            way: if person.is_opted_out() { Way::Both } else { ways[random.random_range(0..ways.len())] },
            sequences: SequenceAction::Leave,
            winner: None,
            only_if,
            line: index + 1,
            span: 0..0,
            person,
        });
    }
    mapping.conflict.winner = [Winner::Hold, Winner::Salesforce, Winner::Engage][random.random_range(0..3)];
    if random.random_range(0..4) == 0 {
        mapping.opt_out_cleared = OptOutCleared::Follow;
    }
    if random.random_range(0..3) == 0 {
        mapping.lead.as_mut().unwrap().opt_out = OptOutField::Off;
    }
    mapping.grouped()
}

fn value(random: &mut SmallRng, two_fields: bool) -> Fields {
    let values = ["a", "b", "c"];
    let mut fields =
        Fields::from([(FieldName::from("Status"), FieldValue::text(values[random.random_range(0..3)]))]);
    if two_fields && random.random_range(0..2) == 0 {
        let rating = ["x", "y"][random.random_range(0..2)];
        fields.insert("Rating".into(), FieldValue::text(rating));
    }
    fields
}

fn condition(random: &mut SmallRng) -> Condition {
    let mut condition = Condition::default();
    match random.random_range(0..4) {
        0 => condition.sequences = vec!["Inbound".into()],
        1 => _ = condition.fields.insert("LeadSource".into(), vec![FieldValue::text("Web")]),
        2 => _ = condition.fields.insert("LeadSource".into(), vec![FieldValue::text("Event")]),
        _ => {
            let both = vec![FieldValue::text("Web"), FieldValue::text("Fair")];
            condition.fields.insert("LeadSource".into(), both);
        }
    }
    condition
}

/// A table as it would stand in a file.
pub fn shown(mapping: &Mapping) -> String {
    let mut text = String::new();
    for row in &mapping.rows {
        let also = &row.also_from_lead;
        let _ = writeln!(
            text,
            "{} = {:?} also {also:?} {:?} only if {}",
            row.person, row.lead, row.way, row.only_if
        );
    }
    text
}
