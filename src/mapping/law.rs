//! What no mapping may do: name two answers for one value, drift, or let an opt-out get lost.
//!
//! A map that is not one-to-one is lawful exactly when out·in·out = out and in·out·in = in, that is when each group of
//! values has one value to write on each side (`sync.md` part 1). A broken law needs no more than two rows, so looking
//! at every two rows that can hold for one record is looking at every record.

use super::condition::Condition;
use super::reader::Reader;
use super::relation::patterns;
use super::rows::label;
use super::table::{Mapping, Row, Way};
use crate::diagnostic::Problem;
use crate::model::{FieldName, FieldValue, Fields, SalesforceObject};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A broken law, and the record that shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Violation {
    /// Which law.
    pub law: Unlawful,
    /// The object.
    pub object: SalesforceObject,
    /// The rows concerned, by their place in the mapping.
    pub rows: (usize, usize),
    /// A record for which it goes wrong: what the rows' conditions ask for, and the values.
    pub record: Fields,
    /// The sequences that the person must be in for it.
    pub sequences: Vec<Arc<str>>,
}

/// A law of mappings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unlawful {
    /// One Salesforce value leads to two person statuses.
    TwoAnswers,
    /// Two values of one group are written: what is written comes back as another status, which is written otherwise.
    Drifts,
    /// A row of another status writes what the Opted out row reads: our own write would opt somebody out.
    WritesOptOut,
}

/// Contradictions shown one by one; a file with more of them has one mistake many times over.
const SHOWN_MAX: usize = 25;

/// Everything about the rows that is unlawful; empty for a lawful mapping.
pub fn violations(mapping: &Mapping) -> Vec<Violation> {
    let (mut all, mut told): (Vec<Violation>, BTreeSet<_>) = (Vec::new(), BTreeSet::new());
    for object in SalesforceObject::BOTH.into_iter().filter(|object| mapping.object(*object).is_some()) {
        for second in 0..mapping.rows.len() {
            for first in 0..second {
                let found = two_answers(mapping, object, first, second)
                    .or_else(|| writes_opt_out(mapping, object, first, second))
                    .or_else(|| writes_opt_out(mapping, object, second, first))
                    .or_else(|| drifts(mapping, object, first, second))
                    .or_else(|| drifts(mapping, object, second, first))
                    .or_else(|| parts(mapping, object, first, second))
                    .or_else(|| parts(mapping, object, second, first));
                // What is wrong for Leads and Contacts alike is said once.
                if let Some(found) = found
                    && told.insert((found.rows, found.law))
                {
                    all.push(found);
                }
            }
        }
    }
    // A row that breaks another law makes its drifting guesswork: that is named once the other is mended.
    let others: BTreeSet<usize> = all
        .iter()
        .filter(|violation| violation.law != Unlawful::Drifts)
        .flat_map(|violation| [violation.rows.0, violation.rows.1])
        .collect();
    let alone = |v: &Violation| !others.contains(&v.rows.0) && !others.contains(&v.rows.1);
    all.retain(|violation| violation.law != Unlawful::Drifts || alone(violation));
    all
}

/// Two rows that one Salesforce record can match lead to two person statuses.
fn two_answers(
    mapping: &Mapping,
    object: SalesforceObject,
    first: usize,
    second: usize,
) -> Option<Violation> {
    let (left, right) = (&mapping.rows[first], &mapping.rows[second]);
    if !left.way.to_engage() || !right.way.to_engage() || left.person == right.person {
        return None;
    }
    let (conditions, sequences) = left.only_if.both(&right.only_if)?;
    let value = patterns(left, object).find_map(|a| patterns(right, object).find_map(|b| both(a, b)))?;
    let record = both(&conditions, &value)?;
    Some(Violation { law: Unlawful::TwoAnswers, object, rows: (first, second), record, sequences })
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

/// What the row `start` writes is read back as the status of the row `back`, which is written as something else.
fn drifts(mapping: &Mapping, object: SalesforceObject, start: usize, back: usize) -> Option<Violation> {
    let (writes, reads) = (&mapping.rows[start], &mapping.rows[back]);
    let written = written(writes, object)?;
    if reads.person.is_opted_out()
        || !reads.way.to_engage()
        || !patterns(reads, object).any(|pattern| pattern == written)
    {
        return None;
    }
    // A value that has all of the other's fields shows the other one too.
    let shows = |value: &Fields| written.iter().all(|(name, field)| value.get(name) == Some(field));
    if reads.way != Way::Both || reads.fields(object).is_none_or(shows) {
        return None;
    }
    let (conditions, sequences) = writes.only_if.both(&reads.only_if)?;
    let record = both(&conditions, written)?;
    Some(Violation { law: Unlawful::Drifts, object, rows: (start, back), record, sequences })
}

/// Two rows that are only written, and one that reads what both write: whoever moves from the one status to the other
/// goes with what is there, and the other value is never written.
fn parts(mapping: &Mapping, object: SalesforceObject, start: usize, back: usize) -> Option<Violation> {
    let (first, second) = (&mapping.rows[start], &mapping.rows[back]);
    if first.way != Way::ToSalesforce || second.way != Way::ToSalesforce {
        return None;
    }
    let (wanted, there) = (first.fields(object)?, second.fields(object)?);
    let holds =
        |value: &Fields, part: &Fields| part.iter().all(|(name, field)| value.get(name) == Some(field));
    if holds(there, wanted) {
        return None;
    }
    let reads = mapping.rows.iter().find_map(|row| {
        let joins = row.way.to_engage()
            && !row.person.is_opted_out()
            && patterns(row, object).any(|pattern| pattern == wanted)
            && patterns(row, object).any(|pattern| holds(there, pattern));
        Condition::all([&row.only_if, &first.only_if, &second.only_if]).filter(|_| joins)
    });
    let (conditions, sequences) = reads?;
    let record = both(&conditions, there)?;
    Some(Violation { law: Unlawful::Drifts, object, rows: (start, back), record, sequences })
}

/// What the row `writes` sets can make of a record what the Opted out row speaks of, in whatever direction.
fn writes_opt_out(
    mapping: &Mapping,
    object: SalesforceObject,
    writes: usize,
    out: usize,
) -> Option<Violation> {
    let (row, opted_out) = (&mapping.rows[writes], &mapping.rows[out]);
    if row.person.is_opted_out() || !opted_out.person.is_opted_out() {
        return None;
    }
    let written = written(row, object)?;
    let value = patterns(opted_out, object).find_map(|pattern| both(written, pattern))?;
    let (conditions, sequences) = row.only_if.both(&opted_out.only_if)?;
    let record = both(&conditions, &value)?;
    Some(Violation { law: Unlawful::WritesOptOut, object, rows: (writes, out), record, sequences })
}

/// What a row writes to Salesforce.
fn written(row: &Row, object: SalesforceObject) -> Option<&Fields> {
    row.fields(object).filter(|_| row.way.to_salesforce())
}

/// Names everything unlawful.
pub(super) fn check(reader: &mut Reader, mapping: &Mapping) {
    let all = violations(mapping);
    if let Some(more) = all.len().checked_sub(SHOWN_MAX).filter(|more| *more > 0) {
        let span = mapping.rows.first().map_or(0..0, |row| row.span.clone());
        let problem = Problem::error("M020", format!("{more} more pairs of rows contradict each other"));
        reader.push(problem.at(span, "").help("mend the first ones, and most of these will be gone"));
    }
    for violation in all.into_iter().take(SHOWN_MAX) {
        let problem = match violation.law {
            Unlawful::TwoAnswers => two_answers_problem(mapping, &violation),
            Unlawful::Drifts => drifts_problem(mapping, &violation),
            Unlawful::WritesOptOut => opt_out_problem(mapping, &violation),
        };
        reader.push(problem);
    }
    for object in SalesforceObject::BOTH.into_iter().filter(|object| mapping.object(*object).is_some()) {
        opt_out(reader, mapping, object);
        written_conditions(reader, mapping, object);
    }
}

fn two_answers_problem(mapping: &Mapping, violation: &Violation) -> Problem {
    let (object, record) = (violation.object, shown(&violation.record));
    let (left, right) = (&mapping.rows[violation.rows.0], &mapping.rows[violation.rows.1]);
    let (one, other) =
        (label(&left.person, &mapping.custom_statuses), label(&right.person, &mapping.custom_statuses));
    Problem::error("M020", format!("a {object} with {record} leads to two person statuses"))
        .at(right.span.clone(), format!("here it is {other}"))
        .at(left.span.clone(), format!("here it is {one}"))
        .help(format!(
            "1. somebody sets a {object} to {record}\n2. Lockstep has to make the person {one} and {other} at once\n\
             3. whichever it is, one of the two rows is not obeyed"
        ))
        .help("give the row that is only to be written the words `way = \"to-salesforce\"`")
}

fn drifts_problem(mapping: &Mapping, violation: &Violation) -> Problem {
    let object = violation.object;
    let (start, back) = (&mapping.rows[violation.rows.0], &mapping.rows[violation.rows.1]);
    let (one, two) =
        (label(&start.person, &mapping.custom_statuses), label(&back.person, &mapping.custom_statuses));
    let text = |row: &Row| row.fields(object).map(shown).unwrap_or_default();
    Problem::error("M021", format!("{one} and {two} belong together and are written differently"))
        .at(start.span.clone(), format!("{one} is written as {}", text(start)))
        .at(back.span.clone(), format!("{two} is written as {}", text(back)))
        .help(format!(
            "1. a {object} says {}, and the person is {two}\n2. somebody makes the person {one}\n3. both statuses are read \
             from {}, so {one} goes with what is there, and nothing is written\n4. Salesforce still says {}, which the row \
             of {one} does not",
            text(back),
            text(start),
            text(back)
        ))
        .help("every group of values needs one value to write on each side: take the value out of `also_from`")
}

fn opt_out_problem(mapping: &Mapping, violation: &Violation) -> Problem {
    let object = violation.object;
    let (row, out) = (&mapping.rows[violation.rows.0], &mapping.rows[violation.rows.1]);
    let who = label(&row.person, &mapping.custom_statuses);
    let record = shown(&violation.record);
    Problem::error("M053", format!("the row of {who} would opt people out"))
        .at(row.span.clone(), format!("{who} is written as {}", row.fields(object).map(shown).unwrap_or_default()))
        .at(out.span.clone(), format!("{record} says opted out"))
        .help(format!(
            "1. somebody makes the person {who}\n2. Salesforce gets it, and the {object} says {record}\n3. that means opted \
             out, so the person becomes Opted out, which nobody chose"
        ))
        .help("the Opted out row needs a Salesforce value that no other row writes")
}

fn shown(fields: &Fields) -> String {
    fields.iter().map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>().join(" and ")
}

/// An opt-out must be able to reach the object, and no row may move the opt-out box by the way.
fn opt_out(reader: &mut Reader, mapping: &Mapping, object: SalesforceObject) {
    let Some(columns) = mapping.object(object) else { return };
    if let Some(name) = columns.opt_out.name() {
        for row in &mapping.rows {
            if patterns(row, object).any(|pattern| pattern.contains_key(name)) {
                let who = label(&row.person, &mapping.custom_statuses);
                reader.push(
                    Problem::error("M022", format!("the row of {who} names the opt-out box {name}"))
                        .at(row.span.clone(), "")
                        .help(format!("{name} is kept in step with Opted out by itself: leave it out of the rows"))
                        .help("if it is no opt-out box here, say so by `opt_out = false` in the object's section"),
                );
            }
        }
    }
    let row = mapping.rows.iter().find(|row| row.person.is_opted_out() && row.way != Way::None);
    let reachable = columns.opt_out.name().is_some() || row.is_some_and(|row| row.fields(object).is_some());
    if !reachable {
        let span = row.or(mapping.rows.first()).map_or(0..0, |row| row.span.clone());
        reader.push(
            Problem::error("M034", format!("an opt-out cannot reach a {object}"))
                .at(span, "no row of these says Opted out with a Salesforce value")
                .help("give the Opted out row a Salesforce value, or name the checkbox by `opt_out = \"HasOptedOutOfEmail\"`"),
        );
    }
}

/// A condition on a field that Lockstep itself writes could be met, or not, because of its own last write.
fn written_conditions(reader: &mut Reader, mapping: &Mapping, object: SalesforceObject) {
    let Some(columns) = mapping.object(object) else { return };
    let watched = mapping.watched(object);
    let written = |names: &Fields| names.keys().find(|name| watched.contains(*name)).cloned();
    for row in mapping.rows.iter().filter(|row| patterns(row, object).next().is_some()) {
        if let Some(name) = row.only_if.fields.keys().find(|name| watched.contains(*name)) {
            let problem =
                Problem::error("M036", format!("`only_if` asks for {name}, which Lockstep itself writes"));
            reader.push(problem.at(row.span.clone(), "this row").help(
                "a condition asks for a field that no row sets, such as LeadSource; several fields of one status go \
                 into its value: `lead = { Status = \"A\", Rating = \"Hot\" }`",
            ));
        }
        let excludes = |(name, value): (&FieldName, &FieldValue)| {
            row.only_if.fields.get(name).is_some_and(|values| !values.contains(value))
        };
        if columns.scope.iter().any(excludes) {
            let problem = Problem::error("M037", format!("this row holds for no {object} that is in sync"));
            reader.push(
                problem
                    .at(row.span.clone(), format!("only if {}", row.only_if))
                    .help(format!("`scope` lets only records through with {}", shown(&columns.scope))),
            );
        }
    }
    if let Some(name) = written(&columns.scope) {
        let span = mapping.rows.first().map_or(0..0, |row| row.span.clone());
        let problem = Problem::error(
            "M036",
            format!("the scope of {object}s asks for {name}, which Lockstep itself writes"),
        );
        reader.push(problem.at(span, "rows write it").help(
            "a record would fall out of sync by Lockstep's own write: use a field that no row sets, such as a record type",
        ));
    }
}
