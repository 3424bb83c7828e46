//! Mapping files: read, proven, shown and asked.

use lockstep::mapping::{Context, Mapping, draw};
use lockstep::model::SalesforceObject;
use lockstep::verify;

/// Reads a text as a mapping. One that is accepted can be drawn, tested and asked, and its maps do not drift.
pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let said = match verify::parse("fuzz.toml", text) {
        Ok(loaded) => {
            let mapping = &loaded.mapping;
            let _ = (draw::svg(mapping), draw::mermaid(mapping));
            for example in &mapping.examples {
                assert_eq!(verify::run_example(mapping, example).differs, Vec::<String>::new());
            }
            SalesforceObject::BOTH.into_iter().for_each(|object| is_still(mapping, object));
            loaded.warnings
        }
        Err(problems) => {
            assert!(problems.has_errors());
            problems
        }
    };
    for mark in said.found.iter().flat_map(|problem| &problem.marks) {
        assert!(
            mark.span.start <= mark.span.end && mark.span.end <= text.len(),
            "{:?} is outside",
            mark.span
        );
    }
    let _ = (said.to_string(), said.records());
}

/// What a status is written as leads back to a status that is written as the same.
fn is_still(mapping: &Mapping, object: SalesforceObject) {
    if mapping.object(object).is_none() {
        return;
    }
    for row in &mapping.rows {
        // As a record that meets the conditions of this row sees the mapping.
        let Some((record, sequences)) = row.only_if.both(&row.only_if) else { continue };
        let relation = mapping.relation(object, &Context { fields: Some(&record), sequences: &sequences });
        let Some((_, written)) = relation.outbound(&row.person) else { continue };
        let Some(back) = relation.inbound(written).filter(|back| !back.person.is_opted_out()) else {
            continue;
        };
        if let Some((_, again)) = relation.outbound(&back.person) {
            assert_eq!(written, again, "{} drifts", row.person.key());
        }
    }
}
