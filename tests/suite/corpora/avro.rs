//! Events and schemas that ask for more than they are.

use super::apart;
use super::targets::{avro, bitmap};
use lockstep::connector::salesforce::ChangeEvent;

fn good() -> Vec<u8> {
    bitmap::payload(&[vec!["0x0C", "1-0x02"], vec![], vec![]])
}

fn record(name: &str, fields: &str) -> String {
    format!("{{\"type\":\"record\",\"name\":\"{name}\",\"fields\":[{fields}]}}")
}

fn field(name: &str, kind: &str) -> String {
    format!("{{\"name\":\"{name}\",\"type\":{kind}}}")
}

/// Says that it has so many items, in one block with or without its length.
fn count(items: i64) -> Vec<u8> {
    let mut rest = ((items << 1) ^ (items >> 63)) as u64;
    let mut bytes = Vec::new();
    while rest >= 0x80 {
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
    bytes
}

#[test]
fn no_payload_makes_an_event_panic_hang_or_grow() {
    apart!(no_payload_makes_an_event_panic_hang_or_grow, 192, || {
        let whole = good();
        let event = avro::read(avro::LEAD, &whole).expect("a good event");
        assert!(event.mentions("Status") && event.mentions("FirstName") && !event.mentions("LastName"));
        for end in 0..whole.len() {
            avro::run(&whole[..end]);
        }
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut other = whole.clone();
                other[at] ^= 1 << bit;
                avro::run(&other);
            }
        }
        // Huge and negative counts in the place of the first text's length, and of the first list's.
        for items in [-1, i64::MIN, i64::MAX, 1 << 60, 1 << 32, 4 << 20, -(1 << 60), 75_000] {
            avro::run(&[&count(items)[..], &whole[1..]].concat());
            avro::run(&[&whole[..5], &count(items), &whole[6..]].concat());
            avro::run(&[&whole[..5], &count(items), &count(items), &[0; 100_000]].concat());
        }
        avro::run(&[&whole[..5], &count(70_000), &vec![0; 70_000], &[0], &whole[6..]].concat());
        avro::run(&[0xff; 100]);
        avro::run(&vec![2; 5_000_000]);
    });
}

#[test]
fn no_bitmap_makes_an_event_panic_hang_or_grow() {
    apart!(no_bitmap_makes_an_event_panic_hang_or_grow, 128, || {
        let many = "0x01\n".repeat(50_000);
        let long = format!("0x{}", "F".repeat(500_000));
        for lists in [
            "0x",
            "0X04",
            "0x4",
            "0xfF",
            "0xGG",
            "x04",
            "04",
            "0x0400000000000000000000000000000000",
            "0xFFFFFFFF",
            "1-0x07",
            "1-0xFF",
            "1-0x",
            "0-0x01",
            "9-0x01",
            "-1-0x01",
            "18446744073709551616-0x01",
            "1-1-0x01",
            "--",
            "0x\u{0664}",
            "0x04\n\n0x04\n\n0x04",
            "\n0x04\n\n1-0x01",
            &many,
            &long,
        ] {
            bitmap::run(lists.as_bytes());
        }
        bitmap::run(b"0x04");
    });
}

#[test]
fn a_schema_that_makes_much_of_little_is_refused() {
    apart!(a_schema_that_makes_much_of_little_is_refused, 192, || {
        let nested = |kind: &str, depth: usize| {
            (0..depth).fold("\"null\"".to_owned(), |inner, _| kind.replace('?', &inner))
        };
        // Each record holds the one before twice: a million values, and not a byte of payload.
        let mut twice = vec![field("a0", &record("R0", &field("x", "\"null\"")))];
        twice.extend((1..15).map(|n| {
            let two =
                [field("x", &format!("\"R{}\"", n - 1)), field("y", &format!("\"R{}\"", n - 1))].join(",");
            field(&format!("a{n}"), &record(&format!("R{n}"), &two))
        }));
        let nothings: Vec<String> = (0..1_000).map(|n| field(&format!("n{n}"), "\"null\"")).collect();
        let symbol = "S".repeat(500_000);
        for (name, schema) in [
            ("within itself", record("A", &field("a", "\"A\""))),
            ("within itself by way of a union", record("A", &field("a", "[\"A\",\"null\"]"))),
            ("two within each other", record("A", &field("b", &record("B", &field("a", "\"A\""))))),
            (
                "a fixed without end",
                record("A", &field("f", "{\"type\":\"fixed\",\"name\":\"F\",\"size\":1152921504606846976}")),
            ),
            ("a list of nothing", record("A", &field("l", "{\"type\":\"array\",\"items\":\"null\"}"))),
            ("lists of lists", record("A", &field("l", &nested("{\"type\":\"array\",\"items\":?}", 40)))),
            ("maps of maps", record("A", &field("l", &nested("{\"type\":\"map\",\"values\":?}", 40)))),
            (
                "lists of records",
                record(
                    "A",
                    &field(
                        "l",
                        &format!("{{\"type\":\"array\",\"items\":{}}}", record("B", &nothings.join(","))),
                    ),
                ),
            ),
            ("twice and twice again", record("A", &twice.join(","))),
            (
                "a long symbol",
                record(
                    "A",
                    &field("e", &format!("{{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"{symbol}\"]}}")),
                ),
            ),
            (
                "too many fields",
                record(
                    "A",
                    &(0..20_000).map(|n| field(&format!("f{n}"), "\"string\"")).collect::<Vec<_>>().join(","),
                ),
            ),
            ("no record", "\"string\"".to_owned()),
            ("deep", "[".repeat(100_000)),
            ("empty", String::new()),
            ("an unknown type", record("A", &field("a", "\"B\""))),
            ("a doubled name", record("A", &[field("a", "\"int\""), field("a", "\"int\"")].join(","))),
        ] {
            // Whichever bytes come with it: many blocks of as many items as the library lets through.
            let payload = [count(70_000), vec![0; 200_000]].concat();
            assert!(ChangeEvent::read(&schema, &payload).is_err(), "{name}");
        }
    });
}

/// The schema of Leads with 800 fields of a company's own.
fn wide() -> String {
    let doc = "d".repeat(1_000);
    let custom = (0..800).map(|n| {
        format!("{{\"name\":\"F{n}__c\",\"type\":[\"null\",\"string\"],\"doc\":\"{doc}\",\"default\":null}}")
    });
    let fields = custom.collect::<Vec<_>>().join(",");
    let end = avro::LEAD.rfind("]}").expect("the end of the fields");
    format!("{},{fields}]}}", &avro::LEAD[..end])
}

#[test]
fn a_schema_as_large_as_they_come_is_read() {
    apart!(a_schema_as_large_as_they_come_is_read, 128, || {
        let event = avro::read(&wide(), &[&good()[..], &[0; 800]].concat()).expect("an event of many fields");
        assert!(event.covers("F799__c") && event.mentions("Status") && !event.mentions("F799__c"));
    });
}

#[test]
fn many_bitmaps_of_changed_and_different_fields_make_no_work_of_their_product() {
    apart!(many_bitmaps_of_changed_and_different_fields_make_no_work_of_their_product, 128, || {
        let (schema, all) = (wide(), format!("0x{}", "F".repeat(200)));
        let read = |changed: usize, different: usize| {
            let lists = [vec![all.as_str(); changed], vec![], vec!["0x01"; different]];
            avro::read(&schema, &[&bitmap::payload(&lists)[..], &[0; 800]].concat())
        };
        assert!(read(2_500, 70_000).is_none(), "no schema has a place for so many");
        let event = read(800, 800).expect("one for each field");
        assert!(event.mentions("F700__c") && !event.mentions("F799__c"));
    });
}
