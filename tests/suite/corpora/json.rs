//! JSON that is barely any, or none: in webhooks and in every answer of both systems.

use super::apart;
use super::targets::{engage_answer, salesforce_answer, webhook};

/// Values that mean something to somebody, and documents that mean nothing.
fn documents() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = [
        "",
        " ",
        "nul",
        "null",
        "true",
        "0",
        "-0",
        "-",
        "01",
        "1.",
        ".1",
        "1e400",
        "-1e400",
        "1e-400",
        "1E+2",
        "0x10",
        "9007199254740993",
        "18446744073709551616",
        "-9223372036854775809",
        "NaN",
        "Infinity",
        "\"",
        "\"\\",
        "\"\\x\"",
        "\"\\u\"",
        "\"\\ud800\"",
        "\"\\udc00\\ud800\"",
        "\"\\ud83d\\ude00\"",
        "\"\\u0000\"",
        "\"a\nb\"",
        "\"\t\"",
        "'a'",
        "[",
        "]",
        "[]",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[[]",
        "[]]",
        "{",
        "}",
        "{}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":1}{\"a\":2}",
        "{\"a\":1,\"a\":2}",
        "{\"\":{}}",
        "// no\n{}",
        "/**/{}",
        "\u{feff}{}",
        "{}\0",
        "\u{2028}{}",
        "<html>",
        "[null,null]",
        "{\"records\":null}",
        "{\"done\":false,\"records\":[[]]}",
        "{\"done\":false,\"nextRecordsUrl\":\"/services/data/v67.0/query/x\",\"records\":[]}",
        "{\"prospects\":[{}],\"next\":\"x\",\"as_of\":\"9999-12-31T23:59:59.999Z\"}",
        "{\"prospects\":null}",
        "[{\"errorCode\":1}]",
        "[{\"errorCode\":\"\"}]",
        "{\"error\":{\"error\":{}}}",
        "[[[{\"statusCode\":\"X\"}]]]",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into();
    for bytes in [
        &b"\xff"[..],
        b"\"\xff\"",
        b"\"\xc0\xaf\"",
        b"\"\xed\xa0\x80\"",
        b"{\"\xf5\":1}",
        b"\xff\xfe{\0}\0",
        b"\xef\xbb",
    ] {
        all.push(bytes.to_vec());
    }
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"records\":", "}]")] {
        for depth in [100, 127, 129, 100_000] {
            all.push(format!("{}1{}", open.repeat(depth), close.repeat(depth)).into_bytes());
            all.push(open.repeat(depth).into_bytes());
        }
    }
    all.push(format!("\"{}\"", "x".repeat(1_000_000)).into_bytes());
    all.push("1".repeat(1_000_000).into_bytes());
    all.push(format!("[{}1]", "1,".repeat(400_000)).into_bytes());
    all.push(
        format!("{{{}\"z\":1}}", (0..50_000).map(|n| format!("\"k{n}\":{n},")).collect::<String>())
            .into_bytes(),
    );
    all
}

/// A good document with each bad value in the place of each of its own.
fn spoilt(good: &str) -> Vec<String> {
    let whole: serde_json::Value = serde_json::from_str(good).unwrap();
    let mut places = Vec::new();
    collect(&whole, &mut Vec::new(), &mut places);
    let bad = [
        "null",
        "true",
        "-1",
        "1e300",
        "18446744073709551615",
        "\"\"",
        "\"\\u0000\"",
        "\"\\ud83d\\ude00\"",
        "[]",
        "{}",
        "[[]]",
        "{\"id\":\"x\"}",
        "\"9999-12-31T23:59:60Z\"",
        "\"-009999-01-01T00:00:00Z\"",
        "\"2026-11-23T06:10:00+99:99\"",
        "\"../../x\"",
        "\"\\u202e\\u0007\"",
    ];
    let bad = bad.map(|text| serde_json::from_str::<serde_json::Value>(text).unwrap());
    let mut all = Vec::new();
    for place in places {
        for value in &bad {
            let mut other = whole.clone();
            *other.pointer_mut(&place).unwrap() = value.clone();
            all.push(other.to_string());
        }
    }
    all
}

fn collect(value: &serde_json::Value, way: &mut Vec<String>, places: &mut Vec<String>) {
    places.push(way.iter().map(|step| format!("/{step}")).collect());
    let inner: Vec<(String, &serde_json::Value)> = match value {
        serde_json::Value::Array(items) => {
            items.iter().enumerate().map(|(n, item)| (n.to_string(), item)).collect()
        }
        serde_json::Value::Object(fields) => {
            fields.iter().map(|(name, field)| (name.clone(), field)).collect()
        }
        _ => Vec::new(),
    };
    for (step, inner) in inner {
        way.push(step);
        collect(inner, way, places);
        way.pop();
    }
}

const PROSPECT: &str = r#"{"id":"p_1","email":"a@b.example","first_name":"J","last_name":"D","company":"A","title":"T",
    "status":"success","status_changed_at":"2026-11-23T06:10:00Z","status_changed_by":{"kind":"user","id":"u"},
    "salesforce":{"object":"Lead","id":"00Q5f000005bwLF"},"version":2,"updated_at":"2026-11-23T06:10:00Z","deleted":false}"#;

const RECORD: &str = r#"{"Id":"00Q5f000005bwLFEAY","IsDeleted":false,"MasterRecordId":null,"Status":"New",
    "LastModifiedDate":"2026-11-23T06:01:00.000+0000","LastModifiedById":"0055f000000PERSAA4","IsConverted":false,
    "SystemModstamp":"2026-11-23T06:01:00.000+0000","ConvertedContactId":null,"Email":"a@b.example"}"#;

#[test]
fn no_json_makes_a_webhook_panic_hang_or_grow() {
    apart!(no_json_makes_a_webhook_panic_hang_or_grow, 128, || {
        documents().iter().for_each(|document| webhook::run(document));
        let event = format!(
            r#"{{"id":"e","type":"prospect.updated","occurred_at":"2026-11-23T06:10:00Z","prospect_id":"p_1","prospect":{PROSPECT}}}"#
        );
        spoilt(&event).iter().for_each(|document| webhook::run(document.as_bytes()));
    });
}

#[test]
fn no_answer_of_engage_makes_it_panic_hang_or_grow() {
    apart!(no_answer_of_engage_makes_it_panic_hang_or_grow, 256, || {
        for document in documents() {
            engage_answer::run(&document);
            engage_answer::run(&[b"500\n\n", &document[..]].concat());
        }
        let page = format!(r#"{{"prospects":[{PROSPECT}],"next":"x","as_of":"2026-11-23T06:10:00Z"}}"#);
        let batch = format!(
            r#"{{"results":[{{"ok":true,"prospect":{PROSPECT}}},{{"ok":false,"error":{{"code":"not_found"}}}}]}}"#
        );
        for good in [page, batch, PROSPECT.to_owned()] {
            spoilt(&good).iter().for_each(|document| engage_answer::run(document.as_bytes()));
        }
    });
}

#[test]
fn no_answer_of_salesforce_makes_it_panic_hang_or_grow() {
    apart!(no_answer_of_salesforce_makes_it_panic_hang_or_grow, 256, || {
        for document in documents() {
            salesforce_answer::run(&document);
            salesforce_answer::run(&[b"400\n\n", &document[..]].concat());
        }
        let page = format!(r#"{{"totalSize":1,"done":true,"records":[{RECORD}]}}"#);
        let rows = format!("[{RECORD},null]");
        let refused =
            r#"[{"success":false,"errors":[{"statusCode":"X","message":"m","fields":["Status"]}]}]"#;
        for good in [page, rows, refused.to_owned()] {
            spoilt(&good).iter().for_each(|document| salesforce_answer::run(document.as_bytes()));
        }
    });
}
