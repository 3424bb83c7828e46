//! The lists of changed fields: each line of the input is one bitmap, and an empty line begins the next of the three lists.

use super::avro::{LEAD, read};

/// Builds the event that says so, and reads it.
pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut lists: [Vec<&str>; 3] = Default::default();
    let mut list = 0;
    for line in text.lines() {
        match line.is_empty() {
            true => list = (list + 1) % 3,
            false => lists[list].push(line),
        }
    }
    let event = read(LEAD, &payload(&lists));
    if let Some(event) = &event
        && lists[0] == ["0x04"]
        && lists[1..].iter().all(Vec::is_empty)
    {
        assert!(event.mentions("Status") && !event.mentions("HasOptedOutOfEmail"));
    }
}

/// An update of one Lead in Avro's own encoding: changed, nulled and different fields.
pub fn payload(lists: &[Vec<&str>; 3]) -> Vec<u8> {
    let mut out = Vec::new();
    text(&mut out, "Lead");
    texts(&mut out, &["00Q5f000005bwLFEAY"]);
    long(&mut out, 1);
    ["com/salesforce/api/rest/67.0;client=lockstep", "key"].iter().for_each(|value| text(&mut out, value));
    [1, 1_795_414_200_000, 7].iter().for_each(|value| long(&mut out, *value));
    text(&mut out, "0055f000000PERSAA4");
    [1, 2, 0].iter().for_each(|list| texts(&mut out, &lists[*list]));
    // A name of one part, a status, a checkbox, a time, and no address.
    out.extend([2, 0, 2]);
    text(&mut out, "Jane");
    out.extend([0, 2]);
    text(&mut out, "Working");
    out.extend([2, 1, 2]);
    long(&mut out, 1_795_414_200_000);
    out.extend([0, 0]);
    out
}

fn long(out: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

fn text(out: &mut Vec<u8>, value: &str) {
    long(out, value.len() as i64);
    out.extend(value.as_bytes());
}

fn texts(out: &mut Vec<u8>, values: &[&str]) {
    if !values.is_empty() {
        long(out, values.len() as i64);
        values.iter().for_each(|value| text(out, value));
    }
    out.push(0);
}
