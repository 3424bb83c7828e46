//! A first mapping file: what is proposed, what is left open, and that it always loads.

use lockstep::lifecycle::BUILT_IN;
use lockstep::mapping::{Facts, Mapping, ObjectFacts, StatusFacts, draft, parse};
use lockstep::model::{Fields, SalesforceObject};
use proptest::prelude::*;

fn built_in() -> Vec<StatusFacts> {
    let status = |(key, label): (&str, &str)| StatusFacts {
        key: key.into(),
        label: label.into(),
        group: "general".into(),
    };
    BUILT_IN.iter().map(|known| status((known.key, known.label))).collect()
}

fn object(values: &[&str]) -> ObjectFacts {
    ObjectFacts {
        status: "Status".into(),
        values: values.iter().map(ToString::to_string).collect(),
        opt_out: Some("HasOptedOutOfEmail".into()),
        ..ObjectFacts::default()
    }
}

fn facts(lead: ObjectFacts) -> Facts {
    Facts { company: "Acme".into(), lead: Some(lead), contact: None, statuses: built_in() }
}

/// The drafted file, which loads and is as the schema says.
fn drafted(facts: &Facts) -> (String, Mapping) {
    let text = draft(facts).text;
    let loaded = parse("draft.toml", &text).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
    // Where nothing matches, the file says itself that the rows have no values yet.
    assert!(
        loaded.warnings.found.iter().all(|problem| problem.code == "M048"),
        "{}\n{text}",
        loaded.warnings
    );
    let value: serde_json::Value = toml::from_str(&text).unwrap();
    assert!(super::validator::is_valid(&lockstep::mapping::schema(), &value), "{text}");
    (text, loaded.mapping)
}

/// The value that a status is written as on a Lead.
fn lead(mapping: &Mapping, key: &str) -> Option<String> {
    let row = mapping.rows.iter().find(|row| row.person.key() == key)?;
    row.lead.as_ref()?.values().next().map(ToString::to_string)
}

#[test]
fn the_values_of_the_specification_documents_table_give_its_table() {
    let values = [
        "New",
        "In progress",
        "Attempting to contact",
        "Junk lead",
        "Unsubscribed",
        "Not interested",
        "Nurture",
    ];
    let (text, mapping) = drafted(&facts(object(&values)));
    let example = parse("example.toml", super::EXAMPLE).unwrap().mapping;
    for row in &example.rows {
        let drafted = mapping.rows.iter().find(|drafted| drafted.person == row.person).unwrap();
        assert_eq!((&drafted.lead, drafted.way, &drafted.stage), (&row.lead, row.way, &row.stage), "{text}");
    }
    assert!(text.contains("that no row has yet:\n#   \"New\"\n"), "{text}");
    assert!(text.starts_with("#:schema ./schema.json\n"));
}

#[test]
fn rows_stand_in_the_order_of_the_life_cycle_with_the_companys_own_in_their_groups() {
    let mut facts = facts(object(&["demo-booked", "Success"]));
    facts.statuses.reverse();
    let own = |key: &str, label: &str, group: &str| StatusFacts {
        key: key.into(),
        label: label.into(),
        group: group.into(),
    };
    facts.statuses.insert(0, own("wrong_person", "Wrong person", "failed"));
    facts.statuses.insert(0, own("demo_booked", "Demo booked", "success"));
    let (text, mapping) = drafted(&facts);
    let keys: Vec<&str> = mapping.rows.iter().map(|row| row.person.key()).collect();
    let place = BUILT_IN.iter().position(|known| known.key == "success").unwrap() + 1;
    let mut expected: Vec<&str> = BUILT_IN.iter().map(|known| known.key).collect();
    expected.insert(place, "demo_booked");
    expected.push("wrong_person");
    assert_eq!(keys, expected, "{text}");
    assert_eq!(lead(&mapping, "demo_booked").as_deref(), Some("demo-booked"));
    assert_eq!(mapping.custom_statuses.len(), 2);
}

#[test]
fn in_progress_is_another_word_for_approaching_unless_the_org_has_the_example_tables_own_words() {
    let (_, mapping) = drafted(&facts(object(&["In Progress", "New"])));
    assert_eq!(
        (lead(&mapping, "approaching").as_deref(), lead(&mapping, "just_added")),
        (Some("In Progress"), None)
    );
    assert_eq!(lead(&mapping, "unresponsive"), None, "nobody said that this org writes it so");
}

#[test]
fn a_contrary_is_never_taken_for_the_word() {
    let values = ["Interested", "Opted in", "Contacted", "Responsive", "Unsuccessful", "Subscribed"];
    let (text, mapping) = drafted(&facts(object(&values)));
    assert!(mapping.rows.iter().all(|row| row.lead.is_none()), "{text}");
    assert!(values.iter().all(|value| text.contains(&format!("#   \"{value}\"\n"))), "{text}");
}

#[test]
fn what_is_nearly_the_word_is_taken_and_pointed_out() {
    let (text, mapping) = drafted(&facts(object(&["Opt Out", "Bounce"])));
    assert_eq!(lead(&mapping, "opted_out").as_deref(), Some("Opt Out"));
    assert_eq!(text.matches("nearly the same words").count(), 2, "{text}");
}

#[test]
fn a_status_that_means_converted_is_never_written_whatever_it_is_called() {
    let converted = vec!["Success".to_owned(), "Nurture".to_owned()];
    let (text, mapping) =
        drafted(&facts(ObjectFacts { converted, ..object(&["success", "Nurture", "Bounced"]) }));
    assert_eq!(lead(&mapping, "success"), None, "{text}");
    assert!(text.contains("only a conversion may set"), "{text}");
}

#[test]
fn leads_and_contacts_share_a_key_where_they_say_the_same_and_have_their_own_where_not() {
    let mut facts = facts(object(&["Bounced", "Success"]));
    facts.contact = Some(ObjectFacts {
        status: "Stage_Status__c".into(),
        opt_out: None,
        ..object(&["Bounced", "SUCCESS"])
    });
    let (text, _) = drafted(&facts);
    assert!(
        text.contains("salesforce = \"Bounced\"")
            && text.contains("lead = \"Success\", contact = \"SUCCESS\""),
        "{text}"
    );
    assert!(
        text.contains("opt_out = \"HasOptedOutOfEmail\"") && text.contains("No opt-out checkbox"),
        "{text}"
    );
}

#[test]
fn a_status_that_no_file_can_name_is_told_and_left_out() {
    let mut facts = facts(object(&[]));
    let own = |key: &str, group: &str| StatusFacts {
        key: key.into(),
        label: "Odd \" \n one".into(),
        group: group.into(),
    };
    facts.statuses.extend([own("Odd-1", "success"), own("odd_2", "general"), own("odd_3", "failed")]);
    let (text, mapping) = drafted(&facts);
    assert_eq!(mapping.custom_statuses.len(), 1, "{text}");
    assert_eq!(text.matches("# Revenue Engage also has").count(), 2, "{text}");
}

#[test]
fn a_value_with_a_line_break_is_drafted_and_the_schema_takes_it() {
    let mut facts = facts(object(&["Demo\nbooked"]));
    facts.statuses.push(StatusFacts {
        key: "demo_booked".into(),
        label: "Demo booked".into(),
        group: "success".into(),
    });
    let (text, mapping) = drafted(&facts);
    assert_eq!(lead(&mapping, "demo_booked").as_deref(), Some("Demo\nbooked"), "{text}");
}

fn any_values() -> impl Strategy<Value = Vec<String>> {
    let known =
        BUILT_IN.iter().flat_map(|status| [status.label, status.key]).map(str::to_owned).collect::<Vec<_>>();
    let example =
        ["In progress", "Attempting to contact", "Junk lead", "Nurture", "bounce", " Success", "Opt out"];
    let known = [known, example.map(str::to_owned).to_vec()].concat();
    proptest::collection::vec(
        prop_oneof![4 => proptest::sample::select(known), 1 => "\\PC{0,6}", 1 => "[\\x00-\\xff]{0,6}"],
        0..16,
    )
}

fn any_object() -> impl Strategy<Value = Option<ObjectFacts>> {
    let fields = (any_values(), any_values(), any::<bool>());
    proptest::option::of(fields.prop_map(|(values, converted, has_box)| ObjectFacts {
        status: "Status".into(),
        values,
        converted,
        opt_out: has_box.then(|| "HasOptedOutOfEmail".into()),
        is_converted: has_box.then(|| "IsConverted".into()),
        other_fields: vec![],
    }))
}

fn any_statuses() -> impl Strategy<Value = Vec<StatusFacts>> {
    let group = proptest::sample::select(vec!["success", "failed", "general", ""]);
    let text = prop_oneof![
        "[a-zA-Z_ ]{0,4}",
        "\\PC{0,4}",
        Just("Success".to_owned()),
        Just("In progress".to_owned())
    ];
    let own = (prop_oneof!["[a-z_]{1,3}", "\\PC{0,3}"], text, group)
        .prop_map(|(key, label, group)| StatusFacts { key, label, group: group.into() });
    let built_in = proptest::sample::subsequence(built_in(), 1..=BUILT_IN.len());
    (built_in, proptest::collection::vec(own, 0..6)).prop_map(|(built_in, own)| [built_in, own].concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn whatever_the_systems_have_the_draft_loads_and_no_value_leads_to_two_statuses(
        company in "\\PC{0,12}", lead in any_object(), contact in any_object(), statuses in any_statuses()
    ) {
        let lead = lead.or_else(|| contact.is_none().then(ObjectFacts::default).map(|none| ObjectFacts { status: "Status".into(), ..none }));
        let facts = Facts { company, lead, contact, statuses };
        let (text, mapping) = drafted(&facts);
        for (object, had) in [(SalesforceObject::Lead, &facts.lead), (SalesforceObject::Contact, &facts.contact)] {
            let both: Vec<&Fields> =
                mapping.rows.iter().filter(|row| row.way.to_engage()).filter_map(|row| row.fields(object)).collect();
            for (index, fields) in both.iter().enumerate() {
                prop_assert!(!both[..index].contains(fields), "{text}");
            }
            for value in mapping.rows.iter().filter_map(|row| row.fields(object)).flat_map(Fields::values) {
                let had = had.as_ref().unwrap();
                let value = value.to_string();
                prop_assert!(had.values.contains(&value) && !had.converted.contains(&value), "{value}\n{text}");
            }
        }
    }
}
