//! The words of which the schema is made. Nothing is referred to by `$ref`: beside one, draft-07 ignores the description,
//! and the description is what a consultant reads.

use crate::lifecycle;
use serde_json::{Map, Value, json};

/// What the API name of a Salesforce field looks like.
pub(super) const FIELD_NAME: &str = "^[A-Za-z][A-Za-z0-9_]{0,79}$";

/// The same schema with examples, as they are written in the file.
pub(super) fn with_examples(mut schema: Value, examples: Value) -> Value {
    schema["examples"] = examples;
    schema
}

/// A table with these keys and no others.
pub(super) fn table<const N: usize>(description: &str, required: &[&str], keys: [(&str, Value); N]) -> Value {
    let keys: Map<String, Value> = keys.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    json!({
        "type": "object",
        "description": description,
        "properties": keys,
        "required": required,
        "additionalProperties": false,
    })
}

/// A list of tables: `[[name]]`, one a table.
pub(super) fn tables(description: &str, item: Value) -> Value {
    json!({ "type": "array", "description": description, "items": item })
}

/// One of a few words, each with what it means. Editors show the meaning while they complete the word.
pub(super) fn choice(description: &str, words: &[(&str, &str)]) -> Value {
    let lines: String = words.iter().map(|(word, meaning)| format!("\n\n* `{word}`: {meaning}")).collect();
    let (names, meanings): (Vec<&str>, Vec<&str>) = words.iter().copied().unzip();
    json!({
        "type": "string",
        "description": format!("{description}{lines}"),
        "enum": names,
        "x-taplo": { "docs": { "enumValues": meanings } },
    })
}

/// A text that says something.
pub(super) fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description, "minLength": 1, "pattern": "\\S" })
}

/// The API name of a Salesforce field.
pub(super) fn field_name(description: &str) -> Value {
    json!({ "type": "string", "description": description, "pattern": FIELD_NAME })
}

/// The entry of a picklist, as Salesforce spells it.
pub(super) fn picklist_value(description: &str) -> Value {
    json!({
        "type": "string",
        "description": description,
        "minLength": 1,
        "maxLength": 255,
        "pattern": "^\\S([\\s\\S]*\\S)?$",
    })
}

/// Salesforce fields and their values, at least one.
pub(super) fn fields(description: &str) -> Value {
    json!({
        "type": "object",
        "description": description,
        "minProperties": 1,
        "propertyNames": { "pattern": FIELD_NAME },
        "additionalProperties": {
            "anyOf": [
                picklist_value("The value, exactly as Salesforce spells it."),
                { "type": "boolean", "description": "A checkbox: ticked (true) or not (false)." },
            ],
        },
    })
}

/// What a status is in Salesforce: a value of the status field, or several fields.
pub(super) fn salesforce_value(description: &str) -> Value {
    json!({
        "description": description,
        "anyOf": [
            picklist_value("The value of the status field, exactly as Salesforce spells it."),
            fields("Several fields, by their API names: all are written together, and all must match on the way back."),
        ],
        "examples": ["Attempting to contact", { "Status": "Attempting to contact", "Rating": "Warm" }],
    })
}

/// Which records: fields and their values, any of several where a list is given, and `sequence`.
pub(super) fn condition(description: &str) -> Value {
    let scalar = || {
        json!([
            { "type": "string", "minLength": 1, "description": "The value the field has." },
            { "type": "boolean", "description": "A checkbox: ticked (true) or not (false)." },
        ])
    };
    let of = |scalar: Value, many: &str| {
        let mut any = scalar.as_array().cloned().unwrap_or_default();
        any.push(json!({
            "type": "array",
            "description": many,
            "minItems": 1,
            "items": { "description": "One of them.", "anyOf": scalar },
        }));
        Value::Array(any)
    };
    let sequence = json!([text("The name of a sequence.")]);
    json!({
        "type": "object",
        "description": description,
        "minProperties": 1,
        "propertyNames": { "pattern": FIELD_NAME },
        "properties": {
            "sequence": {
                "description": "The person is in this Revenue Engage sequence, or in one of these.",
                "anyOf": of(sequence, "One of these sequences."),
                "examples": ["Inbound demo", ["Inbound demo", "Trade fair"]],
            },
        },
        "additionalProperties": {
            "description": "A Salesforce field by its API name, and the value it must have, or a list of values.",
            "anyOf": of(scalar(), "One of these values."),
        },
        "examples": [{ "LeadSource": ["Web", "Event"] }, { "sequence": ["Inbound demo"] }],
    })
}

/// A person status by label, alias or key, or one that the company made.
pub(super) fn person(description: &str) -> Value {
    let names = lifecycle::BUILT_IN
        .iter()
        .flat_map(|status| [status.label].into_iter().chain(status.aliases.iter().copied()));
    let keys = lifecycle::BUILT_IN.iter().map(|status| status.key);
    // "Success" and "success" differ, as keys and labels of one word do.
    let all: Vec<&str> = names.chain(keys).collect();
    json!({
        "description": description,
        "anyOf": [
            { "enum": all, "description": "A status that every Revenue Engage has, by its name or its key." },
            text("A status your company made, by its label or key, as declared in `[[custom_status]]`."),
        ],
        "examples": ["Just added", "In progress", "Opted out"],
    })
}

/// A sequence stage by label or key, in any case.
pub(super) fn stage(description: &str) -> Value {
    let labels = lifecycle::STAGES.iter().map(|(_, label, _)| *label);
    let keys = lifecycle::STAGES.iter().map(|(key, _, _)| *key);
    let all: Vec<&str> = labels.chain(keys).collect();
    let any_case: Vec<String> = all.iter().map(|name| in_any_case(name)).collect();
    json!({
        "description": description,
        "anyOf": [
            { "enum": all, "description": "A stage by its name or its key." },
            {
                "type": "string",
                "pattern": format!("^\\s*({})\\s*$", any_case.join("|")),
                "description": "The same in capital or small letters.",
            },
        ],
        "examples": ["Approaching"],
    })
}

/// `[Oo][Kk]` for `Ok`: draft-07 has no other way of not minding the case.
fn in_any_case(name: &str) -> String {
    let letter = |c: char| match c.is_ascii_alphabetic() {
        true => format!("[{}{}]", c.to_ascii_uppercase(), c.to_ascii_lowercase()),
        false => c.to_string(),
    };
    name.chars().map(letter).collect()
}
