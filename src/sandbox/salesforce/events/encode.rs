//! One event as its bytes: a raw Avro datum, without container or fingerprint.

use super::shape::{Part, Shape, name_parts};
use super::{Change, Kind};
use crate::sandbox::salesforce::FieldKind;
use crate::sandbox::salesforce::record::parse_time;
use apache_avro::types::Value as Avro;
use apache_avro::writer::datum::GenericDatumWriter;
use serde_json::Value;
use std::collections::BTreeSet;

/// What the header says besides the change itself.
pub(super) struct Frame<'a> {
    pub(super) transaction: &'a str,
    pub(super) sequence: i32,
    pub(super) committed_millis: i64,
    pub(super) commit_number: i64,
}

/// The bytes of an event. Empty when the schema has no place for it, which no change of this model brings about.
pub(super) fn encode(shape: &Shape, change: &Change, frame: &Frame<'_>) -> Vec<u8> {
    let carries = !matches!(change.kind, Kind::Gap(_) | Kind::Overflow | Kind::Delete);
    let is_update = change.kind == Kind::Update;
    let changed = |name: &str| change.values.contains_key(name);
    let nulled = |name: &str| change.values.get(name).is_some_and(Value::is_null);
    let differs = |name: &str| change.values.get(name).is_some_and(Value::is_object);
    let strings = |texts: Vec<String>| Avro::Array(texts.into_iter().map(Avro::String).collect());
    let header = Avro::Record(vec![
        ("entityName".to_owned(), Avro::String(change.object.clone())),
        ("recordIds".to_owned(), strings(change.ids.clone())),
        ("changeType".to_owned(), {
            let symbol = change.kind.symbol();
            let place = super::shape::CHANGE_TYPES.iter().position(|known| *known == symbol).unwrap_or(0);
            Avro::Enum(u32::try_from(place).unwrap_or(0), symbol.to_owned())
        }),
        ("changeOrigin".to_owned(), Avro::String(change.origin.clone())),
        ("transactionKey".to_owned(), Avro::String(frame.transaction.to_owned())),
        ("sequenceNumber".to_owned(), Avro::Int(frame.sequence)),
        ("commitTimestamp".to_owned(), Avro::Long(frame.committed_millis)),
        ("commitNumber".to_owned(), Avro::Long(frame.commit_number)),
        ("commitUser".to_owned(), Avro::String(change.user.clone())),
        ("nulledFields".to_owned(), strings(if is_update { bitmaps(shape, nulled) } else { Vec::new() })),
        ("diffFields".to_owned(), strings(if is_update { bitmaps(shape, differs) } else { Vec::new() })),
        ("changedFields".to_owned(), strings(if is_update { bitmaps(shape, changed) } else { Vec::new() })),
    ]);
    let mut fields = vec![("ChangeEventHeader".to_owned(), header)];
    for part in &shape.parts {
        let value = if carries { value(change, part) } else { None };
        let value = value
            .map_or_else(|| Avro::Union(0, Box::new(Avro::Null)), |value| Avro::Union(1, Box::new(value)));
        fields.push((part.name().to_owned(), value));
    }
    let writer = GenericDatumWriter::builder(&shape.schema).build();
    writer.and_then(|writer| writer.write_value_to_vec(Avro::Record(fields))).unwrap_or_default()
}

fn value(change: &Change, part: &Part) -> Option<Avro> {
    match part {
        Part::Name => {
            let parts = name_parts().map(|name| {
                let text = change.values.get(name).and_then(Value::as_str);
                let text = text.map_or_else(
                    || Avro::Union(0, Box::new(Avro::Null)),
                    |text| Avro::Union(1, Box::new(Avro::String(text.to_owned()))),
                );
                (name.to_owned(), text)
            });
            name_parts()
                .iter()
                .any(|name| change.values.contains_key(*name))
                .then(|| Avro::Record(parts.to_vec()))
        }
        Part::Field(name, kind) => match (kind, change.values.get(name)?) {
            (_, Value::Null) => None,
            (FieldKind::Boolean, value) => value.as_bool().map(Avro::Boolean),
            (FieldKind::DateTime, value) => Some(Avro::Long(parse_time(value.as_str()?)? * 1000)),
            (FieldKind::Date, value) => {
                let midnight = format!("{}T00:00:00Z", value.as_str()?.get(..10)?);
                Some(Avro::Long(parse_time(&midnight)? * 1000))
            }
            (_, value) => value
                .as_str()
                .or_else(|| value["difference"].as_str())
                .map(|text| Avro::String(text.to_owned())),
        },
    }
}

/// Fields as bitmaps: the first for the schema's own fields, one more for each compound of which some parts are meant
/// (facts 5.6). Upper-case, whole bytes: a widely used client reads nothing else.
fn bitmaps(shape: &Shape, is_meant: impl Fn(&str) -> bool) -> Vec<String> {
    let mut top = BTreeSet::new();
    let mut inner = Vec::new();
    for (index, part) in shape.parts.iter().enumerate() {
        // Behind the header.
        let place = index + 1;
        match part {
            Part::Name => {
                let parts: BTreeSet<usize> =
                    (0..name_parts().len()).filter(|&part| is_meant(name_parts()[part])).collect();
                if !parts.is_empty() {
                    inner.push(format!("{place}-{}", bitmap(&parts)));
                }
            }
            Part::Field(name, _) if is_meant(name) => {
                top.insert(place);
            }
            Part::Field(..) => {}
        }
    }
    let mut bitmaps = Vec::new();
    if !top.is_empty() {
        bitmaps.push(bitmap(&top));
    }
    bitmaps.extend(inner);
    bitmaps
}

fn bitmap(places: &BTreeSet<usize>) -> String {
    let bytes = places.last().map_or(1, |last| last / 8 + 1);
    let mut bits = vec![0u8; bytes];
    for place in places {
        bits[bytes - 1 - place / 8] |= 1 << (place % 8);
    }
    format!("0x{}", hex::encode_upper(bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bitmap_is_the_one_that_the_documentation_shows_for_a_conversion() {
        assert_eq!(bitmap(&BTreeSet::from([12, 19, 20, 21, 22, 23, 27])), "0x08F81000");
        assert_eq!(bitmap(&BTreeSet::from([0])), "0x01");
    }
}
