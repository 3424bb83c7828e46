//! The language as a JSON Schema, so that editors complete and check a mapping file while it is typed.
//!
//! Draft-07: it is what the language servers for TOML (taplo, tombi) understand best. The schema knows the whole language,
//! also what this version does not do yet; what only the whole table can tell (two answers for one value) stays with
//! `lockstep check`.

mod further;
mod parts;
mod rows;

use parts::*;
use serde_json::{Value, json};

/// The JSON Schema of a mapping file.
pub fn schema() -> Value {
    let mut schema = table(
        "How one company's Salesforce statuses and its Revenue Engage person statuses are kept in step. `lockstep check` finds what this schema cannot.",
        &["schema", "company", "status", "salesforce", "conflict"],
        [
            (
                "schema",
                json!({ "type": "integer", "description": "The version of this language: always 1.", "enum": [1] }),
            ),
            (
                "company",
                with_examples(
                    json!({ "type": "string", "description": "The company's name, as it is to be shown." }),
                    json!(["Harbor Freightways"]),
                ),
            ),
            ("status", rows::rows()),
            ("salesforce", salesforce()),
            ("conflict", conflict()),
            ("opt_out", opt_out()),
            ("new", further::new_people()),
            ("limits", limits()),
            ("custom_status", rows::custom_statuses()),
            ("field", further::fields_in_step()),
            ("automation", further::automations()),
            ("test", further::tests()),
        ],
    );
    schema["$schema"] = "http://json-schema.org/draft-07/schema#".into();
    schema["title"] = "Lockstep mapping file".into();
    schema
}

fn salesforce() -> Value {
    let object = |name: &str, status: &str, example: &str| {
        let scope = json!({
            "type": "object",
            "description": "Only records with these values are in sync; all of them when left out.",
            "propertyNames": { "pattern": FIELD_NAME },
            "additionalProperties": {
                "description": "A field by its API name, and the value it must have.",
                "type": ["string", "boolean"],
            },
            "examples": [{ "IsConverted": false }],
        });
        let opt_out = json!({
            "description": "The checkbox kept in step with Opted out, by its API name; false for none. HasOptedOutOfEmail, where there is one, when left out.",
            "anyOf": [
                field_name("The checkbox's API name."),
                { "type": "boolean", "enum": [false], "description": "No checkbox." },
            ],
            "examples": ["HasOptedOutOfEmail"],
        });
        table(
            &format!("How {name}s take part. Leave the section out, and {name}s are not in sync."),
            &["status"],
            [
                ("status", with_examples(field_name(status), json!([example]))),
                ("opt_out", opt_out),
                ("scope", scope),
            ],
        )
    };
    let mut salesforce = table(
        "What takes part in Salesforce: Leads, Contacts, or both.",
        &[],
        [
            (
                "lead",
                object(
                    "Lead",
                    "The API name of the field that carries a Lead's status. The standard field is Status.",
                    "Status",
                ),
            ),
            (
                "contact",
                object(
                    "Contact",
                    "The API name of the field that carries a Contact's status. Contact has no standard status field: name your own.",
                    "Engagement_Status__c",
                ),
            ),
        ],
    );
    salesforce["minProperties"] = 1.into();
    salesforce
}

fn conflict() -> Value {
    let guard_band = json!({
        "type": "string",
        "description": "For `newest`: two times nearer than this cannot be compared, and a person decides. \"120s\" when left out; up to 7 days.",
        "pattern": "^[0-9]+[smh]$",
        "examples": ["120s", "5m", "1h"],
    });
    table(
        "What follows when both sides changed.",
        &["winner"],
        [
            (
                "winner",
                rows::winner("Who wins when both sides changed. There is no default: your company decides."),
            ),
            ("guard_band", guard_band),
        ],
    )
}

fn opt_out() -> Value {
    let cleared = choice(
        "What follows when somebody takes an opt-out back; `hold` when left out.",
        &[("hold", "A person decides."), ("follow", "It is carried over like any other change.")],
    );
    table(
        "Opted out always wins, from whichever side it comes. This is about taking it back.",
        &[],
        [("cleared", cleared)],
    )
}

fn limits() -> Value {
    let whole = |description: &str, least: u32, example: u32| json!({ "type": "integer", "description": description, "minimum": least, "maximum": 1_000_000, "examples": [example] });
    let share = json!({
        "type": "number",
        "description": "A plan that would change more than this share of all linked records stops and asks; 0.2, a fifth, when left out.",
        "minimum": 0,
        "maximum": 1,
        "examples": [0.2],
    });
    table(
        "When Lockstep stops and asks.",
        &[],
        [
            (
                "writes_per_record_per_hour",
                whole(
                    "A record written more often than this in an hour is set aside: two automations fight over it. 6 when left out.",
                    1,
                    6,
                ),
            ),
            ("changed_share", share),
            ("changed_min", whole("Plans of up to this many records never ask. 50 when left out.", 0, 50)),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::{rows::KEYS, sections::TOP};
    use std::collections::BTreeSet;

    fn keys(schema: &Value) -> BTreeSet<&str> {
        schema["properties"].as_object().unwrap().keys().map(String::as_str).collect()
    }

    #[test]
    fn the_schema_has_the_keys_of_the_reader_and_no_others() {
        let schema = schema();
        assert_eq!(keys(&schema), BTreeSet::from(TOP));
        assert_eq!(keys(&schema["properties"]["status"]["items"]), BTreeSet::from(KEYS));
    }

    /// Each word the schema offers, as it stands in a file, is taken by the reader, and a wrong one is refused.
    #[test]
    fn the_reader_takes_every_word_that_the_schema_offers() {
        let schema = schema();
        let row = &schema["properties"]["status"]["items"]["properties"];
        let of = |section: &str| schema["properties"][section]["properties"].clone();
        let places = [
            (row["way"].clone(), "way"),
            (row["sequences"].clone(), "sequences"),
            (row["winner"].clone(), "winner"),
            (row["person"]["anyOf"][0].clone(), "person"),
            (row["stage"]["anyOf"][0].clone(), "stage"),
            (of("conflict")["winner"].clone(), "[conflict]"),
            (of("opt_out")["cleared"].clone(), "[opt_out] cleared"),
            (of("new")["disagree"].clone(), "[new] disagree"),
        ];
        for (schema, place) in places {
            let words = schema["enum"].as_array().unwrap();
            assert!(!words.is_empty());
            for word in words {
                let word = word.as_str().unwrap();
                let text = file(place, word);
                assert!(crate::mapping::parse("x.toml", &text).is_ok(), "{place} {word}\n{text}");
            }
            assert!(crate::mapping::parse("x.toml", &file(place, "xyzzy")).is_err(), "{place}");
        }
    }

    fn file(place: &str, word: &str) -> String {
        let (mut row, mut winner, mut rest) =
            ("person = \"Success\", salesforce = \"a\"".to_owned(), "hold", String::new());
        match (place, place.split_once(' ')) {
            ("[conflict]", _) => winner = word,
            (_, Some((section, key))) => rest = format!("{section}\n{key} = \"{word}\"\n"),
            ("person", _) => row = format!("person = \"{word}\", salesforce = \"a\""),
            (key, _) => row = format!("{row}, {key} = \"{word}\""),
        }
        format!(
            "schema = 1\ncompany = \"x\"\nstatus = [{{ {row} }}]\n[salesforce.lead]\nstatus = \"Status\"\n[conflict]\nwinner = \"{winner}\"\n{rest}"
        )
    }
}
