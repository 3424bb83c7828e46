//! Decisions, case by case: `table.txt` is the table, this reads it.

use lockstep::mapping::{Disagree, Mapping, OptOutCleared, Winner};
use lockstep::model::{
    Baseline, BySide, FieldValue, Fields, HoldReason, Latch, Link, PersonStatus, Prospect, SalesforceRecord,
    SequenceAction, SetAt, Side, Target,
};
use lockstep::reconcile::{Decision, LatchChange, Situation, Verdict, decide};
use std::sync::Arc;

const TWO_FIELDS: &str = r#"
schema = 1
company = "fields"
status = [
  { person = "Just added", salesforce = { Status = "New", Rating = "Cold" } },
  { person = "Approaching", salesforce = { Status = "Working", Rating = "Warm" } },
]
[salesforce.lead]
status = "Status"
[conflict]
winner = "hold"
"#;

const LEAD: &str = "00Q5f000005bwLF";

fn noon(seconds: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(1_795_435_200 + seconds).unwrap()
}

fn mapping(changes: &str) -> Mapping {
    let text =
        if changes.contains("fields") { TWO_FIELDS } else { include_str!("../../../mapping/example.toml") };
    let mut mapping = lockstep::mapping::parse("table", text).unwrap().mapping;
    mapping.conflict.winner = Winner::Hold;
    for change in changes.split(',').map(str::trim) {
        match change {
            "-" | "fields" | "disagree=adopt" => {}
            "winner=salesforce" => mapping.conflict.winner = Winner::Salesforce,
            "winner=engage" => mapping.conflict.winner = Winner::Engage,
            "winner=newest" => mapping.conflict.winner = Winner::Newest,
            "cleared=follow" => mapping.opt_out_cleared = OptOutCleared::Follow,
            "disagree=hold" => mapping.new.disagree = Disagree::Hold,
            "disagree=apply" => mapping.new.disagree = Disagree::Apply,
            "leads-only" => mapping.contact = None,
            other => panic!("the table has no mapping change {other:?}"),
        }
    }
    mapping
}

/// `Nurture+box`, or `Working,Warm` where a status has two fields.
fn fields(text: &str) -> Fields {
    let (status, ticked) = text.strip_suffix("+box").map_or((text, false), |status| (status, true));
    let (status, rating) =
        status.split_once(',').map_or((status, None), |(status, rating)| (status, Some(rating)));
    let status = if status == "~" { FieldValue::Null } else { FieldValue::text(status) };
    let mut fields =
        Fields::from([("Status".into(), status), ("HasOptedOutOfEmail".into(), FieldValue::Bool(ticked))]);
    match rating {
        Some(rating) => _ = fields.insert("Rating".into(), FieldValue::text(rating)),
        None => _ = fields.insert("IsConverted".into(), FieldValue::Bool(false)),
    }
    fields
}

fn record(text: &str) -> Option<SalesforceRecord> {
    let other = "0035f00002EztxD".parse().unwrap();
    let mut record = SalesforceRecord {
        id: LEAD.parse().unwrap(),
        fields: fields("In progress"),
        is_converted: false,
        converted_contact: None,
        is_deleted: false,
        master_record: None,
        email: None,
        last_modified: noon(0),
        last_modified_by: None,
        system_modstamp: noon(0),
        status_set_at: SetAt::Unknown,
    };
    let is_last_word = ["converted+box", "merged+box"].contains(&text);
    if is_last_word {
        record.fields = fields("In progress+box");
    }
    match if is_last_word { text.trim_end_matches("+box") } else { text } {
        "missing" => return None,
        "deleted" => record.is_deleted = true,
        "merged" => {
            (record.is_deleted, record.master_record) =
                (true, Some(LEAD.replace("LF", "LG").parse().unwrap()))
        }
        "converted" => (record.is_converted, record.converted_contact) = (true, Some(other)),
        "out-of-scope" => _ = record.fields.insert("IsConverted".into(), FieldValue::Bool(true)),
        values => record.fields = fields(values),
    }
    Some(record)
}

fn prospect(text: &str) -> Option<Prospect> {
    (text != "missing").then(|| Prospect {
        id: "p_1".parse().unwrap(),
        status: PersonStatus::new(if text == "deleted" { "approaching" } else { text }),
        status_changed_at: noon(0),
        status_changed_by: None,
        version: 1,
        salesforce: None,
        email: None,
        details: Default::default(),
        deleted: text == "deleted",
        updated_at: noon(0),
    })
}

fn halves(text: &str) -> (&str, &str) {
    text.split_once(" / ").unwrap_or_else(|| panic!("{text:?} has no two sides"))
}

/// One line of the table, decided. `Err` says what was decided instead.
fn check(line: &str) -> Result<(), String> {
    let cells: Vec<&str> = line.split('|').map(str::trim).collect();
    let [name, changes, before, now, more, expected] = cells[..] else {
        return Err(format!("{line}: six cells"));
    };
    let mapping = mapping(changes);
    let (now_salesforce, now_engage) = halves(now);
    let (mut record, mut prospect) = (record(now_salesforce), prospect(now_engage));
    let mut link = Link {
        baseline: (before != "new").then(|| {
            let (salesforce, engage) = halves(before);
            let mut salesforce = fields(salesforce);
            // The scope's field is read, and never part of what was agreed.
            salesforce.remove("IsConverted");
            Baseline { salesforce, engage: PersonStatus::new(engage) }
        }),
        ..Link::new("p_1".parse().unwrap(), LEAD.parse().unwrap())
    };
    let (mut resolution, mut held, mut others) = (None, None, Vec::new());
    for word in more.split_whitespace() {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        let seconds = || noon(value.parse().unwrap());
        match key {
            "-" => {}
            "latch" => {
                let seen = BySide { salesforce: value != "engage", engage: value != "salesforce" };
                link.latch = Some(Latch { since: noon(0), seen, in_engage: None });
            }
            "set" => record.as_mut().unwrap().status_set_at = SetAt::At(seconds()),
            "bound" => record.as_mut().unwrap().status_set_at = SetAt::NotAfter(seconds()),
            "engage" => prospect.as_mut().unwrap().status_changed_at = seconds(),
            "touched" => record.as_mut().unwrap().last_modified = seconds(),
            "said" => link.latch.as_mut().unwrap().in_engage = Some(seconds()),
            "held" => held = Some(reason(value, now_engage)),
            "take" => resolution = Some(crate::side(value)),
            "twin" => others.push("p_2".to_owned()),
            "forgot" => _ = link.baseline.as_mut().unwrap().salesforce.remove("HasOptedOutOfEmail"),
            other => return Err(format!("{name}: the table knows no {other:?}")),
        }
    }
    let converted: [Arc<str>; 1] = ["Closed - Converted".into()];
    let situation = Situation {
        link: &link,
        salesforce: record.as_ref(),
        prospect: prospect.as_ref(),
        resolution,
        held: held.as_ref(),
        converted_statuses: &converted,
        others: &others,
        sequences: &[],
        leave_details: false,
    };
    let decided = shown(&decide(&mapping, &situation));
    if decided == expected {
        Ok(())
    } else {
        Err(format!("{name}: decided {decided:?}, expected {expected:?}"))
    }
}

/// Why a link is held whose opt-out Engage cannot be told of.
fn reason(kind: &str, status: &str) -> HoldReason {
    match kind {
        "protected" => HoldReason::Protected { side: Side::Engage, value: status.to_owned() },
        "refused_by_lifecycle" => HoldReason::RefusedByLifecycle { wanted: PersonStatus::new("opted_out") },
        other => panic!("the table is not held for {other:?}"),
    }
}

/// A decision in the table's words.
fn shown(verdict: &Verdict) -> String {
    let untold = LatchChange::seen(BySide::only(Side::Salesforce));
    match &verdict.decision {
        Decision::InSync => "sync".to_owned(),
        Decision::Adopt { .. } => "adopt".to_owned(),
        Decision::Skip { side: Side::Salesforce, .. } => "skip salesforce".to_owned(),
        Decision::Skip { .. } => "skip engage".to_owned(),
        Decision::Hold(reason) => format!("hold {}", reason.kind()),
        Decision::Relink { .. } if verdict.latch == untold => "relink untold".to_owned(),
        Decision::Relink { .. } => "relink".to_owned(),
        Decision::Unlink(_) => "unlink".to_owned(),
        Decision::LeaveAlone(_) => "leave".to_owned(),
        Decision::Write(step) => match &step.target {
            Target::EngageDetails { .. } => "details".to_owned(),
            Target::Engage { status, sequences: SequenceAction::Pause } => format!("engage {status} pause"),
            Target::Engage { status, .. } => format!("engage {status}"),
            Target::Salesforce { fields } => format!("salesforce {}", written(fields)),
        },
    }
}

fn written(fields: &Fields) -> String {
    let text = |name: &str| fields.get(name).and_then(FieldValue::as_text);
    let ticked = match fields.get("HasOptedOutOfEmail") {
        Some(FieldValue::Bool(true)) => "+box",
        Some(_) => "-box",
        None => "",
    };
    match (text("Status"), text("Rating")) {
        (Some(status), Some(rating)) => format!("{status},{rating}{ticked}"),
        (Some(status), None) => format!("{status}{ticked}"),
        (None, Some(rating)) => format!("Rating={rating}{ticked}"),
        (None, None) => ticked.to_owned(),
    }
}

#[test]
fn every_case_of_the_table_is_decided_as_it_says() {
    let cases: Vec<&str> = include_str!("table.txt")
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .collect();
    assert!(cases.len() >= 80, "only {} cases", cases.len());
    let wrong: Vec<String> = cases.iter().filter_map(|line| check(line).err()).collect();
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
