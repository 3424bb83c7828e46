//! Whether a request is the one that a stub means.

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, Uri};
use regex::Regex;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// A request as it came.
pub(super) struct Asked<'a> {
    pub(super) method: &'a Method,
    pub(super) uri: &'a Uri,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a Bytes,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct RequestPattern {
    method: String,
    url: Option<String>,
    url_path: Option<String>,
    url_pattern: Option<Pattern>,
    url_path_pattern: Option<Pattern>,
    #[serde(default)]
    query_parameters: BTreeMap<String, Text>,
    #[serde(default)]
    headers: BTreeMap<String, Text>,
    #[serde(default)]
    form_parameters: BTreeMap<String, Text>,
    #[serde(default)]
    body_patterns: Vec<BodyPattern>,
}

/// What a text has to be.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Text {
    EqualTo(String),
    Contains(String),
    Matches(Pattern),
    Absent(bool),
}

/// What a body has to be; each key that stands has to hold.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct BodyPattern {
    equal_to_json: Option<Value>,
    #[serde(default)]
    ignore_extra_elements: bool,
    #[serde(default)]
    ignore_array_order: bool,
    matches_json_path: Option<AtPath>,
    contains: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum AtPath {
    There(JsonPath),
    Equal(EqualAtPath),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct EqualAtPath {
    expression: JsonPath,
    equal_to: String,
}

/// A regular expression for a whole text, as Java's `matches` reads one.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Pattern(Regex);

impl TryFrom<String> for Pattern {
    type Error = regex::Error;

    fn try_from(text: String) -> Result<Pattern, regex::Error> {
        Regex::new(&format!("^(?:{text})$")).map(Pattern)
    }
}

/// `$.a.b[0].c`, as a JSON pointer.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct JsonPath(String);

impl TryFrom<String> for JsonPath {
    type Error = String;

    fn try_from(text: String) -> Result<JsonPath, String> {
        let plain = Regex::new(r"^\$(\.[A-Za-z0-9_]+|\[[0-9]+\])+$").expect("a regular expression");
        if !plain.is_match(&text) {
            return Err(format!("{text:?} is more JSONPath than is known here"));
        }
        Ok(JsonPath(text[1..].replace(['.', '['], "/").replace(']', "")))
    }
}

impl RequestPattern {
    pub(super) fn matches(&self, asked: &Asked<'_>) -> bool {
        let (path, query) = (asked.uri.path(), asked.uri.query().unwrap_or_default());
        let whole = asked.uri.path_and_query().map_or(path, |whole| whole.as_str());
        (self.method == "ANY" || self.method == asked.method.as_str())
            && self.url.as_ref().is_none_or(|url| url == whole)
            && self.url_path.as_ref().is_none_or(|url| url == path)
            && self.url_pattern.as_ref().is_none_or(|pattern| pattern.0.is_match(whole))
            && self.url_path_pattern.as_ref().is_none_or(|pattern| pattern.0.is_match(path))
            && hold(&self.query_parameters, |name| form_values(query.as_bytes(), name))
            && hold(&self.form_parameters, |name| form_values(asked.body, name))
            && hold(&self.headers, |name| {
                let values = asked.headers.get_all(name).iter();
                values.filter_map(|value| value.to_str().ok().map(str::to_owned)).collect()
            })
            && self.body_patterns.iter().all(|pattern| pattern.matches(asked.body))
    }
}

/// Whether each text holds for one of the values of its name.
fn hold(texts: &BTreeMap<String, Text>, values: impl Fn(&str) -> Vec<String>) -> bool {
    texts.iter().all(|(name, text)| {
        let values = values(name);
        match text {
            Text::EqualTo(wanted) => values.contains(wanted),
            Text::Contains(part) => values.iter().any(|value| value.contains(part)),
            Text::Matches(pattern) => values.iter().any(|value| pattern.0.is_match(value)),
            Text::Absent(absent) => values.is_empty() == *absent,
        }
    })
}

fn form_values(form: &[u8], name: &str) -> Vec<String> {
    let pairs = url::form_urlencoded::parse(form);
    pairs.filter(|(key, _)| key == name).map(|(_, value)| value.into_owned()).collect()
}

impl BodyPattern {
    fn matches(&self, body: &[u8]) -> bool {
        let json = serde_json::from_slice::<Value>(body).unwrap_or_default();
        self.equal_to_json.as_ref().is_none_or(|wanted| match wanted {
            // WireMock takes the JSON as such, or as a text that holds it.
            Value::String(text) => self.equal(&serde_json::from_str(text).unwrap_or_default(), &json),
            wanted => self.equal(wanted, &json),
        }) && self.matches_json_path.as_ref().is_none_or(|path| match path {
            AtPath::There(path) => json.pointer(&path.0).is_some(),
            AtPath::Equal(at) => json.pointer(&at.expression.0).is_some_and(|value| match value {
                Value::String(text) => *text == at.equal_to,
                other => serde_json::from_str(&at.equal_to).is_ok_and(|wanted: Value| wanted == *other),
            }),
        }) && self.contains.as_ref().is_none_or(|part| String::from_utf8_lossy(body).contains(part))
    }

    fn equal(&self, wanted: &Value, found: &Value) -> bool {
        let more =
            |wanted: usize, found: usize| found == wanted || (self.ignore_extra_elements && found > wanted);
        match (wanted, found) {
            (Value::Object(wanted), Value::Object(found)) => {
                more(wanted.len(), found.len())
                    && wanted
                        .iter()
                        .all(|(key, wanted)| found.get(key).is_some_and(|found| self.equal(wanted, found)))
            }
            (Value::Array(wanted), Value::Array(found)) if self.ignore_array_order => {
                let mut left: Vec<&Value> = found.iter().collect();
                let each = wanted.iter().all(|wanted| {
                    let place = left.iter().position(|found| self.equal(wanted, found));
                    place.map(|place| left.remove(place)).is_some()
                });
                each && more(wanted.len(), found.len())
            }
            (Value::Array(wanted), Value::Array(found)) => {
                more(wanted.len(), found.len())
                    && wanted.iter().zip(found).all(|(wanted, found)| self.equal(wanted, found))
            }
            (wanted, found) => wanted == found,
        }
    }
}
