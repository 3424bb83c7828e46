//! As much of JSON Schema draft-07 as the schema of the mapping uses. A word it does not know fails the test: nothing is
//! passed over in silence. (The well-known crate for this brings some eighty others with it.)

use regex::Regex;
use serde_json::Value;

/// What is said for people and changes nothing.
const REMARKS: [&str; 6] = ["$schema", "title", "description", "examples", "x-taplo", "then"];

/// Whether `value` is as `schema` says.
pub fn is_valid(schema: &Value, value: &Value) -> bool {
    schema.as_object().unwrap().iter().all(|(word, says)| holds(schema, word, says, value))
}

fn holds(schema: &Value, word: &str, says: &Value, value: &Value) -> bool {
    let all = |says: &Value| says.as_array().unwrap().clone();
    let count = || says.as_u64().unwrap() as usize;
    let pattern = |pattern: &Value, text: &str| Regex::new(pattern.as_str().unwrap()).unwrap().is_match(text);
    match (word, value) {
        (word, _) if REMARKS.contains(&word) => true,
        ("type", _) => match says {
            Value::Array(kinds) => kinds.iter().any(|kind| is_kind(kind, value)),
            kind => is_kind(kind, value),
        },
        ("enum", _) => all(says).contains(value),
        ("const", _) => says == value,
        ("anyOf", _) => all(says).iter().any(|schema| is_valid(schema, value)),
        ("allOf", _) => all(says).iter().all(|schema| is_valid(schema, value)),
        ("not", _) => !is_valid(says, value),
        ("if", _) => !is_valid(says, value) || is_valid(&schema["then"], value),
        ("required", Value::Object(map)) => {
            all(says).iter().all(|key| map.contains_key(key.as_str().unwrap()))
        }
        ("properties", Value::Object(map)) => says
            .as_object()
            .unwrap()
            .iter()
            .all(|(key, says)| map.get(key).is_none_or(|value| is_valid(says, value))),
        ("additionalProperties", Value::Object(map)) => map
            .iter()
            .filter(|(key, _)| schema["properties"].get(key.as_str()).is_none())
            .all(|(_, value)| says.as_bool().unwrap_or_else(|| is_valid(says, value))),
        ("propertyNames", Value::Object(map)) => {
            map.keys().all(|key| is_valid(says, &Value::from(key.as_str())))
        }
        ("minProperties", Value::Object(map)) => map.len() >= count(),
        ("maxProperties", Value::Object(map)) => map.len() <= count(),
        ("items", Value::Array(items)) => items.iter().all(|item| is_valid(says, item)),
        ("minItems", Value::Array(items)) => items.len() >= count(),
        ("maxItems", Value::Array(items)) => items.len() <= count(),
        ("pattern", Value::String(text)) => pattern(says, text),
        ("minLength", Value::String(text)) => text.chars().count() >= count(),
        ("maxLength", Value::String(text)) => text.chars().count() <= count(),
        ("minimum", Value::Number(number)) => number.as_f64() >= says.as_f64(),
        ("maximum", Value::Number(number)) => number.as_f64() <= says.as_f64(),
        // What is said of another kind of value does not concern this one.
        (
            "required"
            | "properties"
            | "additionalProperties"
            | "propertyNames"
            | "minProperties"
            | "maxProperties"
            | "items"
            | "minItems"
            | "maxItems"
            | "pattern"
            | "minLength"
            | "maxLength"
            | "minimum"
            | "maximum",
            _,
        ) => true,
        (word, _) => panic!("this test does not know `{word}`"),
    }
}

fn is_kind(kind: &Value, value: &Value) -> bool {
    match kind.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        kind => panic!("this test does not know the type {kind}"),
    }
}
