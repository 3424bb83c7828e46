//! What no mapping may do: name two answers for one value, drift, or take an opt-out back.
//!
//! A map that is not one-to-one is lawful exactly when out·in·out = out and in·out·in = in, that is when each group of
//! values has one value to write on each side (`sync.md` part 1).

use super::reader::Reader;
use super::relation::patterns;
use super::rows::{Placed, label};
use super::table::{CustomStatus, Mapping, Way};
use crate::diagnostic::Problem;
use crate::model::{FieldValue, Fields, SalesforceObject};

/// Names everything unlawful, for each object that is in sync.
pub(super) fn check(reader: &mut Reader, mapping: &Mapping, placed: &[Placed]) {
    let mut told = Vec::new();
    for object in SalesforceObject::BOTH.into_iter().filter(|object| mapping.object(*object).is_some()) {
        two_answers(reader, placed, object, &mapping.custom_statuses, &mut told);
        drifts(reader, mapping, placed, object, &mut told);
        opt_out(reader, mapping, placed, object);
    }
}

/// Two rows that one Salesforce record can match lead to two person statuses.
fn two_answers(
    reader: &mut Reader,
    placed: &[Placed],
    object: SalesforceObject,
    custom: &[CustomStatus],
    told: &mut Vec<(usize, usize)>,
) {
    for (second, right) in placed.iter().enumerate() {
        for (first, left) in placed.iter().enumerate().take(second) {
            if !left.row.way.to_engage() || !right.row.way.to_engage() || told.contains(&(first, second)) {
                continue;
            }
            let overlap = patterns(&left.row, object)
                .find_map(|a| patterns(&right.row, object).find_map(|b| both(a, b)));
            let Some(record) = overlap else { continue };
            told.push((first, second));
            let (one, other) = (label(&left.row.person, custom), label(&right.row.person, custom));
            reader.push(
                Problem::error("M020", format!("a {object} with {} leads to two person statuses", shown(&record)))
                    .at(right.span.clone(), format!("here it is {other}"))
                    .at(left.span.clone(), format!("here it is {one}"))
                    .help(format!(
                        "1. somebody sets a {object} to {}. 2. Lockstep has to set {one} and {other} at once, and the \
                         person is what nobody chose",
                        shown(&record)
                    ))
                    .help("give the row that is only to be written the words `way = \"to-salesforce\"`"),
            );
        }
    }
}

/// A record that matches both, if there can be one.
fn both(a: &Fields, b: &Fields) -> Option<Fields> {
    if a.iter().any(|(name, value)| b.get(name).is_some_and(|other| other != value)) {
        return None;
    }
    let mut record = a.clone();
    record.extend(b.iter().map(|(name, value)| (name.clone(), value.clone())));
    Some(record)
}

fn shown(fields: &Fields) -> String {
    fields.iter().map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>().join(" and ")
}

/// What Lockstep writes must not lead on to another value when it is read back.
fn drifts(
    reader: &mut Reader,
    mapping: &Mapping,
    placed: &[Placed],
    object: SalesforceObject,
    told: &mut Vec<(usize, usize)>,
) {
    for (index, start) in placed.iter().enumerate() {
        let Some((_, written)) = mapping.outbound(object, &start.row.person) else { continue };
        let Some(back) = mapping.inbound(object, written) else { continue };
        let Some((_, again)) = mapping.outbound(object, &back.person) else { continue };
        if again == written {
            continue;
        }
        let Some(other) = placed.iter().position(|other| other.row.person == back.person) else { continue };
        let pair = (index.min(other), index.max(other));
        if told.contains(&pair) {
            continue;
        }
        told.push(pair);
        let (one, two) = (
            label(&start.row.person, &mapping.custom_statuses),
            label(&back.person, &mapping.custom_statuses),
        );
        reader.push(
            Problem::error("M021", format!("{one} does not come back as what was written"))
                .at(start.span.clone(), format!("{one} is written as {}", shown(written)))
                .at(placed[other].span.clone(), format!("which is read as {two}, and written as {}", shown(again)))
                .help(format!(
                    "1. a person becomes {one}. 2. Salesforce gets {}. 3. read back, that is {two}. 4. Salesforce would \
                     get {}, which nobody chose",
                    shown(written),
                    shown(again)
                ))
                .help("every group of values needs one value to write on each side"),
        );
    }
}

/// The opt-out box and the Opted out row must say the same.
fn opt_out(reader: &mut Reader, mapping: &Mapping, placed: &[Placed], object: SalesforceObject) {
    let Some(columns) = mapping.object(object) else { return };
    let ticked = FieldValue::Bool(true);
    if let Some(name) = columns.opt_out.name() {
        for placed in placed {
            for pattern in patterns(&placed.row, object) {
                let says = pattern.get(name);
                let opted_out = placed.row.person.is_opted_out();
                let wrong = (says == Some(&ticked) && !opted_out)
                    || (says == Some(&FieldValue::Bool(false)) && opted_out);
                if wrong {
                    let who = label(&placed.row.person, &mapping.custom_statuses);
                    reader.push(
                        Problem::error(
                            "M022",
                            format!("the row of {who} contradicts the opt-out box {name}"),
                        )
                        .at(placed.span.clone(), format!("{} here", shown(pattern)))
                        .help(format!("{name} is kept in step with Opted out: leave it out of the rows")),
                    );
                }
            }
        }
    }
    let row = placed.iter().find(|placed| placed.row.person.is_opted_out() && placed.row.way != Way::None);
    let reachable =
        columns.opt_out.name().is_some() || row.is_some_and(|placed| placed.row.fields(object).is_some());
    if !reachable {
        let span = placed.first().map_or(0..0, |placed| placed.span.clone());
        reader.push(
            Problem::error("M022", format!("an opt-out cannot reach a {object}"))
                .at(span, "no row of these says Opted out with a Salesforce value")
                .help("give the Opted out row a Salesforce value, or name the checkbox by `opt_out = \"HasOptedOutOfEmail\"`"),
        );
    }
}
