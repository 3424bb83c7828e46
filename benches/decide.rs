//! Decisions a second on one core, over the specification document's own table: nine in ten in sync, the rest changed
//! on one side; and a large mapping, proven. `cargo bench --bench decide`.

use lockstep::mapping::Mapping;
use lockstep::model::{Baseline, FieldValue, Fields, Link, PersonStatus, Prospect, SalesforceRecord, SetAt};
use lockstep::reconcile::{Situation, decide};

fn main() {
    divan::main();
}

struct Case {
    link: Link,
    record: SalesforceRecord,
    prospect: Prospect,
}

fn case(number: usize) -> Case {
    let fields = |status: &str| {
        Fields::from([
            ("Status".into(), FieldValue::text(status)),
            ("HasOptedOutOfEmail".into(), FieldValue::Bool(false)),
            ("IsConverted".into(), FieldValue::Bool(false)),
        ])
    };
    let baseline =
        Baseline { salesforce: fields("Attempting to contact"), engage: PersonStatus::new("approaching") };
    let (lead, person) = match number % 20 {
        0 => ("Nurture", "approaching"),
        1 => ("Attempting to contact", "not_interested"),
        _ => ("Attempting to contact", "approaching"),
    };
    let at = jiff::Timestamp::UNIX_EPOCH;
    let id = "00Q5f000005bwLF".parse().expect("an id");
    let prospect: lockstep::model::ProspectId = "p_1".parse().expect("an id");
    Case {
        link: Link { baseline: Some(baseline), ..Link::new(prospect.clone(), id) },
        record: SalesforceRecord {
            id,
            fields: fields(lead),
            is_converted: false,
            converted_contact: None,
            is_deleted: false,
            master_record: None,
            email: None,
            last_modified: at,
            last_modified_by: None,
            system_modstamp: at,
            status_set_at: SetAt::Unknown,
        },
        prospect: Prospect {
            id: prospect,
            status: PersonStatus::new(person),
            status_changed_at: at,
            status_changed_by: None,
            version: 1,
            salesforce: None,
            email: None,
            details: Default::default(),
            deleted: false,
            updated_at: at,
        },
    }
}

#[divan::bench]
fn a_thousand_links(bencher: divan::Bencher<'_, '_>) {
    let text = include_str!("../mapping/example.toml");
    let mapping: Mapping = lockstep::mapping::parse("example.toml", text).expect("it loads").mapping;
    let cases: Vec<Case> = (0..1_000).map(case).collect();
    bencher.counter(divan::counter::ItemsCount::new(cases.len())).bench_local(|| {
        for case in &cases {
            let situation = Situation {
                link: &case.link,
                salesforce: Some(&case.record),
                prospect: Some(&case.prospect),
                resolution: None,
                held: None,
                converted_statuses: &[],
                others: &[],
                sequences: &[],
                leave_details: false,
            };
            divan::black_box(decide(&mapping, divan::black_box(&situation)));
        }
    });
}

/// 30 rows, 60 values, 10 conditions.
#[divan::bench]
fn a_large_mapping_is_proven(bencher: divan::Bencher<'_, '_>) {
    let mut rows = String::new();
    let mut own = String::new();
    for row in 0..30 {
        let only_if = match row % 3 {
            0 => format!(", only_if = {{ Source_{row}__c = [\"Web\", \"Event\"] }}"),
            _ => String::new(),
        };
        rows += &format!(
            "{{ person = \"Own {row}\", salesforce = \"value {row}\", also_from = [\"further {row}\"]{only_if} }},\n"
        );
        own +=
            &format!("[[custom_status]]\nlabel = \"Own {row}\"\nkey = \"own_{row}\"\ngroup = \"failed\"\n");
    }
    let text = format!(
        "schema = 1\ncompany = \"large\"\nstatus = [\n{rows}]\n{own}[salesforce.lead]\nstatus = \"Status\"\n[conflict]\nwinner = \"newest\"\n"
    );
    bencher.bench_local(|| {
        lockstep::verify::parse("large.toml", divan::black_box(&text)).expect("it is lawful")
    });
}
